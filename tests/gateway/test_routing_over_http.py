"""Who answers: prefixes, detection, the override and its end, and what the gateway learns from traffic."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize(
    ("model", "provider"),
    [
        ("gpt-4o", "openai"), ("openai/gpt-4o", "openai"), ("claude-sonnet-4-6", "anthropic"), ("claude/claude-3-opus", "anthropic"),
        ("gemini-2.0-flash", "gemini"), ("google/gemini-2.0-flash", "gemini"), ("mistral/mistral-large-latest", "mistral"),
        ("openrouter/meta-llama/llama-3.1-405b", "openrouter"), ("meta-llama/llama-3.1", "openai"), ("my-own", "openai"),
    ],
)  # fmt: skip
def test_the_model_name_tells_the_provider(gateway, model, provider):
    answer = gateway.chat("who", model=model)
    assert answer.json()["provider"] == provider
    assert answer.headers["x-smartflow-provider"] == provider


def test_only_the_first_segment_is_the_prefix(gateway):
    assert gateway.chat("deep", model="openrouter/openai/gpt-4o").json()["model"] == "openai/gpt-4o"


def test_an_override_changes_who_answers_until_it_expires(fresh_gateway):
    body = {"provider": "anthropic", "ttl_minutes": 1, "duration_seconds": 90}
    result = fresh_gateway.management.post("/api/routing/override", json=body).json()
    assert result == {
        "status": "ok", "provider": "anthropic", "ttl_minutes": 2, "duration_seconds": 90, "expires_at": "2026-02-19T10:01:30.000Z",
    }  # fmt: skip
    answer = fresh_gateway.chat("who", model="gpt-4.1")
    assert answer.json()["provider"] == "anthropic"
    assert "claude-sonnet-4-6" in answer.json()["choices"][0]["message"]["content"]
    assert answer.json()["model"] == "gpt-4.1"
    assert fresh_gateway.logs()[0]["routing_reason"] == "override:anthropic offline"
    fresh_gateway.clock.advance(89)
    assert fresh_gateway.chat("who else", model="gpt-4.1").json()["provider"] == "anthropic"
    status = fresh_gateway.management.get("/api/routing/status").json()
    assert (status["active_provider"], status["override"]["provider"]) == ("anthropic", "anthropic")
    fresh_gateway.clock.advance(1)
    assert fresh_gateway.chat("who", model="gpt-4.1").json()["provider"] == "openai"
    status = fresh_gateway.management.get("/api/routing/status").json()
    assert (status["active_provider"], status["override"]) == ("openai", None)


def test_an_override_is_audited(fresh_gateway):
    fresh_gateway.management.post("/api/routing/override", json={"provider": "openai", "ttl_minutes": 1})
    (row,) = fresh_gateway.logs()
    assert (row["content_type"], row["provider"]) == ("routing", "openai")


def test_an_unknown_provider_is_refused(gateway):
    answer = gateway.management.post("/api/routing/override", json={"provider": "acme", "ttl_minutes": 1})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "provider")


def test_the_header_forces_a_provider_for_one_call(gateway):
    assert gateway.chat("header", headers={"x-smartflow-provider": "groq"}).json()["provider"] == "groq"
    assert gateway.chat("header").json()["provider"] == "openai"
    answer = gateway.chat("header", headers={"x-smartflow-provider": "acme"})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "x-smartflow-provider")


def test_provider_figures_come_from_real_calls_and_not_from_hits(fresh_gateway):
    fresh_gateway.chat("one")
    fresh_gateway.chat("one")
    fresh_gateway.chat("two", model="claude-sonnet-4-6")
    anthropic, openai = fresh_gateway.management.get("/api/providers/perf").json()["data"]["snapshots"]
    assert (openai["provider"], openai["requests"], openai["success_rate"], openai["status"]) == (
        "openai",
        1,
        1.0,
        "healthy",
    )
    assert (anthropic["provider"], anthropic["requests_total"]) == ("anthropic", 1)
