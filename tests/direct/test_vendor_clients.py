"""The vendors' own clients that `sf.openai()` and `sf.anthropic()` hand out."""

from __future__ import annotations

from typing import Any

import pytest

from smartflow import SmartflowClient, SyncSmartflowClient
from smartflow.exceptions import ConfigError, ValidationError
from tests.direct.conftest import KEY
from tests.support.answers import chat, reply
from tests.support.hostile import HostileServer, Request

openai = pytest.importorskip("openai", reason="the extra [openai] is not installed")
anthropic = pytest.importorskip("anthropic", reason="the extra [anthropic] is not installed")

ASKED: Any = [{"role": "user", "content": "Hello"}]
CLAUDE = {
    "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-x", "stop_reason": "end_turn",
    "content": [{"type": "text", "text": "Bonjour"}], "usage": {"input_tokens": 1, "output_tokens": 1},
}  # fmt: skip


def key_of(request: Request) -> str:
    """The key, from whichever header the version of Anthropic's client puts it into."""
    return request.headers.get("x-api-key") or request.headers["authorization"].split(" ")[1]


def test_openais_client_goes_through_the_gateway_with_its_key(server: HostileServer) -> None:
    server.answer(reply(chat("hi")))
    with SyncSmartflowClient(server.url, "sk-sf-key", default_headers={"x-team": "blue"}) as sf, sf.openai() as client:
        assert isinstance(client, openai.OpenAI)
        assert client.chat.completions.create(model="gpt-4o", messages=ASKED).choices[0].message.content == "hi"
    assert server.request.target == "/v1/chat/completions"
    assert server.request.headers["authorization"] == "Bearer sk-sf-key"
    assert server.request.headers["x-team"] == "blue"


def test_a_provider_can_be_asked_for_at_the_gateway(server: HostileServer) -> None:
    server.answer(reply(chat("hi")))
    with SyncSmartflowClient(server.url) as sf, sf.openai("groq") as client:
        client.chat.completions.create(model="gpt-4o", messages=ASKED)
    assert server.request.headers["x-smartflow-provider"] == "groq"


@pytest.mark.asyncio
async def test_the_async_clients_are_async(server: HostileServer) -> None:
    server.answer(reply(chat("hi")), reply(CLAUDE))
    async with SmartflowClient(server.url, "sk-sf-key") as sf:
        async with sf.openai() as client:
            answer = await client.chat.completions.create(model="gpt-4o", messages=ASKED)
        async with sf.anthropic() as claude:
            message: Any = await claude.messages.create(model="claude-x", max_tokens=9, messages=ASKED)
    assert (answer.choices[0].message.content, message.content[0].text) == ("hi", "Bonjour")
    assert server.requests[1].target == "/anthropic/v1/messages"
    assert key_of(server.requests[1]) == "sk-sf-key"


def test_in_direct_mode_they_go_to_the_provider(server: HostileServer, at: Any) -> None:
    at("groq", path="/openai/v1")
    at("anthropic")
    server.answer(reply(chat("hi")), reply(CLAUDE))
    with SyncSmartflowClient(default_headers={"x-smartflow-user-id": "alice"}) as sf:
        with sf.openai("groq") as client:
            client.chat.completions.create(model="llama", messages=ASKED)
        with sf.anthropic() as claude:
            claude.messages.create(model="claude-x", max_tokens=9, messages=ASKED)
    first, second = server.requests
    assert (first.target, first.headers["authorization"]) == ("/openai/v1/chat/completions", f"Bearer {KEY}")
    assert (second.target, key_of(second)) == ("/v1/messages", KEY)
    assert not [name for request in server.requests for name in request.headers if "smartflow" in name]


def test_azure_gets_the_client_that_knows_deployments(server: HostileServer, at: Any) -> None:
    at("azure")
    server.answer(reply(chat("hi")))
    with SyncSmartflowClient() as sf, sf.openai("azure") as client:
        client.chat.completions.create(model="my-deployment", messages=ASKED)
    assert server.request.target.startswith("/openai/deployments/my-deployment/chat/completions?api-version=")


def test_arguments_of_the_vendor_go_first(server: HostileServer) -> None:
    with SyncSmartflowClient(server.url, "sk-sf-key") as sf, sf.openai(api_key="mine", max_retries=7) as client:
        assert (client.api_key, client.max_retries) == ("mine", 7)


@pytest.mark.parametrize(
    ("provider", "kind", "said"),
    [("cohere", ValidationError, "does not speak OpenAI's format"), ("opnai", ValidationError, "did you mean openai"),
     ("xai", ConfigError, "XAI_API_KEY")],
)  # fmt: skip
def test_a_provider_that_cannot_be_had_is_an_error(provider: str, kind: Any, said: str, at: Any) -> None:
    at("cohere")
    with SyncSmartflowClient() as sf, pytest.raises(kind, match=said):
        sf.openai(provider)


def test_settings_that_cannot_be_handed_on_are_refused(server: HostileServer) -> None:
    with SyncSmartflowClient(server.url, verify=False) as sf, pytest.raises(ConfigError, match="http_client"):
        sf.openai()


def test_a_package_that_is_missing_is_named_with_its_extra(
    server: HostileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "openai", None)
    with SyncSmartflowClient(server.url) as sf, pytest.raises(ConfigError, match=r"smartflow-sdk\[openai\]"):
        sf.openai()
