"""The limits of a running call, by a clock that only the test moves."""

from __future__ import annotations

from typing import List, Optional, Tuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartflow._core.limits import LimitReached, Limits
from smartflow.exceptions import ConfigError
from smartflow.types.options import Timeouts, as_timeouts


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def limits(
    connect: Optional[float] = None,
    first_byte: Optional[float] = None,
    idle: Optional[float] = None,
    total: Optional[float] = None,
) -> Tuple[Limits, Clock]:
    clock = Clock()
    return Limits(Timeouts(connect, first_byte, idle, total), clock), clock


def test_each_wait_has_its_own_limit() -> None:
    watch, _ = limits(1, 2, 3, 100)
    assert (watch.connect(), watch.write(), watch.read()) == ((1, "connect"), (3, "write"), (2, "first_byte"))
    watch.progress()
    assert watch.read() == (3, "idle")


def test_without_limits_a_wait_is_endless() -> None:
    watch, clock = limits()
    clock.now += 1e9
    assert (watch.connect()[0], watch.write()[0], watch.read()[0], watch.remaining) == (None, None, None, None)


def test_a_shorter_total_takes_the_place_of_every_other_limit() -> None:
    watch, clock = limits(5, 5, 5, 6)
    clock.now += 2
    assert watch.connect() == watch.write() == (4, "total")
    watch.attempt()
    assert watch.read() == (4, "total")
    assert watch.remaining == 4


@pytest.mark.parametrize("wait", ["connect", "write", "read"])
def test_a_spent_total_is_named(wait: str) -> None:
    watch, clock = limits(total=1)
    clock.now += 1
    with pytest.raises(LimitReached) as caught:
        getattr(watch, wait)()
    assert caught.value.phase == "total"


def test_silence_counts_from_the_last_progress_and_not_from_the_last_read() -> None:
    watch, clock = limits(idle=10)
    watch.progress()
    for _ in range(3):
        # Pings: bytes are read, but nobody calls progress().
        clock.now += 3
        watch.read()
    assert watch.read() == (1, "idle")
    clock.now += 1
    with pytest.raises(LimitReached, match="idle"):
        watch.read()


def test_progress_starts_the_silence_anew() -> None:
    watch, clock = limits(idle=10)
    watch.progress()
    clock.now += 9
    watch.progress()
    assert watch.read() == (10, "idle")


def test_pings_before_the_first_byte_do_not_stretch_its_limit() -> None:
    watch, clock = limits(first_byte=10, idle=100)
    clock.now += 10
    with pytest.raises(LimitReached, match="first_byte"):
        watch.read()


def test_the_first_byte_is_awaited_from_the_last_sent_piece() -> None:
    watch, clock = limits(first_byte=10)
    clock.now += 30
    watch.sent()
    assert watch.read() == (10, "first_byte")


def test_sending_is_no_progress_of_the_answer() -> None:
    watch, clock = limits(idle=10)
    watch.progress()
    clock.now += 4
    watch.sent()
    assert watch.read() == (6, "idle")


def test_a_new_try_waits_for_its_own_first_byte_within_the_same_total() -> None:
    watch, clock = limits(first_byte=10, idle=1, total=100)
    watch.progress()
    clock.now += 50
    watch.attempt()
    assert watch.read() == (10, "first_byte")
    assert watch.remaining == 50


def test_the_total_only_shrinks() -> None:
    watch, _ = limits(total=10)
    watch.finish_within(2)
    assert watch.remaining == 2
    watch.finish_within(5)
    assert watch.remaining == 2


def test_a_call_without_a_total_can_be_given_an_end() -> None:
    watch, _ = limits()
    watch.finish_within(2)
    assert watch.remaining == 2


seconds = st.none() | st.floats(0.1, 100)


@given(
    seconds,
    seconds,
    seconds,
    seconds,
    st.lists(st.tuples(st.sampled_from(["attempt", "progress", "sent", "pass"]), st.floats(0, 50)), max_size=10),
)
def test_no_wait_goes_beyond_the_total(
    connect: Optional[float],
    first: Optional[float],
    idle: Optional[float],
    total: Optional[float],
    events: List[Tuple[str, float]],
) -> None:
    watch, clock = limits(connect, first, idle, total)
    for event, passed in events:
        clock.now += passed
        if event != "pass":
            getattr(watch, event)()
    for wait in (watch.connect, watch.write, watch.read):
        try:
            allowed, _ = wait()
        except LimitReached:
            continue
        assert allowed is None or allowed > 0
        if total is not None:
            assert allowed is not None
            assert clock.now + allowed <= 100.0 + total + 1e-6


@pytest.mark.parametrize("value", [0, -1, float("nan"), float("inf"), True, "30"])
@pytest.mark.parametrize("name", ["connect", "first_byte", "idle", "total"])
def test_a_limit_that_is_no_time_is_refused_by_name(name: str, value: object) -> None:
    with pytest.raises(ConfigError, match=f"timeout.{name}"):
        Timeouts(**{name: value})  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="timeout"):
        as_timeouts(value)  # type: ignore[arg-type]


def test_a_number_stands_for_all_limits() -> None:
    assert as_timeouts(30) == Timeouts.simple(30)
    assert (as_timeouts(2).connect, as_timeouts(30).connect, as_timeouts(30).total) == (2, 5.0, 30)
    assert as_timeouts(None) == Timeouts(None, None, None, None)
    explicit = Timeouts(total=3)
    assert as_timeouts(explicit) is explicit
