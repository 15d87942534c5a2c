"""What a conversation may hold beside text: tools, images, schemas, several choices."""

from __future__ import annotations

import base64
import json
from typing import Any, Callable, Dict, List

import pytest

from smartflow import SmartflowClient

pytestmark = pytest.mark.asyncio

PIXEL = base64.b64encode(
    bytes.fromhex(
        "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
        "1f15c4890000000d49444154789c6360606060000000050001a5f645400000000049454e44ae426082"
    )
).decode()
WEATHER: Dict[str, Any] = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather in a city",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "unit": {"type": "string", "enum": ["C", "F"]}},
            "required": ["city", "unit"],
            "additionalProperties": False,
        },
    },
}


async def test_a_tool_call_and_its_result_make_a_whole_conversation(
    sf: SmartflowClient, unique: Callable[[str], str]
) -> None:
    messages: List[Dict[str, Any]] = [{"role": "user", "content": unique("What is the weather in Oslo?")}]
    asked = await sf.chat_completions(messages, tools=[WEATHER], tool_choice="required")
    assert asked.finish_reason == "tool_calls"
    assert asked.content == ""
    assert asked.message["content"] is None
    call = asked.tool_calls[0]
    assert call["type"] == "function"
    assert call["id"]
    assert call["function"]["name"] == "get_weather"
    arguments = json.loads(call["function"]["arguments"])
    assert isinstance(arguments["city"], str)
    assert arguments["unit"] in ("C", "F")

    messages += [asked.message, {"role": "tool", "tool_call_id": call["id"], "content": "Sunny, 21 degrees"}]
    told = await sf.chat_completions(messages, tools=[WEATHER])
    assert told.finish_reason == "stop"
    assert told.tool_calls == []
    assert 'The tool get_weather answered: "Sunny, 21 degrees".' in told.content


async def test_no_tool_is_called_when_none_is_wanted(sf: SmartflowClient, unique: Callable[[str], str]) -> None:
    prompt = unique("What is the weather in Oslo?")
    answer = await sf.chat_completions([{"role": "user", "content": prompt}], tools=[WEATHER], tool_choice="none")
    assert answer.tool_calls == []
    assert prompt in answer.content


async def test_image_parts_reach_the_model(sf: SmartflowClient, unique: Callable[[str], str]) -> None:
    prompt = unique("What is in this picture?")
    answer = await sf.chat_completions(
        [
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": prompt},
                    {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}},
                ],
            }
        ]
    )
    assert prompt in answer.content
    assert "image" in answer.content


async def test_a_json_schema_is_kept(sf: SmartflowClient, unique: Callable[[str], str]) -> None:
    schema = {
        "type": "object",
        "properties": {
            "name": {"type": "string"},
            "age": {"type": "integer", "minimum": 18, "maximum": 20},
            "tags": {"type": "array", "items": {"type": "string"}, "minItems": 2},
        },
        "required": ["name", "age", "tags"],
        "additionalProperties": False,
    }
    answer = await sf.chat_completions(
        [{"role": "user", "content": unique("Describe a person")}],
        response_format={"type": "json_schema", "json_schema": {"name": "person", "strict": True, "schema": schema}},
    )
    person = json.loads(answer.content)
    assert set(person) == {"name", "age", "tags"}
    assert isinstance(person["name"], str)
    assert 18 <= person["age"] <= 20
    assert len(person["tags"]) >= 2


async def test_json_mode_answers_with_an_object(sf: SmartflowClient, unique: Callable[[str], str]) -> None:
    prompt = unique("Answer as JSON")
    answer = await sf.chat_completions([{"role": "user", "content": prompt}], response_format={"type": "json_object"})
    assert json.loads(answer.content)["you_wrote"] == prompt


async def test_n_gives_that_many_different_choices(sf: SmartflowClient, unique: Callable[[str], str]) -> None:
    answer = await sf.chat_completions([{"role": "user", "content": unique("Hello")}], n=2)
    assert [choice["index"] for choice in answer.choices] == [0, 1]
    texts = [choice["message"]["content"] for choice in answer.choices]
    assert texts[0] != texts[1]
    assert answer.content == texts[0]
    assert [choice["finish_reason"] for choice in answer.choices] == ["stop", "stop"]


async def test_stop_ends_the_answer_before_its_text(sf: SmartflowClient, unique: Callable[[str], str]) -> None:
    answer = await sf.chat_completions([{"role": "user", "content": unique("Hello")}], stop=" I see")
    assert answer.content.endswith('".')
    assert answer.finish_reason == "stop"


async def test_text_beyond_ascii_survives_both_ways(sf: SmartflowClient, unique: Callable[[str], str]) -> None:
    prompt = unique("Grüße 😀 日本語 \u2028 end")
    answer = await sf.chat_completions([{"role": "user", "content": prompt}], response_format={"type": "json_object"})
    said = json.loads(answer.content)["you_wrote"]
    assert "Grüße 😀 日本語" in said
    assert said.endswith(prompt[-10:])
