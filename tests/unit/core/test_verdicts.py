"""What the verdicts of two scans come to: the policy's own word, a guess on the safe side without it, the stricter of both."""

from __future__ import annotations

from typing import Any, Optional

import pytest

from smartflow import ComplianceResult, IntelligentScanResult
from smartflow._core.verdicts import blocked, verdict_of, verdict_of_rules
from smartflow.types.compliance import ACTIONS


def rules(action: Optional[str], level: str = "low", *, violated: bool = True) -> ComplianceResult:
    data: Any = {
        "has_violations": violated,
        "risk_score": 0.1,
        "risk_level": level,
        "violations": ["email"] if violated else [],
    }
    return ComplianceResult.from_wire(data if action is None else {**data, "recommended_action": action})


def scan(action: str) -> IntelligentScanResult:
    found = [{"category": "health"}]
    data = {"has_violations": True, "risk_score": 0.3, "recommended_action": action, "ml_violations": found}
    return IntelligentScanResult.from_wire(data)


@pytest.mark.parametrize(
    ("result", "action"),
    [
        (rules("Allow", violated=False), "Allow"),
        (rules("Allow"), "AllowAndLog"),
        (rules("Review"), "Review"),
        (rules("Block"), "Block"),
        (rules("Block", violated=False), "Block"),
        (rules("Perhaps"), "Block"),
        (rules("Perhaps", violated=False), "Block"),
    ],
)
def test_the_policys_own_word_counts_and_an_unknown_one_blocks(result: ComplianceResult, action: str) -> None:
    assert verdict_of_rules("input", "text", "gdpr", result).action == action


@pytest.mark.parametrize(
    ("level", "action"),
    [("low", "AllowAndLog"), ("medium", "Review"), ("high", "Review"), ("critical", "Block"), ("odd", "Block")],
)
def test_without_the_policys_word_the_risk_level_decides_on_the_safe_side(level: str, action: str) -> None:
    assert verdict_of_rules("input", "text", "gdpr", rules(None, level)).action == action
    assert verdict_of_rules("input", "text", "gdpr", rules(None, level, violated=False)).action == "Allow"


@pytest.mark.parametrize("said", [*ACTIONS, "Perhaps"])
@pytest.mark.parametrize("ruled", ["AllowAndLog", "Review", "Block"])
def test_the_stricter_of_two_verdicts_decides(said: str, ruled: str) -> None:
    verdict = verdict_of("output", "text", "gdpr", scan(said), rules(ruled))
    known = said if said in ACTIONS else "Block"
    assert ACTIONS.index(verdict.action) == max(ACTIONS.index(known), ACTIONS.index(ruled))
    assert (verdict.violations, verdict.risk_score) == (["email", "health"], 0.3)


def test_the_error_has_the_kinds_and_not_the_text() -> None:
    error = blocked(verdict_of("input", "my-own-words", "gdpr", scan("Block"), rules("Block")), "agent 'A'")
    assert error.violations == ["email", "health"]
    assert error.details == {"stage": "input", "action": "Block", "scan_id": None}
    assert "my-own-words" not in str(error)
    assert "agent 'A' is blocked by policy gdpr (email, health)" in str(error)
