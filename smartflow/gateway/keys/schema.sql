-- Who may call. A key's text is never kept: its hash finds the row, and 192 random bits cannot be guessed from a hash.
-- Money is kept in whole billionths of a US dollar, because sums of fractions drift.
CREATE TABLE IF NOT EXISTS virtual_keys (
    seq            INTEGER PRIMARY KEY AUTOINCREMENT,
    key_id         TEXT    NOT NULL UNIQUE,
    key_hash       TEXT    NOT NULL UNIQUE,
    name           TEXT    NOT NULL,
    admin          INTEGER NOT NULL,
    user_id        TEXT,
    team_id        TEXT,
    budget_nano    INTEGER,
    budget_period  TEXT    NOT NULL,
    rpm_limit      INTEGER,
    tpm_limit      INTEGER,
    allowed_models TEXT,
    metadata       TEXT    NOT NULL,
    created_at     TEXT    NOT NULL,
    expires_at     TEXT,
    revoked_at     TEXT,
    compliance_mode TEXT
);

-- What each key spent on each day (UTC). A running call counts with its reservation until it ends, so a crash cannot make it free.
-- Days and not periods: a change of the period then forgets nothing.
CREATE TABLE IF NOT EXISTS virtual_key_days (
    key_id     TEXT    NOT NULL REFERENCES virtual_keys (key_id),
    day        TEXT    NOT NULL,
    spent_nano INTEGER NOT NULL,
    PRIMARY KEY (key_id, day)
) WITHOUT ROWID;

-- Requests and tokens of the present minute (Unix time divided by 60).
CREATE TABLE IF NOT EXISTS virtual_key_minutes (
    key_id   TEXT    NOT NULL REFERENCES virtual_keys (key_id),
    minute   INTEGER NOT NULL,
    requests INTEGER NOT NULL,
    tokens   INTEGER NOT NULL,
    PRIMARY KEY (key_id, minute)
) WITHOUT ROWID;
