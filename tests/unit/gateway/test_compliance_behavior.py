"""Weeks of scans with a clock in the test's hand: what becomes usual, and what then is unusual."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from smartflow.gateway.clock import CountingIds
from smartflow.gateway.compliance.engine import ComplianceEngine, build_compliance
from smartflow.gateway.store import Store

START = datetime(2026, 2, 1, 9, 0, tzinfo=UTC)
PLAIN = "Please summarize the notes of the weekly meeting about the new warehouse."


class Office:
    """One gateway's scanner and the days that pass in it."""

    def __init__(self, engine: ComplianceEngine) -> None:
        self.engine = engine
        self.now = START

    def scan(self, text: str = PLAIN, user: str | None = "alice", org: str | None = None) -> dict[str, Any]:
        seen = self.engine.inspect(text, now=self.now, user_id=user, org_id=org)
        return self.engine.remember(seen, self.now, user, org)

    def days(
        self, number: int, scans: int = 2, text: str = PLAIN, user: str | None = "alice", org: str | None = None
    ) -> None:
        for _ in range(number):
            for _ in range(scans):
                self.scan(text, user, org)
            self.now += timedelta(days=1)


@pytest.fixture
def office() -> Iterator[Office]:
    class Clock:
        def now(self) -> datetime:
            return START

        def monotonic(self) -> float:
            return 0.0

    store = Store(None)
    yield Office(build_compliance(store, Clock(), CountingIds(), None))
    store.close()


def metrics(answer: dict[str, Any]) -> list[str]:
    return [one["metric"] for one in answer["behavior_deviations"]]


MANY = "a@example.com b@example.com c@example.com 212-555-0188"


def test_nothing_is_unusual_while_a_user_is_learned(office: Office) -> None:
    office.days(13)
    assert metrics(office.scan(MANY)) == []


def test_after_the_learning_period_a_scan_with_many_finds_is_unusual(office: Office) -> None:
    office.days(14)
    answer = office.scan(MANY)
    (found,) = answer["behavior_deviations"]
    assert found == {"metric": "violations_per_request", "expected": 0.0, "observed": 4.0, "z_score": 16.0}
    assert "Unusually high: violations_per_request (z 16.0)" in answer["explanation"]


def test_the_z_score_is_the_distance_in_standard_deviations_of_the_baseline(office: Office) -> None:
    for day in range(20):
        office.scan("a@example.com" if day % 2 else "a@example.com b@example.com c@example.com")
        office.now += timedelta(days=1)
    (found,) = office.scan(" ".join(f"u{n}@example.com" for n in range(8)))["behavior_deviations"]
    # ten scans with 1 and ten with 3 finds: mean 2, sample standard deviation sqrt(20 / 19)
    assert (found["expected"], found["observed"]) == (2.0, 8.0)
    assert found["z_score"] == pytest.approx(6 / (20 / 19) ** 0.5, abs=0.01)


def test_what_a_user_always_does_is_not_unusual(office: Office) -> None:
    office.days(20, text=MANY)
    assert metrics(office.scan(MANY)) == []


def test_a_burst_of_requests_is_unusual(office: Office) -> None:
    office.days(15)
    answers = [office.scan() for _ in range(12)]
    assert metrics(answers[1]) == []
    assert metrics(answers[-1]) == ["requests_per_day"]
    assert answers[-1]["behavior_deviations"][0]["observed"] == 12


def test_a_text_of_unusual_length_is_unusual(office: Office) -> None:
    office.days(15)
    assert metrics(office.scan(PLAIN * 40)) == ["characters_per_request"]


def test_less_than_usual_is_no_deviation(office: Office) -> None:
    office.days(20, scans=6, text=MANY)
    assert metrics(office.scan("Hi")) == []


def test_a_new_member_is_compared_with_the_organization(office: Office) -> None:
    office.days(15, user="alice", org="acme")
    assert metrics(office.scan(MANY, user="newcomer", org="acme")) == ["org_violations_per_request"]


def test_users_are_compared_with_themselves_only(office: Office) -> None:
    office.days(15, user="alice")
    office.days(15, user="bob", text=MANY)
    assert metrics(office.scan(MANY, user="bob")) == []
    assert metrics(office.scan(MANY, user="alice"))[0] == "violations_per_request"


def test_a_habit_that_changes_becomes_usual_after_some_weeks(office: Office) -> None:
    office.days(20)
    assert metrics(office.scan(MANY)) == ["violations_per_request"]
    office.days(60, text=MANY)
    assert metrics(office.scan(MANY)) == []


def test_what_is_older_than_ninety_days_is_no_longer_usual(office: Office) -> None:
    office.days(20, text=MANY)
    office.now += timedelta(days=80)
    office.days(16)
    assert metrics(office.scan(MANY)) == ["violations_per_request"]


def test_unusual_behaviour_raises_the_risk_but_never_blocks_alone(office: Office) -> None:
    office.days(15)
    office.now += timedelta(hours=1)
    for _ in range(40):
        answer = office.scan(PLAIN * 60)
    assert len(answer["behavior_deviations"]) == 2
    assert (answer["risk_score"], answer["recommended_action"]) == (0.4, "AllowAndLog")
    assert answer["has_violations"] is False


def test_a_find_weighs_more_when_it_is_unusual(office: Office) -> None:
    office.days(15, user="alice")
    usual = office.engine.inspect("a@example.com 212-555-0188", now=office.now)
    unusual = office.engine.inspect("a@example.com 212-555-0188", now=office.now, user_id="alice")
    assert unusual.risk_score > usual.risk_score


def test_without_a_user_and_an_organization_nothing_is_compared_or_counted(office: Office) -> None:
    office.days(20, user=None)
    assert metrics(office.scan(MANY, user=None)) == []
    assert office.engine.learning.summary()["total_users"] == 0


def test_looking_changes_no_baseline(office: Office) -> None:
    office.days(15)
    for _ in range(50):
        office.engine.inspect(MANY, now=office.now, user_id="alice")
    assert metrics(office.scan()) == []
    assert office.engine.learning.user_status("alice")["total_requests"] == 31
