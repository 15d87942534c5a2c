"""The correlation step: one composite risk, from 0 to 1, out of what the three layers found.

Each kind found by the rules has the weight of its severity (low 0.2, medium 0.35, high 0.7, critical 0.96) times the
confidence of its surest finding. Several findings of one kind weigh more: the chance that all are harmless is raised to the
power of 1 + log2(their number). A category of violation patterns has the weight of its severity times the similarity to
the nearest pattern, and only three tenths of that where the rules found the same category: then both see one thing. A
deviation weighs 0.04 for each standard deviation above 2, at most 0.2, and all of them together at most 0.4: unusual
behaviour alone can ask for a log entry, never for a block. All weights add up as independent chances:
1 - product of (1 - weight).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from smartflow.gateway.compliance.finding import KINDS, SEVERITIES, Finding, Severity
from smartflow.gateway.compliance.policies import Policy

_WEIGHTS: Final[dict[Severity, float]] = {"low": 0.2, "medium": 0.35, "high": 0.7, "critical": 0.96}
_SAME_THING = 0.3
_PER_DEVIATION, _FREE_DEVIATIONS, _MOST_EACH, _MOST_ALL = 0.04, 2.0, 0.2, 0.4


@dataclass(frozen=True, slots=True)
class Resemblance:
    """A violation pattern that some part of a text is like."""

    category: str
    pattern: str
    similarity: float
    severity: Severity


@dataclass(frozen=True, slots=True)
class Deviation:
    """One measure in which a scan lies above the baseline of its user or organization."""

    metric: str
    expected: float
    observed: float
    z_score: float


def composite_risk(
    policy: Policy,
    findings: Iterable[Finding],
    resemblances: Iterable[Resemblance] = (),
    deviations: Iterable[Deviation] = (),
) -> float:
    """The risk of everything together."""
    harmless = 1.0
    by_kind: dict[str, list[Finding]] = {}
    for finding in findings:
        by_kind.setdefault(finding.kind, []).append(finding)
    for kind, found in by_kind.items():
        surest = max(one.confidence for one in found)
        harmless *= (1 - _WEIGHTS[policy.severities[kind]] * surest) ** (1 + math.log2(len(found)))
    seen = {KINDS[kind].category for kind in by_kind}
    nearest: dict[str, Resemblance] = {}
    for one in resemblances:
        if one.category not in nearest or one.similarity > nearest[one.category].similarity:
            nearest[one.category] = one
    for category, one in nearest.items():
        harmless *= 1 - _WEIGHTS[one.severity] * one.similarity * (_SAME_THING if category in seen else 1.0)
    unusual = sum(min(_MOST_EACH, max(0.0, _PER_DEVIATION * (one.z_score - _FREE_DEVIATIONS))) for one in deviations)
    harmless *= 1 - min(_MOST_ALL, unusual)
    return round(1 - harmless, 4)


def merge_facts(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    """The audit facts of two scans of one call, as those of one: the worse of each measure, and every find."""
    if not first.get("violations_details") and not first.get("has_violations"):
        return {**first, **second}
    merged = {**first, **second}
    for name in ("violations_details", "regulatory_frameworks", "violations", "pii_detected", "recommendations"):
        merged[name] = [
            *first.get(name, ()),
            *(one for one in second.get(name, ()) if name == "violations_details" or one not in first.get(name, ())),
        ]
    merged["regulatory_frameworks"] = sorted(merged["regulatory_frameworks"])
    merged["compliance_score"] = min(first["compliance_score"], second["compliance_score"])
    merged["has_violations"] = first["has_violations"] or second["has_violations"]
    merged["risk_level"] = max(first["risk_level"], second["risk_level"], key=SEVERITIES.index)
    worst = max(first["data_classification"], second["data_classification"], key=CLASSES.index)
    return {**merged, "data_classification": worst}


CLASSES: Final = ("public", "internal", "confidential", "restricted")
