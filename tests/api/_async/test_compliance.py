"""Scans, redaction and feedback over a real socket; the texts are those of the documentation."""

from __future__ import annotations

import random
from typing import Callable

import pytest

from smartflow import ComplianceResult, IntelligentScanResult, NotFoundError, SmartflowClient

from .looking import row_of

pytestmark = pytest.mark.asyncio

CARD = "Please send payment to card 4111-1111-1111-1111"


def a_phone_number() -> str:
    """A number that no other test teaches the gateway to ignore; 211, 311 and so on are services, not exchanges."""
    return f"+1 212-{random.randrange(220, 300)}-{random.randrange(1000, 10000)}"


async def test_redaction_replaces_phone_and_email(sf: SmartflowClient) -> None:
    safe = await sf.redact_pii("Call me at 555-867-5309, email john@example.com")
    assert safe == "Call me at [PHONE], email [EMAIL]"


async def test_a_text_without_personal_data_stays_as_it_is(sf: SmartflowClient) -> None:
    assert await sf.redact_pii("The weather is fine.") == "The weather is fine."


async def test_a_social_security_number_violates_the_policy(sf: SmartflowClient) -> None:
    result = await sf.check_compliance("My SSN is 123-45-6789")
    assert isinstance(result, ComplianceResult)
    assert result.has_violations is True
    assert result.violations == ["ssn"]
    assert result.pii_detected == ["ssn"]
    assert result.risk_level == "critical"
    assert 0.75 <= result.risk_score <= 1
    assert result.compliance_score == pytest.approx(100 - 100 * result.risk_score)
    assert result.redacted_content == "My SSN is [SSN]"
    assert any("Social Security" in advice for advice in result.recommendations)


async def test_a_harmless_text_complies(sf: SmartflowClient) -> None:
    result = await sf.check_compliance("The weather is fine.", policy="pci_dss_strict")
    assert result.has_violations is False
    assert result.compliance_score == 100
    assert result.risk_score == 0
    assert result.risk_level == "low"
    assert result.violations == []
    assert result.pii_detected == []
    assert result.recommendations == []
    assert result.redacted_content == "The weather is fine."


async def test_the_policy_decides_what_is_a_violation(sf: SmartflowClient) -> None:
    text = "Card 4111-1111-1111-1111, from 93.184.216.34"
    strict = await sf.check_compliance(text, policy="pci_dss_strict")
    usual = await sf.check_compliance(text)
    assert strict.violations == ["credit_card"]
    assert usual.violations == ["credit_card", "ip_address"]


async def test_the_intelligent_scan_blocks_a_payment_card(sf: SmartflowClient) -> None:
    result = await sf.intelligent_scan(content=CARD)
    assert isinstance(result, IntelligentScanResult)
    assert result.has_violations is True
    assert 0.75 <= result.risk_score <= 1
    assert result.recommended_action == "Block"
    assert result.is_blocked is True
    assert result.risk_level == "critical"
    assert "payment card" in result.explanation
    assert "4111" not in result.explanation
    (finding,) = result.regex_violations
    assert finding["violation_type"] == "credit_card"
    assert finding["severity"] == "critical"
    assert CARD[finding["start"] : finding["end"]] == "4111-1111-1111-1111"
    assert [match["category"] for match in result.ml_violations] == ["payment_data"]
    assert result.behavior_deviations == []
    assert result.processing_time_us > 0
    assert result.scan_id
    assert result.request_id


async def test_the_intelligent_scan_allows_a_harmless_text(sf: SmartflowClient) -> None:
    result = await sf.intelligent_scan("The weather is fine.")
    assert result.has_violations is False
    assert result.risk_score < 0.25
    assert result.recommended_action == "Allow"
    assert result.is_blocked is False
    assert result.regex_violations == []


async def test_a_scan_with_user_and_organisation_is_remembered(
    sf: SmartflowClient, unique: Callable[[str], str]
) -> None:
    user, org = unique("support_agent"), unique("acme_corporation")
    result = await sf.intelligent_scan(
        content="Customer email: john.doe@example.com", user_id=user, org_id=org, context="customer_support"
    )
    assert [finding["violation_type"] for finding in result.regex_violations] == ["email"]
    status = await sf.get_learning_status(user)
    assert status.total_requests == 1
    assert status.org_id == org


async def test_a_scan_is_logged_with_its_findings(sf: SmartflowClient) -> None:
    result = await sf.intelligent_scan(CARD)
    row = await row_of(sf, result.request_id)
    assert row.content_type == "scan"
    assert row.compliance_status == "violated"
    assert row.compliance_violations is not None
    assert "credit_card" in row.compliance_violations
    assert "4111" not in row.compliance_violations
    assert row.compliance.data_classification == "restricted"
    assert row.compliance.compliance_score < 25
    assert [detail["violation_type"] for detail in row.compliance.violations_details] == ["credit_card", "payment_data"]
    assert row.compliance.regulatory_frameworks == ["PCI-DSS"]


async def test_feedback_changes_a_later_scan(sf: SmartflowClient) -> None:
    text = f"Call me at {a_phone_number()}"
    before = await sf.intelligent_scan(text)
    assert [finding["violation_type"] for finding in before.regex_violations] == ["phone"]
    assert before.scan_id
    receipt = await sf.submit_compliance_feedback(
        scan_id=before.scan_id, is_false_positive=True, user_id="admin_user", notes="a known test number"
    )
    assert receipt == {"status": "accepted", "scan_id": before.scan_id, "updated_patterns": 1}
    after = await sf.intelligent_scan(text)
    assert after.regex_violations == []
    assert after.has_violations is False
    assert after.risk_score < before.risk_score


async def test_confirming_feedback_makes_the_finding_surer(sf: SmartflowClient) -> None:
    text = f"Call me at {a_phone_number()}"
    before = await sf.intelligent_scan(text)
    await sf.submit_compliance_feedback(str(before.scan_id), is_false_positive=False)
    after = await sf.intelligent_scan(text)
    assert after.regex_violations[0]["confidence"] > before.regex_violations[0]["confidence"]


async def test_the_documented_way_through_post_gives_a_scan_id(sf: SmartflowClient) -> None:
    response = await sf._post(
        f"{sf.compliance_url}/api/compliance/intelligent/scan", {"content": f"Call me at {a_phone_number()}"}
    )
    scan_id = response.get("scan_id")
    assert scan_id
    receipt = await sf.submit_compliance_feedback(scan_id=scan_id, is_false_positive=True)
    assert receipt["status"] == "accepted"


async def test_feedback_on_an_unknown_scan_is_an_error(sf: SmartflowClient) -> None:
    with pytest.raises(NotFoundError) as caught:
        await sf.submit_compliance_feedback("scan_that_never_was", is_false_positive=True)
    assert caught.value.status_code == 404


async def test_the_health_of_the_engine_names_its_parts(sf: SmartflowClient) -> None:
    health = await sf.get_intelligent_health()
    assert health["status"] == "healthy"
    assert health["ml_engine"] == "healthy"
    assert {"embedding_service", "behavior_analysis", "version"} <= set(health)


@pytest.mark.parametrize(("policy", "action"), [("enterprise_standard", "Review"), ("pci_dss_strict", "Block")])
async def test_the_rules_tell_what_the_policy_wants_done(sf: SmartflowClient, policy: str, action: str) -> None:
    result = await sf.check_compliance("My passport number is X12345678", policy=policy)
    assert (result.has_violations, result.recommended_action) == (True, action)
