"""Does the work of equal calls once. Calls are equal when operation, caller, Idempotency-Key and request are."""

from __future__ import annotations

import asyncio
import hashlib
import json
from datetime import timedelta
from typing import Any

from smartflow.gateway.clock import iso
from smartflow.gateway.contract import Call, Handler, Reply
from smartflow.gateway.idempotency.repo import IdempotencyRepo
from smartflow.gateway.sending import encode

KEPT_FOR = timedelta(hours=24)
MAX_BYTES = 1024 * 1024


class IdempotencyEngine:
    """Remembers successful answers for a day; failures, streams and answers over 1 MiB are not kept."""

    def __init__(self, repo: IdempotencyRepo) -> None:
        self._repo = repo
        self._running: dict[str, asyncio.Future[None]] = {}

    async def once(self, call: Call, raw_body: bytes, handler: Handler) -> dict[str, Any] | Reply:
        """The handler's answer, or the one that it gave to the same call before."""
        key = call.headers.get("idempotency-key")
        if not key:
            return await handler(call)
        identity = _identity(call, key, raw_body)
        while identity in self._running:
            # The same call is at work: its answer serves both.
            await asyncio.wait({self._running[identity]})
        kept = self._repo.find(identity, iso(call.now))
        if kept is not None:
            return _replay(call, kept)
        done = self._running[identity] = asyncio.get_running_loop().create_future()
        try:
            answer = await handler(call)
            self._keep(identity, answer if isinstance(answer, Reply) else Reply(answer), call)
            return answer
        finally:
            del self._running[identity]
            done.set_result(None)

    def _keep(self, identity: str, reply: Reply, call: Call) -> None:
        if reply.stream is not None or not 200 <= reply.status < 300:
            return
        content = reply.content.encode("utf-8") if isinstance(reply.content, str) else reply.content
        body = content if isinstance(content, bytes) else encode(content)
        if len(body) <= MAX_BYTES:
            expires_at = iso(call.now + KEPT_FOR)
            headers = json.dumps(reply.headers)
            self._repo.save(identity, reply.status, headers, reply.media_type, body, iso(call.now), expires_at)


def _identity(call: Call, key: str, raw_body: bytes) -> str:
    digest = hashlib.sha256()
    content_type = call.raw_headers.get("content-type", "")
    # An answer that was given unchecked is not given again to a caller who asks for a check.
    checks = [call.raw_headers.get(name, "") for name in ("x-smartflow-compliance", "x-smartflow-compliance-policy")]
    for part in (call.route.operation_id, call.tenant, key, content_type, *checks):
        digest.update(f"{len(part)}:{part}".encode("utf-8", "surrogateescape"))
    digest.update(raw_body)
    return digest.hexdigest()


def _replay(call: Call, kept: dict[str, Any]) -> Reply:
    headers: dict[str, str] = json.loads(kept["headers"])
    provider = headers.get("x-smartflow-provider")
    if provider:
        call.audit.provider = call.audit.model_provider = provider
    call.audit.routing_reason = "idempotent_replay"
    return Reply(kept["body"], kept["status"], headers, kept["media_type"])
