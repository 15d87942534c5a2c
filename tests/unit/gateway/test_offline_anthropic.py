"""What the offline answers must be in the Anthropic wire shape."""

from __future__ import annotations

import json
from typing import Any

import pytest

from smartflow.gateway.offline import anthropic
from smartflow.gateway.offline.errors import OfflineError

TOOL = {
    "name": "get_weather",
    "description": "Get the current weather",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}


def request(**more: Any) -> dict[str, Any]:
    return {
        "model": "claude-sonnet-4-6",
        "max_tokens": 1024,
        "messages": [{"role": "user", "content": "hello"}],
        **more,
    }


def ask(**more: Any) -> dict[str, Any]:
    return anthropic.message(request(**more), reply_id="msg_1")


def events(**more: Any) -> list[tuple[str, dict[str, Any]]]:
    return list(anthropic.events(request(**more), reply_id="msg_1"))


def rebuilt(found: list[tuple[str, dict[str, Any]]]) -> dict[str, Any]:
    """The message that a client puts together from the events."""
    message: dict[str, Any] = {}
    for name, event in found:
        assert event["type"] == name
        if name == "message_start":
            message = event["message"]
        elif name == "content_block_start":
            assert event["index"] == len(message["content"])
            message["content"].append(
                {**event["content_block"], **({"input": ""} if "input" in event["content_block"] else {})}
            )
        elif name == "content_block_delta":
            block, delta = message["content"][event["index"]], event["delta"]
            key = {"input_json_delta": "input"}.get(delta["type"], delta["type"].removesuffix("_delta"))
            block[key] += delta.get("partial_json", delta.get(key, ""))
        elif name == "message_delta":
            message |= event["delta"]
            message["usage"] |= event["usage"]
    for block in message["content"]:
        if "input" in block:
            block["input"] = json.loads(block["input"])
    return message


def test_a_message_is_labelled_and_echoes_prompt_and_system() -> None:
    answer = ask(system=[{"type": "text", "text": "Be brief."}])
    assert answer["content"][0]["text"].startswith("[offline claude-sonnet-4-6] ")
    assert "hello" in answer["content"][0]["text"]
    assert "Be brief." in answer["content"][0]["text"]
    assert (answer["id"], answer["type"], answer["role"], answer["stop_reason"]) == (
        "msg_1",
        "message",
        "assistant",
        "end_turn",
    )
    assert answer["usage"]["input_tokens"] > 0


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"tools": [TOOL], "tool_choice": {"type": "any"}},
        {
            "thinking": {"type": "enabled", "budget_tokens": 1024},
            "tools": [TOOL],
            "tool_choice": {"type": "tool", "name": "get_weather"},
        },
        {"max_tokens": 4},
        {"stop_sequences": ["wrote"]},
    ],
)
def test_the_events_put_together_are_the_whole_message(more: dict[str, Any]) -> None:
    found = events(**more)
    assert (found[0][0], found[-1][0]) == ("message_start", "message_stop")
    assert rebuilt(found) == ask(**more)


def test_max_tokens_ends_the_message() -> None:
    answer = ask(max_tokens=4)
    assert answer["stop_reason"] == "max_tokens"
    assert answer["usage"]["output_tokens"] == 4


def test_a_stop_sequence_is_reported() -> None:
    answer = ask(stop_sequences=["nowhere", "wrote"])
    assert (answer["stop_reason"], answer["stop_sequence"]) == ("stop_sequence", "wrote")
    assert "wrote" not in answer["content"][0]["text"]


def test_a_required_tool_is_used_with_an_input_object() -> None:
    answer = ask(tools=[TOOL], tool_choice={"type": "any"})
    block = answer["content"][0]
    assert answer["stop_reason"] == "tool_use"
    assert (block["type"], block["name"], block["input"]) == ("tool_use", "get_weather", {"city": "offline city"})
    assert block["id"].startswith("toolu_")


def test_tool_choice_none_uses_no_tool() -> None:
    answer = ask(tools=[TOOL], tool_choice={"type": "none"}, messages=[{"role": "user", "content": "weather"}])
    assert answer["content"][0]["type"] == "text"


def test_after_a_tool_result_the_answer_is_final_even_with_text_beside_it() -> None:
    used = ask(tools=[TOOL], tool_choice={"type": "any"})["content"]
    result = {"type": "tool_result", "tool_use_id": used[0]["id"], "content": [{"type": "text", "text": "21 C"}]}
    messages = [
        {"role": "user", "content": "weather"},
        {"role": "assistant", "content": used},
        {"role": "user", "content": [result, {"type": "text", "text": "And the weather tomorrow?"}]},
    ]
    answer = ask(messages=messages, tools=[TOOL])
    assert answer["stop_reason"] == "end_turn"
    assert 'get_weather answered: "21 C"' in answer["content"][0]["text"]


def test_thinking_comes_first_and_counts_as_output() -> None:
    answer = ask(thinking={"type": "enabled", "budget_tokens": 1024})
    assert [block["type"] for block in answer["content"]] == ["thinking", "text"]
    assert answer["content"][0]["signature"]
    assert answer["usage"]["output_tokens"] > ask()["usage"]["output_tokens"]


def test_tools_that_the_vendor_runs_are_not_called() -> None:
    answer = ask(
        tools=[{"type": "web_search_20250305", "name": "web_search"}],
        messages=[{"role": "user", "content": "web_search"}],
    )
    assert answer["content"][0]["type"] == "text"


@pytest.mark.parametrize(
    "more",
    [
        {"messages": []},
        {"thinking": {"type": "deep"}},
        {"tools": [{"name": "x"}]},
        {"tools": 5},
        {"tools": [TOOL], "tool_choice": {"type": "all"}},
        {"messages": [{"role": "user", "content": [{"type": "image"}]}]},
    ],
)
def test_a_bad_request_is_refused_before_the_first_event(more: dict[str, Any]) -> None:
    with pytest.raises(OfflineError):
        anthropic.events(request(**more), reply_id="x")
