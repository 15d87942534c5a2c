"""Inference by the offline provider, with its cache, its audit rows and its streams."""

from __future__ import annotations

import json
import sqlite3

import pytest

from smartflow.gateway.store import DATABASE_NAME


def events(answer):
    return [line.removeprefix("data: ") for line in answer.text.split("\n") if line.startswith("data: ")]


def test_the_first_answer_is_a_miss_and_the_second_a_hit(gateway):
    first, second = gateway.chat("twice"), gateway.chat("twice")
    assert (first.json()["cached"], first.headers["x-smartflow-cache"]) == (False, "miss")
    assert second.json()["cached"] is True
    assert second.json()["cache_hit_type"] == "exact"
    assert second.json()["choices"] == first.json()["choices"]
    assert second.json()["tokens_saved"] == first.json()["usage"]["total_tokens"]
    assert second.json()["cost_saved_cents"] > 0
    assert (second.headers["x-smartflow-cache-tier"], second.headers["x-smartflow-cache-phase"]) == (
        "L1",
        "fingerprint",
    )


def test_a_hit_is_counted_and_audited(fresh_gateway):
    first = fresh_gateway.chat()
    fresh_gateway.chat()
    stats = fresh_gateway.management.get("/api/metacache/stats").json()
    assert (stats["hits"], stats["misses"], stats["l1_hits"], stats["entries"], stats["hit_rate"]) == (1, 1, 1, 1, 0.5)
    assert stats["tokens_saved"] == first.json()["usage"]["total_tokens"]
    hit, miss = fresh_gateway.logs()
    assert (hit["metacache"]["hit"], hit["routing_strategy"], hit["routing_reason"], hit["latency_ms"]) == (
        True, "cache", "cache_hit:tier=L1", 5,
    )  # fmt: skip
    assert (miss["metacache"]["hit"], miss["routing_reason"]) == (False, "provider:openai offline")
    assert miss["tokens_used"] == first.json()["usage"]["total_tokens"]


@pytest.mark.parametrize(
    "change",
    [
        {"model": "gpt-4o-mini"},
        {"temperature": 0.1},
        {"seed": 7},
        {"tools": [{"type": "function", "function": {"name": "f"}}]},
    ],
)
def test_another_parameter_is_another_entry(gateway, change):
    gateway.chat("parameters")
    assert gateway.chat("parameters", **change).json()["cached"] is False


def test_another_key_is_another_tenant(gateway):
    gateway.chat("tenant", headers={"authorization": "Bearer sk-sf-one"})
    assert gateway.chat("tenant", headers={"authorization": "Bearer sk-sf-two"}).json()["cached"] is False


def test_an_entry_expires(fresh_gateway):
    fresh_gateway.chat()
    fresh_gateway.clock.advance(24 * 3600 + 1)
    assert fresh_gateway.chat().json()["cached"] is False


def test_no_cache_skips_reading_and_no_store_skips_writing(fresh_gateway):
    assert fresh_gateway.chat(headers={"cache-control": "no-store"}).headers["x-smartflow-cache"] == "bypass"
    assert fresh_gateway.chat().json()["cached"] is False
    assert fresh_gateway.chat(headers={"cache-control": "no-cache"}).headers["x-smartflow-cache"] == "bypass"
    assert fresh_gateway.chat().json()["cached"] is True


def test_an_answer_that_asks_for_a_tool_run_is_not_cached(gateway):
    tool = {
        "type": "function",
        "function": {
            "name": "get_weather",
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
        },
    }
    for _ in range(2):
        answer = gateway.chat("weather", tools=[tool], tool_choice="required").json()
        assert answer["choices"][0]["finish_reason"] == "tool_calls"
        assert answer["cached"] is False


def test_an_answer_that_was_cut_off_is_not_cached(gateway):
    for _ in range(2):
        answer = gateway.chat("cut", max_tokens=2).json()
        assert (answer["choices"][0]["finish_reason"], answer["cached"]) == ("length", False)


def test_a_stream_tells_the_same_as_a_plain_answer_and_ends_with_done(gateway):
    plain = gateway.chat("stream", headers={"cache-control": "no-store"}).json()
    answer = gateway.chat("stream", stream=True)
    assert answer.headers["content-type"] == "text/event-stream"
    *chunks, done = events(answer)
    assert done == "[DONE]"
    chunks = [json.loads(chunk) for chunk in chunks]
    assert all(chunk["object"] == "chat.completion.chunk" for chunk in chunks)
    assert len({chunk["id"] for chunk in chunks}) == 1
    text = "".join(chunk["choices"][0]["delta"].get("content") or "" for chunk in chunks)
    assert text == plain["choices"][0]["message"]["content"]
    assert chunks[-1]["choices"][0]["finish_reason"] == "stop"


def test_usage_is_streamed_only_when_asked_for(gateway):
    without = [json.loads(event) for event in events(gateway.chat("usage", stream=True))[:-1]]
    assert not any("usage" in chunk for chunk in without)
    asked = gateway.chat("usage 2", stream=True, stream_options={"include_usage": True})
    last = json.loads(events(asked)[-2])
    assert (last["choices"], last["usage"]["total_tokens"] > 0) == ([], True)


def test_a_streamed_answer_is_cached_for_plain_calls_and_replayed_as_a_stream(gateway):
    streamed = gateway.chat("replay", stream=True)
    plain = gateway.chat("replay").json()
    assert plain["cached"] is True
    again = gateway.chat("replay", stream=True)
    assert again.headers["x-smartflow-cache"] == "hit"
    chunks = [json.loads(event) for event in events(again)[:-1]]
    text = "".join(chunk["choices"][0]["delta"].get("content") or "" for chunk in chunks)
    assert text == plain["choices"][0]["message"]["content"]
    assert text == "".join(json.loads(e)["choices"][0]["delta"].get("content") or "" for e in events(streamed)[:-1])
    assert events(again)[-1] == "[DONE]"


def test_the_row_of_a_stream_is_there_when_done_arrives(fresh_gateway):
    with fresh_gateway.proxy.stream(
        "POST",
        "/v1/chat/completions",
        json={"model": "gpt-4o", "stream": True, "messages": [{"role": "user", "content": "x"}]},
    ) as answer:
        for line in answer.iter_lines():
            if line == "data: [DONE]":
                assert fresh_gateway.logs()[0]["metrics"]["completion_tokens"] > 0


def test_a_stream_that_the_provider_refuses_is_an_http_error(gateway):
    answer = gateway.chat("x", stream=True, tools=[{"type": "function", "function": {"name": "a"}}],
                          tool_choice={"type": "function", "function": {"name": "b"}})  # fmt: skip
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/json"


def test_the_effects_of_a_call_are_kept_together_or_not_at_all(fresh_gateway):
    def broken(*args, **kwargs):
        raise sqlite3.OperationalError("disk full")

    cache = fresh_gateway.gateway.cache
    cache.save, saved = broken, cache.save
    assert fresh_gateway.chat("together").status_code == 500
    cache.save = saved
    (row,) = fresh_gateway.logs()
    assert (row["metrics"]["success"], row["status_code"]) == (False, 500)
    stats = fresh_gateway.management.get("/api/metacache/stats").json()
    assert (stats["misses"], stats["entries"]) == (0, 0)
    assert fresh_gateway.management.get("/api/providers/perf").json()["data"]["snapshots"] == []
    assert fresh_gateway.chat("together").json()["cached"] is False


def test_a_refused_request_has_an_audit_row(fresh_gateway):
    answer = fresh_gateway.chat(temperature=9)
    (row,) = fresh_gateway.logs()
    assert row["request_id"] == answer.headers["x-smartflow-request-id"]
    assert (row["status_code"], row["error_code"], row["metrics"]["success"]) == (400, "invalid_request", False)


def test_texts_are_stored_redacted_and_keys_not_at_all(start_gateway, tmp_path):
    kept = start_gateway(tmp_path / DATABASE_NAME, api_key="sk-sf-topsecret")
    headers = {"authorization": "Bearer sk-sf-topsecret", "cache-control": "no-store"}
    kept.chat("my card is 4111 1111 1111 1111", headers=headers)
    row = kept.management.get("/api/vas/logs", headers=headers).json()["data"][0]
    assert row["request_content"] == "my card is [CREDIT_CARD]"
    assert row["compliance_status"] == "violated"
    assert json.loads(row["compliance_violations"])[0]["violation_type"] == "credit_card"
    stored = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"4111 1111" not in stored
    assert b"topsecret" not in stored


def test_user_and_conversation_reach_the_audit_row(fresh_gateway):
    fresh_gateway.chat(headers={"x-smartflow-user-id": "ann", "x-user-id": "old", "x-session-id": "conv-1"})
    (row,) = fresh_gateway.logs()
    assert (row["user_id"], row["conversation_id"]) == ("ann", "conv-1")


def test_messages_answer_in_anthropics_shape(gateway):
    body = {"model": "claude-sonnet-4-6", "max_tokens": 200, "messages": [{"role": "user", "content": "hi"}]}
    for path in ("/anthropic/v1/messages", "/v1/messages"):
        answer = gateway.proxy.post(path, json=body)
        assert answer.status_code == 200
        assert answer.json()["type"] == "message"
        assert answer.json()["content"][0]["type"] == "text"
        assert answer.headers["x-smartflow-provider"] == "anthropic"


def message_events(answer):
    blocks = [block.split("\n") for block in answer.text.split("\n\n") if block]
    return [(name.removeprefix("event: "), json.loads(data.removeprefix("data: "))) for name, data in blocks]


def test_streamed_messages_tell_the_message_and_are_replayed_from_the_cache(gateway):
    body = {"model": "claude-sonnet-4-6", "max_tokens": 200, "messages": [{"role": "user", "content": "events"}]}
    told = message_events(gateway.proxy.post("/v1/messages", json={**body, "stream": True}))
    assert all(name == data["type"] for name, data in told)
    assert (told[0][0], told[-1][0]) == ("message_start", "message_stop")
    text = "".join(data["delta"].get("text", "") for name, data in told if name == "content_block_delta")
    cached = gateway.proxy.post("/v1/messages", json=body)
    assert cached.headers["x-smartflow-cache"] == "hit"
    assert cached.json()["content"] == [{"type": "text", "text": text}]
    again = gateway.proxy.post("/v1/messages", json={**body, "stream": True})
    assert again.headers["x-smartflow-cache"] == "hit"
    assert "".join(d["delta"].get("text", "") for n, d in message_events(again) if n == "content_block_delta") == text


def test_embeddings_are_answered_and_cached(gateway):
    body = {"model": "text-embedding-3-small", "input": ["a", "b"]}
    first, second = gateway.proxy.post("/v1/embeddings", json=body), gateway.proxy.post("/v1/embeddings", json=body)
    assert [entry["index"] for entry in first.json()["data"]] == [0, 1]
    assert second.headers["x-smartflow-cache"] == "hit"
    assert second.json() == first.json()


def test_rerank_puts_the_matching_document_first(gateway):
    body = {
        "model": "rerank-english-v3.0",
        "query": "return policy",
        "documents": ["the weather", "our return policy"],
        "top_n": 1,
    }
    answer = gateway.proxy.post("/v1/rerank", json=body)
    assert answer.headers["x-smartflow-provider"] == "cohere"
    assert [result["index"] for result in answer.json()["results"]] == [1]


def test_speech_can_be_transcribed_in_every_format(gateway):
    spoken = gateway.proxy.post(
        "/v1/audio/speech", json={"model": "tts-1", "input": "hello there", "voice": "alloy", "response_format": "wav"}
    )
    assert (spoken.headers["content-type"], spoken.content[:4]) == ("audio/wav", b"RIFF")
    types = {"json": "application/json", "verbose_json": "application/json", "text": "text/plain; charset=utf-8",
             "srt": "application/x-subrip", "vtt": "text/vtt; charset=utf-8"}  # fmt: skip
    for wanted, content_type in types.items():
        answer = gateway.proxy.post(
            "/v1/audio/transcriptions",
            files={"file": ("a.wav", spoken.content, "audio/wav")},
            data={"model": "whisper-1", "response_format": wanted, "temperature": "0.0"},
        )
        assert (answer.status_code, answer.headers["content-type"]) == (200, content_type), answer.text


@pytest.mark.parametrize(
    ("fields", "param"),
    [({"model": "whisper-1", "temperature": "hot"}, "temperature"), ({"temperature": "0"}, "model")],
)
def test_a_form_field_that_does_not_fit_is_400(gateway, fields, param):
    answer = gateway.proxy.post("/v1/audio/transcriptions", files={"file": ("a.wav", b"RIFF")}, data=fields)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)


def test_a_file_that_is_no_audio_is_400(gateway):
    answer = gateway.proxy.post(
        "/v1/audio/transcriptions", files={"file": ("a.wav", b"RIFF")}, data={"model": "whisper-1"}
    )
    assert answer.json()["error"]["type"] == "invalid_request_error"


def test_images_are_answered(gateway):
    answer = gateway.proxy.post(
        "/v1/images/generations", json={"prompt": "a cat", "size": "256x256", "response_format": "b64_json"}
    )
    assert answer.status_code == 200
    assert answer.json()["data"][0]["b64_json"]


def test_models_are_listed(gateway):
    answer = gateway.proxy.get("/v1/models").json()
    assert "gpt-4o" in [model["id"] for model in answer["data"]]
