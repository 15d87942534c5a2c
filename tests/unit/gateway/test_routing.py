"""The provider table, the choice of a route, and the states that outcomes stand for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from smartflow.gateway.errors import GatewayError
from smartflow.gateway.routing.engine import RoutingEngine, Upstream, health_state
from smartflow.gateway.routing.repo import RoutingRepo
from smartflow.gateway.store import Store
from smartflow.providers import table

NOW = datetime(2026, 2, 19, tzinfo=UTC)
DOCUMENTED = [
    "anthropic",
    "xai",
    "gemini",
    "vertex_ai",
    "openrouter",
    "azure",
    "mistral",
    "cohere",
    "nvidia_nim",
    "huggingface",
    "groq",
    "deepgram",
    "fireworks",
    "novita",
    "together",
    "perplexity",
    "replicate",
    "vercel_ai_gateway",
    "ollama",
    "openai",
    "local",
    "google",
    "claude",
]


@pytest.fixture
def store():
    opened = Store(None)
    yield opened
    opened.close()


def engine(store, **environment):
    return RoutingEngine(RoutingRepo(store), environment)


def test_every_documented_prefix_is_known():
    assert set(DOCUMENTED) == set(table.PREFIXES)


@pytest.mark.parametrize(
    ("model", "split"),
    [
        ("openai/gpt-4o", ("openai", "gpt-4o")), ("claude/x", ("anthropic", "x")), ("openrouter/a/b", ("openrouter", "a/b")),
        ("acme/x", (None, "acme/x")), ("openai/", (None, "openai/")), ("openai", (None, "openai")), ("/x", (None, "/x")),
    ],
)  # fmt: skip
def test_only_a_known_first_segment_is_a_prefix(model, split):
    assert table.split_prefix(model) == split


@pytest.mark.parametrize(
    ("name", "environment", "address"),
    [
        ("openai", {}, None),
        ("openai", {"OPENAI_API_KEY": "k"}, "https://api.openai.com/v1"),
        ("openai", {"OPENAI_BASE_URL": "http://localhost:9/v1/"}, "http://localhost:9/v1"),
        ("openai", {"OPENAI_BASE_URL": "http://localhost:9"}, "http://localhost:9/v1"),
        ("ollama", {"OLLAMA_BASE_URL": "http://localhost:11434"}, "http://localhost:11434/v1"),
        ("ollama", {}, None),
        ("local", {"LOCAL_BASE_URL": "http://localhost:8000/api"}, "http://localhost:8000/api"),
        ("groq", {"GROQ_API_KEY": "  "}, None),
        ("anthropic", {"ANTHROPIC_API_KEY": "k"}, "https://api.anthropic.com"),
        ("azure", {"AZURE_API_KEY": "k", "AZURE_API_BASE": "https://me.test"}, "https://me.test"),
    ],
)
def test_a_provider_is_called_when_its_key_or_base_url_is_set(store, name, environment, address):
    upstream = engine(store, **environment).upstream(name)
    assert (upstream.target.base_url if upstream else None) == address


@pytest.mark.parametrize(
    "environment", [{"AZURE_API_KEY": "k"}, {"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": "http://public.example.com"}]
)
def test_a_provider_that_is_half_configured_is_an_error_and_not_answered_for(store, environment):
    with pytest.raises(GatewayError) as caught:
        engine(store, **environment).upstream("azure" if "AZURE_API_KEY" in environment else "openai")
    assert (caught.value.status, caught.value.code) == (502, "provider_misconfigured")


def test_a_key_does_not_show_itself(store):
    upstream = engine(store, OPENAI_API_KEY="secret").upstream("openai")
    assert isinstance(upstream, Upstream)
    assert "secret" not in repr(upstream)


def test_the_default_provider_is_that_of_the_operation(store):
    assert engine(store).choose("rerank-english-v3.0", NOW, default="cohere").provider == "cohere"
    assert engine(store).choose("gemini-2.0-flash", NOW, default="cohere").provider == "gemini"


def test_the_callers_header_beats_the_override(store):
    routing = engine(store)
    routing.override("groq", 60, NOW)
    assert routing.choose("gpt-4o", NOW).reason == "override:groq offline"
    assert routing.choose("gpt-4o", NOW, "xai").reason == "header:xai offline"


def test_an_override_lasts_exactly_its_time(store):
    routing = engine(store)
    routing.override("groq", 60, NOW)
    assert routing.choose("gpt-4o", NOW + timedelta(seconds=59.9)).provider == "groq"
    assert routing.choose("gpt-4o", NOW + timedelta(seconds=60)).provider == "openai"


@pytest.mark.parametrize(
    ("model", "provider", "expected"),
    [
        ("gpt-4.1", "anthropic", "claude-sonnet-4-6"), ("claude-opus-4-6", "openai", "gpt-5.4"), ("claude-3-5-haiku-20241022", "openai", "gpt-4.1-mini"),
        ("gpt-4.1", "groq", "gpt-4.1"), ("my-own", "anthropic", "my-own"),
    ],
)  # fmt: skip
def test_another_providers_model_stands_in(model, provider, expected):
    assert table.equivalent_model(model, provider) == expected


def test_an_unknown_provider_is_refused_by_name(store):
    with pytest.raises(GatewayError) as refused:
        engine(store).choose("gpt-4o", NOW, "acme")
    assert (refused.value.status, refused.value.extras["param"]) == (400, "x-smartflow-provider")


@pytest.mark.parametrize(
    ("recent", "state"),
    [
        ("", "healthy"),
        ("1" * 50, "healthy"),
        ("1" * 48 + "00", "healthy"),
        ("1" * 47 + "000", "degraded"),
        ("10", "unhealthy"),
        ("0", "unhealthy"),
    ],
)
def test_the_state_follows_the_share_of_failures(recent, state):
    assert health_state(recent) == state


def test_a_provider_recovers_when_its_failures_leave_the_window(store):
    routing = engine(store)
    routing.record("openai", ok=False, latency_ms=10, now=NOW, error="openai answered 500")
    for _ in range(50):
        routing.record("openai", ok=True, latency_ms=20, now=NOW)
    (snapshot,) = routing.health()
    assert (snapshot["status"], snapshot["requests"], snapshot["error_rate"]) == ("healthy", 51, pytest.approx(1 / 51))
    assert routing.status(NOW)["last_failure"]["error"] == "openai answered 500"


def test_configured_providers_are_listed_before_their_first_call(store):
    (snapshot,) = engine(store, GROQ_API_KEY="k").health()
    assert (snapshot["provider"], snapshot["requests"], snapshot["success_rate"], snapshot["last_updated"]) == (
        "groq",
        0,
        1.0,
        None,
    )
