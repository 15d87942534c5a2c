"""The pipeline: the order of its steps, what it does once per call, and what it never does."""

from __future__ import annotations

from typing import List

import pytest

from smartflow._core.call import Options
from smartflow._core.errors import TransportFailure
from smartflow._core.exchange import Read, Send
from smartflow._core.limits import LimitReached
from smartflow._core.secrets import Secret
from smartflow.exceptions import (
    AuthenticationError,
    ConnectionError,
    NotFoundError,
    ProviderError,
    ResponseValidationError,
    SmartflowError,
    TimeoutError,
    ValidationError,
)
from smartflow.types.options import ResponseInfo, Timeouts
from tests.unit.core.driver import KEY, Driver, FakeReply, get, headers_of, options, post

NOT_SENT = TransportFailure("refused", sent=False)


def test_a_call_is_sent_then_read_then_returned() -> None:
    driver = Driver([FakeReply(200, b"[1]")])
    reply = driver.run()
    assert driver.kinds == ["Send", "Read"]
    assert reply.content == b"[1]"


def test_a_failed_try_is_read_before_the_pause_and_the_next_try() -> None:
    driver = Driver([FakeReply(503), FakeReply(200)])
    driver.run()
    assert driver.kinds == ["Send", "Read", "Sleep", "Send", "Read"]


def test_a_stream_is_returned_unread() -> None:
    driver = Driver([FakeReply(200, b"data: x\n\n")])
    reply = driver.run(post(stream=True))
    assert driver.kinds == ["Send"]
    assert reply.content == b""


def test_after_a_streams_reply_is_handed_out_there_is_no_further_step() -> None:
    driver = Driver([FakeReply(503), FakeReply(200)])
    driver.run(post(stream=True))
    assert driver.kinds == ["Send", "Read", "Sleep", "Send"]


def test_the_error_body_of_a_stream_is_read() -> None:
    driver = Driver([FakeReply(401, b'{"error": {"message": "no such key"}}')])
    with pytest.raises(AuthenticationError, match="no such key"):
        driver.run(post(stream=True))


def test_a_post_has_one_idempotency_key_for_all_its_tries() -> None:
    driver = Driver([FakeReply(503), NOT_SENT, FakeReply(200)])
    driver.run(post())
    assert [headers_of(request)["idempotency-key"] for request in driver.requests] == ["id-1"] * 3


def test_each_post_has_its_own_idempotency_key() -> None:
    driver = Driver([FakeReply(200)])
    driver.run(post())
    driver.outcomes = [FakeReply(200)]
    driver.run(post())
    assert [headers_of(request)["idempotency-key"] for request in driver.requests] == ["id-1", "id-2"]


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"])
def test_a_repeatable_method_needs_no_idempotency_key(method: str) -> None:
    call = get()
    call.method = method
    driver = Driver([FakeReply(200)])
    driver.run(call)
    assert "idempotency-key" not in headers_of(driver.requests[0])
    assert driver.ids == 0


def test_a_caller_may_bring_the_idempotency_key() -> None:
    driver = Driver([FakeReply(503), FakeReply(200)])
    driver.run(post(), options(headers={"idempotency-key": "mine"}))
    assert [headers_of(request)["idempotency-key"] for request in driver.requests] == ["mine", "mine"]


def test_every_try_sends_the_same_request() -> None:
    driver = Driver([FakeReply(503), FakeReply(429), FakeReply(200)])
    driver.run(post())
    assert len({id(request) for request in driver.requests}) == 1


def test_one_limit_watches_over_all_tries() -> None:
    driver = Driver([FakeReply(503), FakeReply(200)])
    driver.run()
    assert len({id(step.limits) for step in driver.steps if isinstance(step, (Send, Read))}) == 1


def test_the_hook_is_told_of_the_answer_once() -> None:
    seen: List[ResponseInfo] = []
    driver = Driver([FakeReply(503), FakeReply(201, headers={"x-smartflow-request-id": "req_1", "x-a": "b"})])
    driver.run(options=options(on_response=seen.append))
    assert seen == [ResponseInfo("getThing", 201, "req_1", {"x-smartflow-request-id": "req_1", "x-a": "b"}, 2)]


def test_the_hook_hears_of_an_error_answer_too() -> None:
    seen: List[ResponseInfo] = []
    with pytest.raises(NotFoundError):
        Driver([FakeReply(404)]).run(options=options(on_response=seen.append))
    assert [info.status_code for info in seen] == [404]


def test_the_hook_hears_nothing_of_a_call_without_an_answer() -> None:
    seen: List[ResponseInfo] = []
    with pytest.raises(ConnectionError):
        Driver([TransportFailure("refused", sent=False)]).run(options=options(on_response=seen.append, max_retries=0))
    assert seen == []


def test_what_the_hook_raises_reaches_the_caller() -> None:
    def fail(_: ResponseInfo) -> None:
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        Driver([FakeReply()]).run(options=options(on_response=fail))


@pytest.mark.parametrize(
    "breaks",
    [
        TransportFailure("reset", sent=True),
        TransportFailure("late", sent=True, phase="idle"),
        LimitReached("total"),
        ResponseValidationError("the gzip body cannot be decoded"),
    ],
    ids=lambda value: type(value).__name__ + str(getattr(value, "phase", "")),
)
def test_an_error_body_that_breaks_off_keeps_the_status(breaks: Exception) -> None:
    with pytest.raises(ProviderError) as caught:
        Driver([FakeReply(502, breaks=breaks)]).run(options=options(max_retries=0))
    assert caught.value.status_code == 502
    assert caught.value.body == ""


def test_a_good_body_that_cannot_be_decoded_is_an_error() -> None:
    with pytest.raises(ResponseValidationError, match="gzip"):
        Driver([FakeReply(200, breaks=ResponseValidationError("the gzip body ends too early"))]).run()


def test_a_request_that_cannot_be_written_is_refused_before_anything_is_sent() -> None:
    driver = Driver([])
    with pytest.raises(ValidationError):
        driver.run(post(body={"a": {1, 2}}))
    assert driver.steps == []


def test_an_error_says_how_often_the_call_was_tried() -> None:
    with pytest.raises(ProviderError) as caught:
        Driver([FakeReply(503)] * 3).run()
    assert caught.value.attempts == 3
    assert caught.value.operation == "getThing"


def test_a_transport_failure_names_the_url_and_keeps_its_cause() -> None:
    failure = TransportFailure("connection refused", sent=False)
    failure.__cause__ = OSError(111, "refused")
    with pytest.raises(
        ConnectionError, match=r"http://gateway:7775/thing cannot be reached: connection refused"
    ) as caught:
        Driver([failure]).run(get(params={"q": "private"}), options(max_retries=0))
    assert caught.value.__cause__ is failure.__cause__
    assert "private" not in str(caught.value)


@pytest.mark.parametrize("phase", ["connect", "first_byte", "idle", "write", "pool", "total"])
def test_a_limit_that_ran_out_is_named(phase: str) -> None:
    with pytest.raises(TimeoutError, match=f"{phase} limit") as caught:
        Driver([TransportFailure("late", sent=True, phase=phase)]).run(options=options(max_retries=0))
    assert caught.value.phase == phase


def test_the_last_error_is_the_one_that_is_raised() -> None:
    with pytest.raises(AuthenticationError):
        Driver([FakeReply(503), FakeReply(401)]).run()


def test_a_plain_number_limits_a_streams_silence_but_not_its_length() -> None:
    driver = Driver([FakeReply()])
    driver.run(post(stream=True), Options(Timeouts.simple(30)))
    assert isinstance(driver.steps[0], Send)
    assert driver.steps[0].limits.timeouts == Timeouts(5.0, 30, 30, None)


def test_explicit_limits_hold_for_a_stream_as_they_are() -> None:
    limits = Timeouts(1, 2, 3, 4)
    driver = Driver([FakeReply()])
    driver.run(post(stream=True), Options(limits))
    assert isinstance(driver.steps[0], Send)
    assert driver.steps[0].limits.timeouts == limits


def test_a_reply_knows_the_secrets_of_its_call() -> None:
    reply = Driver([FakeReply()]).run(get(headers={"x-api-key": "provider-key-1"}))
    assert Secret(KEY) in reply.secrets
    assert Secret("provider-key-1") in reply.secrets


def test_a_key_given_for_one_call_is_not_shown_by_its_errors() -> None:
    body = b'{"error": {"message": "bad key provider-key-1", "code": "provider-key-1"}}'
    with pytest.raises(SmartflowError) as caught:
        Driver([FakeReply(401, body)]).run(get(headers={"X-Api-Key": "provider-key-1"}))
    assert "provider-key-1" not in f"{caught.value!s}{caught.value!r}{vars(caught.value)}"
