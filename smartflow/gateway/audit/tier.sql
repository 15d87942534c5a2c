-- Who called what, when, at what cost, with what outcome: one row for each audited call. Both tiers have this table.
-- A column that joins later must allow NULL and be NULL in old rows: what is NULL has no part in a row's hash.
CREATE TABLE IF NOT EXISTS {tier}.vas_logs (
    seq                INTEGER PRIMARY KEY,
    request_id         TEXT    NOT NULL UNIQUE,
    timestamp          TEXT    NOT NULL,
    day                TEXT    NOT NULL,
    operation          TEXT    NOT NULL,
    provider           TEXT    NOT NULL,
    model              TEXT    NOT NULL,
    model_provider     TEXT    NOT NULL,
    prompt_tokens      INTEGER NOT NULL,
    completion_tokens  INTEGER NOT NULL,
    tokens_used        INTEGER NOT NULL,
    cost               REAL    NOT NULL,
    latency_ms         INTEGER NOT NULL,
    processing_time_ms INTEGER NOT NULL,
    provider_time_ms   INTEGER NOT NULL,
    content_type       TEXT    NOT NULL,
    key_id             TEXT,
    user_id            TEXT,
    conversation_id    TEXT,
    conversation_stage TEXT,
    routing_strategy   TEXT,
    routing_reason     TEXT,
    cached             INTEGER NOT NULL,
    cache_looked_up    INTEGER NOT NULL,
    cache_tier         TEXT,
    cache_query        TEXT    NOT NULL,
    tokens_saved       INTEGER NOT NULL,
    status_code        INTEGER NOT NULL,
    success            INTEGER NOT NULL,
    error_code         TEXT,
    compliance_status  TEXT,
    compliance         TEXT    NOT NULL,
    request_content    TEXT,
    response_content   TEXT,
    prev_hash          TEXT    NOT NULL,
    entry_hmac         TEXT    NOT NULL,
    signing_key_id     TEXT    NOT NULL
);
CREATE INDEX IF NOT EXISTS {tier}.vas_logs_by_time ON vas_logs (timestamp);
CREATE INDEX IF NOT EXISTS {tier}.vas_logs_by_provider ON vas_logs (provider, timestamp);
CREATE INDEX IF NOT EXISTS {tier}.vas_logs_by_model ON vas_logs (model, timestamp);
CREATE INDEX IF NOT EXISTS {tier}.vas_logs_by_status ON vas_logs (status_code, timestamp);
CREATE INDEX IF NOT EXISTS {tier}.vas_logs_by_key ON vas_logs (key_id, timestamp) WHERE key_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS {tier}.vas_logs_by_user ON vas_logs (user_id, timestamp) WHERE user_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS {tier}.vas_logs_by_conversation ON vas_logs (conversation_id, timestamp)
    WHERE conversation_id IS NOT NULL;
