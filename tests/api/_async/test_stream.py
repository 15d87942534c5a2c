"""Streamed chat over a real socket: typed pieces, usage at the end, and the answer put together."""

from __future__ import annotations

import json
from typing import Callable

import pytest

from smartflow import AIChunk, ResponseInfo, SmartflowClient

from .looking import row_of
from .test_chat_shapes import WEATHER

pytestmark = pytest.mark.asyncio


async def test_the_pieces_of_stream_chat_join_to_the_text_of_chat(
    sf: SmartflowClient, unique: Callable[[str], str]
) -> None:
    prompt = unique("Tell me a story about a robot")
    pieces = [piece async for piece in sf.stream_chat(prompt)]
    assert len(pieces) > 5
    assert all(pieces)
    assert "".join(pieces) == await sf.chat(prompt)


async def test_stream_chat_sends_each_of_its_arguments(sf: SmartflowClient, unique: Callable[[str], str]) -> None:
    prompt = unique("Hello")
    pieces = [
        piece
        async for piece in sf.stream_chat(
            prompt,
            model="gpt-4o-mini",
            system_prompt="You are terse.",
            temperature=0.1,
            max_tokens=500,
            stop=["No provider key"],
        )
    ]
    text = "".join(pieces)
    assert text.startswith("[offline gpt-4o-mini]")
    assert 'the system prompt "You are terse."' in text
    assert "No provider key" not in text


async def test_a_stream_gives_typed_pieces_and_its_usage_at_the_end(
    sf: SmartflowClient, unique: Callable[[str], str]
) -> None:
    stream = await sf.chat_completions([{"role": "user", "content": unique("Hello")}], stream=True)
    chunks = [chunk async for chunk in stream]
    assert all(isinstance(chunk, AIChunk) for chunk in chunks)
    assert len({chunk.id for chunk in chunks}) == 1
    assert {chunk.model for chunk in chunks} == {"gpt-4o"}
    assert len({chunk.created for chunk in chunks}) == 1
    assert chunks[0].delta["role"] == "assistant"
    assert [chunk.finish_reason for chunk in chunks if chunk.finish_reason] == ["stop"]
    assert [chunk.usage is not None for chunk in chunks] == [False] * (len(chunks) - 1) + [True]
    assert chunks[-1].choices == []
    assert stream.usage == chunks[-1].usage
    assert stream.text == "".join(chunk.content for chunk in chunks)


async def test_a_stream_is_put_together_to_a_whole_answer(sf: SmartflowClient, unique: Callable[[str], str]) -> None:
    prompt = unique("Hello")
    messages = [{"role": "user", "content": prompt}]
    stream = await sf.chat_completions(messages, stream=True)
    async for _ in stream:
        pass
    plain = await sf.chat_completions(messages)
    assert stream.response.content == plain.content
    assert stream.response.finish_reason == "stop"
    assert stream.response.usage == plain.usage
    assert stream.response.model == plain.model
    assert stream.response.id
    assert stream.response.message == plain.message
    assert stream.response.cached is False
    assert plain.cached is True


async def test_the_final_response_needs_no_loop(sf: SmartflowClient, unique: Callable[[str], str]) -> None:
    prompt = unique("Hello")
    async with await sf.chat_completions([{"role": "user", "content": prompt}], stream=True) as stream:
        answer = await stream.get_final_response()
    assert prompt in answer.content
    assert answer.usage.total_tokens > 0


async def test_tool_calls_in_a_stream_are_put_together(sf: SmartflowClient, unique: Callable[[str], str]) -> None:
    stream = await sf.chat_completions(
        [{"role": "user", "content": unique("What is the weather in Oslo?")}],
        tools=[WEATHER],
        tool_choice="required",
        stream=True,
    )
    pieces = [piece async for chunk in stream for piece in chunk.tool_calls]
    assert len(pieces) > 1
    assert pieces[0]["function"]["name"] == "get_weather"
    answer = stream.response
    assert answer.finish_reason == "tool_calls"
    assert answer.content == ""
    (call,) = answer.tool_calls
    assert call["id"] == pieces[0]["id"]
    assert call["type"] == "function"
    assert call["function"]["name"] == "get_weather"
    assert set(json.loads(call["function"]["arguments"])) == {"city", "unit"}


async def test_all_choices_of_a_stream_are_put_together(sf: SmartflowClient, unique: Callable[[str], str]) -> None:
    stream = await sf.chat_completions([{"role": "user", "content": unique("Hello")}], n=2, stream=True)
    answer = await stream.get_final_response()
    assert [choice["index"] for choice in answer.choices] == [0, 1]
    assert "choice 1 of 2" in answer.choices[0]["message"]["content"]
    assert "choice 2 of 2" in answer.choices[1]["message"]["content"]


async def test_a_stream_is_logged_with_its_tokens(sf: SmartflowClient, unique: Callable[[str], str]) -> None:
    stream = await sf.chat_completions([{"role": "user", "content": unique("Hello")}], stream=True)
    answer = await stream.get_final_response()
    assert stream.request_id
    assert stream.headers["content-type"].startswith("text/event-stream")
    row = await row_of(sf, stream.request_id)
    assert row.tokens_used == answer.usage.total_tokens
    assert row.metrics.completion_tokens == answer.usage.completion_tokens
    assert row.metrics.success is True


async def test_a_second_equal_stream_comes_from_the_cache(sf: SmartflowClient, unique: Callable[[str], str]) -> None:
    messages = [{"role": "user", "content": unique("Hello")}]
    first = await sf.chat_completions(messages, stream=True)
    before = await first.get_final_response()
    second = await sf.chat_completions(messages, stream=True)
    after = await second.get_final_response()
    assert second.headers["x-smartflow-cache"] == "hit"
    assert after.cached is True
    assert after.content == before.content
    assert (await row_of(sf, second.request_id)).metacache.hit is True


async def test_leaving_a_stream_early_leaves_the_client_usable(
    sf: SmartflowClient, unique: Callable[[str], str]
) -> None:
    async for piece in sf.stream_chat(unique("Hello")):
        assert piece
        break
    stream = await sf.chat_completions([{"role": "user", "content": unique("Hello")}], stream=True)
    async for chunk in stream:
        assert chunk.id
        break
    await stream.aclose()
    await stream.aclose()
    assert (await sf.health())["status"] == "ok"


async def test_a_stream_tells_on_response_once(sf: SmartflowClient, unique: Callable[[str], str]) -> None:
    seen: list[ResponseInfo] = []
    pieces = [piece async for piece in sf.with_options(on_response=seen.append).stream_chat(unique("Hello"))]
    assert pieces
    assert [info.operation for info in seen] == ["createChatCompletion"]
