"""The order of a chain's targets, and the circuit breaker: without network, clock or chance of their own."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartflow.gateway.routing.strategies import STRATEGIES, Candidate, ChainTarget, ordered
from smartflow.gateway.routing.traffic import LATENCY_SECONDS, Traffic


def candidate(provider, weight=1.0, priority=0, **known):
    return Candidate(ChainTarget(provider, None, weight, priority), **known)


def names(strategy, *candidates, turn=0, random=lambda: 0.0):
    return [each.target.provider for each in ordered(strategy, candidates, turn=turn, random=random)]


def test_priority_takes_the_smallest_first_and_keeps_the_order_of_equals():
    assert names("priority", candidate("a", priority=1), candidate("b"), candidate("c", priority=1)) == ["b", "a", "c"]


def test_latency_takes_the_fastest_first_and_tries_what_it_does_not_know():
    slow, fast, new = candidate("slow", latency_ms=900.0), candidate("fast", latency_ms=20.0), candidate("new")
    assert names("latency", slow, fast, new) == ["new", "fast", "slow"]


def test_latency_takes_what_fails_last_however_fast_it_failed():
    assert names("latency", candidate("broken", failing=True), candidate("slow", latency_ms=900.0)) == [
        "slow",
        "broken",
    ]


def test_cost_takes_the_cheapest_first_and_what_has_no_price_last():
    dear, free, unknown = candidate("dear", price=12.5), candidate("free", price=0.0), candidate("unknown")
    assert names("cost", unknown, dear, free) == ["free", "dear", "unknown"]


def test_round_robin_takes_each_in_turn():
    three = [candidate(name) for name in "abc"]
    assert ["".join(names("round_robin", *three, turn=turn)) for turn in range(4)] == ["abc", "bca", "cab", "abc"]


def test_least_connections_takes_the_least_busy_first():
    assert names("least_connections", candidate("a", running=3), candidate("b", running=1), candidate("c", running=2)) == [
        "b", "c", "a",
    ]  # fmt: skip


@pytest.mark.parametrize(("strategy", "share"), [("weighted", 0.8), ("random", 0.5)])
def test_chance_follows_the_weights_or_none(strategy, share):
    two, chance = [candidate("a", weight=8), candidate("b", weight=2)], Random(7).random
    drawn = Counter(names(strategy, *two, random=chance)[0] for _ in range(4000))
    assert drawn["a"] / 4000 == pytest.approx(share, abs=0.03)


@given(
    st.sampled_from(STRATEGIES),
    st.lists(st.floats(0.001, 1000), min_size=1, max_size=8),
    st.integers(0, 100),
    st.floats(0, 1, exclude_max=True),
)
def test_every_strategy_tries_each_target_once(strategy, weights, turn, mark):
    found = [candidate(str(index), weight=weight) for index, weight in enumerate(weights)]
    assert sorted(names(strategy, *found, turn=turn, random=lambda: mark)) == sorted(
        each.target.provider for each in found
    )


def test_a_circuit_opens_after_failures_in_a_row_and_one_call_tries_again():
    traffic = Traffic(failures=2, seconds=30)
    traffic.failed("a", 0)
    assert traffic.circuit("a", 0) == "closed"
    traffic.failed("a", 1)
    assert (traffic.circuit("a", 30.9), traffic.admit("a", 30.9)) == ("open", False)
    assert traffic.circuit("a", 31) == "half_open"
    assert traffic.admit("a", 31)
    assert not traffic.admit("a", 31)
    traffic.failed("a", 32)
    assert (traffic.circuit("a", 61.9), traffic.circuit("a", 62)) == ("open", "half_open")
    assert traffic.admit("a", 62)
    traffic.answered("a", 10, 63)
    assert traffic.circuit("a", 63) == "closed"


def test_a_trial_that_never_ends_is_followed_by_another():
    traffic = Traffic(failures=1, seconds=30)
    traffic.failed("a", 0)
    assert traffic.admit("a", 30)
    assert not traffic.admit("a", 59)
    assert traffic.admit("a", 60)


def test_a_success_between_failures_keeps_the_circuit_closed():
    traffic = Traffic(failures=2)
    for moment in range(5):
        traffic.failed("a", moment)
        traffic.answered("a", 5, moment)
    assert traffic.circuit("a", 5) == "closed"


def test_a_provider_that_asked_for_a_pause_gets_it_though_an_earlier_call_is_answered():
    traffic = Traffic()
    traffic.rest("a", 60, 0)
    traffic.answered("a", 5, 1)
    assert not traffic.admit("a", 59)
    assert traffic.admit("a", 60)


def test_a_latency_moves_with_the_traffic_and_is_forgotten_after_a_while():
    traffic = Traffic()
    traffic.answered("a", 100, 0)
    traffic.answered("a", 200, 1)
    assert traffic.latency("a", 1) == pytest.approx(130)
    assert traffic.latency("a", 1 + LATENCY_SECONDS) is None
    traffic.answered("a", 40, 100)
    assert traffic.latency("a", 100) == 40


def test_running_calls_are_counted_however_they_end():
    traffic = Traffic()
    with pytest.raises(RuntimeError), traffic.busy("a"):
        assert traffic.meter("a").running == 1
        raise RuntimeError
    assert traffic.meter("a").running == 0
