-- Items, promised work and mailed tokens; events about documents and items; numbers that no account gets again.
-- Names of items are compared byte by byte wherever the database is: `binary` is SQLite's own collation,
-- and made on PostgreSQL beforehand.

INSERT INTO counters (name, value) VALUES ('jobs', 0);

-- Not null if what trackers keep about the account changed, and nothing else.
ALTER TABLE events ADD COLUMN document BIGINT;

CREATE TABLE items (
    collection TEXT NOT NULL,
    id TEXT COLLATE "binary" NOT NULL,
    account BIGINT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    place BIGINT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (collection, id)
);
CREATE INDEX items_account ON items (account, collection, place);

-- `until` is the end of a claim, null while nobody has one.
CREATE TABLE jobs (
    id BIGINT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    account BIGINT REFERENCES accounts (id) ON DELETE CASCADE,
    payload TEXT NOT NULL,
    attempts BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    until BIGINT,
    dead BIGINT NOT NULL,
    error TEXT,
    created_at BIGINT NOT NULL
);
CREATE INDEX jobs_account ON jobs (account);
CREATE INDEX jobs_due ON jobs (kind, dead, (COALESCE(until, due_at)), id);

CREATE TABLE mailed_tokens (
    account BIGINT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    purpose TEXT NOT NULL,
    digest TEXT NOT NULL,
    about TEXT,
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    PRIMARY KEY (account, purpose),
    UNIQUE (purpose, digest)
);
CREATE INDEX mailed_tokens_expires ON mailed_tokens (expires_at);

-- Numbers of deleted accounts. Until now each number behind the counter was given out once, so all gaps are such.
CREATE TABLE former_accounts (
    id BIGINT NOT NULL PRIMARY KEY
);
INSERT INTO former_accounts (id)
WITH RECURSIVE numbers (id) AS (
    SELECT value FROM counters WHERE name = 'accounts'
    UNION ALL
    SELECT id - 1 FROM numbers WHERE id > 1
)
SELECT n.id FROM numbers n WHERE n.id > 0 AND NOT EXISTS (SELECT a.id FROM accounts a WHERE a.id = n.id);
