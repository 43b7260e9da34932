-- Signed tokens that were issued, for the list that their owners see. Signing one out takes it off the list.
CREATE TABLE signed_tokens (
    id TEXT NOT NULL PRIMARY KEY,
    account BIGINT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    generation BIGINT NOT NULL,
    scheme TEXT NOT NULL,
    service TEXT NOT NULL,
    client TEXT,
    issued_at BIGINT NOT NULL,
    ends_at BIGINT NOT NULL,
    last_used_at BIGINT,
    last_client TEXT
);
CREATE INDEX signed_tokens_account ON signed_tokens (account, issued_at);
CREATE INDEX signed_tokens_ends ON signed_tokens (ends_at);
