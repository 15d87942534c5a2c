"""Compliance verdicts fail closed: an answer that is not surely "compliant" is never read as such."""

from __future__ import annotations

import math
from typing import Any, Dict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartflow.exceptions import ResponseValidationError
from smartflow.types import ComplianceResult, IntelligentScanResult
from smartflow.types.compliance import ACTIONS, risk_level_of

GOOD: Dict[str, Any] = {"has_violations": False, "risk_score": 0.1, "compliance_score": 90.0}
SCAN: Dict[str, Any] = {"has_violations": False, "risk_score": 0.1, "recommended_action": "Allow"}


def test_a_verdict_is_read() -> None:
    found = ComplianceResult.from_wire({**GOOD, "violations": ["ssn"], "redacted_content": "[SSN]"})
    assert (found.has_violations, found.risk_score, found.compliance_score) == (False, 0.1, 90.0)
    assert (found.risk_level, found.violations, found.redacted_content) == ("low", ["ssn"], "[SSN]")


@pytest.mark.parametrize(
    "change",
    [
        {"has_violations": None}, {"has_violations": "false"}, {"has_violations": 0}, {"has_violations": []},
        {"risk_score": None, "compliance_score": None}, {"risk_score": "low"}, {"risk_score": True},
        {"risk_score": math.nan}, {"risk_score": -0.1}, {"risk_score": 1.1}, {"risk_score": -math.inf}, {"risk_score": 10**400},
        {"compliance_score": 101}, {"compliance_score": -1, "risk_score": None}, {"compliance_score": math.nan},
        {"compliant": False}, {"has_violations": True, "compliant": True}, {"violations": "ssn"}, {"pii_detected": {}},
        {"has_violations": None, "compliant": "yes"}, {"has_violations": None, "compliant": 1},
    ],
)  # fmt: skip
def test_an_answer_without_a_clear_verdict_is_refused(change: Dict[str, Any]) -> None:
    with pytest.raises(ResponseValidationError):
        ComplianceResult.from_wire({**GOOD, **change})


@pytest.mark.parametrize("compliant", [True, False])
def test_the_older_word_compliant_is_a_verdict(compliant: bool) -> None:
    found = ComplianceResult.from_wire({"compliant": compliant, "risk_score": 0.5})
    assert found.has_violations is not compliant


@pytest.mark.parametrize(
    ("data", "risk", "score", "level"),
    [
        ({"risk_score": 0.25}, 0.25, 75.0, "medium"), ({"compliance_score": 20.0}, 0.8, 20.0, "critical"),
        ({"risk_score": 0.25, "compliance_score": 50.0}, 0.25, 50.0, "medium"), ({"risk_score": "0.6"}, 0.6, 40.0, "high"),
        ({"risk_score": 0.1, "risk_level": "high"}, 0.1, 90.0, "high"),
    ],
)  # fmt: skip
def test_a_missing_score_follows_from_the_other(data: Dict[str, Any], risk: float, score: float, level: str) -> None:
    found = ComplianceResult.from_wire({"has_violations": True, **data})
    assert found.risk_score == pytest.approx(risk)
    assert found.compliance_score == pytest.approx(score)
    assert found.risk_level == level


@pytest.mark.parametrize("missing", ["has_violations", "risk_score", "recommended_action"])
@pytest.mark.parametrize("null", [True, False])
def test_a_scan_without_its_verdict_is_refused_by_name(missing: str, null: bool) -> None:
    data = {**SCAN, missing: None} if null else {name: value for name, value in SCAN.items() if name != missing}
    with pytest.raises(ResponseValidationError, match=f"IntelligentScanResult.{missing}"):
        IntelligentScanResult.from_wire(data)


@pytest.mark.parametrize("score", [math.nan, math.inf, -math.inf, -0.01, 1.01, 85, "nan"])
def test_a_score_that_is_on_no_side_of_a_threshold_is_refused(score: Any) -> None:
    with pytest.raises(ResponseValidationError):
        IntelligentScanResult.from_wire({**SCAN, "risk_score": score})


@pytest.mark.parametrize(
    ("action", "blocked"), [("Allow", False), ("AllowAndLog", False), ("Review", False), ("Block", True), ("block", True), ("", True), ("allow", True), ("Quarantine", True)]
)  # fmt: skip
def test_an_action_that_is_not_known_blocks(action: str, blocked: bool) -> None:
    assert IntelligentScanResult.from_wire({**SCAN, "recommended_action": action}).is_blocked is blocked


def test_results_made_by_hand_without_a_verdict_block() -> None:
    assert ComplianceResult().has_violations
    assert IntelligentScanResult().has_violations
    assert IntelligentScanResult().is_blocked


@pytest.mark.parametrize(
    ("score", "level"),
    [(0, "low"), (0.249, "low"), (0.25, "medium"), (0.5, "high"), (0.75, "critical"), (1, "critical")],
)
def test_the_word_of_a_score(score: float, level: str) -> None:
    assert risk_level_of(score) == level
    assert IntelligentScanResult.from_wire({**SCAN, "risk_score": score}).risk_level == level


anything: Any = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just([]) | st.just({})
)


@given(st.dictionaries(st.sampled_from(["has_violations", "compliant", "risk_score", "compliance_score"]), anything))
def test_only_a_plain_word_of_the_gateway_makes_a_text_compliant(data: Dict[str, Any]) -> None:
    try:
        found = ComplianceResult.from_wire(data)
    except ResponseValidationError:
        return
    assert found.has_violations or data.get("has_violations") is False or data.get("compliant") is True
    assert 0 <= found.risk_score <= 1


@given(
    st.dictionaries(
        st.sampled_from(["has_violations", "recommended_action", "risk_score"]), anything | st.sampled_from(ACTIONS)
    )
)
def test_only_a_known_action_lets_a_text_pass(data: Dict[str, Any]) -> None:
    try:
        found = IntelligentScanResult.from_wire(data)
    except ResponseValidationError:
        return
    assert found.is_blocked or data["recommended_action"] in ACTIONS[:3]
