"""The SQL of the compliance domain: scans, feedback, learned patterns, and the sums that baselines are made of."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any, Literal

from smartflow.gateway.store import Store

Verdict = Literal["suppressed", "confirmed"]
Scope = Literal["user", "org"]


@dataclass(frozen=True, slots=True)
class ScanRow:
    """One scan as it is kept: without the text."""

    scan_id: str
    created_at: str
    policy: str
    user_id: str | None
    org_id: str | None
    risk_score: float
    action: str
    counts: Mapping[str, tuple[str, int]]
    """Kind to severity and number of findings."""
    fingerprints: Mapping[tuple[str, str], float]
    """Kind and keyed hash to confidence."""
    sketches: Sequence[Sketch] = ()


@dataclass(frozen=True, slots=True)
class Pattern:
    """What feedback has taught about one value."""

    fingerprint: str
    kind: str
    verdict: Verdict
    confidence: float


@dataclass(frozen=True, slots=True)
class Sketch:
    """One place of a scan where something was found: its category and its words as a vector of keyed hashes."""

    category: str
    by_rule: bool
    features: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Daily:
    """One scan as it is added to the sums of a day."""

    scope: Scope
    name: str
    day: str
    violations: int
    characters: int


@dataclass(frozen=True, slots=True)
class Usual:
    """The sums of the days before today, and the number of requests of today."""

    days: int
    requests: int
    requests_sq: float
    violations: float
    violations_sq: float
    characters: float
    characters_sq: float
    today: int


@dataclass(frozen=True, slots=True)
class Profile:
    """The sums of one user or one organization. A user's `org_id` is that of the last scan that named one."""

    id: str
    org_id: str | None
    days: int
    requests: int
    violating: int
    users: int
    user_requests: int
    user_days: int


_PROFILE = """
    SELECT {column} AS id, COUNT(DISTINCT day) AS days, COUNT(*) AS requests, SUM(violations > 0) AS violating,
           COUNT(DISTINCT user_id) AS users, COUNT(user_id) AS user_requests,
           COUNT(DISTINCT json_array(user_id, day)) FILTER (WHERE user_id IS NOT NULL) AS user_days
    FROM compliance_scans WHERE {condition} GROUP BY {column} ORDER BY {column}
"""
_USUAL = """
    SELECT COUNT(*) FILTER (WHERE day < ?) AS days, COALESCE(SUM(requests) FILTER (WHERE day < ?), 0) AS requests,
           COALESCE(SUM(requests * requests) FILTER (WHERE day < ?), 0) AS requests_sq,
           COALESCE(SUM(violations) FILTER (WHERE day < ?), 0) AS violations,
           COALESCE(SUM(violations_sq) FILTER (WHERE day < ?), 0) AS violations_sq,
           COALESCE(SUM(characters) FILTER (WHERE day < ?), 0) AS characters,
           COALESCE(SUM(characters_sq) FILTER (WHERE day < ?), 0) AS characters_sq,
           COALESCE(SUM(requests) FILTER (WHERE day = ?), 0) AS today
    FROM compliance_daily WHERE scope = ? AND name = ? AND day >= ?
"""
_LAST_ORG = """
    SELECT org_id FROM compliance_scans WHERE user_id = ? AND org_id IS NOT NULL
    ORDER BY created_at DESC, rowid DESC LIMIT 1
"""


_FORGET = """
    DELETE FROM compliance_scans WHERE created_at < ?
    AND (user_id IS NULL OR user_id NOT IN
         (SELECT user_id FROM compliance_scans WHERE created_at >= ? AND user_id IS NOT NULL))
    AND (org_id IS NULL OR org_id NOT IN
         (SELECT org_id FROM compliance_scans WHERE created_at >= ? AND org_id IS NOT NULL))
"""


class ComplianceRepo:
    """Rows in and out; the rules are in `engine` and `learning`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def transaction(self) -> AbstractContextManager[None]:
        """All that happens inside is kept together or lost together."""
        return self._store.transaction()

    def add_scan(self, scan: ScanRow) -> None:
        """Keep one scan with its findings."""
        with self._store.transaction():
            self._store.execute(
                "INSERT INTO compliance_scans VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    scan.scan_id, scan.created_at, scan.created_at[:10], scan.policy, scan.user_id, scan.org_id,
                    scan.risk_score, scan.action, sum(count for _, count in scan.counts.values()),
                ),
            )  # fmt: skip
            for kind, (severity, count) in scan.counts.items():
                self._store.execute(
                    "INSERT INTO compliance_findings VALUES (?, ?, ?, ?)", (scan.scan_id, kind, severity, count)
                )
            for (kind, fingerprint), confidence in scan.fingerprints.items():
                self._store.execute(
                    "INSERT INTO compliance_fingerprints VALUES (?, ?, ?, ?)",
                    (scan.scan_id, kind, fingerprint, confidence),
                )

            for place, sketch in enumerate(scan.sketches):
                self._store.execute(
                    "INSERT INTO compliance_sketches VALUES (?, ?, ?, ?, ?)",
                    (scan.scan_id, place, sketch.category, int(sketch.by_rule), json.dumps(sketch.features)),
                )

    def scan_exists(self, scan_id: str) -> bool:
        """True when the scan is kept."""
        return self._store.row("SELECT 1 FROM compliance_scans WHERE scan_id = ?", (scan_id,)) is not None

    def fingerprints(self, scan_id: str) -> list[dict[str, Any]]:
        """Kind, fingerprint and confidence of what a scan found."""
        return self._store.rows(
            "SELECT kind, fingerprint, confidence FROM compliance_fingerprints"
            " WHERE scan_id = ? ORDER BY kind, fingerprint",
            (scan_id,),
        )

    def feedback(self, scan_id: str) -> bool | None:
        """The verdict on a scan: true when it was called a false positive, None when there is none."""
        row = self._store.row("SELECT is_false_positive FROM compliance_feedback WHERE scan_id = ?", (scan_id,))
        return None if row is None else bool(row["is_false_positive"])

    def set_feedback(self, scan_id: str, is_false_positive: bool, user_id: str | None, now: str) -> None:
        """Keep the verdict on a scan in place of an earlier one."""
        self._store.execute(
            "INSERT OR REPLACE INTO compliance_feedback VALUES (?, ?, ?, ?)",
            (scan_id, int(is_false_positive), user_id, now),
        )

    def patterns(self, fingerprints: Iterable[str]) -> dict[str, Pattern]:
        """What is known about these hashes, by hash."""
        rows = self._store.rows(
            "SELECT fingerprint, kind, verdict, confidence FROM compliance_patterns"
            " WHERE fingerprint IN (SELECT value FROM json_each(?))",
            (json.dumps(list(fingerprints)),),
        )
        return {row["fingerprint"]: Pattern(**row) for row in rows}

    def set_pattern(self, pattern: Pattern, now: str) -> None:
        """Keep what was learned about one value."""
        self._store.execute(
            "INSERT OR REPLACE INTO compliance_patterns VALUES (?, ?, ?, ?, ?)",
            (pattern.fingerprint, pattern.kind, pattern.verdict, pattern.confidence, now),
        )

    def all_patterns(self) -> list[Pattern]:
        """Everything that was learned."""
        rows = self._store.rows(
            "SELECT fingerprint, kind, verdict, confidence FROM compliance_patterns ORDER BY kind, fingerprint"
        )
        return [Pattern(**row) for row in rows]

    def users(self) -> list[Profile]:
        """The sums of every user."""
        return self._profiles("user_id", "user_id IS NOT NULL")

    def user(self, user_id: str) -> Profile | None:
        """The sums of one user, None when no scan named the user."""
        found = self._profiles("user_id", "user_id = ?", user_id)
        if not found:
            return None
        last = self._store.row(_LAST_ORG, (user_id,))
        return found[0] if last is None else replace(found[0], org_id=last["org_id"])

    def orgs(self) -> list[Profile]:
        """The sums of every organization."""
        return self._profiles("org_id", "org_id IS NOT NULL")

    def org(self, org_id: str) -> Profile | None:
        """The sums of one organization, None when no scan named it."""
        found = self._profiles("org_id", "org_id = ?", org_id)
        return found[0] if found else None

    def users_of_orgs(self) -> int:
        """How many different users belong to any organization."""
        row = self._store.row("SELECT COUNT(DISTINCT user_id) AS n FROM compliance_scans WHERE org_id IS NOT NULL")
        return int(row["n"]) if row else 0

    def top_kinds(self, org_id: str, limit: int) -> list[str]:
        """The kinds most often found in an organization, most frequent first."""
        rows = self._store.rows(
            "SELECT kind FROM compliance_findings JOIN compliance_scans USING (scan_id) WHERE org_id = ?"
            " GROUP BY kind ORDER BY SUM(count) DESC, kind LIMIT ?",
            (org_id, limit),
        )
        return [row["kind"] for row in rows]

    def sketches(self, scan_id: str) -> list[dict[str, Any]]:
        """Place, category, origin and vector of what a scan found, with the scan's organization."""
        return self._store.rows(
            "SELECT place, category, by_rule, features, org_id FROM compliance_sketches"
            " JOIN compliance_scans USING (scan_id) WHERE scan_id = ? ORDER BY place",
            (scan_id,),
        )

    def set_exemplar(self, scan_id: str, sketch: Mapping[str, Any], category: str | None, now: str) -> None:
        """Keep a place of a scan as a pattern of this category, or as harmless."""
        self._store.execute(
            "INSERT OR REPLACE INTO compliance_exemplars VALUES (?, ?, ?, ?, ?, ?)",
            (scan_id, sketch["place"], sketch["org_id"], category, sketch["features"], now),
        )

    def drop_exemplar(self, scan_id: str, place: int) -> int:
        """Forget a learned pattern; returns how many went."""
        return self._store.execute("DELETE FROM compliance_exemplars WHERE scan_id = ? AND place = ?", (scan_id, place))

    def exemplars(self, org_id: str | None, limit: int) -> list[tuple[str | None, dict[str, float]]]:
        """The newest learned patterns of an organization: category (None = harmless) and vector."""
        rows = self._store.rows(
            "SELECT category, features FROM compliance_exemplars WHERE org_id IS ?"
            " ORDER BY updated_at DESC, scan_id, place LIMIT ?",
            (org_id, limit),
        )
        return [(row["category"], json.loads(row["features"])) for row in rows]

    def exemplars_by_category(self) -> dict[str | None, int]:
        """How many patterns were learned of each category."""
        rows = self._store.rows("SELECT category, COUNT(*) AS n FROM compliance_exemplars GROUP BY category")
        return {row["category"]: row["n"] for row in rows}

    def add_daily(self, scan: Daily) -> None:
        """Add one scan to the sums of its day."""
        self._store.execute(
            "INSERT INTO compliance_daily VALUES (?, ?, ?, 1, ?, ?, ?, ?) ON CONFLICT (scope, name, day) DO UPDATE SET"
            " requests = requests + 1, violations = violations + excluded.violations,"
            " violations_sq = violations_sq + excluded.violations_sq, characters = characters + excluded.characters,"
            " characters_sq = characters_sq + excluded.characters_sq",
            (scan.scope, scan.name, scan.day, scan.violations, scan.violations**2, scan.characters, scan.characters**2),
        )

    def usual(self, scope: Scope, name: str, since: str, today: str) -> Usual:
        """The sums of one user or organization over the days from `since` until yesterday, and today's requests."""
        row = self._store.row(_USUAL, (today, today, today, today, today, today, today, today, scope, name, since))
        return Usual(**(row or {}))

    def forget(self, before: str) -> int:
        """Remove older scans of users and organizations that had none since; returns how many went."""
        with self._store.transaction():
            self._store.execute("DELETE FROM compliance_daily WHERE day < ?", (before[:10],))
            return self._store.execute(_FORGET, (before, before, before))

    def _profiles(self, column: str, condition: str, *params: str) -> list[Profile]:
        rows = self._store.rows(_PROFILE.format(column=column, condition=condition), params)
        return [Profile(org_id=None, **row) for row in rows]
