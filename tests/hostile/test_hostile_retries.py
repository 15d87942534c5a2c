"""Group B of the defects: what is tried again, how often, and when (B3, B4). The server counts."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from typing import Any, Callable, List

import pytest

import smartflow
from tests.support.answers import DONE, EMPTY_LIST, chat, head, reply, sse, text_chunk
from tests.support.faces import Connect, Face
from tests.support.hostile import CLOSE, RESET, HostileServer, Part, refusing_port

GOOD = reply(chat())


def failing(status: int, **headers: str) -> List[Part]:
    return reply({"error": {"message": "later"}}, status, {name.replace("_", "-"): v for name, v in headers.items()})


def in_the_past() -> str:
    return format_datetime(datetime.now(timezone.utc) - timedelta(hours=1), usegmt=True)


def test_by_default_two_retries_are_made(connect: Connect, server: HostileServer) -> None:
    """B3."""
    server.answer(failing(503))
    with pytest.raises(smartflow.ProviderError) as caught:
        connect(max_retries=2).chat("hi")
    assert len(server.requests) == 3
    assert caught.value.attempts == 3
    assert "3 attempts" in str(caught.value)


def test_without_retries_there_is_one_try(sf: Face, server: HostileServer) -> None:
    server.answer(failing(503))
    with pytest.raises(smartflow.ProviderError):
        sf.chat("hi")
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [408, 409, 425, 429, 500, 502, 503, 504, 529])
@pytest.mark.parametrize("method", ["chat", "list_models"])
def test_a_passing_failure_is_tried_again(connect: Connect, server: HostileServer, status: int, method: str) -> None:
    """B3: a POST too, for it carries an idempotency key."""
    good = GOOD if method == "chat" else EMPTY_LIST
    server.answer(failing(status), good)
    sf = connect(max_retries=2)
    assert sf.chat("hi") == "hello" if method == "chat" else sf.list_models() == []
    assert len(server.requests) == 2


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 405, 413, 418, 422, 501])
def test_a_lasting_failure_is_not_tried_again(connect: Connect, server: HostileServer, status: int) -> None:
    server.answer(failing(status))
    with pytest.raises(smartflow.SmartflowError):
        connect(max_retries=2).chat("hi")
    assert len(server.requests) == 1


def test_a_budget_that_is_used_up_is_not_tried_again(connect: Connect, server: HostileServer) -> None:
    server.answer(reply({"error": {"message": "spent", "code": "insufficient_quota"}}, 429))
    with pytest.raises(smartflow.BudgetExceededError):
        connect(max_retries=2).chat("hi")
    assert len(server.requests) == 1


BREAKS: List[List[Part]] = [
    [RESET],
    [CLOSE],
    [head(200)[:9], RESET],
    [head(200, {"content-length": "100"}), b"{", CLOSE],
]


@pytest.mark.parametrize("fault", BREAKS, ids=["reset", "closed", "mid-headers", "mid-body"])
def test_a_read_that_broke_off_is_tried_again(connect: Connect, server: HostileServer, fault: List[Part]) -> None:
    server.answer(fault, EMPTY_LIST)
    assert connect(max_retries=2).list_models() == []
    assert len(server.requests) == 2


@pytest.mark.parametrize("fault", BREAKS, ids=["reset", "closed", "mid-headers", "mid-body"])
def test_a_write_with_an_unknown_outcome_is_not_tried_again(
    connect: Connect, server: HostileServer, fault: List[Part]
) -> None:
    server.answer(fault, GOOD)
    with pytest.raises(smartflow.ConnectionError):
        connect(max_retries=2).chat("hi")
    assert len(server.requests) == 1


@pytest.mark.parametrize("method", ["chat", "list_models"])
def test_a_refused_connection_is_tried_again(connect: Connect, method: str) -> None:
    with refusing_port() as port, pytest.raises(smartflow.ConnectionError) as caught:
        sf = connect(f"http://127.0.0.1:{port}", max_retries=2)
        sf.chat("hi") if method == "chat" else sf.list_models()
    assert caught.value.attempts == 3


def test_the_idempotency_key_is_the_same_for_every_try_and_new_for_every_call(
    connect: Connect, server: HostileServer
) -> None:
    server.answer(failing(503), failing(503), GOOD, GOOD)
    sf = connect(max_retries=2)
    sf.chat("one")
    sf.chat("two")
    keys = [request.headers["idempotency-key"] for request in server.requests]
    assert len(keys) == 4
    assert keys[0] == keys[1] == keys[2] != keys[3]


def test_a_read_has_no_idempotency_key(sf: Face, server: HostileServer) -> None:
    server.answer(EMPTY_LIST)
    sf.list_models()
    assert "idempotency-key" not in server.request.headers


def test_a_stream_is_tried_again_before_its_first_byte(connect: Connect, server: HostileServer) -> None:
    server.answer(failing(503), sse(text_chunk("Hi"), DONE))
    assert list(connect(max_retries=2).stream_chat("hi")) == ["Hi"]


def test_a_stream_is_not_tried_again_after_its_first_byte(connect: Connect, server: HostileServer) -> None:
    server.answer(sse(text_chunk("Hi"), RESET), sse(text_chunk("Hi"), DONE))
    with pytest.raises(smartflow.StreamInterruptedError):
        list(connect(max_retries=2).stream_chat("hi"))
    assert len(server.requests) == 1


@pytest.mark.parametrize("method", ["health", "readiness"])
def test_a_probe_is_tried_once(connect: Connect, server: HostileServer, method: str) -> None:
    server.answer(failing(500))
    with pytest.raises(smartflow.SmartflowError):
        getattr(connect(max_retries=2), method)()
    assert len(server.requests) == 1


def test_the_whole_body_is_sent_again(connect: Connect, server: HostileServer) -> None:
    server.answer(failing(503), GOOD)
    connect(max_retries=1).chat("the same words")
    first, second = server.requests
    assert first.body == second.body
    assert first.headers == second.headers


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry_after": "7"}, 7.0),
        ({"retry_after": "0.5"}, 0.5),
        ({"retry_after_ms": "1500"}, 1.5),
        ({"retry_after_ms": "250", "retry_after": "9"}, 0.25),
        ({"retry_after": in_the_past()}, 0.0),
        ({"retry_after": "soon"}, None),
        ({"retry_after": ""}, None),
        ({"retry_after": "-5"}, None),
        ({"retry_after": "nan"}, None),
        ({"retry_after": "inf"}, None),
        ({"retry_after": "1e999"}, None),
        ({"retry_after": "Fri, 99 Foo 2026 00:00:00 GMT"}, None),
        ({"retry_after_ms": "x", "retry_after": "3"}, 3.0),
        ({}, None),
    ],
)
def test_retry_after_is_read_in_every_form(sf: Face, server: HostileServer, headers: Any, seconds: Any) -> None:
    """B4."""
    server.answer(failing(429, **headers))
    with pytest.raises(smartflow.RateLimitError) as caught:
        sf.chat("hi")
    assert caught.value.retry_after == seconds


def test_retry_after_as_a_date_in_the_future_is_seconds_from_now(sf: Face, server: HostileServer) -> None:
    """B4."""
    when = format_datetime(datetime.now(timezone.utc) + timedelta(hours=1), usegmt=True)
    server.answer(failing(429, retry_after=when))
    with pytest.raises(smartflow.RateLimitError) as caught:
        sf.chat("hi")
    assert caught.value.retry_after == pytest.approx(3600, abs=60)


def test_retry_after_in_the_body_is_read(sf: Face, server: HostileServer) -> None:
    server.answer(reply({"error": {"message": "slow", "retry_after": 4}}, 429))
    with pytest.raises(smartflow.RateLimitError) as caught:
        sf.chat("hi")
    assert caught.value.retry_after == 4.0


@pytest.mark.parametrize("form", [{"retry_after": "0"}, {"retry_after_ms": "1"}, {"retry_after": in_the_past()}])
def test_a_short_wait_that_the_server_asks_for_is_obeyed(connect: Connect, server: HostileServer, form: Any) -> None:
    """B4."""
    server.answer(failing(429, **form), GOOD)
    assert connect(max_retries=2).chat("hi") == "hello"


@pytest.mark.parametrize("seconds", ["30", "121", "86400", "1e18"])
def test_a_wait_that_is_too_long_is_raised_not_shortened(connect: Connect, server: HostileServer, seconds: str) -> None:
    """B4: with `timeout=5` no wait of 30 seconds fits into the call."""
    server.answer(failing(429, retry_after=seconds), GOOD)
    with pytest.raises(smartflow.RateLimitError) as caught:
        connect(max_retries=2).chat("hi")
    assert caught.value.retry_after == float(seconds)
    assert len(server.requests) == 1


def test_retries_of_a_failing_gateway_dry_up(connect: Connect, server: HostileServer) -> None:
    """The client does not multiply the load of a gateway that fails for all."""
    server.answer(failing(503))
    sf = connect(max_retries=10)
    for _ in range(8):
        with pytest.raises(smartflow.ProviderError):
            sf.chat("hi")
    assert len(server.requests) < 8 * 11 / 1.5


def test_retries_also_happen_through_a_client_of_the_users(
    connect: Connect, server: HostileServer, own_httpx: Callable[..., Any]
) -> None:
    server.answer(failing(503), GOOD)
    assert connect(http_client=own_httpx(), max_retries=1).chat("hi") == "hello"
