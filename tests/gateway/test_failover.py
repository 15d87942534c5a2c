"""Fallback chains against three providers that fail, ask for pauses and recover, each on a socket of its own."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from typing import Any

import pytest

from tests.support.answers import finish, reply, sse, text_chunk
from tests.support.hostile import RESET, refusing_port
from tests.support.three import answered, ask, circuits, environment, failed, said

ASKED: Any = [{"role": "user", "content": "Hello"}]


def test_the_first_target_answers_as_long_as_it_can(chained, three):
    gateway = chained()
    assert said(ask(gateway)) == "from openai"
    row = gateway.logs()[0]
    assert (row["routing_strategy"], row["routing_reason"]) == ("priority", "chain:gpt-4o:openai")
    assert not three["groq"].requests


def test_what_is_down_is_passed_over_at_once(start_gateway, three):
    with refusing_port() as port:
        variables = {**environment(three), "OPENAI_BASE_URL": f"http://127.0.0.1:{port}/v1"}
        gateway = start_gateway(environment=variables)
        targets = [{"provider": "openai"}, {"provider": "groq", "model": "llama"}]
        gateway.management.post(
            "/api/routing/fallback-chains", json={"name": "gpt-4o", "targets": targets, "max_retries": 0}
        )
        answer = ask(gateway)
    assert said(answer) == "from groq"
    assert answer.headers["x-smartflow-provider"] == "groq"
    assert answer.json()["model"] == "gpt-4o"
    assert three["groq"].request.json()["model"] == "llama"
    assert gateway.clock.slept == []
    row = gateway.logs()[0]
    assert row["provider"] == "groq"
    assert row["routing_reason"] == "chain:gpt-4o:groq after openai: provider_unavailable"


@pytest.mark.parametrize("status", [500, 502, 503, 529, 408])
def test_a_failing_provider_is_asked_again_before_the_next_one(chained, three, status):
    three["openai"].answer(failed(status), failed(status), answered("openai"))
    gateway = chained(max_retries=2)
    assert said(ask(gateway)) == "from openai"
    assert len(three["openai"].requests) == 3
    assert len(gateway.clock.slept) == 2
    assert all(0 <= pause <= bound for pause, bound in zip(gateway.clock.slept, (0.2, 0.4), strict=True))


def test_a_provider_that_goes_on_failing_is_followed_by_the_next(chained, three):
    three["openai"].answer(failed(500))
    gateway = chained(max_retries=1)
    assert said(ask(gateway)) == "from groq"
    assert len(three["openai"].requests) == 2


@pytest.mark.parametrize("status", [302, 400, 401, 403, 404, 422, 501])
def test_what_asking_again_cannot_help_goes_to_the_next_target_at_once(chained, three, status):
    three["openai"].answer(failed(status))
    gateway = chained()
    assert said(ask(gateway)) == "from groq"
    assert (len(three["openai"].requests), gateway.clock.slept) == (1, [])


@pytest.mark.parametrize("answer", [reply(b"<html>sign in</html>", kind="text/html"), [RESET], reply({"choices": 7})])
def test_nonsense_and_broken_connections_go_to_the_next_target(chained, three, answer):
    three["openai"].answer(answer)
    assert said(ask(chained())) == "from groq"


def test_a_pause_that_a_provider_asks_for_is_obeyed_to_the_second(chained, three):
    three["openai"].answer(failed(429, retry_after="4"), answered("openai"))
    gateway = chained()
    assert said(ask(gateway)) == "from openai"
    assert gateway.clock.slept == [4.0]


def test_a_pause_that_is_too_long_rests_the_provider_and_the_next_one_answers(chained, three):
    three["openai"].answer(failed(429, retry_after="60"), answered("openai"))
    gateway = chained()
    assert [said(ask(gateway, number)) for number in range(3)] == ["from groq"] * 3
    assert (len(three["openai"].requests), gateway.clock.slept) == (1, [])
    gateway.clock.advance(60)
    assert said(ask(gateway, 3)) == "from openai"


def test_when_all_fail_the_caller_hears_the_last_and_what_was_tried(chained, three):
    three["openai"].answer(failed(404))
    three["groq"].answer(failed(500))
    three["mistral"].answer(failed(429, retry_after="77"))
    gateway = chained(max_retries=0)
    answer = ask(gateway)
    body = answer.json()
    assert (answer.status_code, body["error"]["code"], answer.headers["retry-after"]) == (
        429,
        "provider_rate_limited",
        "77",
    )
    assert body["details"]["attempts"] == [
        {"provider": "openai", "code": "provider_rejected_request"},
        {"provider": "groq", "code": "provider_error"},
        {"provider": "mistral", "code": "provider_rate_limited"},
    ]
    row = gateway.logs()[0]
    assert (row["status_code"], row["error_code"]) == (429, "provider_rate_limited")


def test_a_refusal_of_the_request_by_all_is_the_callers_error(chained, three):
    for server in three.values():
        server.answer(failed(400))
    answer = ask(chained())
    assert (answer.status_code, answer.json()["error"]["provider"]) == (400, "openai")


def test_a_circuit_opens_leaves_the_provider_alone_and_finds_it_again(chained, three):
    three["openai"].answer(failed(500))
    gateway = chained(max_retries=0)
    for number in range(8):
        assert said(ask(gateway, number)) == "from groq"
    assert len(three["openai"].requests) == 5
    assert circuits(gateway)["openai"] == "open"
    gateway.clock.advance(30)
    assert circuits(gateway)["openai"] == "half_open"
    assert said(ask(gateway, 8)) == "from groq"
    assert len(three["openai"].requests) == 6
    three["openai"].answer(answered("openai"))
    gateway.clock.advance(30)
    assert said(ask(gateway, 9)) == "from openai"
    assert circuits(gateway)["openai"] == "closed"


def test_a_provider_that_refuses_a_request_lives_and_its_circuit_closes(chained, three):
    three["openai"].answer(failed(500))
    gateway = chained(max_retries=0)
    for number in range(5):
        ask(gateway, number)
    three["openai"].answer(failed(404))
    gateway.clock.advance(30)
    assert said(ask(gateway, 5)) == "from groq"
    assert circuits(gateway)["openai"] == "closed"


def test_when_every_circuit_is_open_all_are_asked_as_if_none_was(chained, three):
    for server in three.values():
        server.answer(failed(500))
    gateway = chained(max_retries=0)
    for number in range(5):
        assert ask(gateway, number).status_code == 502
    assert set(circuits(gateway).values()) == {"open"}
    three["mistral"].answer(answered("mistral"))
    assert said(ask(gateway, 5)) == "from mistral"


def test_when_all_have_asked_for_a_pause_the_caller_hears_how_long_and_nobody_is_asked(chained, three):
    for server, wait in zip(three.values(), ("60", "40", "50"), strict=True):
        server.answer(failed(429, retry_after=wait))
    gateway = chained()
    assert ask(gateway).status_code == 429
    answer = ask(gateway, 1)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "40")
    assert [len(server.requests) for server in three.values()] == [1, 1, 1]


def test_a_call_that_a_provider_may_want_to_be_paid_for_is_not_sent_there_again(chained, three):
    three["openai"].answer([RESET])
    three["groq"].answer(failed(400))
    three["mistral"].answer(failed(400))
    gateway = chained(max_retries=3)
    headers = {"idempotency-key": "the-same", "cache-control": "no-store"}
    first = gateway.chat("pay once", headers=headers)
    again = gateway.chat("pay once", headers=headers)
    assert (first.status_code, again.status_code) == (502, 502)
    assert [len(server.requests) for server in three.values()] == [1, 1, 1]


def test_a_callers_own_key_goes_along_to_anthropic_only(start_gateway, three):
    variables = {
        **environment(three),
        "ANTHROPIC_API_KEY": "of-the-gateway",
        "ANTHROPIC_BASE_URL": three["mistral"].url,
    }
    gateway = start_gateway(environment=variables)
    three["mistral"].answer(failed(529))
    targets = [{"provider": "anthropic"}, {"provider": "openai", "priority": 2}]
    body = {"name": "claude-x", "targets": targets, "max_retries": 0}
    gateway.management.post("/api/routing/fallback-chains", json=body)
    message = {"model": "claude-x", "max_tokens": 9, "messages": ASKED}
    answer = gateway.proxy.post("/v1/messages", json=message, headers={"x-api-key": "sk-ant-own"})
    assert answer.status_code == 200, answer.text
    assert three["mistral"].request.headers["x-api-key"] == "sk-ant-own"
    assert "sk-ant-own" not in str(three["openai"].request)


def test_a_half_configured_target_is_passed_over(start_gateway, three):
    gateway = start_gateway(environment={**environment(three), "AZURE_API_KEY": "k"})
    targets = [{"provider": "azure"}, {"provider": "groq"}]
    gateway.management.post("/api/routing/fallback-chains", json={"name": "gpt-4o", "targets": targets})
    assert said(ask(gateway)) == "from groq"


def test_a_caller_who_names_a_provider_gets_it_and_one_try(chained, three):
    three["openai"].answer(failed(500))
    gateway = chained()
    assert ask(gateway, headers={"x-smartflow-provider": "openai"}).status_code == 502
    assert said(ask(gateway, headers={"x-smartflow-provider": "mistral"})) == "from mistral"
    assert (len(three["openai"].requests), len(three["groq"].requests)) == (1, 0)


def test_an_override_goes_before_every_chain_until_it_expires(chained, three):
    gateway = chained()
    gateway.management.post("/api/routing/override", json={"provider": "mistral", "ttl_minutes": 1})
    assert said(ask(gateway)) == "from mistral"
    gateway.clock.advance(60)
    assert said(ask(gateway, 1)) == "from openai"


def test_the_figures_of_each_provider_come_from_every_attempt(chained, three):
    three["openai"].answer(failed(500))
    three["groq"].answer(failed(429, retry_after="1"), answered("groq"))
    gateway = chained(max_retries=1)
    assert said(ask(gateway)) == "from groq"
    snapshots = gateway.management.get("/api/providers/perf").json()["data"]["snapshots"]
    found = {each["provider"]: each for each in snapshots}
    assert (found["openai"]["requests"], found["openai"]["error_rate"]) == (2, 1.0)
    assert (found["groq"]["requests"], found["groq"]["rate_limit_rate"]) == (2, 0.5)
    assert found["mistral"]["requests"] == 0


def test_a_stream_that_was_not_accepted_goes_to_the_next_target(chained, three):
    three["openai"].answer(failed(503))
    three["groq"].answer(sse(text_chunk("streamed"), finish(), b"data: [DONE]\n\n"))
    answer = ask(chained(max_retries=0), stream=True)
    assert "streamed" in answer.text
    assert answer.headers["x-smartflow-provider"] == "groq"
    assert answer.text.endswith("data: [DONE]\n\n")


def test_a_stream_that_breaks_is_reported_and_never_started_again(chained, three):
    three["openai"].answer(sse(text_chunk("partial"), RESET))
    gateway = chained()
    answer = ask(gateway, stream=True)
    last = json.loads(answer.text.rstrip().rpartition("data: ")[2])
    assert (answer.status_code, last["error"]["code"]) == (200, "provider_error")
    assert "partial" in answer.text
    assert not three["groq"].requests
    assert not three["mistral"].requests
    row = gateway.logs()[0]
    assert (row["error_code"], row["response_content"]) == ("provider_error", "partial")


def test_targets_that_do_not_offer_an_operation_are_left_out(start_gateway, three):
    gateway = start_gateway(environment={**environment(three), "ANTHROPIC_API_KEY": "k"})
    three["openai"].answer(
        reply({"object": "list", "data": [{"object": "embedding", "index": 0, "embedding": [0.5]}], "model": "m",
               "usage": {"prompt_tokens": 1, "total_tokens": 1}})
    )  # fmt: skip
    targets = [{"provider": "anthropic"}, {"provider": "openai"}]
    gateway.management.post("/api/routing/fallback-chains", json={"name": "text-embedding-3-small", "targets": targets})
    answer = gateway.proxy.post("/v1/embeddings", json={"model": "text-embedding-3-small", "input": "a"})
    assert (answer.status_code, answer.headers["x-smartflow-provider"]) == (200, "openai")


def test_speech_and_transcription_have_the_same_spare_targets(chained, three, recording):
    three["openai"].answer(failed(404))
    three["groq"].answer(reply(b"ID3-sound", kind="audio/mpeg"), reply({"text": "good day"}))
    gateway = chained(name="openai", level="provider")
    spoken = gateway.proxy.post("/v1/audio/speech", json={"model": "tts-1", "input": "Hello", "voice": "alloy"})
    assert (spoken.content, spoken.headers["x-smartflow-provider"]) == (b"ID3-sound", "groq")
    heard = gateway.proxy.post(
        "/v1/audio/transcriptions", data={"model": "whisper-1"}, files={"file": ("a.wav", recording)}
    )
    assert heard.json()["text"] == "good day"


def test_a_message_is_translated_for_the_target_that_answers(start_gateway, three):
    variables = {**environment(three), "ANTHROPIC_API_KEY": "k", "ANTHROPIC_BASE_URL": three["mistral"].url}
    gateway = start_gateway(environment=variables)
    three["mistral"].answer(failed(529))
    targets = [{"provider": "anthropic"}, {"provider": "openai", "model": "gpt-4.1"}]
    gateway.management.post(
        "/api/routing/fallback-chains", json={"name": "claude-sonnet-4-6", "targets": targets, "max_retries": 0}
    )
    body = {"model": "claude-sonnet-4-6", "max_tokens": 9, "messages": ASKED}
    answer = gateway.proxy.post("/anthropic/v1/messages", json=body)
    assert answer.json()["content"] == [{"type": "text", "text": "from openai"}]
    assert three["mistral"].request.target == "/v1/messages"
    assert three["openai"].request.json()["model"] == "gpt-4.1"


def test_a_chain_outlives_the_gateway(start_gateway, three, tmp_path):
    first = start_gateway(tmp_path / "gateway.sqlite3", environment=environment(three))
    body = {"name": "gpt-4o", "targets": [{"provider": "mistral"}], "strategy": "latency", "backoff_ms": 0}
    made = first.management.post("/api/routing/fallback-chains", json=body).json()
    second = start_gateway(tmp_path / "gateway.sqlite3", environment=environment(three))
    assert second.management.get("/api/routing/fallback-chains").json() == {"chains": [made]}
    assert said(ask(second)) == "from mistral"


def test_what_changes_a_chain_is_audited(chained):
    gateway = chained()
    gateway.management.put("/api/routing/fallback-chains/gpt-4o", json={"targets": [{"provider": "groq"}]})
    gateway.management.delete("/api/routing/fallback-chains/gpt-4o")
    assert [row["routing_reason"] for row in gateway.logs()] == [
        "chain deleted:gpt-4o", "chain changed:gpt-4o", "chain created:gpt-4o",
    ]  # fmt: skip


def test_targets_that_nobody_configured_are_left_out_and_never_answered_for(start_gateway, three):
    gateway = start_gateway(environment=environment({"mistral": three["mistral"]}))
    three["mistral"].answer(failed(500))
    body = {"name": "gpt-4o", "targets": [{"provider": "groq"}, {"provider": "mistral"}], "max_retries": 0}
    gateway.management.post("/api/routing/fallback-chains", json=body)
    answer = ask(gateway)
    assert (answer.status_code, answer.json()["error"]["provider"]) == (502, "mistral")


def test_a_caller_that_leaves_during_a_pause_ends_the_call(chained, three):
    three["openai"].answer(failed(429, retry_after="5"))
    gateway = chained()
    waiting, left = threading.Event(), threading.Event()

    async def wait(seconds: float) -> None:
        waiting.set()
        try:
            await asyncio.sleep(30)
        finally:
            left.set()

    gateway.gateway.sleep = wait
    body = json.dumps({"model": "gpt-4o", "messages": ASKED}).encode()
    host, port = gateway.proxy.base_url.host, gateway.proxy.base_url.port
    with socket.create_connection((host, port)) as caller:
        head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        caller.sendall(head.encode() + body)
        assert waiting.wait(10)
    assert left.wait(10)
    assert len(three["openai"].requests) == 1
