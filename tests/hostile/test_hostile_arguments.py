"""Bad input is refused before anything is sent, with an error of ours that says what is wrong and where."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

import smartflow
from smartflow import SmartflowClient, SyncSmartflowClient
from tests.support.faces import Connect, Face
from tests.support.hostile import HostileServer

USER = [{"role": "user", "content": "hi"}]
REFUSED: Any = {
    "empty message": (lambda sf: sf.chat(""), "message"),
    "message that is no text": (lambda sf: sf.chat(5), "message"),
    "no messages": (lambda sf: sf.chat_completions([]), "messages"),
    "no messages in a stream": (lambda sf: sf.chat_completions([], stream=True), "messages"),
    "messages that are a text": (lambda sf: sf.chat_completions("hi"), "messages"),
    "messages that are one message": (lambda sf: sf.chat_completions(USER[0]), "messages"),
    "a message that is no dict": (lambda sf: sf.chat_completions(["hi"]), "messages[0]"),
    "a message without a role": (lambda sf: sf.chat_completions([*USER, {"content": "hi"}]), "messages[1]"),
    "a model that is no text": (lambda sf: sf.chat("hi", model=None), "model"),
    "stream in chat": (lambda sf: sf.chat("hi", stream=True), "stream"),
    "messages in chat": (lambda sf: sf.chat("hi", messages=[]), "messages"),
    "an option as a field": (lambda sf: sf.chat("hi", timeout=5), "timeout"),
    "empty stream message": (lambda sf: list(sf.stream_chat("")), "message"),
    "negative limit": (lambda sf: sf.get_logs(limit=-1), "limit"),
    "limit of zero": (lambda sf: sf.get_logs(limit=0), "limit"),
    "negative offset": (lambda sf: sf.get_logs(offset=-1), "offset"),
    "limit that is no number": (lambda sf: sf.get_logs(limit="5"), "limit"),
    "limit that is a truth value": (lambda sf: sf.get_logs(limit=True), "limit"),
    "no days": (lambda sf: sf.get_logs(days=0), "days"),
    "negative hybrid limit": (lambda sf: sf.get_logs_hybrid(limit=-5), "limit"),
    "page size of zero": (lambda sf: list(sf.iter_logs(page_size=0)), "page_size"),
    "negative limit of pages": (lambda sf: list(sf.iter_logs(limit=-1)), "limit"),
    "a day that is none": (lambda sf: sf.get_analytics("yesterday"), "start_date"),
    "no texts": (lambda sf: sf.embeddings([]), "input"),
    "texts that are numbers": (lambda sf: sf.embeddings([1.5]), "input"),
    "no documents": (lambda sf: sf.rerank("hi", []), "documents"),
    "top_n of zero": (lambda sf: sf.rerank("hi", ["a"], top_n=0), "top_n"),
    "no images": (lambda sf: sf.image_generation("hi", n=0), "n"),
    "empty speech": (lambda sf: sf.text_to_speech(""), "input"),
    "empty scan": (lambda sf: sf.intelligent_scan(""), "content"),
    "nothing to redact": (lambda sf: sf.redact_pii(None), "content"),
    "no provider": (lambda sf: sf.force_provider(""), "provider"),
    "negative duration": (lambda sf: sf.force_provider("openai", -1), "duration_seconds"),
    "empty question": (lambda sf: sf.chatbot_query(""), "query"),
    "no tokens for Claude": (lambda sf: sf.claude_message("hi", max_tokens=0), "max_tokens"),
    "a transcription model that is no text": (lambda sf: sf.audio_transcription(b"x", model=5), "model"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_wrong_argument_is_refused_and_named(sf: Face, server: HostileServer, case: str) -> None:
    call, param = REFUSED[case]
    with pytest.raises(smartflow.ValidationError) as caught:
        call(sf)
    assert caught.value.param == param
    assert param.split("[")[0] in str(caught.value)
    assert server.requests == []


@pytest.mark.parametrize("client", [SmartflowClient, SyncSmartflowClient])
@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"timeout": 0}, "timeout"),
        ({"timeout": -1}, "timeout"),
        ({"timeout": "30"}, "timeout"),
        ({"timeout": float("nan")}, "timeout"),
        ({"max_retries": -1}, "max_retries"),
        ({"max_retries": "2"}, "max_retries"),
        ({"max_connections": 0}, "max_connections"),
        ({"management_port": 0}, "management_port"),
        ({"management_port": 70000}, "management_port"),
        ({"bridge_port": "3500"}, "bridge_port"),
        ({"management_url": "host:1"}, "management_url"),
        ({"http_client": object(), "transport": object()}, "http_client"),
    ],
)
def test_a_wrong_option_of_a_client_is_refused_and_named(client: Any, options: Any, name: str) -> None:
    with pytest.raises(smartflow.ConfigError, match=name):
        client("http://127.0.0.1:7775", **options)


def test_an_unknown_option_is_refused_and_named(sf: Face) -> None:
    with pytest.raises(smartflow.ConfigError, match="timeuot"):
        sf.with_options(timeuot=5)


@pytest.mark.parametrize("options", [{"timeout": 0}, {"max_retries": -1}, {"headers": {"a b": "c"}}, {"user_id": ""}])
def test_a_wrong_value_of_a_derived_option_is_refused(sf: Face, options: Any) -> None:
    with pytest.raises(smartflow.ConfigError):
        sf.with_options(**options)


@pytest.mark.parametrize("client", [SmartflowClient, SyncSmartflowClient])
def test_a_key_without_any_address_says_how_to_give_one(client: Any) -> None:
    with pytest.raises(smartflow.ConfigError, match="SMARTFLOW_GATEWAY_URL"):
        client(api_key="sk-sf-0")


def test_a_wrong_address_in_the_environment_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """C5: never silently another mode."""
    monkeypatch.setenv("SMARTFLOW_GATEWAY_URL", "")
    with pytest.raises(smartflow.ConfigError, match="SMARTFLOW_GATEWAY_URL"):
        SyncSmartflowClient()


@pytest.mark.parametrize("method", ["chat", "stream_chat", "_ensure_client", "__enter__"])
def test_a_closed_client_says_so(connect: Connect, server: HostileServer, method: str) -> None:
    sf = connect()
    sf.close()
    sf.close()
    assert sf.closed
    calls: Any = {
        "chat": lambda: sf.chat("hi"),
        "stream_chat": lambda: list(sf.stream_chat("hi")),
        "_ensure_client": lambda: sf._ensure_client(),
        "__enter__": lambda: sf.__aenter__() if sf.flavour == "async" else sf.__enter__(),
    }
    with pytest.raises(smartflow.SmartflowError, match="closed"):
        calls[method]()


def test_a_derived_client_is_closed_with_the_original(connect: Connect) -> None:
    sf = connect()
    derived = sf.with_options(timeout=1)
    sf.close()
    with pytest.raises(smartflow.SmartflowError, match="closed"):
        derived.chat("hi")


def test_a_client_of_the_wrong_kind_is_refused(connect: Connect, flavour: str) -> None:
    wrong: Any = httpx.Client if flavour == "async" else httpx.AsyncClient
    with pytest.raises(smartflow.ConfigError, match="http_client"):
        connect(http_client=wrong(trust_env=False)).chat("hi")


def test_a_ca_file_that_is_none_is_refused(connect: Connect, server: HostileServer) -> None:
    with pytest.raises(smartflow.ConfigError, match="verify"):
        connect(server.url.replace("http:", "https:"), verify="/nowhere/ca.pem").chat("hi")
