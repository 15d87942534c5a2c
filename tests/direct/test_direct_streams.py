"""Streams of providers: their own events in, the same pieces as from a gateway out, and no end that is none."""

from __future__ import annotations

import json
from typing import Any

import pytest

from smartflow.exceptions import ProviderError, ResponseValidationError, StreamInterruptedError
from tests.support.answers import DONE, chunk, event, finish, html, reply, sse, text_chunk
from tests.support.faces import Connect
from tests.support.hostile import CLOSE, RESET, HostileServer

USAGE = event({"id": "c1", "choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}})


def said(kind: str, **members: Any) -> bytes:
    """One event as Anthropic names it."""
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **members})}\n\n".encode()


START = said(
    "message_start", message={"id": "m", "model": "claude-x", "usage": {"input_tokens": 9, "output_tokens": 1}}
)
TEXT = [
    said("content_block_start", index=0, content_block={"type": "text", "text": ""}),
    said("ping"),
    said("content_block_delta", index=0, delta={"type": "text_delta", "text": "Bon"}),
    said("content_block_delta", index=0, delta={"type": "text_delta", "text": "jour"}),
    said("content_block_stop", index=0),
]
END = [said("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": 4}), said("message_stop")]


def test_openais_pieces_pass_and_are_counted(connect: Connect, server: HostileServer, at: Any) -> None:
    at("groq", path="/v1")
    server.answer(sse(text_chunk("Hel"), text_chunk("lo"), finish(), USAGE, DONE))
    sf = connect()
    stream = sf.chat_completions([{"role": "user", "content": "Hi"}], model="groq/llama", stream=True)
    assert "".join(piece.content for piece in stream) == "Hello"
    assert (stream.usage.total_tokens, stream.response.finish_reason) == (5, "stop")
    assert server.request.json()["stream_options"] == {"include_usage": True}
    assert sf.get_cache_stats().extra["total_tokens"] == 5


def test_claudes_events_become_pieces(connect: Connect, server: HostileServer, at: Any) -> None:
    at("anthropic")
    server.answer(sse(START, *TEXT, *END))
    sf = connect()
    assert list(sf.stream_chat("Hi", model="claude-x")) == ["Bon", "jour"]
    assert server.request.json()["stream"] is True
    assert "stream_options" not in server.request.json()
    assert sf.get_cache_stats().extra["total_tokens"] == 13


def test_a_tool_call_of_claude_comes_in_pieces(connect: Connect, server: HostileServer, at: Any) -> None:
    at("anthropic")
    block = {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {}}
    pieces = [
        said("content_block_delta", index=0, delta={"type": "input_json_delta", "partial_json": part})
        for part in ('{"city":', ' "Rome"}')
    ]
    last = said("message_delta", delta={"stop_reason": "tool_use"}, usage={"output_tokens": 4})
    opened, closed = said("content_block_start", index=0, content_block=block), said("content_block_stop", index=0)
    server.answer(sse(START, opened, *pieces, closed, last, said("message_stop")))
    stream = connect().chat_completions([{"role": "user", "content": "Hi"}], model="claude-x", stream=True)
    answer = stream.get_final_response()
    assert (answer.finish_reason, answer.provider) == ("tool_calls", "anthropic")
    assert answer.tool_calls[0]["function"] == {"name": "weather", "arguments": '{"city": "Rome"}'}


def test_a_cohere_stream_ends_with_its_own_marker(connect: Connect, server: HostileServer, at: Any) -> None:
    at("cohere")
    delta = {"message": {"content": {"text": "Salut"}}}
    server.answer(
        sse(
            event({"type": "message-start", "id": "c"}),
            event({"type": "content-delta", "index": 0, "delta": delta}),
            event({"type": "message-end", "delta": {"finish_reason": "COMPLETE"}}),
        )
    )
    assert list(connect().stream_chat("Hi", model="cohere/command-r")) == ["Salut"]


@pytest.mark.parametrize("broken", [CLOSE, RESET])
def test_a_stream_that_breaks_off_has_its_partial_text(
    broken: Any, connect: Connect, server: HostileServer, at: Any
) -> None:
    at("anthropic")
    server.answer(sse(START, *TEXT, broken))
    with pytest.raises(StreamInterruptedError) as caught:
        list(connect().stream_chat("Hi", model="claude-x"))
    assert caught.value.partial_text == "Bonjour"


def test_a_claude_stream_without_its_marker_is_not_complete(connect: Connect, server: HostileServer, at: Any) -> None:
    at("anthropic")
    server.answer(sse(START, *TEXT, END[0]))
    with pytest.raises(StreamInterruptedError, match="without its end marker"):
        list(connect().stream_chat("Hi", model="claude-x"))


def test_an_error_event_is_raised_with_the_provider_and_the_text_so_far(
    connect: Connect, server: HostileServer, at: Any
) -> None:
    at("anthropic")
    server.answer(sse(START, *TEXT[:3], said("error", error={"type": "overloaded_error", "message": "Overloaded"})))
    with pytest.raises(ProviderError, match="Overloaded") as caught:
        list(connect().stream_chat("Hi", model="claude-x"))
    assert caught.value.provider == "anthropic"
    assert vars(caught.value)["partial_text"] == "Bon"


def test_a_web_page_instead_of_a_stream_is_an_error(connect: Connect, server: HostileServer, at: Any) -> None:
    at("openai", path="/v1")
    server.answer(html(200))
    with pytest.raises(ResponseValidationError, match="text/html"):
        list(connect().stream_chat("Hi"))


def test_a_json_error_with_a_status_of_success_is_an_error(connect: Connect, server: HostileServer, at: Any) -> None:
    at("openrouter", path="/v1")
    server.answer(reply({"error": {"message": "no credits", "code": 402}}))
    with pytest.raises(ProviderError, match="no credits"):
        list(connect().stream_chat("Hi", model="openrouter/x"))


def test_token_counts_that_grow_are_counted_once(connect: Connect, server: HostileServer, at: Any) -> None:
    at("perplexity", path="/v1")
    growing = [
        event({**chunk({"content": word}), "usage": {"prompt_tokens": 3, "completion_tokens": number}})
        for number, word in enumerate("abc", 1)
    ]
    server.answer(sse(*growing, finish(), DONE))
    sf = connect()
    assert list(sf.stream_chat("Hi", model="perplexity/sonar")) == ["a", "b", "c"]
    assert sf.get_cache_stats().extra["total_tokens"] == 6
