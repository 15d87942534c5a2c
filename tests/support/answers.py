"""Answers for the hostile server's scripts: whole ones, streamed ones, and the chunks of a chat."""

from __future__ import annotations

import gzip
import json
from typing import Any, List, Mapping, Optional, Union

from tests.support.hostile import CLOSE, Answer, Part

__all__ = [
    "DONE",
    "EMPTY_LIST",
    "chat",
    "chunk",
    "event",
    "finish",
    "head",
    "html",
    "reply",
    "sse",
    "text_chunk",
    "zipped",
]

DONE = b"data: [DONE]\n\n"


def head(status: int = 200, headers: Optional[Mapping[str, str]] = None) -> bytes:
    """A status line and headers."""
    lines = [f"HTTP/1.1 {status} Scripted", *(f"{name}: {value}" for name, value in (headers or {}).items())]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def reply(
    body: Any = None,
    status: int = 200,
    headers: Optional[Mapping[str, str]] = None,
    kind: Optional[str] = "application/json",
) -> List[Part]:
    """A whole answer: bytes as they are, anything else as JSON."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {"content-length": str(len(content)), **({"content-type": kind} if kind else {}), **(headers or {})}
    return [head(status, named) + content]


def html(status: int) -> List[Part]:
    """What proxies send when they are in trouble."""
    return reply(b"<html><body><h1>Bad Gateway</h1></body></html>", status, kind="text/html")


def zipped(body: bytes, cut: int = 0, status: int = 200, kind: str = "application/json") -> List[Part]:
    """A gzip body; `cut` bytes are missing at its end, though its length says otherwise nothing."""
    content = gzip.compress(body)
    return reply(content[: len(content) - cut], status, {"content-encoding": "gzip"}, kind)


def chat(text: Optional[str] = "hello", **fields: Any) -> Any:
    """A `chat.completion` object."""
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "gpt-4o",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
        **fields,
    }


def chunk(delta: Any = None, finish_reason: Optional[str] = None, index: int = 0, **fields: Any) -> Any:
    """A `chat.completion.chunk` object."""
    choice = {"index": index, "delta": delta, "finish_reason": finish_reason}
    return {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice], **fields}


def event(value: Any) -> bytes:
    """One event with this JSON."""
    return b"data: " + json.dumps(value, ensure_ascii=False).encode() + b"\n\n"


def text_chunk(text: str) -> bytes:
    """One event with a piece of text."""
    return event(chunk({"content": text}))


def finish(reason: str = "stop") -> bytes:
    """The event that says why the answer ends."""
    return event(chunk({}, reason))


def sse(*parts: Union[bytes, Part], chunked: bool = True, headers: Optional[Mapping[str, str]] = None) -> Answer:
    """A streamed answer. Each bytes part is one piece on the wire; after a fault nothing more is sent."""
    named = {"content-type": "text/event-stream", **(headers or {})}
    if not chunked:
        return [head(200, {**named, "connection": "close"}), *parts, CLOSE]
    pieces: List[Part] = [head(200, {**named, "transfer-encoding": "chunked"})]
    for part in parts:
        pieces.append(b"%x\r\n%b\r\n" % (len(part), part) if isinstance(part, bytes) else part)
    return [*pieces, b"0\r\n\r\n"]


EMPTY_LIST = reply({"data": []})
