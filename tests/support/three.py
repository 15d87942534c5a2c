"""Three providers on sockets of their own, what they answer, and questions for the gateway before them."""

from __future__ import annotations

from typing import Any

from tests.support.answers import chat, reply
from tests.support.hostile import HostileServer

NAMES = ("openai", "groq", "mistral")


def answered(name: str) -> Any:
    """An answer that tells who gave it."""
    body = chat(f"from {name}")
    body["choices"][0]["message"]["refusal"] = None
    return reply(body)


def failed(status: int, **headers: str) -> Any:
    """A failure; `retry_after="4"` is a header."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return reply({"error": {"message": f"status {status}"}}, status, named)


def environment(servers: dict[str, HostileServer]) -> dict[str, str]:
    """The variables that make the servers the providers of their names."""
    return {f"{name.upper()}_BASE_URL": f"{server.url}/v1" for name, server in servers.items()} | {
        f"{name.upper()}_API_KEY": f"key-of-{name}" for name in servers
    }


def ask(gateway: Any, number: int = 0, **fields: Any) -> Any:
    """A question that no cache knows yet."""
    headers = {"cache-control": "no-store", **fields.pop("headers", {})}
    return gateway.chat(f"question {number}", headers=headers, **fields)


def said(answer: Any) -> str:
    """The words of a chat that was answered."""
    assert answer.status_code == 200, answer.text
    return str(answer.json()["choices"][0]["message"]["content"])


def circuits(gateway: Any) -> dict[str, str]:
    """The state of each provider's circuit."""
    snapshots = gateway.management.get("/api/providers/perf").json()["data"]["snapshots"]
    return {each["provider"]: each["circuit"] for each in snapshots}
