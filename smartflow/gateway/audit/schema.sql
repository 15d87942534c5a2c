-- The newest entry of the chain, signed: it tells when entries are cut off the end.
CREATE TABLE IF NOT EXISTS audit_head (
    id         INTEGER PRIMARY KEY CHECK (id = 1),
    seq        INTEGER NOT NULL,
    entry_hmac TEXT    NOT NULL,
    signature  TEXT    NOT NULL
);
-- The last entry that retention has removed, signed. It lies in the archive, so that it changes together with what is removed.
CREATE TABLE IF NOT EXISTS cold.audit_checkpoint (
    id         INTEGER PRIMARY KEY CHECK (id = 1),
    seq        INTEGER NOT NULL,
    entry_hmac TEXT    NOT NULL,
    signature  TEXT    NOT NULL
);
