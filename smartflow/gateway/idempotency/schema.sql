-- Answers to calls that carried an Idempotency-Key. The identity is a digest: neither the key nor the request is kept.
CREATE TABLE IF NOT EXISTS idempotency_answers (
    identity   TEXT    PRIMARY KEY,
    status     INTEGER NOT NULL,
    headers    TEXT    NOT NULL,
    media_type TEXT    NOT NULL,
    body       BLOB    NOT NULL,
    expires_at TEXT    NOT NULL
);
CREATE INDEX IF NOT EXISTS idempotency_by_expiry ON idempotency_answers (expires_at);
