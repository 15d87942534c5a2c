"""What Anthropic answers, whole and streamed, in OpenAI's shape."""

from __future__ import annotations

import json
from typing import Any

import pytest

from smartflow.exceptions import ResponseValidationError
from smartflow.providers.anthropic import to_anthropic
from smartflow.providers.anthropic_reply import ANSWER_TOOL
from smartflow.providers.dialect import dialect_for
from tests.unit.providers.events import chunks, whole, wire

DIALECT = dialect_for("anthropic")
BODY = {"model": "claude-x", "messages": [{"role": "user", "content": "Hi"}]}
JSON_BODY = {**BODY, "response_format": {"type": "json_object"}}
THOUGHT: dict[str, Any] = {"type": "thinking", "thinking": "Let me see.", "signature": "sig"}
USE: dict[str, Any] = {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"city": "Köln"}}


def answer(*content: dict[str, Any], **members: Any) -> dict[str, Any]:
    usage = {"input_tokens": 10, "output_tokens": 5}
    head = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-x-1"}
    return {
        **head,
        "content": list(content),
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": usage,
        **members,
    }


def test_a_text_answer_is_a_chat_completion() -> None:
    content = ({"type": "text", "text": "Good "}, {"type": "text", "text": "day"})
    assert DIALECT.read_chat(answer(*content), BODY, created=1700000000) == {
        "id": "msg_1",
        "object": "chat.completion",
        "created": 1700000000,
        "model": "claude-x-1",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "Good day"}, "finish_reason": "stop"}],
        "usage": {
            "prompt_tokens": 10,
            "completion_tokens": 5,
            "total_tokens": 15,
            "cached_tokens": 0,
            "prompt_tokens_details": {"cached_tokens": 0, "cache_creation_tokens": 0},
        },
        "provider": "anthropic",
    }


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("end_turn", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("tool_use", "tool_calls"),
        ("stop_sequence", "stop"),
        ("refusal", "content_filter"),
        ("a_word_of_next_year", "a_word_of_next_year"),
    ],
)
def test_a_stop_reason_is_mapped(reason: str, expected: str) -> None:
    found = DIALECT.read_chat(answer({"type": "text", "text": "x"}, stop_reason=reason), BODY)
    assert found["choices"][0]["finish_reason"] == expected


def test_a_stop_sequence_is_told() -> None:
    found = DIALECT.read_chat(
        answer({"type": "text", "text": "x"}, stop_reason="stop_sequence", stop_sequence="END"), BODY
    )
    assert found["choices"][0]["stop_sequence"] == "END"


def test_tool_calls_and_thinking_are_kept() -> None:
    found = DIALECT.read_chat(answer(THOUGHT, USE, stop_reason="tool_use"), BODY)["choices"][0]
    assert found["finish_reason"] == "tool_calls"
    assert found["message"]["content"] is None
    assert found["message"]["thinking_blocks"] == [THOUGHT]
    assert found["message"]["reasoning_content"] == "Let me see."
    (call,) = found["message"]["tool_calls"]
    assert (call["id"], call["type"], call["function"]["name"]) == ("toolu_1", "function", "weather")
    assert json.loads(call["function"]["arguments"]) == {"city": "Köln"}


def test_an_answer_can_be_sent_back_as_it_came() -> None:
    content: list[dict[str, Any]] = [THOUGHT, {"type": "text", "text": "I look it up."}, USE]
    message = DIALECT.read_chat(answer(*content, stop_reason="tool_use"), BODY)["choices"][0]["message"]
    request = to_anthropic({"messages": [*BODY["messages"], message]}, "claude-x")
    assert request["messages"][-1] == {"role": "assistant", "content": content}


def test_blocks_that_openai_does_not_know_are_kept_aside() -> None:
    block = {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"query": "x"}}
    message = DIALECT.read_chat(answer(block, {"type": "text", "text": "x"}), BODY)["choices"][0]["message"]
    assert message["provider_blocks"] == [block]


def test_cached_tokens_are_counted_among_those_of_the_prompt() -> None:
    usage = {"input_tokens": 10, "cache_read_input_tokens": 100, "cache_creation_input_tokens": 30, "output_tokens": 5}
    found = DIALECT.read_chat(answer({"type": "text", "text": "x"}, usage=usage), BODY)["usage"]
    assert (found["prompt_tokens"], found["total_tokens"], found["cached_tokens"]) == (140, 145, 100)
    assert found["prompt_tokens_details"] == {"cached_tokens": 100, "cache_creation_tokens": 30}


def test_a_wanted_json_answer_is_the_content() -> None:
    use = {"type": "tool_use", "id": "t", "name": ANSWER_TOOL, "input": {"a": [1, "ü"]}}
    choice = DIALECT.read_chat(answer(use, stop_reason="tool_use"), JSON_BODY)["choices"][0]
    assert json.loads(choice["message"]["content"]) == {"a": [1, "ü"]}
    assert choice["finish_reason"] == "stop"
    assert "tool_calls" not in choice["message"]


@pytest.mark.parametrize("wrong", [None, [], "text", {}, {"content": "text"}])
def test_an_answer_in_another_shape_is_refused(wrong: Any) -> None:
    with pytest.raises(ResponseValidationError, match="Anthropic") as caught:
        DIALECT.read_chat(wrong, BODY)
    assert caught.value.provider == "anthropic"


def stream_of(*blocks: tuple[dict[str, Any], list[dict[str, Any]]], reason: str = "end_turn") -> bytes:
    events: list[dict[str, Any]] = [
        {"type": "message_start", "message": answer(usage={"input_tokens": 12, "cache_read_input_tokens": 3})},
        {"type": "ping"},
    ]
    for index, (block, deltas) in enumerate(blocks):
        events.append({"type": "content_block_start", "index": index, "content_block": block})
        events += [{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas]
        events.append({"type": "content_block_stop", "index": index})
    events.append({"type": "message_delta", "delta": {"stop_reason": reason}, "usage": {"output_tokens": 9}})
    return wire(*events, {"type": "message_stop"})


def text_block(*pieces: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    return {"type": "text", "text": ""}, [{"type": "text_delta", "text": piece} for piece in pieces]


def use_block(identity: str, *pieces: str, name: str = "weather") -> tuple[dict[str, Any], list[dict[str, Any]]]:
    block = {"type": "tool_use", "id": identity, "name": name, "input": {}}
    return block, [{"type": "input_json_delta", "partial_json": piece} for piece in ("", *pieces)]


def test_a_streamed_text_comes_in_pieces() -> None:
    reader = DIALECT.stream(BODY, created=7)
    found = chunks(reader, stream_of(text_block("Good ", "day")))
    assert [chunk["choices"][0]["delta"].get("content") for chunk in found] == ["", "Good ", "day", None]
    assert {(chunk["id"], chunk["model"], chunk["created"], chunk["object"]) for chunk in found} == {
        ("msg_1", "claude-x-1", 7, "chat.completion.chunk")
    }
    assert reader.finished
    assert whole(found)["choices"][0]["finish_reason"] == "stop"


def test_streamed_usage_comes_last_when_it_is_asked_for() -> None:
    reader = DIALECT.stream({**BODY, "stream_options": {"include_usage": True}})
    last = chunks(reader, stream_of(text_block("x")))[-1]
    assert last["choices"] == []
    assert (last["usage"]["prompt_tokens"], last["usage"]["completion_tokens"]) == (15, 9)
    assert last["usage"]["prompt_tokens_details"]["cached_tokens"] == 3


def test_streamed_tool_calls_are_put_together() -> None:
    blocks = (text_block("Wait."), use_block("t1", '{"ci', 'ty": "Bonn"}'), use_block("t2", name="now"))
    choice = whole(chunks(DIALECT.stream(BODY), stream_of(*blocks, reason="tool_use")))["choices"][0]
    assert choice["finish_reason"] == "tool_calls"
    assert choice["message"]["content"] == "Wait."
    calls = [
        (call["id"], call["function"]["name"], call["function"]["arguments"])
        for call in choice["message"]["tool_calls"]
    ]
    assert calls == [("t1", "weather", '{"city": "Bonn"}'), ("t2", "now", "{}")]


def test_streamed_thinking_is_kept_with_its_signature() -> None:
    deltas = [
        {"type": "thinking_delta", "thinking": "Let "},
        {"type": "thinking_delta", "thinking": "me see."},
        {"type": "signature_delta", "signature": "sig"},
    ]
    thinking = ({"type": "thinking", "thinking": "", "signature": ""}, deltas)
    redacted: tuple[dict[str, Any], list[dict[str, Any]]] = ({"type": "redacted_thinking", "data": "xyz"}, [])
    message = whole(chunks(DIALECT.stream(BODY), stream_of(thinking, redacted, text_block("Yes"))))["choices"][0][
        "message"
    ]
    assert message["thinking_blocks"] == [THOUGHT, {"type": "redacted_thinking", "data": "xyz"}]
    assert message["reasoning_content"] == "Let me see."
    assert message["content"] == "Yes"


def test_a_streamed_json_answer_is_the_content() -> None:
    found = chunks(
        DIALECT.stream(JSON_BODY), stream_of(use_block("t", '{"a"', ": 1}", name=ANSWER_TOOL), reason="tool_use")
    )
    choice = whole(found)["choices"][0]
    assert choice["message"]["content"] == '{"a": 1}'
    assert choice["finish_reason"] == "stop"


def test_streamed_blocks_of_other_kinds_are_kept_aside() -> None:
    block = {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}}
    pieces = [
        {"type": "input_json_delta", "partial_json": '{"query": '},
        {"type": "input_json_delta", "partial_json": '"x"}'},
    ]
    message = whole(chunks(DIALECT.stream(BODY), stream_of((block, pieces), text_block("x"))))["choices"][0]["message"]
    assert message["provider_blocks"] == [{**block, "input": {"query": "x"}}]


def test_a_cut_stream_is_not_finished() -> None:
    reader = DIALECT.stream(BODY)
    content = stream_of(text_block("Good ", "day"))
    chunks(reader, content[: content.index(b"event: message_stop")])
    assert not reader.finished


def test_an_error_in_a_stream_is_told_in_the_public_shape() -> None:
    event = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    reader = DIALECT.stream(BODY)
    assert chunks(reader, wire(event)) == [
        {
            "error": {
                "message": "Overloaded",
                "type": "overloaded_error",
                "code": "overloaded_error",
                "provider": "anthropic",
            }
        }
    ]
    assert not reader.finished


def test_an_event_that_is_no_json_is_refused() -> None:
    with pytest.raises(ResponseValidationError, match="Anthropic"):
        DIALECT.stream(BODY).read("message_start", b"<html>")
