"""Runs every rule over a text and resolves what overlaps.

All rules are linear: bounded quantifiers (or possessive ones behind a look-behind), and a bounded number of checks per
candidate. What is folded before matching, and what is not, stands in `folding`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from smartflow.gateway.compliance import contact, credentials, national, numbers, personal
from smartflow.gateway.compliance.finding import SEVERITIES, Candidate, Finding, Rule, Severity
from smartflow.gateway.compliance.folding import fold

RULES: Final[tuple[Rule, ...]] = (
    *numbers.RULES,
    *contact.RULES,
    *personal.RULES,
    *national.RULES,
    *credentials.RULES,
)


def candidates(text: str, kinds: Iterable[str]) -> list[Candidate]:
    """Everything that the rules of these kinds match, in the order of the text; matches may overlap."""
    wanted = frozenset(kinds)
    folded = fold(text)
    found = {
        Candidate(rule.kind, *folded.original_span(start, end), rule.confidence, rule.name)
        for rule in RULES
        if rule.kind in wanted
        for start, end in rule.find(folded.text)
    }
    return sorted(found, key=lambda one: (one.start, -one.end, one.rule))


def resolve(found: Iterable[Candidate], severities: Mapping[str, Severity]) -> list[Finding]:
    """One finding for each group of overlapping candidates; it covers them all, so that nothing stays unredacted."""
    findings: list[Finding] = []
    group: list[Candidate] = []
    reach = 0
    for one in sorted(found, key=lambda item: (item.start, -item.end, item.rule)):
        if group and one.start >= reach:
            findings.append(_explain(group, severities))
            group = []
        reach = max(reach, one.end) if group else one.end
        group.append(one)
    if group:
        findings.append(_explain(group, severities))
    return findings


def _explain(group: list[Candidate], severities: Mapping[str, Severity]) -> Finding:
    """The longest candidate names the group, unless a more severe one is also surer."""

    def rank(one: Candidate) -> int:
        return SEVERITIES.index(severities[one.kind])

    best = max(group, key=lambda one: (one.end - one.start, rank(one), one.confidence))
    for one in group:
        if rank(one) > rank(best) and one.confidence > best.confidence:
            best = one
    return Finding(
        kind=best.kind,
        start=min(one.start for one in group),
        end=max(one.end for one in group),
        severity=severities[best.kind],
        confidence=max(one.confidence for one in group if one.kind == best.kind),
        parts=tuple(group),
    )


def redact(text: str, findings: Iterable[Finding]) -> str:
    """The text with each finding's placeholder in its place."""
    pieces: list[str] = []
    position = 0
    for finding in findings:
        pieces += text[position : finding.start], finding.placeholder
        position = finding.end
    pieces.append(text[position:])
    return "".join(pieces)
