"""What each method sends, byte for byte, held against requests.async.json and requests.sync.json.

After a wanted change run the tests once with UPDATE_GOLDEN=1 in the environment, and read the difference before you keep it.
"""

from __future__ import annotations

import asyncio
import inspect
import io
import json
import os
import re
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from scripts.bundle import bundle, load, operations
from smartflow import SmartflowClient, SyncSmartflowClient

HERE = Path(__file__).resolve().parent
OPENAPI = HERE.parents[1] / "openapi"
KEY = "sk-sf-golden"
UPDATE = os.environ.get("UPDATE_GOLDEN") == "1"
# What is drawn anew for each call, or changes with each release.
VOLATILE = {"idempotency-key": "<random>", "user-agent": "<version>"}
STREAM = (
    b'data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"gpt-4o","choices":[{"index":0,"delta":{"content":"Hi"},'
    b'"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
)


class Case(NamedTuple):
    """A method and its arguments, and options of the client for it."""

    method: str
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = {}  # noqa: RUF012 - never changed
    options: dict[str, Any] = {}  # noqa: RUF012 - never changed


ASK = [{"role": "user", "content": "What is REST?"}]
TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}
IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}
TURNS: list[dict[str, Any]] = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": [{"type": "text", "text": "Grüße"}, IMAGE]},
    {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
    },
    {"role": "tool", "tool_call_id": "call_1", "content": "21 degrees"},
]

CASES = {
    "chat": Case("chat", ("Hello",)),
    "chat with everything": Case(
        "chat",
        (),
        {"message": "Hello", "model": "claude-sonnet-4-6", "system_prompt": "Be brief.", "temperature": 0.3, "max_tokens": 9, "seed": 1},
    ),
    "chat without a temperature": Case("chat", ("Hello",), {"temperature": None}),
    "chat with a reasoning model": Case("chat", ("Hello",), {"model": "openai/o3-mini"}),
    "chat_completions": Case("chat_completions", (ASK,)),
    "chat_completions with tools, images and a schema": Case(
        "chat_completions",
        (TURNS,),
        {"tools": [TOOL], "tool_choice": "auto", "n": 2, "stop": ["end"], "response_format": {"type": "json_object"}},
    ),
    "chat_completions streamed": Case("chat_completions", (ASK,), {"stream": True}),
    "stream_chat": Case("stream_chat", ("Hello",), {"system_prompt": "Be brief.", "temperature": 0.1, "max_tokens": 5}),
    "map_chat": Case("map_chat", (["Hello", ASK],), {"system_prompt": "Be brief.", "concurrency": 1, "seed": 1}),
    "iter_map_chat": Case("iter_map_chat", (["Hello"],)),
    "claude_message": Case("claude_message", ("Hello",)),
    "claude_message with everything": Case(
        "claude_message", ("Hello",), {"max_tokens": 2000, "system": "Be brief.", "anthropic_key": "sk-ant-mine"}
    ),
    "embeddings": Case("embeddings", ("Hello",)),
    "embeddings with everything": Case(
        "embeddings",
        (["a", "b"],),
        {"model": "cohere/embed", "encoding_format": "base64", "dimensions": 8, "input_type": "search_document", "user": "u"},
    ),
    "image_generation": Case("image_generation", ("A city",)),
    "image_generation with everything": Case(
        "image_generation",
        ("A city",),
        {"n": 2, "size": "1792x1024", "quality": "hd", "response_format": "b64_json", "style": "vivid", "user": "u"},
    ),
    "audio_transcription": Case("audio_transcription", (b"sound",)),
    "audio_transcription with everything": Case(
        "audio_transcription",
        (),
        {
            "file": b"sound", "model": "groq/whisper-large-v3", "language": "en", "prompt": "music", "response_format": "verbose_json",
            "temperature": 0.5, "filename": "töne.mp3", "timestamp_granularities[]": ["segment", "word"],
        },
    ),
    "text_to_speech": Case("text_to_speech", ("Hello",)),
    "text_to_speech with everything": Case(
        "text_to_speech", ("Hello",), {"voice": "nova", "response_format": "wav", "speed": 2.0, "instructions": "slowly"}
    ),
    "rerank": Case("rerank", ("policy", ["a", "b"])),
    "rerank with everything": Case("rerank", ("policy", ["a", "b"]), {"model": "m", "top_n": 1, "return_documents": True}),
    "list_models": Case("list_models"),
    "chatbot_query": Case("chatbot_query", ("cache stats",)),
    "intelligent_scan": Case("intelligent_scan", ("text",)),
    "intelligent_scan with everything": Case(
        "intelligent_scan", ("text",), {"user_id": "alice", "org_id": "acme", "context": "support"}
    ),
    "check_compliance": Case("check_compliance", ("text",)),
    "check_compliance with a policy": Case("check_compliance", ("text", "hipaa")),
    "redact_pii": Case("redact_pii", ("text",)),
    "submit_compliance_feedback": Case("submit_compliance_feedback", ("scan_1", True)),
    "submit_compliance_feedback with everything": Case(
        "submit_compliance_feedback", ("scan_1", False), {"user_id": "admin", "notes": "a test number"}
    ),
    "get_learning_summary": Case("get_learning_summary"),
    "get_learning_status": Case("get_learning_status", ("user-alice",)),
    "get_learning_status of a strange id": Case("get_learning_status", ("../a b/ü?#%",)),
    "get_ml_stats": Case("get_ml_stats"),
    "get_org_baseline": Case("get_org_baseline", ("acme/west",)),
    "get_org_summary": Case("get_org_summary"),
    "get_persistence_stats": Case("get_persistence_stats"),
    "save_compliance_data": Case("save_compliance_data"),
    "get_intelligent_health": Case("get_intelligent_health"),
    "get_cache_stats": Case("get_cache_stats"),
    "get_provider_health": Case("get_provider_health"),
    "health_comprehensive": Case("health_comprehensive"),
    "health": Case("health"),
    "readiness": Case("readiness"),
    "get_logs": Case("get_logs"),
    "get_logs with everything": Case("get_logs", (50, 100, "openai", "gpt-4o & more", 7)),
    "iter_logs": Case("iter_logs", (), {"page_size": 10, "provider": "openai", "model": "gpt-4o", "days": 2, "limit": 5}),
    "get_logs of days and people": Case(
        "get_logs",
        (),
        {"user_id": "u@x", "conversation_id": "c 1", "status": 403, "start_date": "2026-02-01", "end_date": date(2026, 2, 19)},
    ),
    "export_logs": Case("export_logs", (io.StringIO(),), {"provider": "openai"}),
    "get_audit_logs": Case("get_audit_logs"),
    "get_audit_logs with everything": Case("get_audit_logs", (50, date(2026, 2, 1), "2026-02-19", "u@x", 1791)),
    "iter_audit_logs": Case("iter_audit_logs", (), {"start": "2026-02-01T12:00:00Z"}),
    "verify_audit_chain": Case("verify_audit_chain"),
    "verify_audit_chain with everything": Case("verify_audit_chain", (1, 20), {"anchor": {"seq": 9, "entry_hmac": "ab"}}),
    "get_logs_hybrid": Case("get_logs_hybrid", (20,)),
    "get_analytics": Case("get_analytics"),
    "get_analytics of some days": Case("get_analytics", ("2026-02-01", date(2026, 2, 19))),
    "get_routing_status": Case("get_routing_status"),
    "force_provider": Case("force_provider", ("openai",), {"duration_seconds": 61}),
    "list_fallback_chains": Case("list_fallback_chains"),
    "get_fallback_chain": Case("get_fallback_chain", ("../team",)),
    "create_fallback_chain": Case("create_fallback_chain", ("team", [{"provider": "openai"}])),
    "create_fallback_chain with everything": Case(
        "create_fallback_chain",
        ("openai", [{"provider": "openai", "model": "gpt-4o", "weight": 2, "priority": 1}]),
        {"level": "provider", "strategy": "weighted", "max_retries": 0, "backoff_ms": 10},
    ),
    "update_fallback_chain": Case("update_fallback_chain", ("team", [{"provider": "groq"}]), {"strategy": "cost"}),
    "delete_fallback_chain": Case("delete_fallback_chain", ("team",)),
    "list_virtual_keys": Case("list_virtual_keys"),
    "get_virtual_key": Case("get_virtual_key", ("../key",)),
    "create_virtual_key": Case("create_virtual_key", ("team",)),
    "create_virtual_key with everything": Case(
        "create_virtual_key",
        ("team",),
        {
            "user_id": "alice", "team_id": "blue", "budget_usd": 5.0, "budget_period": "monthly", "rpm_limit": 60, "tpm_limit": 1000,
            "allowed_models": ["gpt-*"], "expires_at": "2027-01-01T00:00:00Z", "metadata": {"a": "b"},
        },
    ),
    "update_virtual_key": Case("update_virtual_key", ("key_1",), {"rpm_limit": 5, "clear": ["tpm_limit"]}),
    "revoke_virtual_key": Case("revoke_virtual_key", ("key_1",)),
    "_get": Case("_get", ("/anything?a=1", {"b": "2 3"})),
    "_post": Case("_post", ("http://smartflow:7777/anything", {"c": [1]})),
    "an agent's options": Case(
        "chat", ("Hello",), {}, {"user_id": "alice", "conversation_id": "conv-1", "headers": {"X-Extra": "yes"}}
    ),
}  # fmt: skip


def answers() -> list[tuple[re.Pattern[str], str, str, Any]]:
    """What the contract's examples answer: pattern of the path, method, media type, body."""
    common = load(OPENAPI / "common.yaml")
    found = []
    for path in sorted(OPENAPI.glob("*.yaml")):
        document = load(path)
        if path.name != "common.yaml" and "paths" in document:
            for operation in operations(bundle(document, common, path.name), path.name):
                good = next(each for status, each in operation.data["responses"].items() if status.startswith("2"))
                media, content = next(iter(good.get("content", {"text/plain": {}}).items()))
                named = content.get("examples", {"first": {"value": content.get("example")}})
                body = next(iter(named.values()))["value"]
                pattern = re.compile(re.sub(r"{\w+}", "[^/]+", operation.path))
                found.append((pattern, operation.method, media, body))
    return found


ANSWERS = answers()


def answer(request: httpx.Request) -> httpx.Response:
    if request.content.startswith(b"{") and json.loads(request.content).get("stream"):
        return httpx.Response(200, content=STREAM, headers={"content-type": "text/event-stream"})
    path = request.url.raw_path.decode().partition("?")[0]
    for pattern, method, media, body in ANSWERS:
        if pattern.fullmatch(path) and method == request.method:
            if "json" in media:
                return httpx.Response(200, json=body)
            return httpx.Response(200, content=b"RIFF", headers={"content-type": media})
    return httpx.Response(200, json={})


def shown(request: httpx.Request) -> dict[str, Any]:
    """A request as it stands in the golden file."""
    headers = {name: VOLATILE.get(name, value) for name, value in sorted(request.headers.items())}
    body: Any = request.content.decode("utf-8")
    kind = headers.get("content-type", "")
    if kind.startswith("multipart/"):
        boundary = kind.partition("boundary=")[2]
        headers["content-type"] = kind.replace(boundary, "<boundary>")
        body = body.replace(boundary, "<boundary>").split("\r\n")
    elif kind == "application/json":
        body = json.loads(body)
    url = f"{request.url.scheme}://{request.url.netloc.decode()}{request.url.raw_path.decode()}"
    return {"method": request.method, "url": url, "headers": headers, "body": body or None}


class Recorder:
    """A transport that answers by the contract's examples and keeps what it was asked."""

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []
        self.transport = httpx.MockTransport(self._handle)

    def _handle(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(shown(request))
        return answer(request)


async def ask_async(case: Case, transport: httpx.MockTransport) -> None:
    async with SmartflowClient("http://smartflow:7775", KEY, transport=transport) as sf:
        result = getattr(sf.with_options(**case.options), case.method)(*case.args, **case.kwargs)
        result = await result if inspect.isawaitable(result) else result
        if hasattr(result, "__aiter__"):
            async for _ in result:
                pass


def ask_sync(case: Case, transport: httpx.MockTransport) -> None:
    with SyncSmartflowClient("http://smartflow:7775", KEY, transport=transport) as sf:
        result = getattr(sf.with_options(**case.options), case.method)(*case.args, **case.kwargs)
        if hasattr(result, "__iter__") and not isinstance(result, (dict, list, str, bytes)):
            for _ in result:
                pass


def recorded(flavour: str, case: Case) -> list[dict[str, Any]]:
    recorder = Recorder()
    if flavour == "async":
        asyncio.run(ask_async(case, recorder.transport))
    else:
        ask_sync(case, recorder.transport)
    return recorder.requests


def golden(flavour: str) -> Path:
    return HERE / f"requests.{flavour}.json"


FLAVOURS = ("async", "sync")


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_the_golden_file_holds_exactly_the_cases(flavour: str) -> None:
    if UPDATE:
        found = {name: recorded(flavour, case) for name, case in CASES.items()}
        golden(flavour).write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", "utf-8")
    assert list(json.loads(golden(flavour).read_text("utf-8"))) == list(CASES)


@pytest.mark.parametrize("flavour", FLAVOURS)
@pytest.mark.parametrize("name", CASES)
def test_the_request_is_the_recorded_one(flavour: str, name: str) -> None:
    wanted = json.loads(golden(flavour).read_text("utf-8"))
    assert recorded(flavour, CASES[name]) == wanted[name]


def test_async_and_sync_send_the_same() -> None:
    assert golden("async").read_bytes() == golden("sync").read_bytes()


def test_every_method_that_sends_has_a_case() -> None:
    sending = {
        name
        for name, each in inspect.getmembers(SmartflowClient, inspect.isfunction)
        if not name.startswith("_") and (inspect.iscoroutinefunction(each) or inspect.isasyncgenfunction(each))
    }
    # `map` sends what its function does.
    assert sending - {"close", "map"} <= {case.method for case in CASES.values()}


def test_no_two_calls_share_an_idempotency_key() -> None:
    keys: list[str] = []

    def handle(request: httpx.Request) -> httpx.Response:
        keys.append(request.headers["idempotency-key"])
        return answer(request)

    with SyncSmartflowClient("http://smartflow:7775", transport=httpx.MockTransport(handle)) as sf:
        sf.chat("Hello")
        sf.chat("Hello")
    assert len(set(keys)) == 2
