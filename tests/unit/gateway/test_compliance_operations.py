"""The handlers of the compliance service: their answers fit the contract, and their effects are written together."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest
import yaml
from smartflow_generated.server.compliance.routes import ROUTES

from smartflow.gateway.audit.chain import Chain
from smartflow.gateway.audit.engine import AuditEngine
from smartflow.gateway.audit.ledger import Ledger
from smartflow.gateway.audit.repo import AuditRepo
from smartflow.gateway.audit.settings import AuditSettings
from smartflow.gateway.clock import CountingIds
from smartflow.gateway.compliance import operations
from smartflow.gateway.compliance.engine import build_compliance
from smartflow.gateway.contract import Call
from smartflow.gateway.errors import GatewayError
from smartflow.gateway.store import Store

NOW = datetime(2026, 2, 19, 10, 15, tzinfo=UTC)
BY_ID = {route.operation_id: route for route in ROUTES}
HANDLERS = {
    "scanContent": operations.scan_content,
    "intelligentScan": operations.intelligent_scan,
    "submitFeedback": operations.submit_feedback,
    "getMlStats": operations.get_ml_stats,
    "getIntelligentHealth": operations.get_intelligent_health,
    "getLearningStatus": operations.get_learning_status,
    "getLearningSummary": operations.get_learning_summary,
    "getOrgSummary": operations.get_org_summary,
    "getOrgBaseline": operations.get_org_baseline,
    "getPersistenceStats": operations.get_persistence_stats,
    "saveComplianceData": operations.save_compliance_data,
}


class FixedClock:
    def now(self) -> datetime:
        return NOW

    def monotonic(self) -> float:
        return 1.0


class Service:
    """What the handlers need of a gateway, and a way to call them whose answers are held against the contract."""

    def __init__(self) -> None:
        self.store = Store(None)
        self.clock = FixedClock()
        self.ids = CountingIds()
        self.compliance = build_compliance(self.store, self.clock, self.ids, None)
        audited = AuditRepo(self.store)
        self.audit = AuditEngine(
            audited, Ledger(audited, Chain(b"k" * 32), self.clock, AuditSettings()), self.compliance.redact
        )

    def call(self, operation_id: str, body: dict[str, Any] | None = None, **parts: Any) -> dict[str, Any]:
        route = BY_ID[operation_id]
        call = Call(cast(Any, self), route, self.ids.new("req"), NOW, 1.0, json=body or {}, **parts)
        answer = asyncio.run(cast(Coroutine[Any, Any, Any], HANDLERS[operation_id](call)))
        assert isinstance(answer, dict)
        model = route.responses[200]["application/json"]
        assert model is not None
        model.model_validate(answer)
        return answer

    def audit_rows(self) -> list[dict[str, Any]]:
        return self.store.rows("SELECT * FROM vas_logs ORDER BY seq")


@pytest.fixture
def service() -> Iterator[Service]:
    service = Service()
    yield service
    service.store.close()


def test_every_operation_of_the_contract_has_its_handler() -> None:
    assert set(HANDLERS) == set(BY_ID)


def test_a_scan_by_rules_answers_and_leaves_one_audit_row_without_the_text(service: Service) -> None:
    answer = service.call("scanContent", {"content": "Call me at 555-867-5309, email john@example.com"})
    assert answer["redacted_content"] == "Call me at [PHONE], email [EMAIL]"
    (row,) = service.audit_rows()
    assert (row["operation"], row["compliance_status"]) == ("scanContent", "violated")
    assert json.loads(row["compliance"])["violations"] == ["phone", "email"]
    assert "john@example.com" not in json.dumps(row)


def test_a_scan_by_rules_teaches_nothing(service: Service) -> None:
    service.call("scanContent", {"content": "john@example.com"}, headers={"x-smartflow-user-id": "alice"})
    assert service.call("getLearningSummary")["total_users"] == 0


def test_an_unknown_policy_is_refused_and_writes_nothing(service: Service) -> None:
    with pytest.raises(GatewayError) as caught:
        service.call("scanContent", {"content": "Hello", "policy": "nonsense"})
    assert caught.value.status == 400
    assert service.audit_rows() == []


def test_an_intelligent_scan_is_kept_for_user_and_organization(service: Service) -> None:
    body = {"content": "Card 4111-1111-1111-1111", "user_id": "alice", "org_id": "acme", "context": "customer_support"}
    answer = service.call("intelligentScan", body)
    assert (answer["recommended_action"], answer["scan_id"][:5]) == ("Block", "scan_")
    assert service.call("getLearningStatus", path={"user_id": "alice"})["total_requests"] == 1
    assert service.call("getOrgBaseline", path={"org_id": "acme"})["top_violation_types"] == ["credit_card"]
    assert service.call("getOrgSummary")["total_orgs"] == 1
    assert service.audit_rows()[0]["user_id"] == "alice"


def test_without_a_user_in_the_body_the_header_names_the_user(service: Service) -> None:
    service.call("intelligentScan", {"content": "Hello"}, headers={"x-smartflow-user-id": "bob"})
    assert service.call("getLearningStatus", path={"user_id": "bob"})["days_tracked"] == 1


def test_a_scan_whose_audit_row_cannot_be_written_is_not_kept(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(service.audit, "write", broken)
    with pytest.raises(OSError, match="disk full"):
        service.call("intelligentScan", {"content": "Hello", "user_id": "alice"})
    assert service.call("getLearningSummary")["total_users"] == 0


def test_a_long_text_is_scanned_like_a_short_one(service: Service) -> None:
    answer = service.call("scanContent", {"content": "word " * 10_000 + "123-45-6789"})
    assert answer["redacted_content"].endswith("word [SSN]")


def test_feedback_is_answered_as_documented(service: Service) -> None:
    scan = service.call("intelligentScan", {"content": "Call me at 555-0100"})
    notes = "555-0100 is a known test number, not real PII"
    body = {"scan_id": scan["scan_id"], "is_false_positive": True, "user_id": "admin_user", "notes": notes}
    assert service.call("submitFeedback", body) == {
        "status": "accepted",
        "scan_id": scan["scan_id"],
        "updated_patterns": 1,
    }
    assert service.call("intelligentScan", {"content": "Call me at 555-0100"})["has_violations"] is False
    assert service.call("getMlStats")["learned_patterns"] == 1
    assert "555-0100" not in "".join(service.store._connection.iterdump())


def test_feedback_on_an_unknown_scan_is_not_found(service: Service) -> None:
    with pytest.raises(GatewayError) as caught:
        service.call("submitFeedback", {"scan_id": "scan_none", "is_false_positive": True})
    assert caught.value.status == 404


def test_saving_reports_what_is_stored(service: Service) -> None:
    service.call("intelligentScan", {"content": "Hello", "user_id": "alice"})
    saved = service.call("saveComplianceData")
    assert (saved["status"], saved["user_profiles"], saved["timestamp"]) == ("saved", 1, "2026-02-19T10:15:00.000Z")
    assert service.call("getPersistenceStats")["user_profiles_stored"] == 1
    assert [row["operation"] for row in service.audit_rows()] == ["intelligentScan", "saveComplianceData"]


def test_reads_write_no_audit_row(service: Service) -> None:
    for operation_id in (
        "getMlStats",
        "getIntelligentHealth",
        "getLearningSummary",
        "getOrgSummary",
        "getPersistenceStats",
    ):
        service.call(operation_id)
    assert service.audit_rows() == []


def test_the_examples_of_the_contract_are_found_as_they_say(service: Service) -> None:
    contract = Path(__file__).parents[3] / "openapi" / "compliance.yaml"
    paths = yaml.safe_load(contract.read_text(encoding="utf-8"))["paths"]
    for path, operation_id in (("scan", "scanContent"), ("intelligent/scan", "intelligentScan")):
        declared = paths[f"/api/compliance/{path}"]["post"]
        body = declared["requestBody"]["content"]["application/json"]["example"]
        expected = declared["responses"]["200"]["content"]["application/json"]["example"]
        answer = service.call(operation_id, body)
        assert answer["has_violations"] == expected["has_violations"]
        if operation_id == "scanContent":
            assert (answer["violations"], answer["redacted_content"]) == (
                expected["violations"],
                expected["redacted_content"],
            )
            assert answer["risk_level"] == expected["risk_level"]
        else:
            assert answer["regex_violations"] == expected["regex_violations"]
            assert answer["recommended_action"] == expected["recommended_action"]
