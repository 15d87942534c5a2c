"""What a scan answers: risk, action, redaction, explanation, audit facts; and the context of a text."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from smartflow.gateway.clock import CountingIds
from smartflow.gateway.compliance.assessment import risk_level
from smartflow.gateway.compliance.engine import ComplianceEngine, build_compliance
from smartflow.gateway.errors import GatewayError
from smartflow.gateway.store import Store

NOW = datetime(2026, 2, 19, 10, 15, tzinfo=UTC)
CARD = "4111-1111-1111-1111"


class StepClock:
    """Moves on by 250 microseconds whenever it is asked for a duration."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> datetime:
        return NOW

    def monotonic(self) -> float:
        self.seconds += 0.00025
        return self.seconds


@pytest.fixture
def store() -> Iterator[Store]:
    store = Store(None)
    yield store
    store.close()


@pytest.fixture
def engine(store: Store) -> ComplianceEngine:
    return build_compliance(store, StepClock(), CountingIds(), None)


def test_a_clean_text_is_compliant_and_comes_back_unchanged(engine: ComplianceEngine) -> None:
    assert engine.screen("Hello there.").scan_content() == {
        "compliant": True,
        "risk_score": 0.0,
        "violations": [],
        "pii_detected": [],
        "recommendations": [],
        "redacted_content": "Hello there.",
        "has_violations": False,
        "compliance_score": 100.0,
        "risk_level": "low",
        "recommended_action": "Allow",
    }


def test_a_text_that_is_nothing_but_a_find_is_redacted_to_its_placeholder(engine: ComplianceEngine) -> None:
    assert engine.screen("123-45-6789").redacted == "[SSN]"


def test_the_documented_ssn_example_is_critical(engine: ComplianceEngine) -> None:
    answer = engine.screen("My SSN is 123-45-6789").scan_content()
    assert (answer["has_violations"], answer["compliant"], answer["risk_level"]) == (True, False, "critical")
    assert (answer["pii_detected"], answer["redacted_content"]) == (["ssn"], "My SSN is [SSN]")
    assert answer["compliance_score"] == pytest.approx(100 - 100 * answer["risk_score"])


def test_a_secret_is_a_violation_but_no_personal_data(engine: ComplianceEngine) -> None:
    answer = engine.screen("AKIAIOSFODNN7EXAMPLE").scan_content()
    assert (answer["violations"], answer["pii_detected"]) == (["api_key"], [])


@pytest.mark.parametrize(
    ("text", "policy", "action"),
    [
        ("Hello", None, "Allow"),
        ("john@example.com", None, "AllowAndLog"),
        ("passport AB1234567", None, "Review"),
        (CARD, None, "Block"),
        ("john@example.com", "gdpr", "Review"),
        ("dob 03/14/1985", "hipaa", "Block"),
        ("DE89370400440532013000", "enterprise_standard", "Review"),
        ("DE89370400440532013000", "pci_dss_strict", "Block"),
        ("host 8.8.8.8", "pci_dss_strict", "Allow"),
        ("host 10.0.0.1", "enterprise_standard", "Allow"),
        ("host 10.0.0.1", "hipaa", "AllowAndLog"),
    ],
)
def test_the_policy_decides_what_is_done(engine: ComplianceEngine, text: str, policy: str | None, action: str) -> None:
    assert engine.screen(text, policy).action == action


def test_an_unknown_policy_is_refused_before_anything_is_scanned(engine: ComplianceEngine) -> None:
    with pytest.raises(GatewayError) as caught:
        engine.screen(CARD, "nonsense")
    assert caught.value.status == 400


def test_more_finds_of_a_kind_and_more_kinds_raise_the_risk(engine: ComplianceEngine) -> None:
    texts = ["a@example.com", "a@example.com b@example.com", "a@example.com b@example.com 555-867-5309"]
    risks = [engine.screen(text).risk_score for text in texts]
    assert risks == sorted(set(risks))


def test_a_list_of_a_hundred_addresses_is_blocked(engine: ComplianceEngine) -> None:
    assert engine.screen(" ".join(f"user{n}@example.com" for n in range(100))).action == "Block"


@pytest.mark.parametrize(
    ("risk", "level"),
    [
        (0, "low"),
        (0.2499, "low"),
        (0.25, "medium"),
        (0.5, "high"),
        (0.7499, "high"),
        (0.75, "critical"),
        (1, "critical"),
    ],
)
def test_the_risk_bands_are_the_documented_ones(risk: float, level: str) -> None:
    assert risk_level(risk) == level


def test_the_documented_card_example_is_blocked_with_a_masked_find(engine: ComplianceEngine) -> None:
    assessment = engine.screen(f"Please send payment to card {CARD}")
    answer = engine.remember(assessment, NOW, None, None)
    assert (answer["scan_id"], answer["recommended_action"], answer["has_violations"]) == ("scan_000001", "Block", True)
    assert answer["regex_violations"] == [
        {
            "violation_type": "credit_card",
            "severity": "critical",
            "start": 28,
            "end": 47,
            "matched_text": "****-****-****-****",
            "confidence": 0.99,
        }
    ]
    assert (answer["ml_violations"], answer["behavior_deviations"]) == ([], [])
    assert answer["processing_time_us"] == 250


def test_the_explanation_counts_the_kinds_and_names_the_policy(engine: ComplianceEngine) -> None:
    text = f"a@example.com b@example.com {CARD}"
    assert engine.screen(text).explanation == (
        "Found 1 payment card number (critical) and 2 email addresses (low)."
        " The policy enterprise_standard blocks this text."
    )


def test_nothing_that_is_told_about_a_scan_repeats_a_value(engine: ComplianceEngine) -> None:
    values = [CARD, "john@example.com", "123-45-6789", "555-867-5309", "AKIAIOSFODNN7EXAMPLE"]
    assessment = engine.screen(" ".join(values))
    answer = engine.remember(assessment, NOW, "u", "o")
    told = json.dumps([answer, assessment.scan_content(), assessment.audit_facts()]) + repr(assessment)
    assert not [value for value in values if value in told or value[-4:] in told]


def test_audit_facts_name_the_frameworks_and_keep_no_text(engine: ComplianceEngine) -> None:
    facts = engine.screen(f"{CARD} a@example.com").audit_facts()
    assert facts["data_classification"] == "restricted"
    assert facts["regulatory_frameworks"] == ["CCPA", "GDPR", "PCI-DSS"]
    assert [detail["violation_type"] for detail in facts["violations_details"]] == ["credit_card", "email"]
    assert facts["redacted_content"] is None


def test_a_clean_text_is_classified_public(engine: ComplianceEngine) -> None:
    assert engine.screen("Hello").audit_facts()["data_classification"] == "public"


def test_a_question_in_the_context_labels_the_answer(engine: ComplianceEngine) -> None:
    assert engine.screen("AB1234567").kinds == []
    found = engine.screen("AB1234567 thanks", context="What is your passport number?")
    assert [(one.kind, one.start, one.end) for one in found.findings] == [("passport", 0, 9)]


def test_what_stands_in_the_context_is_not_reported(engine: ComplianceEngine) -> None:
    assert engine.screen("Thanks.", context=f"card {CARD}, ssn 123-45-6789").kinds == []


def test_redaction_for_a_log_takes_also_what_a_policy_would_ignore(engine: ComplianceEngine) -> None:
    assert engine.redact("10.0.0.1 wrote to john@example.com") == "[IP_ADDRESS] wrote to [EMAIL]"


def test_a_scan_is_stored_without_its_text(tmp_path: Path) -> None:
    store = Store(tmp_path / "data" / "gateway.sqlite3")
    engine = build_compliance(store, StepClock(), CountingIds(), tmp_path / "data")
    engine.remember(engine.screen(f"secret words {CARD} john@example.com"), NOW, "alice", "acme")
    store.close()
    stored = b"".join(path.read_bytes() for path in (tmp_path / "data").iterdir())
    assert b"alice" in stored
    assert not [word for word in (b"secret words", CARD.encode(), b"4111111111111111", b"john@") if word in stored]


def test_the_engine_reports_its_layers(engine: ComplianceEngine) -> None:
    health = engine.health()
    assert (health["status"], health["ml_engine"]) == ("healthy", "healthy")
    assert (health["embedding_service"], health["behavior_analysis"]) == ("healthy", "healthy")


def test_an_engine_whose_rules_find_nothing_is_unhealthy(
    engine: ComplianceEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("smartflow.gateway.compliance.detectors.RULES", ())
    assert engine.health()["status"] == "unhealthy"
