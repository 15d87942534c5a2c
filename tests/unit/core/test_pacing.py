"""Calls start by their limits: checked for any order of arrivals, and against what really was used."""

from __future__ import annotations

from typing import List, Optional, Tuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartflow import BudgetExceededError
from smartflow._core.pacing import Allowance, Pace
from smartflow._io.governor import Governor

ARRIVALS = st.lists(st.tuples(st.floats(0, 40), st.integers(0, 50)), min_size=1, max_size=60)


def starts(rpm: Optional[int], tpm: Optional[int], arrivals: List[Tuple[float, int]]) -> List[Tuple[float, int]]:
    pace, now, found = Pace(rpm, tpm), 0.0, []
    for pause, tokens in arrivals:
        now += pause
        place = pace.reserve(now, tokens)
        assert place.at >= now
        found.append((place.at, tokens))
    return found


@given(st.integers(1, 8), ARRIVALS)
def test_in_no_minute_more_calls_start_than_allowed(rpm: int, arrivals: List[Tuple[float, int]]) -> None:
    times = [at for at, _ in starts(rpm, None, arrivals)]
    assert times == sorted(times)
    assert all(sum(at <= other < at + 60 for other in times) <= rpm for at in times)


@given(st.integers(50, 120), ARRIVALS)
def test_in_no_minute_more_tokens_are_used_than_allowed(tpm: int, arrivals: List[Tuple[float, int]]) -> None:
    found = starts(None, tpm, arrivals)
    assert all(sum(tokens for other, tokens in found if at <= other < at + 60) <= tpm for at, _ in found)


def test_a_call_waits_no_longer_than_it_must() -> None:
    assert [at for at, _ in starts(2, None, [(0, 0), (10, 0), (10, 0), (0, 0)])] == [0, 10, 60, 70]
    assert [at for at, _ in starts(None, 100, [(0, 60), (10, 40), (10, 60), (0, 40)])] == [0, 10, 60, 70]


def test_a_call_that_alone_is_too_large_goes_when_the_minute_is_empty() -> None:
    assert [at for at, _ in starts(None, 100, [(0, 10), (5, 500), (5, 10)])] == [0, 60, 120]


def test_what_a_call_has_used_counts_instead_of_what_was_kept_for_it() -> None:
    pace = Pace(None, 100)
    first = pace.reserve(0, 90)
    pace.settle(first, 20)
    second = pace.reserve(1, 80)
    assert second.at == 1
    pace.settle(second, 200)
    assert pace.reserve(2, 1).at == 61


def test_a_call_of_an_earlier_minute_that_ends_late_holds_up_nobody() -> None:
    pace = Pace(None, 100)
    first = pace.reserve(0, 50)
    pace.reserve(70, 50)
    pace.settle(first, 1000)
    assert pace.reserve(71, 50).at == 71


def test_a_budget_lets_calls_go_until_it_is_used_up() -> None:
    allowance = Allowance(10.0)
    for _ in range(3):
        allowance.take()
    for _ in range(3):
        allowance.give(2.0)
    # Six are spent; two more of the average of two make ten.
    allowance.take()
    allowance.take()
    with pytest.raises(BudgetExceededError, match=r"the budget of the batch, 0\.1 US dollars, is used up"):
        allowance.take()
    allowance.give(0.0)
    allowance.take()


def test_what_earlier_runs_have_spent_counts() -> None:
    with pytest.raises(BudgetExceededError):
        Allowance(5.0, spent=5.0).take()


def test_an_item_is_taken_to_need_what_the_average_did() -> None:
    governor = Governor(None, 100, None, clock=lambda: 0.0)
    governor.settle(governor.admit(0), 60, 0.0)
    assert governor.admit(0).seconds == 60
