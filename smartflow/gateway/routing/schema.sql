-- What real traffic has taught about each provider, and the override in force.
CREATE TABLE IF NOT EXISTS provider_stats (
    provider         TEXT    PRIMARY KEY,
    requests         INTEGER NOT NULL,
    errors           INTEGER NOT NULL,
    rate_limited     INTEGER NOT NULL,
    latency_ms_total REAL    NOT NULL,
    recent           TEXT    NOT NULL,
    last_updated     TEXT    NOT NULL,
    last_error       TEXT,
    last_error_at    TEXT
);
CREATE TABLE IF NOT EXISTS routing_override (
    id         INTEGER PRIMARY KEY CHECK (id = 1),
    provider   TEXT    NOT NULL,
    expires_at TEXT    NOT NULL
);
-- Fallback chains, each as the JSON that the contract shows.
CREATE TABLE IF NOT EXISTS fallback_chains (
    name       TEXT PRIMARY KEY,
    definition TEXT NOT NULL
);
