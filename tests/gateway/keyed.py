"""What the tests of keys and budgets share: an admin, keys of its making, and a provider with a known price."""

from __future__ import annotations

import json
import socket
import threading
from typing import Any
from urllib.parse import urlsplit

import httpx

from .conftest import RunningGateway

ADMIN = {"authorization": "Bearer the-configured-key"}
MODEL = "gpt-4o"
INPUT_USD, OUTPUT_USD = 2.5e-6, 10e-6
"""The list price of a token of MODEL."""


def answer(prompt: int = 10, completion: int = 20, **more: Any) -> dict[str, Any]:
    """A provider's answer with this usage."""
    message = {"role": "assistant", "content": "from afar", "refusal": None}
    return {
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": MODEL,
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}, **more,
    }  # fmt: skip


def new_key(gateway: RunningGateway, **wanted: Any) -> dict[str, Any]:
    """A new key of the configured admin."""
    made = gateway.management.post("/api/enterprise/vkeys", json={"name": "test", **wanted}, headers=ADMIN)
    assert made.status_code == 201, made.text
    record: dict[str, Any] = made.json()
    return record


def read_key(gateway: RunningGateway, key: dict[str, Any]) -> dict[str, Any]:
    """The key as it is now."""
    record: dict[str, Any] = gateway.management.get(f"/api/enterprise/vkeys/{key['key_id']}", headers=ADMIN).json()
    return record


def bearer(key: dict[str, Any], **more: str) -> dict[str, str]:
    """The headers of a caller with this key, whose answers the cache may not give."""
    return {"authorization": f"Bearer {key['key']}", "cache-control": "no-cache, no-store", **more}


def chat(gateway: RunningGateway, key: dict[str, Any], text: str = "hello", **fields: Any) -> httpx.Response:
    """One call with this key."""
    headers = bearer(key, **fields.pop("headers", {}))
    return gateway.chat(text, headers=headers, **{"model": MODEL, "max_tokens": 100, **fields})


def rows(gateway: RunningGateway, key: dict[str, Any]) -> list[dict[str, Any]]:
    """The audit rows of a key, newest first."""
    listed = gateway.management.get("/api/vas/logs", headers=ADMIN).json()["data"]
    return [row for row in listed if row["key_id"] == key["key_id"]]


def watch_audit(gateway: RunningGateway) -> threading.Event:
    """An event that is set with the next audit row."""
    written, write = threading.Event(), gateway.gateway.audit.write

    def write_and_tell(*args: Any) -> None:
        write(*args)
        written.set()

    gateway.gateway.audit.write = write_and_tell  # type: ignore[method-assign,assignment]
    return written


class Hanging:
    """A chat call whose caller hangs up at the end of the block, whatever has come until then."""

    def __init__(self, gateway: RunningGateway, headers: dict[str, str], **fields: Any) -> None:
        body = {"model": MODEL, "max_tokens": 100, "messages": [{"role": "user", "content": "hello"}], **fields}
        content = json.dumps(body, separators=(",", ":")).encode()
        url = urlsplit(gateway.urls["proxy"])
        lines = {**headers, "host": url.netloc, "content-type": "application/json", "content-length": len(content)}
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        self._socket = socket.create_connection((url.hostname or "", url.port or 0), 10)
        self._socket.sendall(f"POST /v1/chat/completions HTTP/1.1\r\n{head}\r\n".encode() + content)

    def read(self) -> bytes:
        """What has come, at least something."""
        return self._socket.recv(65536)

    def __enter__(self) -> Hanging:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()
