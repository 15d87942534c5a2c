"""What one scan of one text came to, and how it is told: risk, action, explanation, and the answers of the contract.

The risk is composite, from 0 to 1. Each kind found has the weight of its severity (low 0.2, medium 0.35, high 0.7,
critical 0.96) times the confidence of its surest finding. Several findings of one kind weigh more: the chance that all
are harmless is raised to the power of 1 + log2(their number). Kinds add up as independent chances: 1 - product of
(1 - weight).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from smartflow.gateway.compliance.detectors import redact
from smartflow.gateway.compliance.finding import KINDS, SEVERITIES, Finding, Severity, mask
from smartflow.gateway.compliance.policies import Action, Policy

_WEIGHTS: Final[dict[Severity, float]] = {"low": 0.2, "medium": 0.35, "high": 0.7, "critical": 0.96}
_CLASSIFICATION: Final[dict[Severity, str]] = {
    "low": "internal",
    "medium": "confidential",
    "high": "restricted",
    "critical": "restricted",
}
_DEEDS: Final[dict[Action, str]] = {
    "Allow": "allows this text",
    "AllowAndLog": "allows this text and logs it",
    "Review": "wants a person to review this text",
    "Block": "blocks this text",
}


def risk_level(risk_score: float) -> Severity:
    """The documented band of a risk: low below 0.25, medium below 0.5, high below 0.75, otherwise critical."""
    return SEVERITIES[min(int(risk_score * 4), 3)]


@dataclass(frozen=True)
class Assessment:
    """The findings in one text under one policy. It holds the text, so it is never logged or stored."""

    text: str
    policy: Policy
    findings: tuple[Finding, ...]
    processing_time_us: int

    def __repr__(self) -> str:
        return f"Assessment(policy={self.policy.name!r}, kinds={self.kinds!r}, risk_score={self.risk_score!r})"

    @cached_property
    def counts(self) -> dict[str, int]:
        """Findings of each kind; the most severe kind comes first."""
        kinds = [finding.kind for finding in self.findings]
        return {kind: kinds.count(kind) for kind in sorted(set(kinds), key=self._rank)}

    @property
    def kinds(self) -> list[str]:
        """The kinds found, each once, the most severe first."""
        return list(self.counts)

    @cached_property
    def risk_score(self) -> float:
        """The composite risk, from 0 to 1."""
        harmless = 1.0
        for kind, count in self.counts.items():
            surest = max(finding.confidence for finding in self.findings if finding.kind == kind)
            harmless *= (1 - _WEIGHTS[self.policy.severities[kind]] * surest) ** (1 + math.log2(count))
        return round(1 - harmless, 4)

    @property
    def action(self) -> Action:
        """What the policy wants at this risk."""
        return self.policy.action(self.risk_score)

    @cached_property
    def redacted(self) -> str:
        """The text with placeholders; the text itself when nothing was found."""
        return redact(self.text, self.findings)

    @property
    def explanation(self) -> str:
        """One or two sentences that name the kinds and never the values."""
        verdict = f"The policy {self.policy.name} {_DEEDS[self.action]}."
        if not self.findings:
            return f"Nothing sensitive was found. {verdict}"
        named = [
            f"{count} {KINDS[kind].singular if count == 1 else KINDS[kind].plural} ({self.policy.severities[kind]})"
            for kind, count in self.counts.items()
        ]
        return f"Found {_enumerate(named)}. {verdict}"

    @property
    def recommendations(self) -> list[str]:
        """What a person should do, one sentence for each kind."""
        told = []
        for kind, count in self.counts.items():
            name = KINDS[kind].singular if count == 1 else KINDS[kind].plural
            told.append(
                f"Remove the {name} before sending."
                if KINDS[kind].personal
                else f"Remove the {name} before sending, and replace what was exposed."
            )
        return told

    def scan_content(self) -> dict[str, Any]:
        """The answer of scanContent."""
        return {
            "compliant": not self.findings,
            "risk_score": self.risk_score,
            "violations": self.kinds,
            "pii_detected": self._personal_kinds(),
            "recommendations": self.recommendations,
            "redacted_content": self.redacted,
            "has_violations": bool(self.findings),
            "compliance_score": self.compliance_score,
            "risk_level": risk_level(self.risk_score),
        }

    def intelligent_scan(self, scan_id: str) -> dict[str, Any]:
        """The answer of intelligentScan; the rules are the only layer that can find something."""
        return {
            "scan_id": scan_id,
            "has_violations": bool(self.findings),
            "risk_score": self.risk_score,
            "recommended_action": self.action,
            "explanation": self.explanation,
            "regex_violations": [self._violation(finding) for finding in self.findings],
            "ml_violations": [],
            "behavior_deviations": [],
            "processing_time_us": self.processing_time_us,
        }

    def audit_facts(self) -> dict[str, Any]:
        """What an audit row tells about the scan: the contract's ComplianceInfo, without any text."""
        worst = max((SEVERITIES.index(finding.severity) for finding in self.findings), default=None)
        frameworks = {name for kind in self.kinds for name in self.policy.frameworks[kind]}
        return {
            "data_classification": "public" if worst is None else _CLASSIFICATION[SEVERITIES[worst]],
            "compliance_score": self.compliance_score,
            "violations_details": [
                {
                    "violation_type": finding.kind,
                    "severity": finding.severity,
                    "confidence": round(finding.confidence, 4),
                }
                for finding in self.findings
            ],
            "regulatory_frameworks": sorted(frameworks),
            "has_violations": bool(self.findings),
            "violations": self.kinds,
            "pii_detected": self._personal_kinds(),
            "risk_level": risk_level(self.risk_score),
            "recommendations": self.recommendations,
            "redacted_content": None,
        }

    @property
    def compliance_score(self) -> float:
        """100 minus 100 times the risk."""
        return round(100 - 100 * self.risk_score, 2)

    def _rank(self, kind: str) -> tuple[int, str]:
        return -SEVERITIES.index(self.policy.severities[kind]), kind

    def _personal_kinds(self) -> list[str]:
        return [kind for kind in self.kinds if KINDS[kind].personal]

    def _violation(self, finding: Finding) -> dict[str, Any]:
        return {
            "violation_type": finding.kind,
            "severity": finding.severity,
            "start": finding.start,
            "end": finding.end,
            "matched_text": mask(self.text[finding.start : finding.end]),
            "confidence": round(finding.confidence, 4),
        }


def _enumerate(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
