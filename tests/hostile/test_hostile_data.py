"""Group D of the defects: nothing that is sent or answered is dropped or rewritten (D1 to D6, D10 to D14)."""

from __future__ import annotations

from typing import Any, Dict, List

import pytest

import smartflow
from tests.support.answers import chat, event, finish, reply, sse
from tests.support.faces import Face
from tests.support.hostile import HostileServer

CALL = {"id": "call_1", "type": "function", "function": {"name": "get_weather", "arguments": "{}"}}


def test_tool_calls_and_all_else_of_a_message_are_kept(sf: Face, server: HostileServer) -> None:
    """D1."""
    message = {
        "role": "assistant", "content": None, "tool_calls": [CALL], "refusal": "no", "reasoning_content": "because",
        "audio": {"id": "a"}, "annotations": [1],
    }  # fmt: skip
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls", "logprobs": {"content": []}}
    server.answer(reply(chat(choices=[choice], system_fingerprint="fp")))
    response = sf.chat_completions([{"role": "user", "content": "hi"}])
    assert response.choices == [choice]
    assert response.tool_calls == [CALL]
    assert (response.refusal, response.finish_reason, response.content) == ("no", "tool_calls", "")
    assert response.extra["system_fingerprint"] == "fp"


def test_chat_returns_text_even_when_there_is_none(sf: Face, server: HostileServer) -> None:
    """D1."""
    server.answer(reply(chat(None)))
    assert sf.chat("hi") == ""


def test_response_headers_and_the_request_id_are_reachable(sf: Face, server: HostileServer) -> None:
    """D2."""
    server.answer(reply(chat(), headers={"X-Smartflow-Request-Id": "req-1", "X-Smartflow-Cost-Usd": "0.01"}))
    response = sf.chat_completions([{"role": "user", "content": "hi"}])
    assert response.request_id == "req-1"
    assert response.headers["x-smartflow-cost-usd"] == "0.01"


def test_response_facts_of_methods_that_return_text_reach_the_hook(sf: Face, server: HostileServer) -> None:
    """D2."""
    seen: List[smartflow.ResponseInfo] = []
    server.answer(reply(chat(), headers={"x-smartflow-request-id": "req-2"}))
    sf.with_options(on_response=seen.append).chat("hi")
    (info,) = seen
    assert (info.operation, info.status_code, info.request_id, info.attempts) == (
        "createChatCompletion",
        200,
        "req-2",
        1,
    )


@pytest.mark.parametrize(("header", "cached"), [("hit", True), ("miss", False), (None, False)])
def test_a_cache_hit_that_only_the_headers_tell_is_a_hit(
    sf: Face, server: HostileServer, header: Any, cached: bool
) -> None:
    """D2."""
    server.answer(reply(chat(), headers={"x-smartflow-cache": header} if header else None))
    assert sf.chat_completions([{"role": "user", "content": "hi"}]).cached is cached


@pytest.mark.parametrize(
    "usage", [{"prompt_tokens_details": {"cached_tokens": 8}}, {"cached_tokens": 8}, {"cached_tokens": 8.0}]
)
def test_cached_tokens_are_found_where_providers_put_them(sf: Face, server: HostileServer, usage: Any) -> None:
    """D3."""
    server.answer(reply(chat(usage={"prompt_tokens": 10, **usage})))
    assert sf.chat_completions([{"role": "user", "content": "hi"}]).usage.cached_tokens == 8


@pytest.mark.parametrize("details", [None, {}, {"cached_tokens": None}, "x", []])
def test_usage_without_cached_tokens_has_none(sf: Face, server: HostileServer, details: Any) -> None:
    server.answer(reply(chat(usage={"prompt_tokens": 10, "prompt_tokens_details": details})))
    assert sf.chat_completions([{"role": "user", "content": "hi"}]).usage.cached_tokens == 0


def test_messages_are_sent_as_they_are(sf: Face, server: HostileServer) -> None:
    """D4."""
    messages: List[Dict[str, Any]] = [
        {"role": "developer", "content": "be brief", "name": "boss"},
        {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}]},
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "call_1", "content": "sunny", "unknown": {"a": [1, None, 2.5]}},
    ]
    server.answer(reply(chat()))
    sf.chat_completions(messages, tools=[{"type": "function"}], response_format={"type": "json_object"}, seed=0, n=1)
    sent = server.request.json()
    assert sent["messages"] == messages
    assert (sent["tools"], sent["response_format"], sent["seed"]) == (
        [{"type": "function"}],
        {"type": "json_object"},
        0,
    )


def test_an_input_type_is_sent(sf: Face, server: HostileServer) -> None:
    """D5."""
    server.answer(reply({"data": []}))
    sf.embeddings(["a"], input_type="search_query", truncate="END")
    sent = server.request.json()
    assert (sent["input_type"], sent["truncate"]) == ("search_query", "END")


def test_an_explicit_zero_is_sent(sf: Face, server: HostileServer) -> None:
    """D6."""
    server.answer(reply(chat()))
    sf.chat("hi", max_tokens=0, temperature=0)
    sent = server.request.json()
    assert (sent["max_tokens"], sent["temperature"]) == (0, 0)


@pytest.mark.parametrize("model", ["o3-mini", "openai/o3-mini", "o1", "gpt-5-mini"])
def test_no_default_temperature_is_sent_to_models_that_refuse_one(sf: Face, server: HostileServer, model: str) -> None:
    """D6."""
    server.answer(reply(chat()))
    sf.chat("hi", model=model, max_completion_tokens=5)
    sent = server.request.json()
    assert "temperature" not in sent
    assert sent["max_completion_tokens"] == 5


@pytest.mark.parametrize(
    ("temperature", "expected"), [({}, 0.7), ({"temperature": 1.0}, 1.0), ({"temperature": None}, None)]
)
def test_the_temperature_that_was_asked_for_is_sent(
    sf: Face, server: HostileServer, temperature: Any, expected: Any
) -> None:
    """D6."""
    server.answer(reply(chat()))
    sf.chat("hi", **temperature)
    assert server.request.json().get("temperature") == expected


def test_an_explicit_temperature_is_sent_to_every_model(sf: Face, server: HostileServer) -> None:
    server.answer(reply(chat()))
    sf.chat("hi", model="o3-mini", temperature=1)
    assert server.request.json()["temperature"] == 1


def test_claude_message_joins_all_text_blocks(sf: Face, server: HostileServer) -> None:
    """D10."""
    blocks = [
        {"type": "thinking", "thinking": "hm", "text": "not this"},
        {"type": "text", "text": "Hel"},
        {"type": "tool_use", "id": "t", "name": "n", "input": {}},
        {"type": "text", "text": "lo"},
        {"type": "text", "text": None},
        None,
    ]
    server.answer(reply({"content": blocks}))
    assert sf.claude_message("hi") == "Hello"


@pytest.mark.parametrize(("seconds", "minutes"), [(30, 1), (60, 1), (61, 2), (300, 5)])
def test_forcing_a_provider_for_seconds_is_never_zero_minutes(
    sf: Face, server: HostileServer, seconds: int, minutes: int
) -> None:
    """D11."""
    server.answer(reply({"provider": "openai"}))
    sf.force_provider("openai", seconds)
    sent = server.request.json()
    assert (sent["ttl_minutes"], sent["duration_seconds"]) == (minutes, seconds)


def test_the_hit_rate_of_the_gateway_is_not_recomputed(sf: Face, server: HostileServer) -> None:
    """D14."""
    server.answer(reply({"hits": 0, "cache_hits": 9, "misses": 10, "hit_rate": 0.42}))
    stats = sf.get_cache_stats()
    assert (stats.hits, stats.hit_rate) == (0, 0.42)


def test_a_missing_hit_rate_is_computed(sf: Face, server: HostileServer) -> None:
    server.answer(reply({"data": {"cache_hits": 1, "cache_misses": 3}}))
    assert sf.get_cache_stats().hit_rate == 0.25


def test_unknown_fields_are_kept(sf: Face, server: HostileServer) -> None:
    server.answer(reply({"status": "healthy", "uptime_seconds": 5, "region": "eu"}))
    assert sf.health_comprehensive().extra == {"region": "eu"}


def test_what_is_not_ready_is_an_answer_not_an_error(sf: Face, server: HostileServer) -> None:
    server.answer(reply({"status": "not_ready", "checks": {"db": "down"}}, 503))
    assert sf.readiness()["status"] == "not_ready"


def test_extra_arguments_of_a_stream_are_sent(sf: Face, server: HostileServer) -> None:
    server.answer(sse(event({"choices": []}), finish()))
    list(sf.stream_chat("hi", system_prompt="be brief", stop=["x"], stream_options={"include_usage": False}))
    sent = server.request.json()
    assert [message["role"] for message in sent["messages"]] == ["system", "user"]
    assert (sent["stream"], sent["stop"], sent["stream_options"]) == (True, ["x"], {"include_usage": False})


def test_every_row_of_the_log_comes_once_though_pages_move(sf: Face, server: HostileServer) -> None:
    pages = [["e", "d"], ["d", "c"], ["b"]]
    server.answer(*(reply({"data": [{"request_id": name} for name in page]}) for page in pages))
    assert [row.request_id for row in sf.iter_logs(page_size=2)] == ["e", "d", "c", "b"]


@pytest.mark.parametrize("odd", [None, 5, "x", [1]])
def test_a_log_row_that_is_no_object_is_our_error(sf: Face, server: HostileServer, odd: Any) -> None:
    server.answer(reply({"data": [{"request_id": "a"}, odd]}))
    with pytest.raises(smartflow.ResponseValidationError):
        sf.get_logs()


def test_null_fields_of_a_log_row_have_their_defaults(sf: Face, server: HostileServer) -> None:
    """B12."""
    names = ("request_id", "provider", "tokens_used", "cost", "compliance", "metacache", "metrics", "cached")
    server.answer(reply({"data": [dict.fromkeys(names)]}))
    row = sf.get_logs()[0]
    assert (row.request_id, row.tokens_used, row.cost, row.cached, row.metacache.hit) == ("", 0, 0.0, False, False)
