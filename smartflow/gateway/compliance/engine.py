"""The one scanner of the gateway: screens texts under a policy, and keeps scans so that feedback can name them.

Rules are the only layer. A layer for meaning or behaviour would add its findings between `screen` and `remember`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from smartflow._version import __version__
from smartflow.gateway.clock import Clock, Ids, iso
from smartflow.gateway.compliance.assessment import Assessment
from smartflow.gateway.compliance.detectors import candidates, redact, resolve
from smartflow.gateway.compliance.finding import KINDS, Candidate, Severity
from smartflow.gateway.compliance.fingerprint import Fingerprints, load_key
from smartflow.gateway.compliance.learning import Learning
from smartflow.gateway.compliance.policies import Policies
from smartflow.gateway.compliance.repo import ComplianceRepo, ScanRow
from smartflow.gateway.store import Store

_SELF_TEST = "My SSN is 123-45-6789."
_MOST_FINGERPRINTS = 1000
_UNRATED: Severity = "high"


class ComplianceEngine:
    """Screens texts, remembers scans, and holds what was learned."""

    def __init__(
        self,
        *,
        repo: ComplianceRepo,
        policies: Policies,
        fingerprints: Fingerprints,
        learning: Learning,
        clock: Clock,
        ids: Ids,
    ) -> None:
        self.policies = policies
        self.learning = learning
        self._repo = repo
        self._fingerprints = fingerprints
        self._clock = clock
        self._ids = ids

    def screen(
        self, text: str, policy: str | None = None, *, org_id: str | None = None, context: str | None = None
    ) -> Assessment:
        """What is in a text, how risky it is and what the policy wants done; changes nothing.

        `context` is read as what stands before the text, so that the answer to "Your passport number?" is understood;
        nothing of it is reported. What the feedback of this organization has taught is applied.
        """
        rules = self.policies.get(policy)
        started = self._clock.monotonic()
        found = _in_context(text, context, rules.severities)
        sure = [one for one in self._as_learned(found, text, org_id) if one.confidence >= rules.min_confidence]
        findings = tuple(resolve(sure, rules.severities))
        took = self._clock.monotonic() - started
        return Assessment(text, rules, findings, max(0, round(took * 1_000_000)))

    def redact(self, text: str) -> str:
        """The text for a log: every find of every kind replaced, also what is unsure or was called harmless."""
        severities = {**dict.fromkeys(KINDS, _UNRATED), **self.policies.get(None).severities}
        return redact(text, resolve(candidates(text, KINDS), severities))

    def remember(
        self, assessment: Assessment, now: datetime, user_id: str | None, org_id: str | None
    ) -> dict[str, Any]:
        """The answer of intelligentScan; the scan is kept without its text, and counts in the baselines.

        Feedback reaches the first 1000 different values of a scan.
        """
        scan_id = self._ids.new("scan")
        severities = assessment.policy.severities
        self._repo.add_scan(
            ScanRow(
                scan_id=scan_id,
                created_at=iso(now),
                policy=assessment.policy.name,
                user_id=user_id,
                org_id=org_id,
                risk_score=assessment.risk_score,
                action=assessment.action,
                counts={kind: (severities[kind], count) for kind, count in assessment.counts.items()},
                fingerprints=self._values(assessment, org_id),
            )
        )
        self.learning.forget_old(now)
        return assessment.intelligent_scan(scan_id)

    def health(self) -> dict[str, Any]:
        """The answer of getIntelligentHealth, from a real scan; layers that this engine lacks are `disabled`."""
        works = self.screen(_SELF_TEST).kinds == ["ssn"]
        self.learning.pattern_stats()
        return {
            "status": "healthy" if works else "unhealthy",
            "ml_engine": "healthy" if works else "unhealthy",
            "embedding_service": "disabled",
            "behavior_analysis": "disabled",
            "version": __version__,
        }

    def _as_learned(self, found: list[Candidate], text: str, org_id: str | None) -> list[Candidate]:
        """Without what feedback called harmless, and surer about what it confirmed."""
        if not found:
            return []
        hashes = [self._fingerprints.of(org_id, one.kind, text[one.start : one.end]) for one in found]
        known = self._repo.patterns(hashes)
        kept = []
        for one, fingerprint in zip(found, hashes, strict=True):
            pattern = known.get(fingerprint)
            if pattern is None:
                kept.append(one)
            elif pattern.verdict == "confirmed":
                kept.append(replace(one, confidence=max(one.confidence, pattern.confidence)))
        return kept

    def _values(self, assessment: Assessment, org_id: str | None) -> dict[tuple[str, str], float]:
        """Kind and keyed hash of every value with the highest confidence that it was found with."""
        values: dict[tuple[str, str], float] = {}
        for part in (part for finding in assessment.findings for part in finding.parts):
            key = part.kind, self._fingerprints.of(org_id, part.kind, assessment.text[part.start : part.end])
            if key in values or len(values) < _MOST_FINGERPRINTS:
                values[key] = max(part.confidence, values.get(key, 0.0))
        return values


def _in_context(text: str, context: str | None, kinds: Iterable[str]) -> list[Candidate]:
    """The candidates in a text, with labels that its context may hold; offsets are those of the text alone."""
    if not context:
        return candidates(text, kinds)
    lead = f"{context} : "
    shift = len(lead)
    return [
        replace(one, start=max(0, one.start - shift), end=one.end - shift)
        for one in candidates(lead + text, kinds)
        if one.end > shift
    ]


def build_compliance(store: Store, clock: Clock, ids: Ids, folder: Path | None) -> ComplianceEngine:
    """The engine on this store. The key of the hashes is kept in `folder`, beside the database; None = in memory."""
    repo = ComplianceRepo(store)
    learning = Learning(repo, persistent=folder is not None)
    return ComplianceEngine(
        repo=repo,
        policies=Policies(),
        fingerprints=Fingerprints(load_key(folder)),
        learning=learning,
        clock=clock,
        ids=ids,
    )
