-- One text for SQLite and PostgreSQL. Times are microseconds since 1970 (UTC), truths are 0 or 1,
-- digests and keys are hex, lists of grants are words parted by blanks. Numbers come from `counters`,
-- in the transaction that uses them, so that none is ever used twice and none is left out.

CREATE TABLE counters (
    name TEXT NOT NULL PRIMARY KEY,
    value BIGINT NOT NULL
);

INSERT INTO counters (name, value)
VALUES ('accounts', 0), ('audit', 0), ('credentials', 0), ('events', 0), ('tracked', 0);

CREATE TABLE accounts (
    id BIGINT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    canonical TEXT NOT NULL UNIQUE,
    email TEXT,
    email_folded TEXT UNIQUE,
    state TEXT NOT NULL,
    grants TEXT NOT NULL,
    password TEXT,
    generation BIGINT NOT NULL,
    not_before BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE api_tokens (
    id TEXT NOT NULL PRIMARY KEY,
    place BIGINT NOT NULL,
    account BIGINT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    label TEXT NOT NULL,
    digest TEXT NOT NULL,
    grants TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    last_used_at BIGINT,
    last_client TEXT
);
CREATE INDEX api_tokens_account ON api_tokens (account);
CREATE INDEX api_tokens_place ON api_tokens (place);

-- `idle` and `hard_end` are the life-times of the moment of sign-in; only the clean-up reads `until`.
CREATE TABLE sessions (
    id TEXT NOT NULL PRIMARY KEY,
    place BIGINT NOT NULL,
    digest TEXT NOT NULL,
    scheme TEXT NOT NULL,
    account BIGINT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    service TEXT NOT NULL,
    client TEXT,
    opened_at BIGINT NOT NULL,
    last_used_at BIGINT NOT NULL,
    idle BIGINT NOT NULL,
    hard_end BIGINT NOT NULL,
    until BIGINT NOT NULL,
    UNIQUE (scheme, digest)
);
CREATE INDEX sessions_account ON sessions (account, scheme);
CREATE INDEX sessions_client ON sessions (client, scheme);
CREATE INDEX sessions_place ON sessions (place);
CREATE INDEX sessions_until ON sessions (until);

CREATE TABLE blacklist (
    id TEXT NOT NULL PRIMARY KEY,
    signed_out_at BIGINT NOT NULL,
    until BIGINT NOT NULL
);
CREATE INDEX blacklist_until ON blacklist (until);

CREATE TABLE guess_counters (
    id TEXT NOT NULL PRIMARY KEY,
    wrong BIGINT NOT NULL,
    locked_until BIGINT NOT NULL,
    until BIGINT NOT NULL
);
CREATE INDEX guess_counters_until ON guess_counters (until);

CREATE TABLE signing_keys (
    name TEXT NOT NULL PRIMARY KEY,
    bytes TEXT NOT NULL
);

-- No reference to `accounts`: the trail outlives whom it tells of.
CREATE TABLE audit (
    id BIGINT NOT NULL PRIMARY KEY,
    at BIGINT NOT NULL,
    action TEXT NOT NULL,
    account BIGINT,
    name TEXT NOT NULL,
    actor TEXT NOT NULL,
    service TEXT NOT NULL,
    client TEXT,
    outcome TEXT NOT NULL,
    target TEXT NOT NULL
);
CREATE INDEX audit_account ON audit (account, id);

-- No reference to `accounts` either: it tells of their end. `credential` is null for a change of an account.
CREATE TABLE events (
    seq BIGINT NOT NULL PRIMARY KEY,
    at BIGINT NOT NULL,
    account BIGINT,
    credential TEXT
);

CREATE TABLE tracked_sessions (
    id BIGINT NOT NULL PRIMARY KEY,
    account BIGINT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    start_at BIGINT NOT NULL,
    end_at BIGINT,
    scheduled_end BIGINT,
    is_public BIGINT NOT NULL,
    locked_by TEXT,
    notes TEXT,
    start_offset BIGINT NOT NULL,
    end_offset BIGINT NOT NULL,
    inserted_at BIGINT NOT NULL
);
CREATE INDEX tracked_sessions_account ON tracked_sessions (account, start_at);

CREATE TABLE documents (
    account BIGINT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    tracker TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (account, tracker)
);
