-- Calls that carried an Idempotency-Key, begun or answered. The identity is a digest: neither the key nor the request is kept.
-- A row is written before the work begins: what a crash leaves behind then says that the call may have been paid.
CREATE TABLE IF NOT EXISTS idempotency_calls (
    identity   TEXT    PRIMARY KEY,
    state      TEXT    NOT NULL CHECK (state IN ('running', 'answered', 'failed', 'unknown', 'not_kept')),
    status     INTEGER NOT NULL DEFAULT 0,
    headers    TEXT    NOT NULL DEFAULT '{}',
    media_type TEXT    NOT NULL DEFAULT '',
    body       BLOB    NOT NULL DEFAULT x'',
    expires_at TEXT    NOT NULL
);
CREATE INDEX IF NOT EXISTS idempotency_calls_by_expiry ON idempotency_calls (expires_at);
DROP TABLE IF EXISTS idempotency_answers;
