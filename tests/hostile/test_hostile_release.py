"""Group A of the defects: a stream releases its connection, however it ends (A11)."""

from __future__ import annotations

import asyncio
import gc
import threading
from typing import Any

import pytest

import smartflow
from smartflow import SmartflowClient, SyncSmartflowClient
from tests.support.answers import DONE, chat, event, finish, reply, sse, text_chunk
from tests.support.faces import Connect, Face
from tests.support.hostile import CLOSE, RESET, SILENCE, Fault, Hold, HostileServer

MESSAGES = [{"role": "user", "content": "hi"}]
ENDLESS = sse(text_chunk("Hel"), SILENCE)


def test_a_finished_stream_leaves_its_connection_to_the_next_call(sf: Face, server: HostileServer) -> None:
    server.answer(sse(text_chunk("Hi"), finish(), DONE), reply(chat()))
    assert list(sf.stream_chat("hi")) == ["Hi"]
    assert sf.chat("again") == "hello"
    assert server.connections == 1


def test_a_stream_without_an_end_marker_leaves_its_connection_to_the_next_call(sf: Face, server: HostileServer) -> None:
    server.answer(sse(text_chunk("Hi"), finish()), reply(chat()))
    assert list(sf.stream_chat("hi")) == ["Hi"]
    assert sf.chat("again") == "hello"
    assert server.connections == 1


def test_a_server_that_is_silent_after_the_end_marker_is_not_waited_for(sf: Face, server: HostileServer) -> None:
    server.answer(sse(text_chunk("Hi"), DONE, SILENCE))
    assert list(sf.stream_chat("hi")) == ["Hi"]
    assert server.wait_open(0)


def test_an_error_answer_leaves_its_connection_to_the_next_call(sf: Face, server: HostileServer) -> None:
    server.answer(reply({"error": {"message": "no"}}, 400), reply(chat()))
    with pytest.raises(smartflow.ValidationError):
        list(sf.stream_chat("hi"))
    assert sf.chat("again") == "hello"
    assert server.connections == 1


def test_closing_a_generator_of_text_releases_the_connection(sf: Face, server: HostileServer) -> None:
    server.answer(ENDLESS)
    pieces = sf.stream_chat("hi")
    assert next(pieces) == "Hel"
    pieces.close()
    assert server.wait_open(0)


def test_leaving_the_with_block_of_a_stream_releases_the_connection(sf: Face, server: HostileServer) -> None:
    server.answer(ENDLESS)
    with sf.chat_completions(MESSAGES, stream=True) as stream:
        assert next(stream).content == "Hel"
    assert server.wait_open(0)


def test_a_stream_that_was_never_read_is_released_by_its_with_block(connect: Connect, server: HostileServer) -> None:
    server.answer(ENDLESS, reply(chat()))
    sf = connect(max_connections=1)
    with sf.chat_completions(MESSAGES, stream=True):
        pass
    assert sf.chat("again") == "hello"


def test_an_in_band_error_releases_the_connection(sf: Face, server: HostileServer) -> None:
    server.answer(sse(event({"error": {"message": "died"}}), SILENCE))
    with pytest.raises(smartflow.ProviderError):
        list(sf.stream_chat("hi"))
    assert server.wait_open(0)


def test_closing_a_stream_twice_does_nothing(sf: Face, server: HostileServer) -> None:
    server.answer(ENDLESS)
    stream = sf.chat_completions(MESSAGES, stream=True)
    stream.aclose() if sf.flavour == "async" else stream.close()
    stream.close()
    assert server.wait_open(0)


def test_breaking_out_of_a_loop_releases_the_connection_of_the_sync_client(server: HostileServer) -> None:
    server.answer(ENDLESS)
    with SyncSmartflowClient(server.url) as sf:
        for _ in sf.stream_chat("hi"):
            break
        gc.collect()
        assert server.wait_open(0)


def test_breaking_out_of_a_loop_releases_the_connection_of_the_async_client(server: HostileServer) -> None:
    server.answer(ENDLESS)

    async def scenario() -> None:
        async with SmartflowClient(server.url) as sf:
            async for _ in sf.stream_chat("hi"):
                break
            gc.collect()
            assert await asyncio.to_thread(server.wait_open, 0)

    asyncio.run(scenario())


def test_an_abandoned_stream_gives_its_place_back(connect: Connect, server: HostileServer) -> None:
    """A stream that nobody reads or closes must not use up the client's connections for ever."""
    server.answer(ENDLESS, reply(chat()))
    sf = connect(max_connections=1, timeout=smartflow.Timeouts(connect=2.0))
    stream = sf.chat_completions(MESSAGES, stream=True)
    del stream
    gc.collect()
    assert sf.chat("again") == "hello"


@pytest.mark.parametrize("method", ["chat", "stream_chat"])
def test_cancelling_a_call_releases_its_connection(server: HostileServer, method: str) -> None:
    server.answer([SILENCE])

    async def scenario() -> None:
        async with SmartflowClient(server.url, max_connections=1) as sf:

            async def consume() -> None:
                if method == "chat":
                    await sf.chat("hi")
                else:
                    async for _ in sf.stream_chat("hi"):
                        pass

            task = asyncio.ensure_future(consume())
            assert await asyncio.to_thread(server.wait_requests, 1)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert await asyncio.to_thread(server.wait_open, 0)
            server.answer(reply(chat()))
            assert await sf.chat("again") == "hello"

    asyncio.run(scenario())


def test_cancelling_in_the_midst_of_a_stream_releases_its_connection(server: HostileServer) -> None:
    server.answer(ENDLESS)

    async def scenario() -> None:
        async with SmartflowClient(server.url) as sf:
            began = asyncio.Event()

            async def consume() -> None:
                async for _ in sf.stream_chat("hi"):
                    began.set()

            task = asyncio.ensure_future(consume())
            await asyncio.wait_for(began.wait(), 5)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert await asyncio.to_thread(server.wait_open, 0)

    asyncio.run(scenario())


def test_waiting_for_a_connection_can_be_cancelled(server: HostileServer) -> None:
    held = threading.Event()
    server.answer([Hold(held), *reply(chat())])

    async def scenario() -> Any:
        async with SmartflowClient(server.url, max_connections=1) as sf:
            first = asyncio.ensure_future(sf.chat("one"))
            assert await asyncio.to_thread(server.wait_requests, 1)
            second = asyncio.ensure_future(sf.chat("two"))
            await asyncio.sleep(0)
            second.cancel()
            with pytest.raises(asyncio.CancelledError):
                await second
            held.set()
            return await first, await sf.chat("three")

    assert asyncio.run(scenario()) == ("hello", "hello")


def test_a_connection_that_the_server_closed_meanwhile_is_replaced(sf: Face, server: HostileServer) -> None:
    server.answer(reply(chat("one")), reply(chat("two")))
    assert sf.chat("hi") == "one"
    server.hang_up()
    assert server.wait_open(0)
    assert sf.chat("hi") == "two"
    assert server.connections == 2


@pytest.mark.parametrize("goodbye", [CLOSE, RESET], ids=["closed", "reset"])
def test_a_kept_connection_that_closes_under_a_request_costs_nothing(
    sf: Face, server: HostileServer, goodbye: Fault
) -> None:
    """Some servers close after an answer without saying so: the next request may already be on its way."""
    server.answer(reply(chat("one")), [goodbye], reply(chat("two")))
    assert sf.chat("hi") == "one"
    assert sf.chat("hi") == "two"
    assert server.connections == 2
    assert len({request.headers["idempotency-key"] for request in server.requests[1:]}) == 1


def test_a_new_connection_that_closes_without_an_answer_is_an_error(sf: Face, server: HostileServer) -> None:
    server.answer(reply(chat("one")), [CLOSE], [CLOSE], reply(chat("two")))
    assert sf.chat("hi") == "one"
    with pytest.raises(smartflow.ConnectionError, match="closed the connection without an answer"):
        sf.chat("hi")
    assert len(server.requests) == 3


def test_a_kept_connection_that_breaks_off_in_its_answer_is_an_error(sf: Face, server: HostileServer) -> None:
    server.answer(reply(chat("one")), [b"HTTP/1.1 2", CLOSE], reply(chat("two")))
    assert sf.chat("hi") == "one"
    with pytest.raises(smartflow.ConnectionError):
        sf.chat("hi")
    assert len(server.requests) == 2


def test_an_answer_that_says_connection_close_ends_the_connection(sf: Face, server: HostileServer) -> None:
    server.answer(reply(chat("one"), headers={"connection": "close"}), reply(chat("two")))
    assert sf.chat("hi") == "one"
    assert sf.chat("hi") == "two"
    assert server.connections == 2
