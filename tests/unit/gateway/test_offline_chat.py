"""What the offline chat answers must say, in the OpenAI wire shape."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from jsonschema import validate  # type: ignore[import-untyped]

from smartflow.gateway.offline import audio, chat, images, tokens
from smartflow.gateway.offline.errors import OfflineError

WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Get the current weather for a city",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "days": {"type": "integer", "minimum": 2}},
            "required": ["city", "days"],
        },
    },
}
EMAIL = {
    "type": "function",
    "function": {
        "name": "send_email",
        "description": "Send an email to a person",
        "parameters": {
            "type": "object",
            "properties": {"to": {"type": "string", "format": "email"}},
            "required": ["to"],
        },
    },
}


def ask(text: Any = "hello", **more: Any) -> dict[str, Any]:
    request = {"model": "gpt-4o", "messages": [{"role": "user", "content": text}], **more}
    return chat.complete(request, reply_id="chatcmpl-1", created=1_700_000_000)


def said(answer: dict[str, Any]) -> str:
    return str(answer["choices"][0]["message"]["content"])


def called(answer: dict[str, Any]) -> list[str]:
    return [call["function"]["name"] for call in answer["choices"][0]["message"].get("tool_calls", [])]


def chunks(text: str = "hello", **more: Any) -> list[dict[str, Any]]:
    request = {"model": "gpt-4o", "messages": [{"role": "user", "content": text}], **more}
    return list(chat.stream(request, reply_id="chatcmpl-1", created=1_700_000_000))


def test_a_reply_is_labelled_and_echoes_the_prompt() -> None:
    answer = ask("How tall is K2?")
    assert said(answer).startswith("[offline gpt-4o] ")
    assert "How tall is K2?" in said(answer)
    assert answer["choices"][0]["finish_reason"] == "stop"
    assert (answer["id"], answer["object"], answer["created"]) == ("chatcmpl-1", "chat.completion", 1_700_000_000)


def test_the_same_request_gets_the_same_reply() -> None:
    assert ask("x", temperature=0.1, seed=1) == ask("x", temperature=2, seed=9)


def test_long_prompts_that_differ_at_their_end_get_different_replies() -> None:
    assert said(ask("a" * 5000 + "b")) != said(ask("a" * 5000 + "c"))


def test_a_reply_notices_the_system_prompt_and_the_number_of_messages() -> None:
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "hi"}]
    reply = said(ask(messages=messages))
    assert "Be brief." in reply
    assert "2 messages" in reply


def test_the_requested_model_name_is_echoed() -> None:
    assert ask(model="openrouter/meta/llama-3")["model"] == "openrouter/meta/llama-3"


def test_usage_counts_real_tokens() -> None:
    answer = ask("hello world")
    assert answer["usage"]["prompt_tokens"] == tokens.count_messages(
        [{"role": "user", "content": "hello world"}], None, "gpt-4o"
    )
    assert answer["usage"]["completion_tokens"] == tokens.count_text(said(answer), "gpt-4o")
    assert answer["usage"]["total_tokens"] == answer["usage"]["prompt_tokens"] + answer["usage"]["completion_tokens"]


def test_n_choices_are_given_and_differ() -> None:
    choices = ask(n=3)["choices"]
    assert [choice["index"] for choice in choices] == [0, 1, 2]
    assert len({choice["message"]["content"] for choice in choices}) == 3


@pytest.mark.parametrize("field", ["max_tokens", "max_completion_tokens"])
def test_a_token_limit_cuts_the_reply(field: str) -> None:
    answer = ask(**{field: 5})
    assert answer["choices"][0]["finish_reason"] == "length"
    assert answer["usage"]["completion_tokens"] == 5
    assert said(ask()).startswith(said(answer))


def test_a_limit_larger_than_the_reply_changes_nothing() -> None:
    assert ask(max_tokens=10_000)["choices"] == ask()["choices"]


def test_a_reply_ends_before_the_first_stop_sequence() -> None:
    answer = ask(stop=["messages", "wrote"])
    assert said(answer) == "[offline gpt-4o] You "
    assert answer["choices"][0]["finish_reason"] == "stop"


def test_a_distinctive_word_of_a_tool_calls_it_with_arguments_that_fit() -> None:
    answer = ask("What's the weather in Paris?", tools=[WEATHER, EMAIL])
    assert called(answer) == ["get_weather"]
    call = answer["choices"][0]["message"]["tool_calls"][0]
    validate(json.loads(call["function"]["arguments"]), WEATHER["function"]["parameters"])  # type: ignore[index]
    assert call["id"].startswith("call_")
    assert answer["choices"][0]["message"]["content"] is None
    assert answer["choices"][0]["finish_reason"] == "tool_calls"


def test_an_unrelated_prompt_calls_no_tool() -> None:
    assert called(ask("Tell me a joke.", tools=[WEATHER, EMAIL])) == []


def test_a_tool_named_in_the_prompt_is_called_alone() -> None:
    assert called(ask("Use send_email about the weather", tools=[WEATHER, EMAIL])) == ["send_email"]


def test_several_matching_tools_are_called_in_parallel_with_different_ids() -> None:
    answer = ask("Email me the weather", tools=[WEATHER, EMAIL])
    assert called(answer) == ["get_weather", "send_email"]
    assert len({call["id"] for call in answer["choices"][0]["message"]["tool_calls"]}) == 2


def test_parallel_tool_calls_false_calls_one_tool() -> None:
    assert len(called(ask("Email me the weather", tools=[WEATHER, EMAIL], parallel_tool_calls=False))) == 1


@pytest.mark.parametrize(
    ("choice", "names"),
    [
        ("required", ["get_weather"]),
        ("none", []),
        ("auto", []),
        ({"type": "function", "function": {"name": "send_email"}}, ["send_email"]),
        ({"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [EMAIL]}}, ["send_email"]),
    ],
)
def test_tool_choice_is_obeyed(choice: Any, names: list[str]) -> None:
    assert called(ask("hi", tools=[WEATHER, EMAIL], tool_choice=choice)) == names


def test_after_a_tool_result_comes_a_final_answer_that_quotes_it() -> None:
    first = ask("weather", tools=[WEATHER])["choices"][0]["message"]
    result = {"role": "tool", "tool_call_id": first["tool_calls"][0]["id"], "content": "21 degrees"}
    messages = [{"role": "user", "content": "weather"}, first, result]
    answer = ask(messages=messages, tools=[WEATHER], tool_choice="required")
    assert called(answer) == []
    assert 'get_weather answered: "21 degrees"' in said(answer)


def test_a_token_limit_cuts_tool_arguments() -> None:
    answer = ask("weather", tools=[WEATHER], max_tokens=3)
    assert answer["choices"][0]["finish_reason"] == "length"
    assert answer["usage"]["completion_tokens"] == 3


def test_json_object_format_gives_a_json_object_about_the_prompt() -> None:
    found = json.loads(said(ask("hello", response_format={"type": "json_object"})))
    assert found["offline"] is True
    assert found["you_wrote"] == "hello"


def test_json_schema_format_gives_json_that_satisfies_the_schema() -> None:
    schema = {"type": "object", "properties": {"age": {"type": "integer", "minimum": 18}}, "required": ["age"]}
    asked = {"type": "json_schema", "json_schema": {"name": "person", "strict": True, "schema": schema}}
    validate(json.loads(said(ask(response_format=asked))), schema)


def test_an_image_is_noticed_with_its_kind_and_size() -> None:
    url = "data:image/png;base64," + base64.b64encode(images.draw("x", "m", 640, 480)).decode()
    assert "1 image (png 640x480)" in said(ask([{"type": "image_url", "image_url": {"url": url}}]))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"GIF89a\x20\x00\x10\x00", "gif 32x16"),
        (b"\xff\xd8\xff\xe0\x00\x04xx\xff\xc0\x00\x11\x08\x00\x10\x00\x20\x03", "jpeg 32x16"),
        (b"RIFF\0\0\0\0WEBPVP8X" + bytes(8) + b"\x1f\0\0\x0f\0\0", "webp 32x16"),
        (b"nothing", "7 bytes of an unknown kind"),
    ],
)
def test_image_headers_are_read(data: bytes, words: str) -> None:
    url = "data:image/x;base64," + base64.b64encode(data).decode()
    assert words in said(ask([{"type": "image_url", "image_url": {"url": url}}]))


def test_input_audio_is_noticed_with_its_length() -> None:
    sound, _ = audio.speech({"input": "hello", "response_format": "wav"})
    part = {"type": "input_audio", "input_audio": {"data": base64.b64encode(sound).decode(), "format": "wav"}}
    assert "s of wav audio (24000 Hz, mono, 16 bit)" in said(ask([part]))


def test_a_stream_carries_the_same_text_as_the_whole_answer() -> None:
    found = chunks(n=2)
    for index, choice in enumerate(ask(n=2)["choices"]):
        deltas = [chunk["choices"][0] for chunk in found if chunk["choices"][0]["index"] == index]
        assert deltas[0]["delta"]["role"] == "assistant"
        assert "".join(delta["delta"].get("content") or "" for delta in deltas) == choice["message"]["content"]
        assert [delta["finish_reason"] for delta in deltas if delta["finish_reason"]] == ["stop"]
    assert all(chunk["object"] == "chat.completion.chunk" for chunk in found)


def test_a_stream_ends_with_usage_only_when_asked() -> None:
    assert not any("usage" in chunk for chunk in chunks())
    last = chunks(stream_options={"include_usage": True})[-1]
    assert last["choices"] == []
    assert last["usage"] == ask()["usage"]


def test_streamed_tool_calls_join_to_the_whole_calls() -> None:
    request = {"tools": [WEATHER, EMAIL]}
    joined: dict[int, dict[str, str]] = {}
    for chunk in chunks("Email me the weather", **request):
        for delta in chunk["choices"][0]["delta"].get("tool_calls", []):
            call = joined.setdefault(
                delta["index"], {"id": delta.get("id", ""), "name": delta["function"].get("name", ""), "arguments": ""}
            )
            call["arguments"] += delta["function"]["arguments"]
    whole = ask("Email me the weather", **request)["choices"][0]["message"]["tool_calls"]
    assert [joined[at] for at in sorted(joined)] == [{"id": call["id"], **call["function"]} for call in whole]


def test_a_bad_request_fails_before_the_first_chunk() -> None:
    with pytest.raises(OfflineError):
        chat.stream({"messages": []}, reply_id="x", created=1)


@pytest.mark.parametrize(
    ("more", "word"),
    [
        ({"messages": None}, "messages"),
        ({"messages": [{"content": "x"}]}, "role"),
        ({"messages": [{"role": "user", "content": 5}]}, "content"),
        ({"model": 5}, "model"),
        ({"n": 0}, "n must"),
        ({"max_tokens": -1}, "max_tokens"),
        ({"stop": 5}, "stop"),
        ({"tools": {}}, "tools"),
        ({"tools": [{"type": "function"}]}, "function"),
        ({"tools": [WEATHER], "tool_choice": {"type": "function", "function": {"name": "nope"}}}, "nope"),
        ({"tool_choice": "required"}, "tools"),
        ({"response_format": {"type": "xml"}}, "response_format"),
        ({"response_format": {"type": "json_schema"}}, "schema"),
        (
            {
                "messages": [
                    {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:;base64,@"}}]}
                ]
            },
            "base64",
        ),
    ],
)
def test_a_bad_request_is_refused_with_the_field_at_fault(more: dict[str, Any], word: str) -> None:
    with pytest.raises(OfflineError, match=word):
        ask(**more)


def test_tool_parameters_without_a_sample_are_refused_with_tool_and_keyword() -> None:
    tool = {
        "type": "function",
        "function": {"name": "f", "parameters": {"properties": {"a": False}, "required": ["a"]}},
    }
    with pytest.raises(OfflineError, match="'f'.*false"):
        ask(tools=[tool], tool_choice="required")


@pytest.mark.parametrize("text", ["", "\ud800", "\0", "x" * 200_000, "<|endoftext|>"])
def test_strange_texts_get_a_reply_that_can_be_sent(text: str) -> None:
    json.dumps(ask(text), ensure_ascii=False).encode()


def test_a_request_nested_too_deeply_is_refused() -> None:
    deep: Any = []
    for _ in range(5_000):
        deep = [deep]
    with pytest.raises(OfflineError, match="nested deeper"):
        ask(metadata=deep)
