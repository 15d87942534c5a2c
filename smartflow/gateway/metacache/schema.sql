-- Answers that may be given again, and what giving them again has saved.
CREATE TABLE IF NOT EXISTS metacache_entries (
    cache_key         TEXT    PRIMARY KEY,
    operation         TEXT    NOT NULL,
    provider          TEXT    NOT NULL,
    model             TEXT    NOT NULL,
    body              TEXT    NOT NULL,
    size_bytes        INTEGER NOT NULL,
    prompt_tokens     INTEGER NOT NULL,
    completion_tokens INTEGER NOT NULL,
    created_at        TEXT    NOT NULL,
    expires_at        TEXT    NOT NULL,
    used_at           TEXT    NOT NULL
);
CREATE INDEX IF NOT EXISTS metacache_by_expiry ON metacache_entries (expires_at);
CREATE INDEX IF NOT EXISTS metacache_by_use ON metacache_entries (used_at);
CREATE TABLE IF NOT EXISTS metacache_stats (
    id               INTEGER PRIMARY KEY CHECK (id = 1),
    misses           INTEGER NOT NULL DEFAULT 0,
    l1_hits          INTEGER NOT NULL DEFAULT 0,
    l2_hits          INTEGER NOT NULL DEFAULT 0,
    l3_hits          INTEGER NOT NULL DEFAULT 0,
    tokens_saved     INTEGER NOT NULL DEFAULT 0,
    cost_saved_cents REAL    NOT NULL DEFAULT 0
);
INSERT OR IGNORE INTO metacache_stats (id) VALUES (1);
