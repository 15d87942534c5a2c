"""What leaves the gateway for each provider, to the letter: path, query, authorization and body, as the providers document them."""

from __future__ import annotations

from typing import Any

import pytest

from smartflow.providers.table import PREFIXES, PROVIDERS
from tests.support.answers import reply
from tests.support.hostile import HostileServer

KEY = "canary-key-of-the-provider"
BEARER = ("authorization", f"Bearer {KEY}")
VERTEX = "/v1/projects/p/locations/global/endpoints/openapi"
# Of each prefix: path and query, the header with the key, and the model's name in the body.
CHAT: dict[str, tuple[str, tuple[str, str], str | None]] = {
    "openai": ("/v1/chat/completions", BEARER, "m"),
    "anthropic": ("/v1/messages", ("x-api-key", KEY), "m"),
    "claude": ("/v1/messages", ("x-api-key", KEY), "m"),
    "xai": ("/v1/chat/completions", BEARER, "m"),
    "gemini": ("/v1beta/openai/chat/completions", BEARER, "m"),
    "google": ("/v1beta/openai/chat/completions", BEARER, "m"),
    "vertex_ai": (f"{VERTEX}/chat/completions", BEARER, "google/m"),
    "openrouter": ("/api/v1/chat/completions", BEARER, "m"),
    "azure": ("/openai/deployments/m/chat/completions?api-version=2025-01-01", ("api-key", KEY), None),
    "mistral": ("/v1/chat/completions", BEARER, "m"),
    "cohere": ("/v2/chat", BEARER, "m"),
    "nvidia_nim": ("/v1/chat/completions", BEARER, "m"),
    "huggingface": ("/v1/chat/completions", BEARER, "m"),
    "groq": ("/openai/v1/chat/completions", BEARER, "m"),
    "fireworks": ("/inference/v1/chat/completions", BEARER, "m"),
    "novita": ("/openai/v1/chat/completions", BEARER, "m"),
    "together": ("/v1/chat/completions", BEARER, "m"),
    "perplexity": ("/chat/completions", BEARER, "m"),
    "vercel_ai_gateway": ("/v1/chat/completions", BEARER, "m"),
    "ollama": ("/v1/chat/completions", BEARER, "m"),
    "local": ("/v1/chat/completions", BEARER, "m"),
}
WITHOUT_CHAT = {"deepgram", "replicate"}


def environment(server: HostileServer, name: str) -> dict[str, str]:
    """The variables that make this provider the scripted server."""
    spec, url = PROVIDERS[name], server.url
    more = {"AZURE_API_VERSION": "2025-01-01"} if name == "azure" else {}
    address = f"{url}{VERTEX}" if name == "vertex_ai" else url
    return {str(spec.key_variable): KEY, str(spec.base_url_variable): address, **more}


def test_every_prefix_has_its_shape() -> None:
    assert set(CHAT) | WITHOUT_CHAT == set(PREFIXES)


@pytest.mark.parametrize("prefix", CHAT)
def test_a_chat_leaves_in_the_providers_own_shape(prefix: str, start_gateway: Any, server: HostileServer) -> None:
    target, (header, value), model = CHAT[prefix]
    server.answer(reply({"error": {"message": "seen"}}, 400))
    gateway = start_gateway(environment=environment(server, PREFIXES[prefix]))
    answer = gateway.chat("Hello", model=f"{prefix}/m", temperature=0.5)
    assert "seen" in answer.json()["error"]["message"]
    request = server.request
    assert (request.method, request.target) == ("POST", target)
    assert request.headers[header] == value
    assert [name for name, text in request.headers.items() if KEY in text] == [header]
    body = request.json()
    assert (body.get("model"), body["temperature"]) == (model, 0.5)
    assert body["messages"] == [{"role": "user", "content": "Hello"}]
    if target == "/v1/messages":
        assert request.headers["anthropic-version"] == "2023-06-01"
        assert body["max_tokens"] == 4096


@pytest.mark.parametrize("prefix", sorted(WITHOUT_CHAT))
def test_a_provider_without_chat_says_who_has_it(prefix: str, start_gateway: Any, server: HostileServer) -> None:
    gateway = start_gateway(environment=environment(server, prefix))
    error = gateway.chat("Hello", model=f"{prefix}/o/m").json()["error"]
    assert (error["code"], error["param"]) == ("not_offered", "model")
    assert "openai" in error["message"]
    assert not server.requests


@pytest.mark.parametrize(
    ("path", "model", "body", "target"),
    [
        ("/v1/embeddings", "azure/e", {"input": "a"}, "/openai/deployments/e/embeddings?api-version=2025-01-01"),
        ("/v1/embeddings", "mistral/e", {"input": "a", "dimensions": 8}, "/v1/embeddings"),
        ("/v1/embeddings", "vertex_ai/e", {"input": "a"}, f"{VERTEX}/embeddings"),
        ("/v1/images/generations", "azure/i", {"prompt": "a"}, "/openai/deployments/i/images/generations?api-version=2025-01-01"),
        ("/v1/images/generations", "replicate/o/n", {"prompt": "a"}, "/v1/models/o/n/predictions"),
        ("/v1/rerank", "together/r", {"query": "q", "documents": ["a"]}, "/v1/rerank"),
        ("/v1/audio/speech", "deepgram/aura", {"input": "a", "voice": "alloy"}, "/v1/speak?model=aura&encoding=mp3"),
        ("/v1/audio/speech", "together/t", {"input": "a", "voice": "x"}, "/v1/audio/speech"),
    ],
)  # fmt: skip
def test_everything_else_leaves_in_the_providers_own_shape(
    path: str, model: str, body: dict[str, Any], target: str, start_gateway: Any, server: HostileServer
) -> None:
    server.answer(reply({"error": {"message": "seen"}}, 400))
    gateway = start_gateway(environment=environment(server, model.partition("/")[0]))
    answer = gateway.proxy.post(path, json={"model": model, **body})
    assert "seen" in answer.json()["error"]["message"], answer.text
    assert server.request.target == target
    assert KEY in "".join(server.request.headers.values())


@pytest.mark.parametrize(
    ("prefix", "target"),
    [
        ("groq", "/openai/v1/audio/transcriptions"), ("azure", "/openai/deployments/w/audio/transcriptions?api-version=2025-01-01"),
        ("deepgram", "/v1/listen?model=w&smart_format=true&language=de"),
    ],
)  # fmt: skip
def test_a_recording_leaves_in_the_providers_own_shape(
    prefix: str, target: str, start_gateway: Any, server: HostileServer, recording: bytes
) -> None:
    server.answer(reply({"error": {"message": "seen"}}, 400))
    gateway = start_gateway(environment=environment(server, prefix))
    form = {"model": f"{prefix}/w", "language": "de"}
    answer = gateway.proxy.post(
        "/v1/audio/transcriptions", data=form, files={"file": ("a.wav", recording, "audio/wav")}
    )
    assert "seen" in answer.json()["error"]["message"], answer.text
    assert server.request.target == target
    assert recording in server.request.body


@pytest.mark.parametrize("stream", [False, True])
def test_an_overloaded_claude_may_be_asked_again_by_the_client(
    stream: bool, start_gateway: Any, server: HostileServer
) -> None:
    server.answer(reply({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}, 529))
    gateway = start_gateway(environment=environment(server, "anthropic"))
    body = {"model": "claude-x", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}], "stream": stream}
    answer = gateway.proxy.post("/anthropic/v1/messages", json=body)
    told = answer.json()
    assert (answer.status_code, told["type"], told["error"]["message"]) == (
        502, "error", "anthropic answered 529: Overloaded",
    )  # fmt: skip
