"""What the tests of keys and budgets share: an admin, keys of its making, and a provider with a known price."""

from __future__ import annotations

from typing import Any

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
