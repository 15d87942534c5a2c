-- What intelligent scans found, by kind and as keyed hashes; never a text.
CREATE TABLE IF NOT EXISTS compliance_scans (
    scan_id    TEXT    PRIMARY KEY,
    created_at TEXT    NOT NULL,
    day        TEXT    NOT NULL,
    policy     TEXT    NOT NULL,
    user_id    TEXT,
    org_id     TEXT,
    risk_score REAL    NOT NULL,
    action     TEXT    NOT NULL,
    violations INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS compliance_scans_by_time ON compliance_scans (created_at);
CREATE INDEX IF NOT EXISTS compliance_scans_by_user ON compliance_scans (user_id, created_at);
CREATE INDEX IF NOT EXISTS compliance_scans_by_org ON compliance_scans (org_id, created_at);

CREATE TABLE IF NOT EXISTS compliance_findings (
    scan_id  TEXT    NOT NULL REFERENCES compliance_scans (scan_id) ON DELETE CASCADE,
    kind     TEXT    NOT NULL,
    severity TEXT    NOT NULL,
    count    INTEGER NOT NULL,
    PRIMARY KEY (scan_id, kind)
);

CREATE TABLE IF NOT EXISTS compliance_fingerprints (
    scan_id     TEXT NOT NULL REFERENCES compliance_scans (scan_id) ON DELETE CASCADE,
    kind        TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    confidence  REAL NOT NULL,
    PRIMARY KEY (scan_id, kind, fingerprint)
);

CREATE TABLE IF NOT EXISTS compliance_feedback (
    scan_id           TEXT    PRIMARY KEY REFERENCES compliance_scans (scan_id) ON DELETE CASCADE,
    is_false_positive INTEGER NOT NULL,
    user_id           TEXT,
    created_at        TEXT    NOT NULL
);

-- What feedback has taught. The organization is part of the hash, so that none learns from another.
CREATE TABLE IF NOT EXISTS compliance_patterns (
    fingerprint TEXT PRIMARY KEY,
    kind        TEXT NOT NULL,
    verdict     TEXT NOT NULL CHECK (verdict IN ('suppressed', 'confirmed')),
    confidence  REAL NOT NULL,
    updated_at  TEXT NOT NULL
);

-- What is usual: sums of each day, from which means and spreads are made.
CREATE TABLE IF NOT EXISTS compliance_daily (
    scope         TEXT    NOT NULL CHECK (scope IN ('user', 'org')),
    name          TEXT    NOT NULL,
    day           TEXT    NOT NULL,
    requests      INTEGER NOT NULL,
    violations    REAL    NOT NULL,
    violations_sq REAL    NOT NULL,
    characters    REAL    NOT NULL,
    characters_sq REAL    NOT NULL,
    PRIMARY KEY (scope, name, day)
);

-- Where in a scan something was found, as a vector of keyed hashes of words, so that feedback can make a pattern of it.
CREATE TABLE IF NOT EXISTS compliance_sketches (
    scan_id  TEXT    NOT NULL REFERENCES compliance_scans (scan_id) ON DELETE CASCADE,
    place    INTEGER NOT NULL,
    category TEXT    NOT NULL,
    by_rule  INTEGER NOT NULL,
    features TEXT    NOT NULL,
    PRIMARY KEY (scan_id, place)
);

-- Violation patterns that feedback has taught; without a category it is one that is harmless.
CREATE TABLE IF NOT EXISTS compliance_exemplars (
    scan_id    TEXT    NOT NULL,
    place      INTEGER NOT NULL,
    org_id     TEXT,
    category   TEXT,
    features   TEXT    NOT NULL,
    updated_at TEXT    NOT NULL,
    PRIMARY KEY (scan_id, place)
);
CREATE INDEX IF NOT EXISTS compliance_exemplars_by_org ON compliance_exemplars (org_id, updated_at);
