"""A call that is sent twice with the same Idempotency-Key is done, and paid, once."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from smartflow.gateway.clock import RandomIds
from smartflow.gateway.idempotency import engine

from .conftest import Provider, RunningGateway
from .keyed import Hanging, answer, watch_audit

KEY = {"Idempotency-Key": "0b1f6b1e", "Cache-Control": "no-cache, no-store"}


def _key(name: str) -> dict[str, str]:
    return {**KEY, "Idempotency-Key": name}


def test_a_repeated_call_gets_the_same_answer_and_the_provider_is_asked_once(gateway: RunningGateway) -> None:
    first = gateway.chat("once", headers=_key("same"))
    second = gateway.chat("once", headers=_key("same"))
    assert second.json() == first.json()
    replayed, asked = gateway.logs(limit=2)
    assert asked["tokens_used"] > 0
    assert (replayed["tokens_used"], replayed["cost"], replayed["routing_reason"]) == (0, 0, "idempotent_replay")
    assert replayed["request_id"] == second.headers["x-smartflow-request-id"]


def test_another_key_or_another_request_is_another_call(gateway: RunningGateway) -> None:
    first = gateway.chat("apart", headers=_key("k1")).json()["id"]
    assert gateway.chat("apart", headers=_key("k2")).json()["id"] != first
    assert gateway.chat("apart!", headers=_key("k1")).json()["id"] != first


def test_a_key_of_another_caller_is_another_call(gateway: RunningGateway) -> None:
    mine = gateway.chat("tenants", headers={**_key("shared"), "Authorization": "Bearer sk-sf-one"})
    theirs = gateway.chat("tenants", headers={**_key("shared"), "Authorization": "Bearer sk-sf-two"})
    assert mine.json()["id"] != theirs.json()["id"]


def test_a_refused_call_is_not_remembered(gateway: RunningGateway) -> None:
    bad = {"model": "gpt-4o", "messages": []}
    assert gateway.proxy.post("/v1/chat/completions", json=bad, headers=_key("bad")).status_code == 400
    assert gateway.chat("good", headers=_key("bad")).status_code == 200


def test_equal_calls_at_the_same_moment_are_done_once(gateway: RunningGateway) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: gateway.chat("together", headers=_key("race")).json()["id"], range(8)))
    assert len(set(answers)) == 1


def test_an_answer_is_forgotten_after_a_day(gateway: RunningGateway) -> None:
    first = gateway.chat("a day", headers=_key("day")).json()["id"]
    gateway.clock.advance(24 * 3600 + 1)
    assert gateway.chat("a day", headers=_key("day")).json()["id"] != first


STREAM = (
    b'data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"gpt-4o","choices":'
    b'[{"index":0,"delta":{"content":"told"},"finish_reason":"stop"}]}\n\n'
)


@pytest.fixture
def forwarding(start_gateway: Callable[..., RunningGateway], provider: Provider) -> RunningGateway:
    """A gateway that asks a scripted provider, which counts how often it is asked."""
    provider.answer(200, answer())
    return start_gateway(environment={"OPENAI_API_KEY": "sk-secret", "OPENAI_BASE_URL": provider.url})


def _again(gateway: RunningGateway, **fields: Any) -> Any:
    """The same call as that of Hanging, byte for byte."""
    body = {"model": "gpt-4o", "max_tokens": 100, "messages": [{"role": "user", "content": "hello"}], **fields}
    content = json.dumps(body, separators=(",", ":")).encode()
    headers = {**_key("hung"), "content-type": "application/json"}
    return gateway.proxy.post("/v1/chat/completions", content=content, headers=headers)


def _code(response: Any) -> tuple[int, str]:
    return response.status_code, response.json()["error"]["code"]


def test_a_caller_that_hung_up_finds_the_answer_and_the_provider_is_asked_once(
    forwarding: RunningGateway, provider: Provider
) -> None:
    provider.hold.clear()
    with Hanging(forwarding, _key("hung")):
        assert provider.asked.wait(10)
    with ThreadPoolExecutor(1) as pool:
        # It joins the work that still runs.
        second = pool.submit(_again, forwarding)
        provider.hold.set()
        assert second.result().json()["choices"][0]["message"]["content"] == "from afar"
    assert len(provider.requests) == 1
    replayed, asked = forwarding.logs()
    assert (asked["cost"] > 0, asked["metrics"]["success"], replayed["cost"]) == (True, True, 0)


def test_a_failure_after_the_caller_hung_up_is_audited(forwarding: RunningGateway, provider: Provider) -> None:
    provider.hold.clear()
    provider.answer(500, {"error": {"message": "no"}})
    written = watch_audit(forwarding)
    with Hanging(forwarding, _key("hung")):
        assert provider.asked.wait(10)
    provider.hold.set()
    assert written.wait(10)
    (row,) = forwarding.logs()
    assert (row["status_code"], row["error_code"]) == (502, "provider_error")
    # A provider that refused was not paid.
    provider.answer(200, answer())
    assert _again(forwarding).status_code == 200


def test_a_stream_is_told_again_to_the_same_call(forwarding: RunningGateway, provider: Provider) -> None:
    provider.stream(STREAM, b"data: [DONE]\n\n")
    first = forwarding.chat("stream", stream=True, headers=_key("stream"))
    second = forwarding.chat("stream", stream=True, headers=_key("stream"))
    assert first.text.endswith("data: [DONE]\n\n")
    assert (second.text, second.headers["content-type"]) == (first.text, first.headers["content-type"])
    assert len(provider.requests) == 1


def test_equal_streams_at_the_same_moment_are_asked_for_once(forwarding: RunningGateway, provider: Provider) -> None:
    provider.stream(STREAM, b"data: [DONE]\n\n")
    with ThreadPoolExecutor(8) as pool:
        told = list(pool.map(lambda _: forwarding.chat("s", stream=True, headers=_key("s8")).text, range(8)))
    assert (len(set(told)), len(provider.requests)) == (1, 1)


def test_a_stream_that_its_reader_cut_is_not_asked_for_again(forwarding: RunningGateway, provider: Provider) -> None:
    provider.hold.clear()
    provider.stream(*[STREAM.replace(b"told", b"x" * 1000)] * 200)
    written = watch_audit(forwarding)
    with Hanging(forwarding, _key("hung"), stream=True) as call:
        call.read()
    assert written.wait(10)
    provider.hold.set()
    assert _code(_again(forwarding, stream=True)) == (409, "idempotency_outcome_unknown")
    assert len(provider.requests) == 1


def test_a_stream_that_broke_is_not_asked_for_again(forwarding: RunningGateway, provider: Provider) -> None:
    provider.stream(STREAM.replace(b'"stop"', b"null"))
    assert "provider_stream_cut" in forwarding.chat("cut", stream=True, headers=_key("cut")).text
    assert _code(forwarding.chat("cut", stream=True, headers=_key("cut")))[0] == 409
    assert len(provider.requests) == 1


def test_a_provider_that_answered_nonsense_is_not_asked_again(forwarding: RunningGateway, provider: Provider) -> None:
    provider.answer(200, b"{}")
    first = forwarding.chat("nonsense", headers=_key("nonsense"))
    second = forwarding.chat("nonsense", headers=_key("nonsense"))
    assert _code(first) == _code(second) == (502, "provider_error")
    assert len(provider.requests) == 1


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_provider_that_refused_is_asked_again(forwarding: RunningGateway, provider: Provider, status: int) -> None:
    provider.answer(status, {"error": {"message": "not now"}})
    assert forwarding.chat("busy", headers=_key("busy")).status_code in (429, 502, 503)
    provider.answer(200, answer())
    assert forwarding.chat("busy", headers=_key("busy")).status_code == 200


def test_a_call_that_a_crash_cut_off_is_not_made_again(
    tmp_path: Path, start_gateway: Callable[..., RunningGateway], provider: Provider
) -> None:
    provider.hold.clear()
    provider.answer(200, answer())
    options = {"environment": {"OPENAI_API_KEY": "sk-secret", "OPENAI_BASE_URL": provider.url}}
    first = start_gateway(tmp_path / "gateway.sqlite3", **options)
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(first.chat, "crash", headers=_key("crash"))
        assert provider.asked.wait(10)
        # What the next process finds after the death of the first: the same file, and a call that was begun and never ended.
        second = start_gateway(tmp_path / "gateway.sqlite3", **options)
        second.gateway.ids = RandomIds()
        assert _code(second.chat("crash", headers=_key("crash"))) == (409, "idempotency_outcome_unknown")
        provider.hold.set()
        told = call.result().json()
    # The first one had not died: once it has answered, the other knows the answer.
    assert second.chat("crash", headers=_key("crash")).json() == told
    assert len(provider.requests) == 1


def test_an_answer_outlives_a_restart(tmp_path: Path, start_gateway: Callable[..., RunningGateway]) -> None:
    first = start_gateway(tmp_path / "gateway.sqlite3").chat("kept", headers=_key("kept")).json()
    second = start_gateway(tmp_path / "gateway.sqlite3")
    second.gateway.ids = RandomIds()
    assert second.chat("kept", headers=_key("kept")).json() == first


def test_an_answer_too_large_to_keep_is_not_bought_twice(
    forwarding: RunningGateway, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "MAX_BYTES", 100)
    assert forwarding.chat("large", headers=_key("large")).status_code == 200
    assert _code(forwarding.chat("large", headers=_key("large"))) == (409, "idempotency_answer_not_kept")
    provider.stream(STREAM, b"data: [DONE]\n\n")
    assert "[DONE]" in forwarding.chat("large", stream=True, headers=_key("large")).text
    assert _code(forwarding.chat("large", stream=True, headers=_key("large")))[0] == 409
    assert len(provider.requests) == 2


def test_a_gateway_that_stops_gives_up_what_nobody_waits_for(
    start_gateway: Callable[..., RunningGateway], provider: Provider
) -> None:
    provider.hold.clear()
    provider.answer(200, answer())
    gateway = start_gateway(environment={"OPENAI_API_KEY": "sk-secret", "OPENAI_BASE_URL": provider.url})
    with Hanging(gateway, _key("hung")):
        assert provider.asked.wait(10)
    gateway._call(gateway.gateway.idempotency.aclose())
    rows = gateway.gateway.store.rows("SELECT state FROM idempotency_calls")
    assert [row["state"] for row in rows] == ["unknown"]
