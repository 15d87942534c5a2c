"""Puts a reply on the wire, whole or as a stream, and notices when the caller hangs up."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

from starlette.types import Send

from smartflow.gateway.contract import Reply


class Disconnected(Exception):
    """The caller hung up before the answer was complete."""


def encode(value: Any) -> bytes:
    """A value as compact JSON in UTF-8."""
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode("utf-8")
    except UnicodeEncodeError:
        return json.dumps(value, allow_nan=False, separators=(",", ":")).encode("ascii")


async def send_reply(
    reply: Reply, send: Send, gone: asyncio.Future[Any] | None, headers: Mapping[str, str], *, head_only: bool = False
) -> None:
    """Send a reply; raises Disconnected when the caller hangs up during a stream."""
    if reply.stream is None:
        await _send_whole(reply, send, headers, head_only=head_only)
        return
    pump = asyncio.ensure_future(_send_stream(reply, send, headers))
    try:
        await asyncio.wait({pump, gone} if gone else {pump}, return_when=asyncio.FIRST_COMPLETED)
        if not pump.done():
            raise Disconnected
        pump.result()
    finally:
        if not pump.done():
            pump.cancel()
            await asyncio.wait({pump})


async def _send_whole(reply: Reply, send: Send, headers: Mapping[str, str], *, head_only: bool) -> None:
    body = reply.content if isinstance(reply.content, bytes) else b""
    if isinstance(reply.content, str):
        body = reply.content.encode("utf-8")
    elif not isinstance(reply.content, bytes) and reply.content is not None:
        body = encode(reply.content)
    fields = {**headers, **reply.headers}
    if reply.status != 204:
        fields = {"content-type": _content_type(reply.media_type), "content-length": str(len(body)), **fields}
    await _start(reply.status, fields, send)
    await send({"type": "http.response.body", "body": b"" if head_only else body})


async def _send_stream(reply: Reply, send: Send, headers: Mapping[str, str]) -> None:
    assert reply.stream is not None
    stream = reply.stream
    fields = {"content-type": _content_type(reply.media_type), "cache-control": "no-cache", **headers, **reply.headers}
    try:
        await _start(reply.status, fields, send)
        async for piece in stream:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
    finally:
        close = getattr(stream, "aclose", None)
        if close is not None:
            await close()


async def _start(status: int, headers: Mapping[str, str], send: Send) -> None:
    pairs = [(name.lower().encode("latin-1"), value.encode("latin-1", "replace")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": pairs})


def _content_type(media_type: str) -> str:
    plain = media_type.startswith("text/") and media_type != "text/event-stream"
    return f"{media_type}; charset=utf-8" if plain else media_type
