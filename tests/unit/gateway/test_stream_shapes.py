"""Chunks and events add up to the answer that they tell, and an answer is told again in full."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from smartflow.gateway.inference import chunks, messages
from smartflow.gateway.inference.kinds import answer_text, prompt_text, usage_tokens
from smartflow.gateway.offline import anthropic, chat

TOOL: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": "f",
        "parameters": {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]},
    },
}
REQUESTS: list[dict[str, Any]] = [
    {"model": "gpt-4o", "messages": [{"role": "user", "content": "h\u00e9llo \U0001f600"}]},
    {"model": "gpt-4o", "messages": [{"role": "user", "content": "x"}], "n": 3},
    {"model": "gpt-4o", "messages": [{"role": "user", "content": "x"}], "tools": [TOOL], "tool_choice": "required"},
    {"model": "gpt-4o", "messages": [{"role": "user", "content": "x"}], "max_tokens": 3},
]


def assemble(items):
    assembly = chunks.Assembly()
    for item in items:
        assembly.add(item)
    return assembly.answer()


@pytest.mark.parametrize("request_body", REQUESTS)
def test_the_chunks_of_a_stream_add_up_to_the_plain_answer(request_body):
    streamed = {**request_body, "stream_options": {"include_usage": True}}
    told = chat.stream(streamed, reply_id="r", created=1)
    assert assemble(told) == chat.complete(request_body, reply_id="r", created=1)


@pytest.mark.parametrize("request_body", REQUESTS)
def test_a_replayed_answer_adds_up_to_itself(request_body):
    answer = chat.complete(request_body, reply_id="r", created=1)
    assert assemble(chunks.replay(answer, {"cached": True}, include_usage=True)) == answer


def test_a_stream_that_broke_adds_up_to_what_was_said():
    told = list(chat.stream(REQUESTS[0], reply_id="r", created=1))
    partial = assemble(told[:3])
    assert partial["choices"][0]["finish_reason"] is None
    assert partial["choices"][0]["message"]["content"]


MESSAGE_REQUESTS: list[dict[str, Any]] = [
    {"model": "claude-sonnet-4-6", "max_tokens": 99, "messages": [{"role": "user", "content": "hi"}]},
    {"model": "claude-sonnet-4-6", "max_tokens": 99, "messages": [{"role": "user", "content": "hi"}], "thinking": {"type": "enabled", "budget_tokens": 1024}},
    {"model": "claude-sonnet-4-6", "max_tokens": 99, "messages": [{"role": "user", "content": "hi"}],
     "tools": [{"name": "f", "input_schema": TOOL["function"]["parameters"]}], "tool_choice": {"type": "any"}},
]  # fmt: skip


@pytest.mark.parametrize("request_body", MESSAGE_REQUESTS)
def test_the_events_of_a_stream_add_up_to_the_message(request_body):
    assembly = messages.EventAssembly()
    for _, event in anthropic.events(request_body, reply_id="msg_1"):
        assembly.add(event)
    assert assembly.answer() == anthropic.message(request_body, reply_id="msg_1")


@pytest.mark.parametrize("request_body", MESSAGE_REQUESTS)
def test_a_replayed_message_adds_up_to_itself(request_body):
    message = anthropic.message(request_body, reply_id="msg_1")
    assembly = messages.EventAssembly()
    for event in messages.replay(message):
        assembly.add(event)
    assert assembly.answer() == message


@pytest.mark.parametrize("request_body", [REQUESTS[0], REQUESTS[2], REQUESTS[3]])
def test_chunks_told_as_events_add_up_to_the_translated_answer(request_body):
    async def told():
        for item in chat.stream({**request_body, "stream_options": {"include_usage": True}}, reply_id="r", created=1):
            yield item

    async def collect():
        assembly = messages.EventAssembly()
        async for event in messages.events_from_chunks(told()):
            assembly.add(event)
        return assembly.answer()

    assert asyncio.run(collect()) == messages.from_chat(chat.complete(request_body, reply_id="r", created=1))


def test_the_words_of_a_request_are_found_in_all_its_shapes():
    assert (
        prompt_text(
            {
                "messages": [
                    {
                        "role": "user",
                        "content": [{"type": "text", "text": "a"}, {"type": "image_url", "image_url": {"url": "no"}}],
                    }
                ]
            }
        )
        == "a"
    )
    assert (
        prompt_text(
            {"system": "s", "messages": [{"role": "user", "content": [{"type": "tool_result", "content": "r"}]}]}
        )
        == "s\nr"
    )
    assert prompt_text({"input": ["a", "b"]}) == "a\nb"
    assert prompt_text({"input": [[1, 2]]}) == ""
    assert prompt_text({"query": "q", "documents": ["d"]}) == "q\nd"


def test_the_words_and_tokens_of_an_answer_are_found_in_both_shapes():
    assert answer_text({"choices": [{"message": {"content": "a"}}]}) == "a"
    assert answer_text({"content": [{"type": "text", "text": "a"}]}) == "a"
    assert usage_tokens({"usage": {"input_tokens": 1, "output_tokens": 2}}) == (1, 2)
    assert usage_tokens({"usage": {"prompt_tokens": 3, "total_tokens": 3}}) == (3, 0)
    assert usage_tokens({"usage": None}) is None
