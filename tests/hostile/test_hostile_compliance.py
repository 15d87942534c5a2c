"""Group C of the defects: no verdict is never a good verdict (C1, C2, C6)."""

from __future__ import annotations

import json
from typing import Any, List

import pytest

import smartflow
from tests.support.answers import html, reply
from tests.support.faces import Face
from tests.support.hostile import RESET, HostileServer

TEXT = "My SSN is 123-45-6789"
NONSENSE: List[Any] = [
    {},
    [],
    None,
    5,
    "ok",
    True,
    {"status": "error"},
    {"status": "ok"},
    {"error": "scanner down"},
    {"data": None},
    {"result": "Allow"},
    {"compliant": None, "risk_score": 0},
    {"compliant": "yes", "risk_score": 0},
    {"compliant": 1, "risk_score": 0},
    {"compliant": True},
    {"compliant": True, "risk_score": "NaN"},
    {"compliant": True, "risk_score": "low"},
    {"compliant": True, "has_violations": True, "risk_score": 0},
    {"has_violations": "false", "compliance_score": 100},
    {"has_violations": False},
    {"has_violations": False, "risk_score": {}},
    {"recommended_action": "Allow"},
    {"has_violations": False, "recommended_action": "Allow"},
    {"has_violations": False, "risk_score": None, "recommended_action": "Allow"},
]


@pytest.mark.parametrize("method", ["redact_pii", "check_compliance", "intelligent_scan"])
@pytest.mark.parametrize("body", NONSENSE, ids=json.dumps)
def test_an_answer_without_a_verdict_is_an_error(sf: Face, server: HostileServer, method: str, body: Any) -> None:
    """C1, C2."""
    server.answer(reply(body))
    with pytest.raises(smartflow.SmartflowError):
        getattr(sf, method)(TEXT)


@pytest.mark.parametrize("method", ["redact_pii", "check_compliance", "intelligent_scan"])
@pytest.mark.parametrize(
    "script", [html(200), html(503), reply(b""), reply(b"", 401), [RESET], reply({"error": "x"}, 500)], ids=range(6)
)
def test_a_scanner_that_cannot_answer_is_an_error(sf: Face, server: HostileServer, method: str, script: Any) -> None:
    """C2."""
    server.answer(script)
    with pytest.raises(smartflow.SmartflowError):
        getattr(sf, method)(TEXT)


@pytest.mark.parametrize(
    "finding",
    [
        {"has_violations": True, "risk_score": 0.9},
        {"has_violations": False, "risk_score": 0.1, "pii_detected": ["ssn"]},
        {"has_violations": False, "risk_score": 0.1, "violations": ["ssn"]},
        {"compliant": False, "risk_score": 0.9, "redacted_content": None},
    ],
)
def test_redaction_without_redacted_text_never_returns_the_original(
    sf: Face, server: HostileServer, finding: Any
) -> None:
    """C1."""
    server.answer(reply(finding))
    with pytest.raises(smartflow.ResponseValidationError):
        sf.redact_pii(TEXT)


def test_a_text_that_is_redacted_to_nothing_comes_back_empty(sf: Face, server: HostileServer) -> None:
    """C1."""
    server.answer(reply({"has_violations": True, "risk_score": 1, "redacted_content": ""}))
    assert sf.redact_pii(TEXT) == ""


def test_redacted_text_that_is_no_text_is_an_error(sf: Face, server: HostileServer) -> None:
    server.answer(reply({"has_violations": True, "risk_score": 1, "redacted_content": ["x"]}))
    with pytest.raises(smartflow.ResponseValidationError):
        sf.redact_pii(TEXT)


def test_an_older_gateways_verdict_is_read(sf: Face, server: HostileServer) -> None:
    server.answer(reply({"compliant": False, "risk_score": 0.8, "violations": ["ssn"]}))
    verdict = sf.check_compliance(TEXT)
    assert verdict.has_violations is True
    assert verdict.compliance_score == pytest.approx(20)
    assert verdict.risk_level == "critical"


def test_a_score_without_its_counterpart_is_completed(sf: Face, server: HostileServer) -> None:
    server.answer(reply({"has_violations": False, "compliance_score": 90}))
    assert sf.check_compliance(TEXT).risk_score == pytest.approx(0.1)


@pytest.mark.parametrize("action", ["Block", "block", "Quarantine", ""])
def test_an_action_that_is_not_known_counts_as_block(sf: Face, server: HostileServer, action: str) -> None:
    """C2."""
    server.answer(reply({"has_violations": False, "risk_score": 0.1, "recommended_action": action}))
    assert sf.intelligent_scan(TEXT).is_blocked


@pytest.mark.parametrize("action", ["Allow", "AllowAndLog", "Review"])
def test_a_known_action_is_what_it_says(sf: Face, server: HostileServer, action: str) -> None:
    server.answer(reply({"has_violations": False, "risk_score": 0.1, "recommended_action": action}))
    assert not sf.intelligent_scan(TEXT).is_blocked


def test_a_violating_log_row_shows_its_violations(sf: Face, server: HostileServer) -> None:
    """C6."""
    row = {
        "request_id": "r",
        "compliance_status": "violated",
        "compliance": {"compliance_score": 20, "violations_details": [{"type": "ssn"}]},
    }
    server.answer(reply({"data": [row]}))
    log = sf.get_logs()[0]
    assert log.compliance_status == "violated"
    assert log.compliance.violations_details == [{"type": "ssn"}]
    assert log.compliance.has_violations is not False


def test_a_log_row_that_does_not_say_so_is_not_shown_as_clean(sf: Face, server: HostileServer) -> None:
    """C6."""
    server.answer(reply({"data": [{"request_id": "r"}]}))
    assert sf.get_logs()[0].compliance.has_violations is None


def test_feedback_that_is_no_truth_value_is_refused(sf: Face, server: HostileServer) -> None:
    with pytest.raises(smartflow.ValidationError, match="is_false_positive"):
        sf.submit_compliance_feedback("scan-1", "false")
    assert server.requests == []
