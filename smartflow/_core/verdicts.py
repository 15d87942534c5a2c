"""What compliance scans come to: the action that a policy wants, the stricter of two verdicts, and the error that blocks."""

from __future__ import annotations

from ..exceptions import ComplianceError
from ..types.agents import ScanVerdict
from ..types.compliance import ACTIONS, ComplianceResult, IntelligentScanResult

__all__ = ["blocked", "verdict_of", "verdict_of_rules"]

# For a gateway that tells a risk level and no action: the thresholds of its policies are not known here, so what is
# more than a trifle is for a person to decide.
_ACTION_OF = {"low": "AllowAndLog", "medium": "Review", "high": "Review", "critical": "Block"}
_TEXTS = {
    "input": "the message to",
    "output": "the answer of",
    "tool": "a tool's result for",
    "history": "an earlier message of",
    "check": "the text checked by",
}


def verdict_of(
    stage: str, content: str, policy: str, scan: IntelligentScanResult, rules: ComplianceResult
) -> ScanVerdict:
    """The verdict of both scans; an action or a risk level that this SDK does not know blocks."""
    ruled = verdict_of_rules(stage, content, policy, rules)
    said = "Block" if scan.is_blocked else scan.recommended_action
    # Rules name a type, similarity a category.
    findings = (*scan.regex_violations, *scan.ml_violations)
    found = [str(each.get("violation_type") or each.get("category") or "unnamed") for each in findings]
    stricter = ACTIONS.index(ruled.action) > ACTIONS.index(said)
    return ScanVerdict(
        stage=stage,
        action=ruled.action if stricter else said,
        violations=list(dict.fromkeys((*ruled.violations, *found))),
        risk_score=max(scan.risk_score, rules.risk_score),
        explanation=ruled.explanation if stricter else scan.explanation,
        policy=policy,
        scan_id=scan.scan_id,
        content=content,
    )


def verdict_of_rules(stage: str, content: str, policy: str, rules: ComplianceResult) -> ScanVerdict:
    """The verdict of the rule-based scan alone."""
    action = _action_of(rules)
    kinds = ", ".join(rules.violations) or f"{rules.risk_level} risk"
    return ScanVerdict(
        stage=stage,
        action=action,
        violations=list(rules.violations),
        risk_score=rules.risk_score,
        explanation="" if action == "Allow" else f"The policy {policy} is violated: {kinds}.",
        policy=policy,
        content=content,
    )


def _action_of(rules: ComplianceResult) -> str:
    """What the policy wants; a violation is at least logged, and a word that nobody knows blocks."""
    least = "AllowAndLog" if rules.has_violations else "Allow"
    wanted = rules.recommended_action
    if wanted is None:
        wanted = _ACTION_OF.get(rules.risk_level, "Block") if rules.has_violations else "Allow"
    return max(wanted, least, key=ACTIONS.index) if wanted in ACTIONS else "Block"


def blocked(verdict: ScanVerdict, owner: str, cure: str = "") -> ComplianceError:
    """The error for a text that must not go on; `owner` is whose text it is, such as `agent 'Support'`."""
    kinds = ", ".join(verdict.violations) or "no kind named"
    return ComplianceError(
        f"compliance: {_TEXTS[verdict.stage]} {owner} is blocked by policy {verdict.policy} ({kinds}). "
        f"{verdict.explanation}{cure}",
        code="compliance_blocked",
        violations=verdict.violations,
        risk_score=verdict.risk_score,
        details={"stage": verdict.stage, "action": verdict.action, "scan_id": verdict.scan_id},
    )
