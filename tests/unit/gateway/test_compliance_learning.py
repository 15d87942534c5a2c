"""What feedback teaches, and how baselines of users and organizations grow."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from smartflow.gateway.clock import CountingIds, SystemClock
from smartflow.gateway.compliance.detectors import RULES
from smartflow.gateway.compliance.engine import ComplianceEngine, build_compliance
from smartflow.gateway.compliance.fingerprint import KEY_NAME, Fingerprints, load_key
from smartflow.gateway.compliance.semantics import builtin_categories
from smartflow.gateway.errors import GatewayError
from smartflow.gateway.store import Store

START = datetime(2026, 2, 1, 12, 0, tzinfo=UTC)


@pytest.fixture
def engine() -> Iterator[ComplianceEngine]:
    store = Store(None)
    yield build_compliance(store, SystemClock(), CountingIds(), None)
    store.close()


def scan(
    engine: ComplianceEngine, text: str, *, day: int = 0, user: str | None = None, org: str | None = None
) -> dict[str, object]:
    return engine.remember(engine.screen(text, org_id=org), START + timedelta(days=day), user, org)


def judge(engine: ComplianceEngine, scan_id: object, *, false_positive: bool) -> dict[str, object]:
    return engine.learning.feedback(str(scan_id), false_positive, "admin", START)


def test_a_false_positive_is_not_found_again(engine: ComplianceEngine) -> None:
    first = scan(engine, "Call me at 555-0100")
    assert judge(engine, first["scan_id"], false_positive=True) == {
        "status": "accepted",
        "scan_id": first["scan_id"],
        "updated_patterns": 1,
    }
    assert scan(engine, "Call me at 555-0100")["has_violations"] is False


def test_a_false_positive_is_known_in_another_spelling(engine: ComplianceEngine) -> None:
    judge(engine, scan(engine, "call 555-867-5309")["scan_id"], false_positive=True)
    assert engine.screen("call +1 (555) 867 5309").kinds == []


def test_another_value_of_the_kind_is_still_found(engine: ComplianceEngine) -> None:
    judge(engine, scan(engine, "Call me at 555-0100")["scan_id"], false_positive=True)
    assert engine.screen("Call me at 555-0199").kinds == ["phone"]


def test_a_false_positive_also_counts_for_scans_by_rules(engine: ComplianceEngine) -> None:
    judge(engine, scan(engine, "Call me at 555-0100")["scan_id"], false_positive=True)
    assert engine.screen("Call me at 555-0100", "gdpr").scan_content()["redacted_content"] == "Call me at 555-0100"


def test_one_organization_does_not_learn_from_another(engine: ComplianceEngine) -> None:
    judge(engine, scan(engine, "Call me at 555-0100", org="a")["scan_id"], false_positive=True)
    assert engine.screen("Call me at 555-0100", org_id="a").kinds == []
    assert engine.screen("Call me at 555-0100", org_id="b").kinds == ["phone"]
    assert engine.screen("Call me at 555-0100").kinds == ["phone"]


def test_a_log_is_redacted_whatever_feedback_says(engine: ComplianceEngine) -> None:
    judge(engine, scan(engine, "Call me at 555-0100")["scan_id"], false_positive=True)
    assert engine.redact("Call me at 555-0100") == "Call me at [PHONE]"


def test_a_confirmed_find_becomes_surer(engine: ComplianceEngine) -> None:
    first = scan(engine, "123 45 6789")
    before = engine.screen("123 45 6789").findings[0].confidence
    judge(engine, first["scan_id"], false_positive=False)
    assert engine.screen("123 45 6789").findings[0].confidence == pytest.approx(1 - (1 - before) / 2)


def test_the_same_feedback_twice_changes_nothing(engine: ComplianceEngine) -> None:
    first = scan(engine, "123 45 6789")
    judge(engine, first["scan_id"], false_positive=False)
    once = engine.screen("123 45 6789").findings[0].confidence
    assert judge(engine, first["scan_id"], false_positive=False)["updated_patterns"] == 0
    assert engine.screen("123 45 6789").findings[0].confidence == once


def test_a_later_verdict_replaces_the_earlier_one(engine: ComplianceEngine) -> None:
    first = scan(engine, "Call me at 555-0100")
    judge(engine, first["scan_id"], false_positive=True)
    assert judge(engine, first["scan_id"], false_positive=False)["updated_patterns"] == 1
    assert engine.screen("Call me at 555-0100").kinds == ["phone"]


def test_feedback_on_a_scan_without_finds_updates_no_pattern(engine: ComplianceEngine) -> None:
    assert judge(engine, scan(engine, "Hello")["scan_id"], false_positive=True)["updated_patterns"] == 0


def test_feedback_on_an_unknown_scan_is_not_found(engine: ComplianceEngine) -> None:
    with pytest.raises(GatewayError) as caught:
        judge(engine, "scan_none", false_positive=True)
    assert caught.value.status == 404


def test_pattern_statistics_count_rules_and_learned_values(engine: ComplianceEngine) -> None:
    judge(engine, scan(engine, "123 45 6789 a@example.com")["scan_id"], false_positive=False)
    stats = engine.learning.pattern_stats()
    builtin = len(RULES) + len(builtin_categories())
    assert (stats["builtin_patterns"], stats["learned_patterns"]) == (builtin, 2)
    assert stats["total_patterns"] == sum(stats["patterns_by_category"].values()) == builtin + 2
    assert stats["patterns_by_category"]["email"] == 2
    assert 0.5 < stats["average_confidence"] < 1


def test_progress_is_the_lesser_of_days_and_samples(engine: ComplianceEngine) -> None:
    for day in range(7):
        scan(engine, "Hello", day=day, user="alice", org="acme")
    status = engine.learning.user_status("alice")
    assert (status["days_tracked"], status["total_requests"], status["progress_percent"]) == (7, 7, 35.0)
    assert (status["org_id"], status["learning_complete"], status["learning_period_days"]) == ("acme", False, 14)


def test_many_scans_on_one_day_are_one_day(engine: ComplianceEngine) -> None:
    for _ in range(40):
        scan(engine, "Hello", user="alice")
    status = engine.learning.user_status("alice")
    assert (status["days_tracked"], status["learning_complete"], status["progress_percent"]) == (1, False, 7.14)


def test_learning_is_complete_with_enough_days_and_samples(engine: ComplianceEngine) -> None:
    for number in range(20):
        scan(engine, "Hello", day=number % 14, user="alice")
    status = engine.learning.user_status("alice")
    assert (status["learning_complete"], status["progress_percent"]) == (True, 100.0)


def test_the_organization_of_a_user_is_the_last_one_named(engine: ComplianceEngine) -> None:
    scan(engine, "Hello", day=0, user="alice", org="old")
    scan(engine, "Hello", day=1, user="alice", org="new")
    scan(engine, "Hello", day=2, user="alice")
    assert engine.learning.user_status("alice")["org_id"] == "new"


def test_a_user_or_organization_never_seen_is_not_found(engine: ComplianceEngine) -> None:
    for ask in (engine.learning.user_status, engine.learning.org_baseline):
        with pytest.raises(GatewayError) as caught:
            ask("nobody")
        assert caught.value.status == 404


def test_the_summary_of_an_empty_gateway_is_zeros(engine: ComplianceEngine) -> None:
    summary = engine.learning.summary()
    assert (summary["total_users"], summary["users_in_learning"], summary["average_progress_percent"]) == (0, 0, 0)
    assert (summary["config_learning_days"], summary["config_min_samples"]) == (14, 20)
    assert set(engine.learning.org_summary().values()) == {0}


def test_the_summary_counts_complete_and_learning_users(engine: ComplianceEngine) -> None:
    for number in range(20):
        scan(engine, "Hello", day=number % 14, user="alice")
    scan(engine, "Hello", user="bob")
    scan(engine, "Hello")
    summary = engine.learning.summary()
    assert (summary["total_users"], summary["users_learning_complete"], summary["users_in_learning"]) == (2, 1, 1)
    assert summary["average_progress_percent"] == pytest.approx((100 + 5) / 2)


def test_an_organization_baseline_sums_its_scans(engine: ComplianceEngine) -> None:
    scan(engine, "a@example.com b@example.com", user="alice", org="acme")
    scan(engine, "a@example.com 555-867-5309", user="alice", org="acme")
    scan(engine, "Hello", user="bob", org="acme", day=1)
    scan(engine, "123-45-6789", user="eve", org="other")
    assert engine.learning.org_baseline("acme") == {
        "org_id": "acme",
        "user_count": 2,
        "total_requests": 3,
        "avg_requests_per_user_day": 1.5,
        "violation_rate": 0.6667,
        "top_violation_types": ["email", "phone"],
        "learning_complete": False,
    }


def test_the_organization_summary_is_the_mean_over_organizations(engine: ComplianceEngine) -> None:
    scan(engine, "a@example.com", user="alice", org="acme")
    scan(engine, "Hello", user="alice", org="other")
    scan(engine, "Hello", user="nobody")
    assert engine.learning.org_summary() == {
        "total_orgs": 2,
        "orgs_learning_complete": 0,
        "total_users": 1,
        "total_requests": 2,
        "average_violation_rate": 0.5,
    }


def test_in_memory_nothing_is_called_persistent(engine: ComplianceEngine) -> None:
    scan(engine, "Hello", user="alice", org="acme")
    assert engine.learning.persistence() == {
        "enabled": False,
        "user_profiles_stored": 1,
        "org_baselines_stored": 1,
        "learned_patterns_stored": 0,
        "profile_ttl_days": 90,
    }


def test_what_was_learned_outlives_the_process(tmp_path: Path) -> None:
    path = tmp_path / "data" / "gateway.sqlite3"
    store = Store(path)
    engine = build_compliance(store, SystemClock(), CountingIds(), path.parent)
    judge(engine, scan(engine, "Call me at 555-0100", user="alice")["scan_id"], false_positive=True)
    store.close()
    store = Store(path)
    again = build_compliance(store, SystemClock(), CountingIds(), path.parent)
    assert again.screen("Call me at 555-0100").kinds == []
    assert again.learning.persistence()["enabled"] is True
    assert again.learning.persistence()["learned_patterns_stored"] == 1
    store.close()


def test_saving_forgets_profiles_after_their_time(engine: ComplianceEngine) -> None:
    scan(engine, "Hello", day=0, user="old")
    scan(engine, "Hello", day=0, user="active")
    scan(engine, "Hello", day=0)
    scan(engine, "Hello", day=50, user="active", org="acme")
    saved = engine.learning.save(START + timedelta(days=91))
    assert saved == {
        "status": "saved",
        "user_profiles": 1,
        "org_baselines": 1,
        "learned_patterns": 0,
        "timestamp": "2026-05-03T12:00:00.000Z",
    }
    assert engine.learning.user_status("active")["total_requests"] == 2


def test_old_profiles_are_forgotten_without_being_told(engine: ComplianceEngine) -> None:
    scan(engine, "Hello", day=0, user="old")
    scan(engine, "Hello", day=91, user="new")
    assert engine.learning.summary()["total_users"] == 1


def test_what_feedback_taught_stays_when_its_scan_is_forgotten(engine: ComplianceEngine) -> None:
    judge(engine, scan(engine, "Call me at 555-0100", user="old")["scan_id"], false_positive=True)
    engine.learning.save(START + timedelta(days=91))
    assert engine.screen("Call me at 555-0100").kinds == []


def test_the_key_is_made_private_and_read_again(tmp_path: Path) -> None:
    key = load_key(tmp_path)
    assert load_key(tmp_path) == key
    assert stat.S_IMODE((tmp_path / KEY_NAME).stat().st_mode) == 0o600


def test_a_damaged_key_is_refused_with_its_name(tmp_path: Path) -> None:
    (tmp_path / KEY_NAME).write_bytes(b"short")
    with pytest.raises(ValueError, match=KEY_NAME):
        load_key(tmp_path)


def test_fingerprints_depend_on_key_organization_kind_and_value() -> None:
    prints = Fingerprints(b"k" * 32)
    others = {
        Fingerprints(b"j" * 32).of("a", "ssn", "123-45-6789"),
        prints.of("b", "ssn", "123-45-6789"),
        prints.of("a", "phone", "123-45-6789"),
        prints.of("a", "ssn", "123-45-6788"),
    }
    assert prints.of("a", "ssn", "123-45-6789") not in others
    assert len(others) == 4


@pytest.mark.parametrize(
    ("kind", "one", "other"),
    [
        ("ssn", "123-45-6789", "123 45 6789"),
        ("phone", "+1 (555) 867-5309", "555.867.5309"),
        ("phone", "0044 20 7946 0958", "+44 20 7946 0958"),
        ("email", "John@Example.com", "john@example.com"),
        ("credit_card", "４１１１ 1111 1111 1111", "4111-1111-1111-1111"),
    ],
)
def test_spellings_of_one_value_have_one_fingerprint(kind: str, one: str, other: str) -> None:
    prints = Fingerprints(b"k" * 32)
    assert prints.of(None, kind, one) == prints.of(None, kind, other)


def test_the_case_of_a_secret_matters() -> None:
    prints = Fingerprints(b"k" * 32)
    assert prints.of(None, "api_key", "AKIAabc") != prints.of(None, "api_key", "akiaABC")
