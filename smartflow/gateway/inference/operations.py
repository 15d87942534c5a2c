"""The inference operations of the proxy."""

from __future__ import annotations

import asyncio
from typing import Any

from smartflow._core.secrets import Secret
from smartflow.gateway.contract import Call, Reply, operation
from smartflow.gateway.errors import bad_request
from smartflow.gateway.inference import kinds, stream
from smartflow.gateway.inference.engine import Plan, asked_of, reply_headers
from smartflow.gateway.offline import audio, catalog
from smartflow.gateway.upstream import understood

_EVENT_STREAM = "text/event-stream"
_TRANSCRIPT_TYPES = {"text": "text/plain", "srt": "application/x-subrip", "vtt": "text/vtt"}
_SPEECH_TYPES = frozenset(
    {"audio/mpeg", "audio/ogg", "audio/aac", "audio/flac", "audio/wav", "application/octet-stream"}
)


@operation("createChatCompletion")
async def create_chat_completion(call: Call) -> Reply:
    """One chat answer, or its stream."""
    engine = call.gateway.inference
    plan = await engine.plan(call, kinds.CHAT, call.json)
    hit = engine.lookup(plan)
    streaming = bool(call.json.get("stream"))
    if hit is not None:
        hit = await engine.settle_hit(plan, hit)
        if streaming:
            return _streamed(plan, stream.replay_chat(hit, plan), reply_headers(plan, hit))
        savings = {
            "cached": True,
            "cache_hit_type": hit.kind,
            "tokens_saved": hit.tokens_saved,
            "cost_saved_cents": hit.cost_saved_cents,
        }
        return Reply({**hit.body, "provider": plan.route.provider, **savings}, headers=reply_headers(plan, hit))
    if streaming:
        source = await engine.ask_stream(plan)
        return _streamed(plan, stream.relay(engine, plan, source, stream.ChatShape(plan)), reply_headers(plan))
    body = await engine.settle(plan, await engine.ask(plan))
    facts = {
        "provider": plan.route.provider,
        "cached": False,
        "cache_hit_type": None,
        "tokens_saved": 0,
        "cost_saved_cents": 0,
    }
    return _answered(plan, {**body, "model": plan.shown_model(str(body.get("model") or "")), **facts})


async def _message(call: Call) -> Reply:
    engine = call.gateway.inference
    request = {**call.json, "model": call.json["model"].removesuffix("[1m]")}
    plan = await engine.plan(call, kinds.MESSAGE, request, _own_key(call))
    hit = engine.lookup(plan)
    streaming = bool(call.json.get("stream"))
    if hit is not None:
        hit = await engine.settle_hit(plan, hit)
        if streaming:
            return _streamed(plan, stream.replay_message(hit, plan), reply_headers(plan, hit))
        return Reply(hit.body, headers=reply_headers(plan, hit))
    if streaming:
        source = await engine.ask_stream(plan)
        return _streamed(plan, stream.relay(engine, plan, source, stream.MessageShape(plan)), reply_headers(plan))
    body = await engine.settle(plan, await engine.ask(plan))
    return _answered(plan, {**body, "model": plan.shown_model(str(body.get("model") or ""))})


def _own_key(call: Call) -> Secret | None:
    """The caller's own key for Anthropic; the header may also carry a virtual key, which is never passed on."""
    shown = call.raw_headers.get("x-api-key", "").strip()
    if not shown or shown.startswith("sk-sf-") or call.gateway.keys.is_configured(shown):
        return None
    return Secret(shown)


@operation("createMessage")
async def create_message(call: Call) -> Reply:
    """One message in the Anthropic shape, or its stream."""
    return await _message(call)


@operation("createMessageAlias")
async def create_message_alias(call: Call) -> Reply:
    """The same as createMessage, under its other path."""
    return await _message(call)


async def _json(call: Call, kind: kinds.Kind) -> Reply:
    engine = call.gateway.inference
    plan = await engine.plan(call, kind, call.json)
    hit = engine.lookup(plan)
    if hit is not None:
        hit = await engine.settle_hit(plan, hit)
        return Reply(hit.body, headers=reply_headers(plan, hit))
    body = await engine.settle(plan, await engine.ask(plan))
    return _answered(plan, body)


@operation("createEmbedding")
async def create_embedding(call: Call) -> Reply:
    """The vectors of one or many texts."""
    return await _json(call, kinds.EMBEDDING)


@operation("rerankDocuments")
async def rerank_documents(call: Call) -> Reply:
    """Documents by their relevance to a query."""
    return await _json(call, kinds.RERANK)


@operation("createImage")
async def create_image(call: Call) -> Reply:
    """Images for a prompt."""
    return await _json(call, kinds.IMAGE)


@operation("createSpeech")
async def create_speech(call: Call) -> Reply:
    """Sound that speaks a text."""
    engine = call.gateway.inference
    plan = await engine.plan(call, kinds.SPEECH, call.json)

    async def once() -> tuple[bytes, str]:
        if plan.route.upstream is None:
            return audio.speech(plan.forwarded)
        answer = await call.gateway.upstream.bytes(
            plan.route.upstream, asked_of(plan, plan.route.upstream, plan.request)
        )
        return answer.content, answer.media_type

    content, media_type = await engine.attempt(plan, once)
    engine.record_bytes(plan)
    media_type = media_type if media_type in _SPEECH_TYPES else "application/octet-stream"
    return Reply(content, headers=reply_headers(plan), media_type=media_type)


@operation("createTranscription")
async def create_transcription(call: Call) -> Reply:
    """What was said in a recording."""
    engine, form = call.gateway.inference, call.form
    if form is None or "file" not in form.files:
        raise bad_request("file must be a part with a file name", "file")
    file = form.files["file"]
    plan = await engine.plan(call, kinds.TRANSCRIPTION, form.fields)
    wanted = form.fields.get("response_format") or "json"

    async def once() -> dict[str, Any] | str | bytes:
        if plan.route.upstream is None:
            return audio.transcribe(file.data, file.filename, plan.forwarded)
        request = {**plan.request, "file": (file.filename, file.data, file.content_type)}
        asked = asked_of(plan, plan.route.upstream, request)
        answer = await call.gateway.upstream.bytes(plan.route.upstream, asked)
        if wanted in _TRANSCRIPT_TYPES and answer.media_type != "application/json":
            return answer.content
        heard: dict[str, Any] = understood(plan.route.upstream, asked, answer.content)
        return str(heard["text"]) if wanted in _TRANSCRIPT_TYPES else heard

    content = await engine.attempt(plan, once)
    with engine.failures(plan):
        content = await plan.guard.answer(content)
    engine.record_bytes(plan)
    return _answered(plan, content, _TRANSCRIPT_TYPES.get(wanted, "application/json"))


@operation("listModels")
async def list_models(call: Call) -> dict[str, Any]:
    """The models of the offline provider, and those that the really called providers list."""
    listed = catalog.models()
    known = {model["id"] for model in listed}
    providers = call.gateway.routing.configured()
    found = await asyncio.gather(*map(call.gateway.inference.upstream_models, providers))
    for provider, entries in zip(providers, found, strict=True):
        for name in entries:
            if name not in known:
                listed.append({"id": name, "object": "model", "created": 0, "owned_by": provider})
    return {"object": "list", "data": listed}


def _answered(plan: Plan, content: Any, media_type: str = "application/json") -> Reply:
    provider = None if plan.route.offline else plan.route.provider
    return Reply(content, headers=reply_headers(plan), media_type=media_type, provider=provider)


def _streamed(plan: Plan, source: Any, headers: dict[str, str]) -> Reply:
    return Reply(headers=headers, media_type=_EVENT_STREAM, stream=source)
