"""Streams of inference: chunks or events from a provider or from the cache, as server-sent events, with their effects at the end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any, Protocol

from pydantic import ValidationError

from smartflow.gateway.edge_log import log_failure, logger
from smartflow.gateway.errors import GatewayError, internal_error, storage_failed
from smartflow.gateway.inference import chunks, messages
from smartflow.gateway.inference.checking import check_chunk, check_event, misfit, place_of
from smartflow.gateway.inference.engine import InferenceEngine, Plan
from smartflow.gateway.metacache.engine import Hit
from smartflow.gateway.sending import encode
from smartflow.gateway.store import DatabaseFault

_HUNG_UP = GatewayError(499, "client_closed", "client_disconnected", "the caller hung up")
_DONE = b"data: [DONE]\n\n"


class Shape(Protocol):
    """How the items of a stream look on the wire, and what they add up to."""

    end: bytes

    def add(self, item: dict[str, Any]) -> dict[str, Any] | None:
        """Take in an item; returns it as the caller sees it, or None when the caller does not."""
        ...

    def check(self, item: dict[str, Any]) -> None:
        """Raise pydantic's ValidationError for an item that the contract does not know."""
        ...

    def wire(self, item: Mapping[str, Any]) -> bytes:
        """An item as a server-sent event."""
        ...

    def error(self, error: GatewayError, request_id: str) -> bytes:
        """An error as a server-sent event."""
        ...

    def answer(self) -> dict[str, Any]:
        """The answer that the items so far add up to."""
        ...


class ChatShape:
    """Chat chunks; a stream that was told whole ends with `[DONE]`, one with an error does not."""

    end = _DONE

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._assembly = chunks.Assembly()
        self.include_usage = bool((plan.request.get("stream_options") or {}).get("include_usage"))

    def add(self, item: dict[str, Any]) -> dict[str, Any] | None:
        self._assembly.add(item)
        # The usage is always asked of the provider, for the audit log; the caller gets it only when it asked too.
        if not self.include_usage and not item.get("choices") and item.get("usage"):
            return None
        model = self._plan.shown_model(str(item.get("model") or ""))
        return {**item, "model": model, "provider": self._plan.route.provider}

    def check(self, item: dict[str, Any]) -> None:
        check_chunk(item)

    def wire(self, item: Mapping[str, Any]) -> bytes:
        return b"data: " + encode(item) + b"\n\n"

    def error(self, error: GatewayError, request_id: str) -> bytes:
        return self.wire(error.body(request_id))

    def answer(self) -> dict[str, Any]:
        return self._assembly.answer()


class MessageShape:
    """Anthropic events; the last one says that the message is complete."""

    end = b""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._assembly = messages.EventAssembly()

    def add(self, item: dict[str, Any]) -> dict[str, Any] | None:
        self._assembly.add(item)
        if item.get("type") != "message_start":
            return item
        message = item["message"]
        return {**item, "message": {**message, "model": self._plan.shown_model(str(message.get("model") or ""))}}

    def check(self, item: dict[str, Any]) -> None:
        check_event(item)

    def wire(self, item: Mapping[str, Any]) -> bytes:
        return f"event: {item['type']}\ndata: ".encode() + encode(item) + b"\n\n"

    def error(self, error: GatewayError, request_id: str) -> bytes:
        return self.wire(error.body(request_id, anthropic=True))

    def answer(self) -> dict[str, Any]:
        return self._assembly.answer()


async def relay(
    engine: InferenceEngine, plan: Plan, source: AsyncIterator[dict[str, Any]], shape: Shape
) -> AsyncIterator[bytes]:
    """A provider's stream for the caller. Its effects are written before its end is told, however it ends."""
    source = plan.guard.stream(source)
    try:
        async for item in source:
            shown = shape.add(item)
            if shown is not None:
                _check(plan, shape, shown)
                yield shape.wire(shown)
    except GatewayError as error:
        yield shape.error(_recorded(engine, plan, shape, error), plan.call.request_id)
        return
    except (asyncio.CancelledError, GeneratorExit):
        await _close(source)  # first, because the check of the stream then notes what it saw
        engine.record_partial(plan, shape.answer(), _HUNG_UP)
        raise
    except Exception as error:  # noqa: BLE001 - the outermost edge of a stream: its status is sent, so the error must be told inside
        log_failure(plan.call.request_id, error)
        yield shape.error(_recorded(engine, plan, shape, internal_error()), plan.call.request_id)
        return
    finally:
        await _close(source)
    try:
        engine.record_answer(plan, shape.answer())
    except DatabaseFault as error:
        log_failure(plan.call.request_id, error)
        yield shape.error(storage_failed(), plan.call.request_id)
        return
    if shape.end:
        yield shape.end


def _recorded(engine: InferenceEngine, plan: Plan, shape: Shape, error: GatewayError) -> GatewayError:
    """The error that the caller is told, after it was written down."""
    try:
        engine.record_partial(plan, shape.answer(), error)
    except DatabaseFault as fault:
        log_failure(plan.call.request_id, fault)
        return storage_failed()
    return error


async def _close(source: Any) -> None:
    close = getattr(source, "aclose", None)
    if close is not None:
        await close()


def _check(plan: Plan, shape: Shape, item: dict[str, Any]) -> None:
    try:
        shape.check(item)
    except ValidationError as error:
        if not plan.route.offline:
            raise misfit(plan.route.provider, error) from None
        logger.error(
            "%s: an event of the stream does not fit the contract at %s", plan.call.request_id, place_of(error)
        )
        raise internal_error() from None


async def replay_chat(hit: Hit, plan: Plan) -> AsyncIterator[bytes]:
    """A cached chat answer as a stream."""
    shape = ChatShape(plan)
    extras = {"provider": plan.route.provider, "cached": True, "cache_hit_type": hit.kind}
    for item in chunks.replay(hit.body, extras, include_usage=shape.include_usage):
        yield shape.wire(item)
    yield shape.end


async def replay_message(hit: Hit, plan: Plan) -> AsyncIterator[bytes]:
    """A cached message as a stream."""
    shape = MessageShape(plan)
    for item in messages.replay(hit.body):
        yield shape.wire(item)
