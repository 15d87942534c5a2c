"""What the tests of compliance in the proxy send, and how they read what comes back."""

from __future__ import annotations

import json
from typing import Any

SSN, CARD, EMAIL = "536-22-8145", "4111 1111 1111 1111", "ada@example.com"
BLOCK, REDACT, LOG = ({"x-smartflow-compliance": mode} for mode in ("block", "redact", "log"))
TEXT = "Write a reminder for the meeting."


def completion(content: Any = None, **message: Any) -> dict[str, Any]:
    return {
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "gpt-4o",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": content, **message}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7},
    }  # fmt: skip


def chunk(finish: Any = None, index: int = 0, **delta: Any) -> bytes:
    body = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "gpt-4o",
            "choices": [{"index": index, "delta": delta, "finish_reason": finish}]}  # fmt: skip
    return b"data: " + json.dumps(body).encode() + b"\n\n"


def in_pieces(text: str, size: int) -> list[bytes]:
    return [chunk(content=text[at : at + size]) for at in range(0, len(text), size)]


def events(answer: Any) -> list[str]:
    return [line.removeprefix("data: ") for line in answer.text.split("\n") if line.startswith("data: ")]


def streamed_text(answer: Any, field: str = "content") -> str:
    chunks = [json.loads(event) for event in events(answer) if event != "[DONE]"]
    return "".join(c["choices"][0]["delta"].get(field) or "" for c in chunks if c.get("choices"))


def seen_by(provider: Any) -> str:
    """All that the provider was sent."""
    return b"".join(body for _, _, body in provider.requests).decode()
