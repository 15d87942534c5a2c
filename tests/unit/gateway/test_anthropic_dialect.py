"""The SDK's Anthropic dialect and the local gateway's own translation, written apart, understand each other."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartflow.gateway.offline import anthropic as offline
from smartflow.gateway.offline.anthropic_request import to_chat
from smartflow.providers.anthropic import to_anthropic
from smartflow.providers.dialect import dialect_for
from tests.unit.providers.events import chunks, whole, wire

DIALECT = dialect_for("anthropic")
BODY = {"model": "claude-x", "messages": [{"role": "user", "content": "Hi"}]}


@pytest.mark.parametrize("tools", [False, True])
@pytest.mark.parametrize("thinking", [False, True])
def test_the_local_gateways_messages_are_read_whole_and_streamed_alike(tools: bool, thinking: bool) -> None:
    body: dict[str, Any] = {**BODY, "stream_options": {"include_usage": True}, "max_tokens": 200}
    if tools:
        parameters = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
        body["tools"] = [{"type": "function", "function": {"name": "weather", "parameters": parameters}}]
        body["tool_choice"] = "required"
    if thinking:
        body["thinking"] = {"type": "enabled", "budget_tokens": 100}
    request = to_anthropic(body, "claude-x")
    direct = DIALECT.read_chat(offline.message(request, reply_id="1"), body)
    events = [event for _, event in offline.events(request, reply_id="1")]
    streamed = whole(chunks(DIALECT.stream(body), wire(*events)))
    for answered in (direct, streamed):
        for call in answered["choices"][0]["message"].get("tool_calls", ()):
            call["function"]["arguments"] = json.loads(call["function"]["arguments"])
    assert streamed["choices"] == direct["choices"]
    assert streamed["usage"] == direct["usage"]


texts = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)
names = st.from_regex(r"[a-z_]{1,12}", fullmatch=True)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | texts, lambda inner: st.lists(inner, max_size=3), max_leaves=4
)
images = st.sampled_from(["data:image/png;base64,AAAA", "https://example.test/a.png"])
user_parts = texts.map(lambda text: {"type": "text", "text": text}) | images.map(
    lambda url: {"type": "image_url", "image_url": {"url": url}}
)
users = st.builds(lambda parts: [{"role": "user", "content": parts}], st.lists(user_parts, min_size=1, max_size=3))
said = st.builds(lambda text: [{"role": "assistant", "content": [{"type": "text", "text": text}]}], texts)
calls = st.lists(st.tuples(names, st.dictionaries(names, values, max_size=2), texts), min_size=1, max_size=3)


def tool_round(found: list[tuple[str, dict[str, Any], str]], text: str | None) -> list[dict[str, Any]]:
    asked = [
        {"id": f"c{index}", "type": "function", "function": {"name": name, "arguments": json.dumps(arguments)}}
        for index, (name, arguments, _) in enumerate(found)
    ]
    answers = [{"role": "tool", "tool_call_id": f"c{index}", "content": each[2]} for index, each in enumerate(found)]
    content = [{"type": "text", "text": text}] if text else []
    return [{"role": "assistant", "content": content, "tool_calls": asked}, *answers]


rounds = st.one_of(users, said, st.builds(tool_round, calls, st.none() | texts))
conversations = st.lists(rounds, min_size=1, max_size=5).map(lambda found: [each for one in found for each in one])
tools = st.lists(
    st.builds(
        lambda name, text, member: {
            "type": "function",
            "function": {
                "name": name,
                "description": text,
                "parameters": {"type": "object", "properties": {member: {}}},
            },
        },
        names,
        texts,
        names,
    ),
    min_size=1,
    max_size=3,
)
choices = st.sampled_from(["auto", "none", "required"]) | names.map(
    lambda name: {"type": "function", "function": {"name": name}}
)


def plain(message: dict[str, Any]) -> dict[str, Any]:
    """The same message in one spelling: arguments decoded, a text as one part."""
    found: dict[str, Any] = json.loads(json.dumps(message))
    for call in found.get("tool_calls", ()):
        call["function"]["arguments"] = json.loads(call["function"]["arguments"])
    if isinstance(found.get("content"), str) and found["role"] != "tool":
        found["content"] = [{"type": "text", "text": found["content"]}]
    return found


@given(conversations, st.none() | texts, st.none() | tools, choices, st.lists(texts, max_size=2), st.integers(1, 9999))
def test_to_anthropic_and_back_loses_nothing(
    messages: Any, system: str | None, offered: Any, choice: Any, stop: list[str], limit: int
) -> None:
    """The way back is the local gateway's own translation, written apart from this one."""
    before = {"model": "claude-x", "messages": messages, "max_tokens": limit}
    if system:
        before["messages"] = [{"role": "system", "content": system}, *messages]
    if offered:
        before.update(tools=offered, tool_choice=choice)
    if stop:
        before["stop"] = stop
    after = to_chat(to_anthropic(before, "claude-x"))
    assert [plain(each) for each in after.pop("messages")] == [plain(each) for each in before.pop("messages")]
    assert after == before
