"""Groups A and B of the defects: each phase of a call has its limit, and ends with an error that names it (A12, B2)."""

from __future__ import annotations

import builtins
import threading
from typing import Any, Callable

import pytest

import smartflow
from smartflow import Timeouts
from tests.support.answers import chat, head, reply, sse, text_chunk
from tests.support.faces import Connect
from tests.support.hostile import SILENCE, Dribble, Hold, HostileServer, Pings, full_backlog

SHORT = 0.15
# Where a good answer must arrive within the short limit, too, on a machine that is busy.
ROOMY = 0.5


def limits(**short: float) -> Timeouts:
    """Limits that are generous but for those under test."""
    return Timeouts(**{"connect": 10.0, "first_byte": 10.0, "idle": 10.0, "total": 10.0, **short})


def late(call: Callable[[], Any], phase: str) -> smartflow.TimeoutError:
    with pytest.raises(smartflow.TimeoutError) as caught:
        call()
    assert isinstance(caught.value, builtins.TimeoutError)
    assert caught.value.phase == phase
    assert phase in str(caught.value)
    return caught.value


def test_a_connection_that_nobody_takes_reaches_the_connect_limit(connect: Connect) -> None:
    with full_backlog() as port:
        sf = connect(f"http://127.0.0.1:{port}", timeout=limits(connect=SHORT))
        late(lambda: sf.chat("hi"), "connect")


def test_a_tls_handshake_without_an_answer_reaches_the_connect_limit(connect: Connect, server: HostileServer) -> None:
    sf = connect(server.url.replace("http:", "https:"), timeout=limits(connect=SHORT))
    late(lambda: sf.chat("hi"), "connect")
    assert server.wait_open(0)


def test_a_silent_server_reaches_the_first_byte_limit(connect: Connect, server: HostileServer) -> None:
    server.answer([SILENCE])
    sf = connect(timeout=limits(first_byte=SHORT))
    late(lambda: sf.chat("hi"), "first_byte")
    assert server.wait_open(0)


def test_a_silent_stream_reaches_the_first_byte_limit(connect: Connect, server: HostileServer) -> None:
    server.answer([SILENCE])
    sf = connect(timeout=limits(first_byte=SHORT))
    late(lambda: list(sf.stream_chat("hi")), "first_byte")


def test_a_body_that_stops_reaches_the_idle_limit(connect: Connect, server: HostileServer) -> None:
    server.answer([head(200, {"content-length": "100"}), b"{", SILENCE])
    sf = connect(timeout=limits(idle=SHORT))
    late(lambda: sf.chat("hi"), "idle")
    assert server.wait_open(0)


def test_a_stream_that_stops_reaches_the_idle_limit_and_keeps_its_text(connect: Connect, server: HostileServer) -> None:
    server.answer(sse(text_chunk("Hel"), SILENCE))
    sf = connect(timeout=limits(idle=SHORT))
    error = late(lambda: list(sf.stream_chat("hi")), "idle")
    assert error.partial_text == "Hel"


@pytest.mark.parametrize("ping", [b": ping\n\n", b"id: 1\n\n", b"\n", b":\r\n\r\n"], ids=repr)
def test_pings_are_no_progress(connect: Connect, server: HostileServer, ping: bytes) -> None:
    """A12: a dead stream that still pings does not live for ever."""
    server.answer(sse(text_chunk("Hel"), Pings(b"%x\r\n%b\r\n" % (len(ping), ping))))
    sf = connect(timeout=limits(idle=SHORT))
    error = late(lambda: list(sf.stream_chat("hi")), "idle")
    assert error.partial_text == "Hel"
    assert server.wait_open(0)


def test_pings_before_the_first_event_reach_the_first_byte_limit(connect: Connect, server: HostileServer) -> None:
    """A12."""
    server.answer(sse(Pings(b"8\r\n: ping\n\n\r\n")))
    sf = connect(timeout=limits(first_byte=SHORT))
    late(lambda: list(sf.stream_chat("hi")), "first_byte")


def test_a_number_as_timeout_limits_the_pause_of_a_stream_but_not_its_length(
    connect: Connect, server: HostileServer
) -> None:
    """A12: the documented simple form."""
    server.answer(sse(text_chunk("Hel"), Pings(b"8\r\n: ping\n\n\r\n")))
    sf = connect(timeout=ROOMY)
    late(lambda: list(sf.stream_chat("hi")), "idle")


def test_headers_that_dribble_reach_the_first_byte_limit(connect: Connect, server: HostileServer) -> None:
    server.answer([Dribble(head(200, {"x-filler": "a" * 2000}))])
    sf = connect(timeout=limits(first_byte=SHORT))
    late(lambda: sf.chat("hi"), "first_byte")


def test_headers_that_dribble_reach_the_total_limit(connect: Connect, server: HostileServer) -> None:
    server.answer([Dribble(head(200, {"x-filler": "a" * 2000}))])
    sf = connect(timeout=limits(total=SHORT))
    late(lambda: sf.chat("hi"), "total")


def test_a_body_that_dribbles_reaches_the_total_limit(connect: Connect, server: HostileServer) -> None:
    server.answer([head(200, {"content-length": "2000"}), Dribble(b" " * 2000)])
    sf = connect(timeout=limits(total=SHORT))
    late(lambda: sf.chat("hi"), "total")
    assert server.wait_open(0)


def test_a_body_that_dribbles_reaches_the_limit_of_a_plain_number(connect: Connect, server: HostileServer) -> None:
    server.answer([head(200, {"content-length": "2000"}), Dribble(b" " * 2000)])
    sf = connect(timeout=SHORT)
    late(lambda: sf.chat("hi"), "total")


def test_a_stream_that_dribbles_reaches_its_total_limit(connect: Connect, server: HostileServer) -> None:
    server.answer(sse(text_chunk("Hel"), Dribble(b"%x\r\n" % 5000 + b"data: {" + b" " * 2000)))
    sf = connect(timeout=limits(total=SHORT))
    error = late(lambda: list(sf.stream_chat("hi")), "total")
    assert error.partial_text == "Hel"


def test_a_server_that_reads_nothing_reaches_the_write_limit(connect: Connect, server: HostileServer) -> None:
    server.deaf = True
    sf = connect(timeout=limits(idle=SHORT))
    late(lambda: sf.chat("x" * 24_000_000), "write")


def test_a_full_pool_reaches_its_limit(connect: Connect, server: HostileServer) -> None:
    server.answer(sse(text_chunk("Hel"), SILENCE))
    sf = connect(timeout=limits(connect=ROOMY), max_connections=1)
    stream = sf.stream_chat("hi")
    assert next(stream) == "Hel"
    late(lambda: sf.chat("hi"), "pool")
    stream.close()


def test_the_total_limit_holds_over_all_tries(connect: Connect, server: HostileServer) -> None:
    server.answer([SILENCE])
    sf = connect(timeout=limits(total=SHORT), max_retries=5)
    late(sf.list_models, "total")
    assert len(server.requests) == 1


def test_a_read_that_timed_out_is_tried_again_within_the_total_limit(connect: Connect, server: HostileServer) -> None:
    server.answer([SILENCE], reply({"data": [{"id": "m"}]}))
    sf = connect(timeout=limits(first_byte=ROOMY), max_retries=1)
    assert sf.list_models() == [{"id": "m"}]


def test_a_write_that_timed_out_is_not_tried_again(connect: Connect, server: HostileServer) -> None:
    server.answer([SILENCE], reply(chat()))
    sf = connect(timeout=limits(first_byte=SHORT), max_retries=2)
    late(lambda: sf.chat("hi"), "first_byte")
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [408, 504])
def test_a_timeout_that_the_gateway_reports_is_one(connect: Connect, server: HostileServer, status: int) -> None:
    server.answer(reply({"error": {"message": "gateway: provider took too long"}}, status))
    error = late(lambda: connect().chat("hi"), "gateway")
    assert error.status_code == status


def test_a_shorter_timeout_of_a_derived_client_applies(connect: Connect, server: HostileServer) -> None:
    server.answer([SILENCE])
    sf = connect(timeout=60).with_options(timeout=SHORT)
    with pytest.raises(smartflow.TimeoutError):
        sf.chat("hi")


@pytest.mark.parametrize("script", ["silent", "stopping", "dribbling"])
def test_a_client_of_the_users_is_limited_too(
    connect: Connect, server: HostileServer, own_httpx: Callable[..., Any], script: str
) -> None:
    scripts: Any = {
        "silent": [SILENCE],
        "stopping": [head(200, {"content-length": "100"}), b"{", SILENCE],
        "dribbling": [head(200, {"content-length": "2000"}), Dribble(b" " * 2000)],
    }
    server.answer(scripts[script])
    sf = connect(http_client=own_httpx(), timeout=SHORT)
    with pytest.raises(smartflow.TimeoutError):
        sf.chat("hi")


def test_nothing_is_limited_with_none(connect: Connect, server: HostileServer) -> None:
    held = threading.Event()
    held.set()
    server.answer([Hold(held), *reply(chat())])
    assert connect(timeout=None).chat("hi") == "hello"
