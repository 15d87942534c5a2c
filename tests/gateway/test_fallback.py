"""Fallback chains against three providers that fail, are slow to recover, and recover."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.gateway.conftest import running
from tests.support.answers import DONE, chat, finish, reply, sse, text_chunk
from tests.support.hostile import CLOSE, HostileServer

NAMES = ("openai", "groq", "mistral")


def answered(name: str) -> Any:
    found = chat(f"from {name}", model="the-model")
    found["choices"][0]["message"]["refusal"] = None
    return reply(found)


def failing(status: int = 500, **headers: str) -> Any:
    return reply(
        {"error": {"message": "no"}}, status, {name.replace("_", "-"): value for name, value in headers.items()}
    )


@pytest.fixture
def three() -> Iterator[dict[str, HostileServer]]:
    """Three providers, all of which answer until a test says otherwise."""
    servers = {name: HostileServer() for name in NAMES}
    for name, server in servers.items():
        server.__enter__()
        server.answer(answered(name))
    yield servers
    for server in servers.values():
        server.__exit__()


@pytest.fixture
def gateway(start_gateway: Any, three: dict[str, HostileServer]) -> Any:
    environment = {
        f"{name.upper()}_{part}": value
        for name, server in three.items()
        for part, value in (("BASE_URL", f"{server.url}/v1"), ("API_KEY", "key"))
    }
    return start_gateway(environment=environment, chance=lambda: 0.0)


def chain(gateway: Any, name: str = "team", **more: Any) -> Any:
    body = {
        "name": name,
        "backoff_ms": 0,
        "targets": [{"provider": each, "priority": at} for at, each in enumerate(NAMES, 1)],
        **more,
    }
    made = gateway.management.post("/api/routing/fallback-chains", json=body)
    assert made.status_code == 200, made.text
    return made.json()


def said(answer: Any) -> str:
    assert answer.status_code == 200, answer.text
    text: str = answer.json()["choices"][0]["message"]["content"]
    return text


def counts(three: dict[str, HostileServer]) -> list[int]:
    return [len(three[name].requests) for name in NAMES]


def test_the_first_target_answers_for_the_chains_name(gateway: Any, three: Any) -> None:
    chain(gateway)
    assert said(gateway.chat(model="team")) == "from openai"
    assert counts(three) == [1, 0, 0]
    (row, _) = gateway.logs()
    assert (row["provider"], row["routing_strategy"], row["routing_reason"]) == (
        "openai",
        "priority",
        "chain:team:openai",
    )


@pytest.mark.parametrize(
    ("failure", "tried"),
    [(failing(500), 2), (failing(429, retry_after="0"), 2), (failing(429, retry_after="3600"), 1), (failing(401), 1), (failing(400), 1), ([CLOSE], 1)],
)  # fmt: skip
@pytest.mark.parametrize("stream", [False, True])
def test_a_passing_failure_is_tried_again_and_then_the_next_target_answers(
    gateway: Any, three: Any, failure: Any, tried: int, stream: bool
) -> None:
    chain(gateway)
    three["openai"].answer(failure)
    if stream:
        three["groq"].answer(sse(text_chunk("from groq"), finish(), DONE))
        assert "from groq" in gateway.chat(model="team", stream=True).text
    else:
        answer = gateway.chat(model="team")
        assert (said(answer), answer.json()["provider"]) == ("from groq", "groq")
        assert answer.headers["x-smartflow-provider"] == "groq"
    assert counts(three) == [tried, 1, 0]
    (row, _) = gateway.logs()
    assert (row["provider"], row["metrics"]["success"]) == ("groq", True)
    assert row["routing_reason"].startswith("chain:team:groq after openai: provider_")


def test_when_all_fail_the_last_failure_is_told_and_written_once(gateway: Any, three: Any) -> None:
    chain(gateway, max_retries=0)
    for server in three.values():
        server.answer(failing(503))
    answer = gateway.chat(model="team")
    assert (answer.status_code, answer.json()["error"]["provider"]) == (502, "mistral")
    assert counts(three) == [1, 1, 1]
    (row, _) = gateway.logs()
    assert (row["error_code"], row["provider"]) == ("provider_error", "mistral")
    snapshots = gateway.management.get("/api/providers/perf").json()["data"]["snapshots"]
    assert [each["error_rate"] for each in snapshots] == [1.0, 1.0, 1.0]


def test_a_provider_that_keeps_failing_is_left_out_until_it_recovers(gateway: Any, three: Any) -> None:
    chain(gateway, max_retries=0)
    three["openai"].answer(failing(500))
    for number in range(7):
        assert said(gateway.chat(f"question {number}", model="team")) == "from groq"
    assert counts(three)[0] == 5
    three["openai"].answer(answered("openai"))
    gateway.clock.advance(31)
    assert said(gateway.chat("later", model="team")) == "from openai"
    assert said(gateway.chat("later still", model="team")) == "from openai"


def test_a_chain_of_a_provider_serves_its_models_with_their_counterparts(start_gateway: Any, three: Any) -> None:
    claude = {
        "id": "m", "type": "message", "role": "assistant", "model": "claude-sonnet-4-6", "content": [{"type": "text", "text": "from claude"}],
        "stop_reason": "end_turn", "stop_sequence": None, "usage": {"input_tokens": 1, "output_tokens": 1},
    }  # fmt: skip
    three["openai"].answer(failing(500))
    three["groq"].answer(reply(claude))
    environment = {
        "OPENAI_BASE_URL": f"{three['openai'].url}/v1", "ANTHROPIC_BASE_URL": three["groq"].url, "ANTHROPIC_API_KEY": "key",
    }  # fmt: skip
    gateway = start_gateway(environment=environment, chance=lambda: 0.0)
    chain(gateway, "openai", level="provider", targets=[{"provider": "openai"}, {"provider": "anthropic"}])
    answer = gateway.chat(model="gpt-4.1")
    assert (said(answer), answer.json()["model"], answer.json()["provider"]) == ("from claude", "gpt-4.1", "anthropic")
    assert three["groq"].request.json()["model"] == "claude-sonnet-4-6"


def test_the_callers_own_choice_goes_before_a_chain(gateway: Any, three: Any) -> None:
    chain(gateway)
    answer = gateway.chat(model="team", headers={"x-smartflow-provider": "mistral"})
    assert said(answer) == "from mistral"
    three["mistral"].answer(failing(500))
    assert gateway.chat("again", model="team", headers={"x-smartflow-provider": "mistral"}).status_code == 502


def test_an_answer_is_cached_whichever_target_gave_it(gateway: Any, three: Any) -> None:
    chain(gateway, strategy="round_robin")
    said(gateway.chat("same", model="team"))
    assert gateway.chat("same", model="team").json()["cached"] is True
    assert sum(counts(three)) == 1


def test_a_failure_in_mid_stream_is_reported_and_not_started_again(gateway: Any, three: Any) -> None:
    chain(gateway)
    three["openai"].answer(sse(text_chunk("half an"), CLOSE))
    answer = gateway.chat(model="team", stream=True)
    lines = [line for line in answer.text.split("\n") if line.startswith("data: ")]
    assert "half an" in lines[0]
    assert json.loads(lines[-1].removeprefix("data: "))["error"]["provider"] == "openai"
    assert "[DONE]" not in answer.text
    assert counts(three) == [1, 0, 0]


def test_a_target_without_a_key_never_passes_for_a_fallback(start_gateway: Any, three: Any) -> None:
    three["openai"].answer(failing(500))
    gateway = start_gateway(environment={"OPENAI_BASE_URL": f"{three['openai'].url}/v1"}, chance=lambda: 0.0)
    chain(gateway, max_retries=0)
    assert gateway.chat(model="team").status_code == 502


def test_without_any_key_the_offline_provider_answers(start_gateway: Any) -> None:
    gateway = start_gateway()
    chain(gateway)
    assert "[offline" in said(gateway.chat(model="team"))


def test_chains_survive_a_restart(tmp_path: Any) -> None:
    with running(tmp_path / "g.sqlite3") as first:
        made = chain(first)
    with running(tmp_path / "g.sqlite3") as again:
        assert again.management.get("/api/routing/fallback-chains").json() == {"chains": [made]}
