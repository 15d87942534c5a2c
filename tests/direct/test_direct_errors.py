"""What goes wrong without a gateway: the right class, the provider, the status, and what to do about it."""

from __future__ import annotations

import logging
import traceback
from typing import Any, Dict, Type

import pytest

from smartflow.exceptions import (
    AuthenticationError,
    BudgetExceededError,
    ConfigError,
    ConnectionError,
    NotFoundError,
    ProviderError,
    RateLimitError,
    ResponseValidationError,
    SmartflowError,
    TimeoutError,
    ValidationError,
)
from tests.direct.conftest import KEY
from tests.support.answers import chat, head, html, reply
from tests.support.faces import Connect
from tests.support.hostile import SILENCE, HostileServer, refusing_port

ANTHROPIC = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}


@pytest.mark.parametrize(
    ("status", "body", "kind", "cure"),
    [
        (400, {"error": {"message": "bad", "param": "n"}}, ValidationError, "bad"),
        (401, {"error": {"message": "Incorrect key"}}, AuthenticationError, "Incorrect key; check the key of OpenAI in OPENAI_API_KEY"),
        (403, {"error": {"message": "not in your region"}}, AuthenticationError, "check the key of OpenAI"),
        (402, {"error": "pay first"}, BudgetExceededError, "pay first"),
        (404, {"error": {"message": "no such model"}}, NotFoundError, "is gpt-4o a model of OpenAI.*smartflow models"),
        (429, {"error": {"message": "slow down"}}, RateLimitError, "limit of your account at OpenAI"),
        (429, {"error": {"message": "no money", "code": "insufficient_quota"}}, BudgetExceededError, "no money"),
        (500, {"detail": "oops"}, ProviderError, "oops; OpenAI has trouble"),
        (529, ANTHROPIC, ProviderError, "Overloaded; OpenAI has trouble or is overloaded"),
        (503, None, ProviderError, "without saying why"),
    ],
)  # fmt: skip
def test_a_status_becomes_the_right_error(
    status: int,
    body: Any,
    kind: Type[SmartflowError],
    cure: str,
    connect: Connect,
    server: HostileServer,
    at: Any,
) -> None:
    at("openai", path="/v1")
    server.answer(reply(b"" if body is None else body, status, {"x-request-id": "r-1"}))
    with pytest.raises(kind, match=cure) as caught:
        connect().chat("Hello")
    assert type(caught.value) is kind
    assert (caught.value.status_code, caught.value.provider, caught.value.request_id) == (status, "openai", "r-1")


def test_the_place_of_the_key_is_named(
    connect: Connect, server: HostileServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(f"groq_base_url: {server.url}\n\ngroq_api_key: {KEY}\n")
    file.chmod(0o600)
    monkeypatch.setenv("SMARTFLOW_CONFIG", str(file))
    server.answer(reply({"error": {"message": "wrong"}}, 401))
    with pytest.raises(AuthenticationError, match=rf"check the key of Groq in groq_api_key \({file}:3\)"):
        connect().chat("Hello", model="groq/llama")


def test_a_retry_obeys_the_provider(connect: Connect, server: HostileServer, at: Any) -> None:
    at("anthropic")
    answer = {"content": [{"type": "text", "text": "ok"}], "stop_reason": "end_turn", "usage": {}}
    server.answer(reply(ANTHROPIC, 529, {"retry-after": "0"}), reply(answer))
    assert connect(max_retries=1).chat("Hello", model="claude-x") == "ok"
    assert len(server.requests) == 2
    assert len({request.headers["idempotency-key"] for request in server.requests}) == 1


def test_a_web_page_of_the_network_is_named_as_such(connect: Connect, server: HostileServer, at: Any) -> None:
    at("openai", path="/v1")
    server.answer(html(200), html(403), [head(302, {"location": "http://portal.test/", "content-length": "0"})])
    sf = connect()
    with pytest.raises(ResponseValidationError, match="web page.*check the network and OPENAI_BASE_URL") as caught:
        sf.chat("Hello")
    assert caught.value.provider == "openai"
    with pytest.raises(AuthenticationError, match="web page instead of JSON"):
        sf.chat("Hello")
    with pytest.raises(SmartflowError, match="redirected to http://portal.test/"):
        sf.chat("Hello")


def test_an_ollama_that_is_not_there_says_how_to_start_it(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    with refusing_port() as port:
        monkeypatch.setenv("OLLAMA_BASE_URL", f"http://127.0.0.1:{port}")
        with pytest.raises(ConnectionError, match="is Ollama running.*ollama serve.*OLLAMA_BASE_URL") as caught:
            connect().chat("Hello", model="ollama/llama3")
    assert caught.value.provider == "ollama"
    assert "smartflow serve" not in str(caught.value)


def test_a_silent_provider_is_a_timeout_of_that_provider(connect: Connect, server: HostileServer, at: Any) -> None:
    at("openai", path="/v1")
    server.answer([SILENCE])
    with pytest.raises(TimeoutError) as caught:
        connect(timeout=0.2).chat("Hello")
    assert (caught.value.phase, caught.value.provider) == ("total", "openai")


def test_a_missing_key_names_the_variable_and_the_command(connect: Connect) -> None:
    with pytest.raises(ConfigError, match="MISTRAL_API_KEY, or run `smartflow config set mistral_api_key`"):
        connect().chat("Hello", model="mistral/mistral-large-latest")


@pytest.mark.parametrize(
    ("model", "cure"), [("antropic/claude-x", "did you mean anthropic/"), ("zzz/model", "known are openai/")]
)
def test_an_unknown_prefix_is_never_sent_anywhere(model: str, cure: str, connect: Connect, at: Any) -> None:
    at("openai")
    with pytest.raises(ValidationError, match=cure) as caught:
        connect().chat("Hello", model=model)
    assert caught.value.param == "model"


def test_what_a_provider_does_not_offer_names_those_that_do(connect: Connect, at: Any) -> None:
    at("anthropic")
    with pytest.raises(ValidationError, match="Anthropic does not offer embeddings; use a model of openai"):
        connect().embeddings("text", model="claude-x")


def test_no_key_leaves_over_an_error_or_a_log(
    connect: Connect, server: HostileServer, at: Any, caplog: pytest.LogCaptureFixture
) -> None:
    at("openai", path="/v1")
    caplog.set_level(logging.DEBUG)
    leak = {"error": {"message": f"key {KEY} is wrong"}, "seen": {"headers": [f"Bearer {KEY}"]}}
    server.answer(reply(leak, 500, {"x-echo": KEY}))
    sf = connect(max_retries=1)
    with pytest.raises(ProviderError) as caught:
        sf.chat("Hello")
    error = caught.value
    texts = [str(error), repr(error), str(vars(error)), "".join(traceback.format_exception(type(error), error, None))]
    assert KEY not in "\n".join([*texts, caplog.text, repr(sf.client), repr(sf.client._session.settings)])
    assert "***" in str(error)


def test_what_only_a_gateway_is_told_stays_here(connect: Connect, server: HostileServer, at: Any) -> None:
    at("openai", path="/v1")
    server.answer(reply(chat("hi")))
    sf = connect(default_headers={"x-smartflow-provider": "groq", "x-team": "blue"})
    sf.with_options(user_id="alice", conversation_id="c-1").chat("Hello")
    sent: Dict[str, str] = dict(server.request.headers)
    assert sent["x-team"] == "blue"
    assert not [name for name in sent if name.startswith(("x-smartflow", "x-conversation"))]


@pytest.mark.parametrize("name", ["Authorization", "x-api-key"])
def test_a_key_as_a_default_header_is_sent_to_no_provider(
    name: str, connect: Connect, server: HostileServer, at: Any
) -> None:
    at("openai", path="/v1")
    sf = connect(default_headers={name: "Bearer for-somebody-else"})
    with pytest.raises(ConfigError, match="configure the key of each"):
        sf.chat("Hello")
    assert not server.requests


def test_a_key_is_not_sent_in_the_clear_over_a_public_network(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://models.example.com/v1")
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with pytest.raises(ConfigError, match="OPENAI_BASE_URL.*https://"):
        connect().chat("Hello")
