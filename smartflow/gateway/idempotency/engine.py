"""Does the work of equal calls once. Calls are equal when operation, caller, Idempotency-Key and request are."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

from smartflow.gateway.audit.record import CONTENT_TYPES
from smartflow.gateway.clock import iso
from smartflow.gateway.contract import Call, Handler, Reply
from smartflow.gateway.errors import GatewayError
from smartflow.gateway.idempotency.repo import IdempotencyRepo
from smartflow.gateway.sending import encode

KEPT_FOR = timedelta(hours=24)
MAX_BYTES = 16 * 1024 * 1024
_ANSWERED, _FAILED, _UNKNOWN, _NOT_KEPT = "answered", "failed", "unknown", "not_kept"
_REASONS = {
    _NOT_KEPT: ("idempotency_answer_not_kept", "was answered, but its answer was too large to keep"),
    _UNKNOWN: ("idempotency_outcome_unknown", "was cut off, so whether it was paid is not known"),
}


class IdempotencyEngine:
    """Remembers for a day how each call ended. A refused call may be made again; one that may have been paid is not.

    The work of a call goes on when its caller hangs up, so that the next try finds its answer; a stream, once begun, ends with its reader.
    """

    def __init__(self, repo: IdempotencyRepo) -> None:
        self._repo = repo
        self._running: dict[str, asyncio.Future[None]] = {}
        self._tasks: set[asyncio.Task[dict[str, Any] | Reply]] = set()

    async def once(self, call: Call, raw_body: bytes, handler: Handler) -> dict[str, Any] | Reply:
        """The handler's answer, or the one that it gave to the same call before."""
        key = call.headers.get("idempotency-key")
        if not key:
            return await handler(call)
        identity = _identity(call, key, raw_body)
        while identity in self._running:
            # The same call is at work: its answer serves both.
            await asyncio.wait({self._running[identity]})
        found = self._repo.claim(identity, iso(call.now), iso(call.now + KEPT_FOR))
        if found is not None:
            return _again(call, found)
        self._running[identity] = asyncio.get_running_loop().create_future()
        work = asyncio.ensure_future(self._work(identity, call, handler))
        self._tasks.add(work)
        work.add_done_callback(self._tasks.discard)
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            if not work.done():
                call.detached = True
                work.add_done_callback(lambda done: None if done.cancelled() else done.exception())
            raise

    async def _work(self, identity: str, call: Call, handler: Handler) -> dict[str, Any] | Reply:
        try:
            answer = await handler(call)
        except GatewayError as error:
            self._failed(identity, call, error)
            raise
        except BaseException:
            self._end(identity, _UNKNOWN)
            raise
        reply = answer if isinstance(answer, Reply) else Reply(answer)
        if reply.stream is None:
            self._answered(identity, reply)
            return answer
        reply.stream = _Recorder(self, identity, call, reply, reply.stream)
        if call.detached:
            async for _ in reply.stream:
                pass
            await reply.stream.aclose()
        return reply

    async def aclose(self) -> None:
        """Give up the work whose callers have left; whether it was paid stays unknown."""
        for task in list(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(set(self._tasks))

    def _answered(self, identity: str, reply: Reply) -> None:
        content = reply.content.encode("utf-8") if isinstance(reply.content, str) else reply.content
        self.keep_answer(identity, reply, content if isinstance(content, bytes) else encode(content))

    def keep_answer(self, identity: str, reply: Reply, body: bytes | None) -> None:
        """Keep a whole answer (None when it is too large), and let those who wait for it go on."""
        if body is None or len(body) > MAX_BYTES:
            self._end(identity, _NOT_KEPT)
        else:
            self._end(identity, _ANSWERED, reply.status, json.dumps(reply.headers), reply.media_type, body)

    def cut_off(self, identity: str) -> None:
        """Keep that nobody knows how the call ended."""
        self._end(identity, _UNKNOWN)

    def _failed(self, identity: str, call: Call, error: GatewayError) -> None:
        if error.outcome_unknown or call.unknown_outcomes:
            told = {"type": error.type, "code": error.code, "message": error.message, "extras": error.extras}
            self._end(identity, _FAILED, error.status, json.dumps(error.headers), "application/json", encode(told))
        else:
            self._end(identity, None)
        if call.detached and not call.audit_written and call.route.operation_id in CONTENT_TYPES:
            # Nobody is left at the edge to write the row.
            call.audit.status_code, call.audit.error_code = error.status, error.code
            with call.effects():
                pass

    def _end(
        self,
        identity: str,
        state: str | None,
        status: int = 0,
        headers: str = "{}",
        media_type: str = "",
        body: bytes = b"",
    ) -> None:
        """Write down how a call ended (None: as if it had not begun), and wake those who wait for it."""
        try:
            if state is None:
                self._repo.release(identity)
            else:
                self._repo.keep(identity, state, status, headers, media_type, body)
        finally:
            self._running.pop(identity).set_result(None)


class _Recorder:
    """A stream that is kept while it is read. Its end, or its being given up, is the end of the call."""

    def __init__(
        self, engine: IdempotencyEngine, identity: str, call: Call, reply: Reply, stream: AsyncIterator[bytes]
    ) -> None:
        self._engine, self._identity, self._call, self._reply, self._stream = engine, identity, call, reply, stream
        self._pieces: list[bytes] = []
        self._size = 0
        self._open = True

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        try:
            piece = await self._stream.__anext__()
        except StopAsyncIteration:
            self._close(whole=self._call.audit.error_code is None)
            raise
        self._size += len(piece)
        if self._size <= MAX_BYTES:
            self._pieces.append(piece)
        else:
            self._pieces.clear()
        return piece

    async def aclose(self) -> None:
        """Close the stream behind; what was not read to its end is not kept."""
        try:
            close = getattr(self._stream, "aclose", None)
            if close is not None:
                await close()
        finally:
            self._close(whole=False)

    def _close(self, *, whole: bool) -> None:
        if not self._open:
            return
        self._open = False
        if whole:
            body = b"".join(self._pieces) if self._size <= MAX_BYTES else None
            self._engine.keep_answer(self._identity, self._reply, body)
        else:
            self._engine.cut_off(self._identity)


def _identity(call: Call, key: str, raw_body: bytes) -> str:
    digest = hashlib.sha256()
    content_type = call.raw_headers.get("content-type", "")
    # An answer that was given unchecked is not given again to a caller who asks for a check.
    checks = [call.raw_headers.get(name, "") for name in ("x-smartflow-compliance", "x-smartflow-compliance-policy")]
    for part in (call.route.operation_id, call.tenant, key, content_type, *checks):
        digest.update(f"{len(part)}:{part}".encode("utf-8", "surrogateescape"))
    digest.update(raw_body)
    return digest.hexdigest()


def _again(call: Call, found: dict[str, Any]) -> Reply:
    """What a call that was begun before is answered with."""
    call.audit.routing_reason = "idempotent_replay"
    headers: dict[str, str] = json.loads(found["headers"])
    if found["state"] == _FAILED:
        told = json.loads(found["body"])
        raise GatewayError(
            found["status"], told["type"], told["code"], told["message"], headers=headers, **told["extras"]
        )
    if found["state"] != _ANSWERED:
        # Begun and never ended: this process was killed, or another one on the same data is at work.
        code, what = _REASONS.get(found["state"], _REASONS[_UNKNOWN])
        message = f"the call with this Idempotency-Key {what}: send it with a new key to make it again"
        raise GatewayError(409, None, code, message)
    provider = headers.get("x-smartflow-provider")
    if provider:
        call.audit.provider = call.audit.model_provider = provider
    return Reply(found["body"], found["status"], headers, found["media_type"])
