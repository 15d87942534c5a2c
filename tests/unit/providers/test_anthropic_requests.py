"""What an OpenAI chat request becomes for Anthropic, and that both ways together lose nothing."""

from __future__ import annotations

from typing import Any

import pytest

from smartflow.exceptions import ValidationError
from smartflow.providers.anthropic import DEFAULT_MAX_TOKENS, to_anthropic

USER = {"role": "user", "content": "Hi"}
TOOL = {"type": "function", "function": {"name": "f", "description": "d", "parameters": {"type": "object"}}}
CALL = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}


def sent(*messages: dict[str, Any], **members: Any) -> dict[str, Any]:
    return to_anthropic({"model": "m", "messages": list(messages) or [USER], **members}, "claude-x")


def test_instructions_become_system() -> None:
    assert sent({"role": "system", "content": "Be brief."}, USER)["system"] == "Be brief."
    both = sent({"role": "system", "content": "A"}, USER, {"role": "developer", "content": "B"})
    assert [block["text"] for block in both["system"]] == ["A", "B"]
    assert both["messages"] == [USER]
    assert "system" not in sent()


def test_a_limit_is_always_sent() -> None:
    assert sent()["max_tokens"] == DEFAULT_MAX_TOKENS == 4096
    assert sent(max_tokens=7)["max_tokens"] == 7
    assert sent(max_tokens=7, max_completion_tokens=9)["max_tokens"] == 9
    assert sent(thinking={"type": "enabled", "budget_tokens": 10_000})["max_tokens"] == 14_096


@pytest.mark.parametrize(("given_", "expected"), [(0, 0), (0.7, 0.7), (1, 1), (1.9, 1.0)])
def test_a_temperature_is_capped(given_: float, expected: float) -> None:
    assert sent(temperature=given_)["temperature"] == expected


def test_thinking_takes_no_temperature() -> None:
    request = sent(temperature=0.7, thinking={"type": "enabled", "budget_tokens": 2000})
    assert "temperature" not in request
    assert request["thinking"] == {"type": "enabled", "budget_tokens": 2000}
    assert sent(temperature=0.7, thinking={"type": "disabled"})["temperature"] == 0.7


def test_stop_becomes_stop_sequences() -> None:
    assert sent(stop="x")["stop_sequences"] == ["x"]
    assert sent(stop=["x", "y"])["stop_sequences"] == ["x", "y"]
    assert "stop" not in sent(stop="x")


def test_members_that_openai_does_not_know_are_kept() -> None:
    request = sent(top_k=5, stream=True, top_p=0.9, user="u", seed=3, stream_options={"include_usage": True})
    assert (request["top_k"], request["top_p"], request["stream"]) == (5, 0.9, True)
    assert request["metadata"] == {"user_id": "u"}
    assert not {"seed", "user", "stream_options"} & set(request)


@pytest.mark.parametrize(
    ("choice", "parallel", "expected"),
    [
        (None, None, None),
        ("auto", None, {"type": "auto"}),
        ("none", None, {"type": "none"}),
        ("none", False, {"type": "none"}),
        ("required", None, {"type": "any"}),
        ("required", False, {"type": "any", "disable_parallel_tool_use": True}),
        (None, False, {"type": "auto", "disable_parallel_tool_use": True}),
        (None, True, None),
        ({"type": "function", "function": {"name": "f"}}, None, {"type": "tool", "name": "f"}),
    ],
)
def test_a_tool_choice_is_translated(choice: Any, parallel: Any, expected: Any) -> None:
    members = {"tool_choice": choice, "parallel_tool_calls": parallel}
    request = sent(tools=[TOOL], **{name: value for name, value in members.items() if value is not None})
    assert request.get("tool_choice") == expected
    assert "parallel_tool_calls" not in request


def test_tools_are_translated_and_those_of_anthropic_pass() -> None:
    own = {"type": "web_search_20250305", "name": "web_search"}
    bare = {"type": "function", "function": {"name": "g"}}
    assert sent(tools=[TOOL, bare, own])["tools"] == [
        {"name": "f", "description": "d", "input_schema": {"type": "object"}},
        {"name": "g", "input_schema": {"type": "object", "properties": {}}},
        own,
    ]


def test_tool_messages_in_a_row_become_one_turn() -> None:
    second = {**CALL, "id": "call_2", "function": {"name": "f", "arguments": ""}}
    turns = sent(
        USER,
        {"role": "assistant", "content": None, "tool_calls": [CALL, second]},
        {"role": "tool", "tool_call_id": "call_1", "content": "one"},
        {"role": "tool", "tool_call_id": "call_2", "content": [{"type": "text", "text": "two"}]},
        {"role": "user", "content": "Go on"},
    )["messages"]
    assert [turn["role"] for turn in turns] == ["user", "assistant", "user", "user"]
    assert turns[1]["content"] == [
        {"type": "tool_use", "id": "call_1", "name": "f", "input": {"a": 1}},
        {"type": "tool_use", "id": "call_2", "name": "f", "input": {}},
    ]
    assert turns[2]["content"] == [
        {"type": "tool_result", "tool_use_id": "call_1", "content": "one"},
        {"type": "tool_result", "tool_use_id": "call_2", "content": [{"type": "text", "text": "two"}]},
    ]


def test_images_and_documents_are_translated() -> None:
    parts = [
        {"type": "text", "text": "Look"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA", "detail": "high"}},
        {"type": "image_url", "image_url": {"url": "https://example.test/a.png"}},
        {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,BBBB"}},
    ]
    assert sent({"role": "user", "content": parts})["messages"][0]["content"] == [
        {"type": "text", "text": "Look"},
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}},
        {"type": "image", "source": {"type": "url", "url": "https://example.test/a.png"}},
        {
            "type": "document",
            "source": {"type": "base64", "media_type": "application/pdf", "data": "BBBB"},
            "title": "a.pdf",
        },
    ]


def test_cache_marks_are_kept() -> None:
    mark = {"type": "ephemeral"}
    request = sent(
        {"role": "system", "content": [{"type": "text", "text": "Long", "cache_control": mark}]},
        {"role": "user", "content": [{"type": "text", "text": "Hi", "cache_control": mark}]},
        tools=[{**TOOL, "cache_control": mark}],
    )
    assert request["system"][0]["cache_control"] == mark
    assert request["messages"][0]["content"][0]["cache_control"] == mark
    assert request["tools"][0]["cache_control"] == mark


def test_thinking_blocks_go_back_first() -> None:
    block = {"type": "thinking", "thinking": "hm", "signature": "s"}
    message = {"role": "assistant", "content": "Yes", "thinking_blocks": [block], "reasoning_content": "hm"}
    assert sent(USER, message, USER)["messages"][1]["content"] == [block, {"type": "text", "text": "Yes"}]


def test_an_empty_assistant_turn_is_left_out() -> None:
    assert [turn["role"] for turn in sent(USER, {"role": "assistant", "content": ""}, USER)["messages"]] == ["user"] * 2


def test_a_wanted_schema_becomes_a_forced_tool() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}}
    request = sent(response_format={"type": "json_schema", "json_schema": {"name": "x", "schema": schema}})
    assert request["tools"][0]["input_schema"] == schema
    assert request["tool_choice"]["name"] == request["tools"][0]["name"]
    assert "response_format" not in request
    assert sent(response_format={"type": "json_object"})["tools"][0]["input_schema"] == {"type": "object"}
    assert "tools" not in sent(response_format={"type": "text"})


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"n": 2}, "n"),
        ({"logprobs": True}, "logprobs"),
        ({"frequency_penalty": 0.5}, "frequency_penalty"),
        ({"reasoning_effort": "high"}, "reasoning_effort"),
        ({"modalities": ["text", "audio"]}, "modalities"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"tools": [TOOL], "tool_choice": "sometimes"}, "tool_choice"),
        ({"tools": [{"type": "function"}]}, "tools"),
        ({"tools": [TOOL], "response_format": {"type": "json_object"}}, "response_format"),
        ({"response_format": {"type": "json_schema"}}, "response_format"),
        ({"messages": "Hi"}, "messages"),
        ({"messages": ["Hi"]}, "messages"),
        ({"messages": [{"role": "user", "content": ""}]}, "messages"),
        ({"messages": [{"role": "robot", "content": "Hi"}]}, "messages"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages"),
        ({"messages": [{"role": "user", "content": [{"type": "input_audio"}]}]}, "messages"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "file:///x"}}]}]},
            "messages",
        ),
        ({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": "data:oops"}]}]}, "messages"),
        (
            {"messages": [{"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": "{"}}]}]},
            "messages",
        ),
        (
            {"messages": [{"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": "[]"}}]}]},
            "messages",
        ),
    ],
)
def test_what_anthropic_cannot_take_is_refused_by_name(members: dict[str, Any], param: str) -> None:
    with pytest.raises(ValidationError) as caught:
        sent(**members) if "messages" not in members else to_anthropic(members, "claude-x")
    assert caught.value.param == param


def test_neutral_values_of_what_anthropic_lacks_pass() -> None:
    request = sent(n=1, logprobs=False, frequency_penalty=0, logit_bias={}, reasoning_effort=None, tool_choice="auto")
    assert set(request) == {"model", "max_tokens", "messages"}
