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
