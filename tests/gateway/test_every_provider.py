"""Any provider whose key is set is really called, in its own format, and answers in the contract's."""

from __future__ import annotations

import json
from typing import Any

import pytest

from smartflow.providers.table import PREFIXES, PROVIDERS
from tests.support.answers import chat, event, reply, sse
from tests.support.hostile import HostileServer

KEY = "canary-key-of-the-provider"
OWN_KEY = "sk-ant-key-of-the-caller"
CLAUDE: dict[str, Any] = {
    "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-x",
    "content": [{"type": "text", "text": "Bonjour"}], "stop_reason": "end_turn", "stop_sequence": None,
    "usage": {"input_tokens": 10, "output_tokens": 5},
}  # fmt: skip
COHERE = {
    "id": "c1", "finish_reason": "COMPLETE", "message": {"role": "assistant", "content": [{"type": "text", "text": "Salut"}]},
    "usage": {"tokens": {"input_tokens": 3, "output_tokens": 2}},
}  # fmt: skip
TALKING = sorted(prefix for prefix, name in PREFIXES.items() if PROVIDERS[name].offers("chat"))
OPENAI = chat("hi")
OPENAI["choices"][0]["message"]["refusal"] = None
ASKED: Any = [{"role": "user", "content": "Hello"}]


def keys_of(server: HostileServer, *names: str) -> dict[str, str]:
    """The environment in which these providers are the scripted server."""
    found = {"VERTEXAI_PROJECT": "p", "VERTEXAI_LOCATION": "global"}
    for name in names:
        spec = PROVIDERS[name]
        found[str(spec.key_variable)] = KEY
        found[str(spec.base_url_variable)] = server.url
    return found


def said(kind: str, **members: Any) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **members})}\n\n".encode()


def stream_of_claude(*blocks: bytes, reason: str = "end_turn") -> list[bytes]:
    message = {**CLAUDE, "content": [], "stop_reason": None, "usage": {"input_tokens": 9, "output_tokens": 1}}
    delta = {"stop_reason": reason, "stop_sequence": None}
    ended = said("message_delta", delta=delta, usage={"output_tokens": 4})
    return [said("message_start", message=message), said("ping"), *blocks, ended, said("message_stop")]


TEXT = [
    said("content_block_start", index=0, content_block={"type": "text", "text": ""}),
    said("content_block_delta", index=0, delta={"type": "text_delta", "text": "Bon"}),
    said("content_block_delta", index=0, delta={"type": "text_delta", "text": "jour"}),
    said("content_block_stop", index=0),
]
USE = [
    said("content_block_start", index=0, content_block={"type": "tool_use", "id": "t1", "name": "f", "input": {}}),
    said("content_block_delta", index=0, delta={"type": "input_json_delta", "partial_json": '{"a": 1}'}),
    said("content_block_stop", index=0),
]


def chunks_of(answer: Any) -> list[Any]:
    lines = [line.removeprefix("data: ") for line in answer.text.split("\n") if line.startswith("data: ")]
    return [json.loads(line) for line in lines if line != "[DONE]"]


@pytest.mark.parametrize("prefix", TALKING)
def test_a_prefix_leaves_the_gateway_for_its_provider(prefix: str, start_gateway: Any, server: HostileServer) -> None:
    name = PREFIXES[prefix]
    answers = {"anthropic": CLAUDE, "cohere": COHERE}
    server.answer(reply(answers.get(name, OPENAI)))
    gateway = start_gateway(environment=keys_of(server, name))
    answer = gateway.chat("Hello", model=f"{prefix}/the-model")
    assert answer.status_code == 200, answer.text
    assert answer.json()["provider"] == name
    assert answer.json()["choices"][0]["message"]["content"] in ("hi", "Bonjour", "Salut")
    (request,) = server.requests
    assert KEY in "".join(request.headers.values())
    assert KEY not in request.target
    path = request.path
    assert path.endswith({"anthropic": "/v1/messages", "cohere": "/v2/chat"}.get(name, "/chat/completions"))
    (row,) = gateway.logs()
    assert (row["provider"], row["routing_reason"]) == (name, f"provider:{name}")


def test_claude_is_found_by_the_models_name(start_gateway: Any, server: HostileServer) -> None:
    server.answer(reply(CLAUDE))
    gateway = start_gateway(environment=keys_of(server, "anthropic"))
    answer = gateway.chat("Hello", model="claude-x", tools=[{"type": "function", "function": {"name": "f"}}])
    assert answer.json()["usage"]["total_tokens"] == 15
    assert server.request.json()["tools"][0]["name"] == "f"


def test_a_stream_of_claude_is_a_chat_stream_with_its_tool_calls(start_gateway: Any, server: HostileServer) -> None:
    server.answer(sse(*stream_of_claude(*USE, reason="tool_use")))
    gateway = start_gateway(environment=keys_of(server, "anthropic"))
    answer = gateway.chat("Hello", model="claude-x", stream=True, stream_options={"include_usage": True})
    assert answer.text.endswith("data: [DONE]\n\n")
    chunks = chunks_of(answer)
    calls = [call for chunk in chunks for choice in chunk["choices"] for call in choice["delta"].get("tool_calls", ())]
    assert "".join(call["function"].get("arguments") or "" for call in calls) == '{"a": 1}'
    assert [choice["finish_reason"] for chunk in chunks for choice in chunk["choices"]][-1] == "tool_calls"
    assert chunks[-1]["usage"]["total_tokens"] == 13


@pytest.mark.parametrize("path", ["/anthropic/v1/messages", "/v1/messages"])
def test_a_message_for_claude_is_passed_on_as_it_is(path: str, start_gateway: Any, server: HostileServer) -> None:
    answered = {**CLAUDE, "content": [{"type": "thinking", "thinking": "hm", "signature": "s"}, *CLAUDE["content"]]}
    server.answer(reply(answered))
    gateway = start_gateway(environment=keys_of(server, "anthropic"))
    body = {
        "model": "claude-x[1m]", "max_tokens": 2000, "messages": ASKED, "top_k": 3,
        "thinking": {"type": "enabled", "budget_tokens": 1024},
    }  # fmt: skip
    headers = {"anthropic-version": "2023-06-01", "anthropic-beta": "context-1m"}
    answer = gateway.proxy.post(path, json=body, headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.json() == answered
    assert server.request.target == "/v1/messages"
    assert server.request.json() == {**body, "model": "claude-x"}
    assert server.request.headers["anthropic-beta"] == "context-1m"
    assert server.request.headers["x-api-key"] == KEY


def test_a_stream_of_messages_is_passed_on_as_it_is(start_gateway: Any, server: HostileServer) -> None:
    events = stream_of_claude(*TEXT)
    server.answer(sse(*events))
    gateway = start_gateway(environment=keys_of(server, "anthropic"))
    body = {"model": "claude-x", "max_tokens": 9, "messages": ASKED, "stream": True}
    answer = gateway.proxy.post("/anthropic/v1/messages", json=body)
    kinds = [line.removeprefix("event: ") for line in answer.text.split("\n") if line.startswith("event: ")]
    assert kinds == [json.loads(each.split(b"data: ")[1])["type"] for each in events]
    assert "stream_options" not in server.request.json()
    again = gateway.proxy.post("/anthropic/v1/messages", json=body)
    assert (again.headers["x-smartflow-cache"], len(server.requests)) == ("hit", 1)
    (_, row) = gateway.logs()
    assert row["tokens_used"] == 13


def test_an_error_in_a_stream_of_messages_is_told_inside(start_gateway: Any, server: HostileServer) -> None:
    broken = said("error", error={"type": "overloaded_error", "message": f"Overloaded {KEY}"})
    server.answer(sse(stream_of_claude()[0], *TEXT[:2], broken))
    gateway = start_gateway(environment=keys_of(server, "anthropic"))
    body = {"model": "claude-x", "max_tokens": 9, "messages": ASKED, "stream": True}
    answer = gateway.proxy.post("/anthropic/v1/messages", json=body)
    last = chunks_of(answer)[-1]
    assert (last["type"], "Overloaded ***" in last["error"]["message"]) == ("error", True)


def test_a_message_for_another_provider_is_translated(start_gateway: Any, server: HostileServer) -> None:
    server.answer(reply(COHERE))
    gateway = start_gateway(environment=keys_of(server, "cohere"))
    body = {"model": "cohere/command-r", "max_tokens": 9, "system": "Be brief.", "messages": ASKED}
    answer = gateway.proxy.post("/v1/messages", json=body)
    assert answer.json()["content"] == [{"type": "text", "text": "Salut"}]
    assert server.request.json()["messages"][0] == {"role": "system", "content": "Be brief."}


def test_a_callers_own_key_goes_to_anthropic_and_nowhere_else(start_gateway: Any, server: HostileServer) -> None:
    server.answer(reply(CLAUDE))
    environment = {"ANTHROPIC_BASE_URL": server.url}
    gateway = start_gateway(environment=environment, api_key="sk-sf-gateway-key")
    body = {"model": "claude-x", "max_tokens": 9, "messages": ASKED}
    for shown, sent in ((OWN_KEY, OWN_KEY), ("sk-sf-gateway-key", None)):
        headers = {"authorization": "Bearer sk-sf-gateway-key", "x-api-key": shown, "cache-control": "no-cache"}
        assert gateway.proxy.post("/anthropic/v1/messages", json=body, headers=headers).status_code == 200
        assert server.requests[-1].headers.get("x-api-key") == sent
    assert OWN_KEY not in json.dumps(gateway.management.get("/api/vas/logs", headers=headers).json())


def test_an_overloaded_claude_is_a_gateway_error(start_gateway: Any, server: HostileServer) -> None:
    server.answer(reply({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}, 529))
    gateway = start_gateway(environment=keys_of(server, "anthropic"))
    error = gateway.chat(model="claude-x")
    assert (error.status_code, error.json()["error"]["code"]) == (502, "provider_error")
    assert error.json()["error"]["message"] == "anthropic answered 529: Overloaded"


def test_what_a_dialect_cannot_say_is_the_callers_error(start_gateway: Any, server: HostileServer) -> None:
    gateway = start_gateway(environment=keys_of(server, "anthropic"))
    error = gateway.chat(model="claude-x", logit_bias={"1": 1})
    assert (error.status_code, error.json()["error"]["param"]) == (400, "logit_bias")
    offered = gateway.proxy.post("/v1/embeddings", json={"model": "anthropic/claude-x", "input": "a"})
    assert (offered.status_code, offered.json()["error"]["code"]) == (400, "not_offered")
    assert not server.requests


def test_a_provider_without_its_address_is_never_answered_for(start_gateway: Any) -> None:
    gateway = start_gateway(environment={"AZURE_API_KEY": KEY})
    error = gateway.chat(model="azure/my-deployment")
    assert (error.status_code, error.json()["error"]["code"]) == (502, "provider_misconfigured")
    assert "AZURE_API_BASE" in error.json()["error"]["message"]


def test_cohere_embeds_and_reranks(start_gateway: Any, server: HostileServer) -> None:
    server.answer(
        reply({"id": "e", "embeddings": {"float": [[0.5, 0.5]]}, "meta": {"billed_units": {"input_tokens": 2}}}),
        reply({"id": "r", "results": [{"index": 1, "relevance_score": 0.9}]}),
    )
    gateway = start_gateway(environment=keys_of(server, "cohere"))
    made = gateway.proxy.post("/v1/embeddings", json={"model": "cohere/embed-english-v3.0", "input": "a"})
    assert made.json()["data"][0]["embedding"] == [0.5, 0.5]
    ranked = gateway.proxy.post(
        "/v1/rerank", json={"model": "rerank-english-v3.0", "query": "q", "documents": ["a", "b"]}
    )
    assert ranked.json()["results"] == [{"index": 1, "relevance_score": 0.9}]
    assert [request.target for request in server.requests] == ["/v2/embed", "/v2/rerank"]


def test_a_stream_of_cohere_is_a_chat_stream(start_gateway: Any, server: HostileServer) -> None:
    delta = {"message": {"content": {"text": "Salut"}}}
    server.answer(
        sse(
            event({"type": "message-start", "id": "c"}),
            event({"type": "content-delta", "index": 0, "delta": delta}),
            event({"type": "message-end", "delta": {"finish_reason": "COMPLETE"}}),
        )
    )
    gateway = start_gateway(environment=keys_of(server, "cohere"))
    answer = gateway.chat(model="cohere/command-r", stream=True)
    assert "Salut" in answer.text
    assert answer.text.endswith("data: [DONE]\n\n")


def test_replicate_makes_images(start_gateway: Any, server: HostileServer) -> None:
    server.answer(reply({"id": "p", "status": "succeeded", "output": ["https://x.test/1.webp"]}, 201))
    gateway = start_gateway(environment=keys_of(server, "replicate"))
    made = gateway.proxy.post("/v1/images/generations", json={"model": "replicate/o/n", "prompt": "a lighthouse"})
    assert made.json()["data"] == [{"url": "https://x.test/1.webp"}]
    assert server.request.headers["authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize("wanted", ["json", "text"])
def test_deepgram_speaks_and_hears(wanted: str, start_gateway: Any, server: HostileServer, recording: bytes) -> None:
    heard = {"results": {"channels": [{"alternatives": [{"transcript": "good day"}]}]}}
    server.answer(reply(b"ID3-audio", kind="audio/mpeg"), reply(heard))
    gateway = start_gateway(environment=keys_of(server, "deepgram"))
    spoken = gateway.proxy.post("/v1/audio/speech", json={"model": "deepgram/aura", "input": "Hello", "voice": "alloy"})
    assert (spoken.content, spoken.headers["content-type"]) == (b"ID3-audio", "audio/mpeg")
    form = {"model": "deepgram/nova-2", "response_format": wanted}
    found = gateway.proxy.post("/v1/audio/transcriptions", data=form, files={"file": ("a.wav", recording, "audio/wav")})
    assert found.status_code == 200, found.text
    assert (found.json()["text"] if wanted == "json" else found.text) == "good day"
    assert server.requests[1].body == recording
    assert server.requests[1].headers["authorization"] == f"Token {KEY}"


def test_the_models_of_all_called_providers_are_listed(start_gateway: Any, server: HostileServer) -> None:
    server.answer(reply({"data": [{"id": "claude-next", "type": "model"}]}), path="/v1/models")
    gateway = start_gateway(environment=keys_of(server, "anthropic", "replicate"))
    listed = gateway.proxy.get("/v1/models").json()["data"]
    assert {"id": "anthropic/claude-next", "object": "model", "created": 0, "owned_by": "anthropic"} in listed
