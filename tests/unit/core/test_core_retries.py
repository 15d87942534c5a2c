"""Every decision about another try: status, method, Retry-After, time, budget and the number of retries."""

from __future__ import annotations

import math
from datetime import timedelta
from email.utils import format_datetime
from typing import Dict, Optional

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from smartflow._core import retry
from smartflow._core.errors import TransportFailure
from smartflow._core.limits import LimitReached
from smartflow._core.retry import RetryBudget, backoff, is_retryable_status, parse_retry_after
from smartflow.exceptions import BudgetExceededError, RateLimitError, SmartflowError, TimeoutError
from tests.unit.core.driver import START, Driver, FakeReply, get, options, post

RETRIED = [408, 409, 425, 429, 500, 502, 503, 504, 507, 520, 529, 599]
FINAL = [300, 301, 302, 304, 307, 308, 400, 401, 402, 403, 404, 405, 410, 413, 415, 422, 451, 501, 505]


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("status", RETRIED)
def test_a_status_that_may_pass_is_tried_again(status: int, method: str) -> None:
    driver = Driver([FakeReply(status), FakeReply(200)])
    assert driver.run(get() if method == "get" else post()).status == 200
    assert driver.tries == 2


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("status", FINAL)
def test_a_status_that_will_not_change_is_raised_at_once(status: int, method: str) -> None:
    driver = Driver([FakeReply(status, headers={"retry-after": "0"})])
    with pytest.raises(SmartflowError) as caught:
        driver.run(get() if method == "get" else post())
    assert caught.value.status_code == status
    assert driver.tries == 1


@given(st.integers(100, 599))
def test_only_known_classes_of_status_are_tried_again(status: int) -> None:
    assert is_retryable_status(status) == (status in RETRIED or (status >= 500 and status not in (501, 505)))


@pytest.mark.parametrize(
    ("failure", "method", "tries"),
    [
        (TransportFailure("refused", sent=False), "get", 2),
        (TransportFailure("refused", sent=False), "post", 2),
        (TransportFailure("slow", sent=False, phase="connect"), "post", 2),
        (TransportFailure("busy", sent=False, phase="pool"), "post", 2),
        (TransportFailure("reset", sent=True), "get", 2),
        (TransportFailure("reset", sent=True), "post", 1),
        (TransportFailure("silent", sent=True, phase="first_byte"), "get", 2),
        (TransportFailure("silent", sent=True, phase="first_byte"), "post", 1),
        (TransportFailure("late", sent=True, phase="total"), "get", 1),
        (TransportFailure("late", sent=False, phase="total"), "get", 1),
        (LimitReached("total"), "get", 1),
    ],
)
def test_a_call_without_an_answer_is_tried_again_only_where_that_is_safe(
    failure: Exception, method: str, tries: int
) -> None:
    driver = Driver([failure, *([FakeReply(200)] if tries == 2 else [])])
    try:
        driver.run(get() if method == "get" else post())
    except SmartflowError:
        assert tries == 1
    assert driver.tries == tries


def test_a_body_that_breaks_off_is_fetched_again_by_a_get_and_not_by_a_post() -> None:
    broken = FakeReply(200, breaks=TransportFailure("reset", sent=True))
    again = Driver([broken, FakeReply(200)])
    again.run(get())
    once = Driver([broken])
    with pytest.raises(SmartflowError):
        once.run(post())
    assert (again.tries, once.tries) == (2, 1)


@pytest.mark.parametrize("retries", [0, 1, 2, 5])
def test_there_are_never_more_retries_than_allowed(retries: int) -> None:
    driver = Driver([FakeReply(503)] * (retries + 1))
    with pytest.raises(SmartflowError) as caught:
        driver.run(options=options(max_retries=retries))
    assert caught.value.attempts == driver.tries == retries + 1


HEADERS: Dict[str, Dict[str, str]] = {
    "seconds": {"retry-after": "7"},
    "fraction": {"retry-after": "7.0"},
    "milliseconds": {"retry-after-ms": "7000"},
    "date": {"retry-after": format_datetime(START + timedelta(seconds=7), usegmt=True)},
    "both": {"retry-after-ms": "7000", "retry-after": "1"},
}


@pytest.mark.parametrize("form", HEADERS)
@pytest.mark.parametrize("status", [429, 503, 500])
def test_the_wait_that_the_server_asks_for_is_obeyed(status: int, form: str) -> None:
    driver = Driver([FakeReply(status, headers=HEADERS[form]), FakeReply(200)], chance=0.0)
    driver.run()
    assert driver.pauses == [pytest.approx(7.0)]


def test_a_wait_in_the_body_is_obeyed_where_no_header_has_one() -> None:
    driver = Driver([FakeReply(429, b'{"error": {"retry_after": 3}}'), FakeReply(200)], chance=0.0)
    driver.run()
    assert driver.pauses == [3.0]


def test_the_pause_is_never_shorter_than_the_backoff() -> None:
    driver = Driver([FakeReply(429, headers={"retry-after": "0"}), FakeReply(200)], chance=1.0)
    driver.run()
    assert driver.pauses == [0.5]


def test_the_longest_wait_that_is_obeyed_is_two_minutes() -> None:
    driver = Driver([FakeReply(429, headers={"retry-after": "120"}), FakeReply(200)])
    driver.run(options=options(None))
    assert driver.pauses == [120.0]


@pytest.mark.parametrize("asked", ["121", "86400"])
def test_a_wait_that_is_too_long_is_raised_and_not_shortened(asked: str) -> None:
    driver = Driver([FakeReply(429, headers={"retry-after": asked})])
    with pytest.raises(RateLimitError) as caught:
        driver.run(options=options(None))
    assert caught.value.retry_after == float(asked)
    assert driver.tries == 1


@pytest.mark.parametrize(("total", "tries"), [(None, 2), (10.1, 2), (10.0, 1), (9.0, 1), (1.0, 1)])
def test_a_wait_beyond_the_deadline_raises_the_servers_error_at_once(total: Optional[float], tries: int) -> None:
    driver = Driver([FakeReply(429, headers={"retry-after": "8"}), *([FakeReply()] if tries == 2 else [])], seconds=2.0)
    try:
        driver.run(options=options(total))
    except RateLimitError:
        assert driver.pauses == []
    assert driver.tries == tries


def test_the_deadline_holds_over_all_tries() -> None:
    driver = Driver([FakeReply(503)] * 3, seconds=4.0, chance=1.0)
    with pytest.raises(SmartflowError):
        driver.run(options=options(10.0, max_retries=10))
    assert driver.time <= 4.0 * 3 + 0.5 + 1.0
    assert driver.tries == 3


def test_a_spent_budget_of_the_user_is_not_asked_for_again() -> None:
    body = b'{"error": {"code": "insufficient_quota", "message": "no credit"}}'
    driver = Driver([FakeReply(429, body)])
    with pytest.raises(BudgetExceededError):
        driver.run()
    assert driver.tries == 1


@pytest.mark.parametrize(("status", "cost"), [(429, 5.0), (503, 14.0)])
def test_a_retry_takes_tokens_and_its_success_puts_them_back(status: int, cost: float) -> None:
    budget = RetryBudget()
    failing = Driver([FakeReply(status)] * 2, budget=budget)
    with pytest.raises(SmartflowError):
        failing.run(options=options(max_retries=1))
    assert budget.tokens == retry.BUDGET - cost
    Driver([FakeReply(status), FakeReply(200)], budget=budget).run()
    assert budget.tokens == retry.BUDGET - cost


def test_an_empty_budget_allows_no_retry() -> None:
    budget = RetryBudget()
    budget.tokens = 13.0
    driver = Driver([FakeReply(503)], budget=budget)
    with pytest.raises(SmartflowError):
        driver.run()
    assert driver.tries == 1
    assert budget.tokens == 13.0


def test_a_plain_success_refills_the_budget_by_one() -> None:
    budget = RetryBudget()
    budget.tokens = 13.0
    Driver([FakeReply()], budget=budget).run()
    assert budget.tokens == 14.0


@given(st.integers(0, 100_000), st.floats(0, 1))
def test_a_backoff_is_within_its_bounds(attempt: int, chance: float) -> None:
    pause = backoff(attempt, lambda: chance)
    assert 0.0 <= pause <= min(retry.MAX_DELAY, retry.BASE_DELAY * 2 ** min(attempt, 30))


@given(st.integers(0, 1000))
def test_the_longest_backoff_never_shrinks(attempt: int) -> None:
    assert backoff(attempt, lambda: 1.0) <= backoff(attempt + 1, lambda: 1.0)


header_text = st.one_of(
    st.text(max_size=40),
    st.from_regex(r"-?[0-9]{1,400}(\.[0-9]+)?(e[0-9]{1,4})?", fullmatch=True),
    st.from_regex(
        r"[A-Z][a-z]{2}, [0-9]{1,2} [A-Z][a-z]{2} [0-9]{1,5} [0-9]{2}:[0-9]{2}:[0-9]{2} [-+A-Z0-9]{1,9}", fullmatch=True
    ),
    st.datetimes().map(lambda when: format_datetime(when)),
    st.sampled_from(["nan", "inf", "-inf", "infinity", "1e999", "", " ", "Thu, 01 Jan 1970 00:00:00 GMT"]),
)


@given(st.dictionaries(st.sampled_from(["retry-after", "retry-after-ms"]), header_text))
def test_no_retry_after_header_raises(headers: Dict[str, str]) -> None:
    seconds = parse_retry_after(headers, START)
    assert seconds is None or (seconds >= 0 and math.isfinite(seconds))


@pytest.mark.parametrize("text", ["", "soon", "-5", "nan", "inf", "1e999", "12 seconds"])
def test_a_retry_after_that_says_nothing_is_ignored(text: str) -> None:
    assert parse_retry_after({"retry-after": text}, START) is None


def test_a_retry_after_date_in_the_past_means_now() -> None:
    assert parse_retry_after({"retry-after": "Thu, 01 Jan 1970 00:00:00 GMT"}, START) == 0.0


def test_a_gateway_timeout_is_a_timeout_of_the_gateway() -> None:
    with pytest.raises(TimeoutError) as caught:
        Driver([FakeReply(504)]).run(options=options(max_retries=0))
    assert caught.value.phase == "gateway"


class BudgetModel(RuleBasedStateMachine):
    """The bucket against a slow and obvious copy."""

    def __init__(self) -> None:
        super().__init__()
        self.budget = RetryBudget()
        self.tokens = 500
        self.taken = 0.0

    @rule(throttled=st.booleans())
    def take(self, throttled: bool) -> None:
        cost = 5 if throttled else 14
        got = self.budget.take(throttled)
        assert got == (cost if self.tokens >= cost else 0)
        self.tokens -= int(got)
        self.taken += got

    @rule()
    def succeed(self) -> None:
        self.budget.success(self.taken)
        self.tokens = min(500, self.tokens + (int(self.taken) or 1))
        self.taken = 0.0

    @rule()
    def give_up(self) -> None:
        self.taken = 0.0

    @rule(times=st.integers(1, 40))
    def fail_often(self, times: int) -> None:
        for _ in range(times):
            self.take(False)

    @invariant()
    def holds_what_the_model_holds(self) -> None:
        assert self.budget.tokens == self.tokens
        assert 0 <= self.budget.tokens <= 500


TestBudget = BudgetModel.TestCase
TestBudget.settings = settings(max_examples=30, stateful_step_count=25, deadline=None)
