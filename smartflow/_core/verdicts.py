"""How the two compliance scans of an agent become one verdict: the stricter one decides."""

from __future__ import annotations

from ..exceptions import ComplianceError
from ..types.agents import ScanVerdict
from ..types.compliance import ACTIONS, ComplianceResult, IntelligentScanResult

__all__ = ["blocked", "verdict_of"]

# A rule-based scan tells a risk level and no action.
_ACTION_OF = {"low": "AllowAndLog", "medium": "AllowAndLog", "high": "Review", "critical": "Block"}


def verdict_of(
    stage: str, content: str, policy: str, scan: IntelligentScanResult, rules: ComplianceResult
) -> ScanVerdict:
    """The verdict of both; an action or a risk level that this SDK does not know blocks."""
    said = "Block" if scan.is_blocked else scan.recommended_action
    ruled = _ACTION_OF.get(rules.risk_level, "Block") if rules.has_violations else "Allow"
    # Rules name a type, similarity a category.
    findings = (*scan.regex_violations, *scan.ml_violations)
    found = [str(each.get("violation_type") or each.get("category") or "unnamed") for each in findings]
    explanation = scan.explanation
    if ACTIONS.index(ruled) > ACTIONS.index(said):
        explanation = f"The policy {policy} is violated: {', '.join(rules.violations) or rules.risk_level + ' risk'}."
    return ScanVerdict(
        stage=stage,
        action=max(said, ruled, key=ACTIONS.index),
        violations=list(dict.fromkeys((*rules.violations, *found))),
        risk_score=max(scan.risk_score, rules.risk_score),
        explanation=explanation,
        policy=policy,
        scan_id=scan.scan_id,
        content=content,
    )


def blocked(verdict: ScanVerdict, name: str, cure: str = "") -> ComplianceError:
    """The error for a text that must not go on."""
    what = {"input": "the message to", "output": "the answer of", "tool": "a tool's result for"}[verdict.stage]
    kinds = ", ".join(verdict.violations) or "no kind named"
    return ComplianceError(
        f"compliance: {what} agent {name!r} is blocked by policy {verdict.policy} ({kinds}). {verdict.explanation}{cure}",
        code="compliance_blocked",
        violations=verdict.violations,
        risk_score=verdict.risk_score,
        details={"stage": verdict.stage, "action": verdict.action, "scan_id": verdict.scan_id},
    )
