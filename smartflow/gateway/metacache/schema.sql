-- Answers that may be given again, found by key or by the digests of a near question, and what giving them again has saved.
-- A database of an earlier build loses only its cached answers.
DROP TABLE IF EXISTS metacache_entries;
DROP TABLE IF EXISTS metacache_stats;
CREATE TABLE IF NOT EXISTS metacache_answers (
    seq               INTEGER PRIMARY KEY AUTOINCREMENT,
    cache_key         TEXT    NOT NULL UNIQUE,
    operation         TEXT    NOT NULL,
    provider          TEXT    NOT NULL,
    model             TEXT    NOT NULL,
    body              TEXT    NOT NULL,
    size_bytes        INTEGER NOT NULL,
    prompt_tokens     INTEGER NOT NULL,
    completion_tokens INTEGER NOT NULL,
    created_at        TEXT    NOT NULL,
    expires_at        TEXT    NOT NULL,
    used_at           TEXT    NOT NULL,
    fingerprint       TEXT    NOT NULL DEFAULT '',
    plain             TEXT    NOT NULL DEFAULT '',
    meaning           TEXT    NOT NULL DEFAULT '',
    embedder          TEXT    NOT NULL DEFAULT '',
    vector            BLOB
);
CREATE INDEX IF NOT EXISTS metacache_by_expiry ON metacache_answers (expires_at);
CREATE INDEX IF NOT EXISTS metacache_by_use ON metacache_answers (used_at, seq);
CREATE INDEX IF NOT EXISTS metacache_by_meaning ON metacache_answers (meaning, embedder) WHERE meaning <> '';
-- Kept by triggers, so that making room never counts all rows.
CREATE TABLE IF NOT EXISTS metacache_size (
    id      INTEGER PRIMARY KEY CHECK (id = 1),
    entries INTEGER NOT NULL DEFAULT 0,
    bytes   INTEGER NOT NULL DEFAULT 0
);
INSERT OR IGNORE INTO metacache_size (id) VALUES (1);
CREATE TRIGGER IF NOT EXISTS metacache_grows AFTER INSERT ON metacache_answers BEGIN
    UPDATE metacache_size SET entries = entries + 1, bytes = bytes + NEW.size_bytes WHERE id = 1;
END;
CREATE TRIGGER IF NOT EXISTS metacache_shrinks AFTER DELETE ON metacache_answers BEGIN
    UPDATE metacache_size SET entries = entries - 1, bytes = bytes - OLD.size_bytes WHERE id = 1;
END;
CREATE TABLE IF NOT EXISTS metacache_counters (
    name   TEXT PRIMARY KEY,
    amount REAL NOT NULL
);
