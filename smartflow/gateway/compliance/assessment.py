"""What one scan of one text came to, and how it is told: action, explanation, and the answers of the contract.

How the risk is made of what the layers found stands in `correlation`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final

from smartflow.gateway.compliance.correlation import Deviation, Resemblance, composite_risk
from smartflow.gateway.compliance.detectors import redact
from smartflow.gateway.compliance.finding import CATEGORY_NAMES, KINDS, SEVERITIES, Finding, Severity, mask
from smartflow.gateway.compliance.policies import Action, Policy

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

_MOST_DETAILS: Final = 1_000  # of the finds that an audit row lists one by one


def risk_level(risk_score: float) -> Severity:
    """The documented band of a risk: low below 0.25, medium below 0.5, high below 0.75, otherwise critical."""
    return SEVERITIES[min(int(risk_score * 4), 3)]


@dataclass(frozen=True)
class Assessment:
    """What the layers found in one text under one policy. It holds the text, so it is never logged or stored."""

    text: str
    policy: Policy
    findings: tuple[Finding, ...]
    processing_time_us: int
    resemblances: tuple[Resemblance, ...] = ()
    deviations: tuple[Deviation, ...] = ()

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

    @property
    def categories(self) -> list[str]:
        """The categories of the violation patterns that the text resembles, each once, the most similar first."""
        return list(dict.fromkeys(one.category for one in self.resemblances))

    @property
    def violations(self) -> list[str]:
        """The kinds, and the categories that no kind found stands for."""
        explained = self._explained()
        return [*self.kinds, *(name for name in self.categories if name not in explained)]

    @property
    def has_violations(self) -> bool:
        """True when the rules or the violation patterns found something."""
        return bool(self.findings or self.resemblances)

    @cached_property
    def risk_score(self) -> float:
        """The composite risk, from 0 to 1."""
        return composite_risk(self.policy, self.findings, self.resemblances, self.deviations)

    @property
    def residual(self) -> Assessment:
        """What stays of it when every finding is replaced by its placeholder: what no finding explains."""
        explained = self._explained()
        return replace(
            self,
            findings=(),
            resemblances=tuple(one for one in self.resemblances if one.category not in explained),
        )

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
        """The reasons and the verdict in a few sentences: kinds, categories and measures, never a value."""
        verdict = f"The policy {self.policy.name} {_DEEDS[self.action]}."
        told = []
        if self.findings:
            named = [
                f"{count} {KINDS[kind].singular if count == 1 else KINDS[kind].plural} ({self.policy.severities[kind]})"
                for kind, count in self.counts.items()
            ]
            told.append(f"Found {_enumerate(named)}.")
        if self.resemblances:
            told.append(f"The text resembles {_enumerate([CATEGORY_NAMES[name] for name in self.categories])}.")
        if self.deviations:
            unusual = [f"{one.metric} (z {one.z_score:.1f})" for one in self.deviations]
            told.append(f"Unusually high: {_enumerate(unusual)}.")
        return " ".join([*(told or ["Nothing sensitive was found."]), verdict])

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
        return told + [f"Check whether the text is meant for {CATEGORY_NAMES[name]}." for name in self.categories]

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
            "recommended_action": self.action,
        }

    def intelligent_scan(self, scan_id: str) -> dict[str, Any]:
        """The answer of intelligentScan."""
        return {
            "scan_id": scan_id,
            "has_violations": self.has_violations,
            "risk_score": self.risk_score,
            "recommended_action": self.action,
            "explanation": self.explanation,
            "regex_violations": [self._violation(finding) for finding in self.findings],
            "ml_violations": [
                {"category": one.category, "similarity": round(one.similarity, 4), "pattern": one.pattern}
                for one in self.resemblances
            ],
            "behavior_deviations": [
                {
                    "metric": one.metric,
                    "expected": round(one.expected, 4),
                    "observed": round(one.observed, 4),
                    "z_score": round(one.z_score, 2),
                }
                for one in self.deviations
            ],
            "processing_time_us": self.processing_time_us,
        }

    def audit_facts(self) -> dict[str, Any]:
        """What an audit row tells about the scan: the contract's ComplianceInfo, without any text."""
        severities = [*(one.severity for one in self.findings), *(one.severity for one in self.resemblances)]
        worst = max(map(SEVERITIES.index, severities), default=None)
        frameworks = {name for found in self.violations for name in self.policy.frameworks[found]}
        return {
            "data_classification": "public" if worst is None else _CLASSIFICATION[SEVERITIES[worst]],
            "compliance_score": self.compliance_score,
            "violations_details": [
                {
                    "violation_type": finding.kind,
                    "severity": finding.severity,
                    "confidence": round(finding.confidence, 4),
                }
                for finding in self.findings[:_MOST_DETAILS]
            ]
            + [
                {
                    "violation_type": one.category,
                    "severity": one.severity,
                    "confidence": round(one.similarity, 4),
                }
                for one in self.resemblances
            ],
            "regulatory_frameworks": sorted(frameworks),
            "has_violations": self.has_violations,
            "violations": self.violations,
            "pii_detected": self._personal_kinds(),
            "risk_level": risk_level(self.risk_score),
            "recommendations": self.recommendations,
            "redacted_content": None,
        }

    @property
    def compliance_score(self) -> float:
        """100 minus 100 times the risk."""
        return round(100 - 100 * self.risk_score, 2)

    def _explained(self) -> set[str]:
        return {KINDS[kind].category for kind in self.kinds}

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
