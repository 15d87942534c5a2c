"""What a request asks the cache: the key of an equal request, and, where the rules allow it, what a near one must share.

Everything but the last text of the user is the scope of a question: near answers are only ever looked for within one scope.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from smartflow.gateway.metacache.guard import signature
from smartflow.gateway.metacache.reading import Reading, read

# They change how an answer travels or is accounted for, not the answer.
_NOT_IN_KEY = frozenset(
    {"stream", "stream_options", "user", "metadata", "store", "safety_identifier", "prompt_cache_key", "cache", "model"}
)
_CONVERSATIONS = frozenset({"chat", "message"})
_TOOLS = ("tools", "functions", "tool_choice", "function_call", "web_search_options", "mcp_servers", "audio")
_TOOL_PARTS = frozenset({"tool_use", "tool_result", "server_tool_use", "web_search_tool_result"})


@dataclass(frozen=True)
class Question:
    """One request as the cache sees it. Without a scope only an equal request is near to it; `exact_only` says why."""

    key: str
    operation: str
    scope: str = ""
    reading: Reading | None = None
    timely: bool = False
    exact_only: str | None = None

    @property
    def fingerprint(self) -> str:
        """The digest of scope and intent: equal for requests that differ in case, spacing, closing punctuation, politeness, contractions."""
        return self._digest(self.reading.intent if self.reading else ())

    @property
    def plain(self) -> str:
        """The digest of scope and words in one spelling."""
        return self._digest(self.reading.plain if self.reading else ())

    @property
    def meaning(self) -> str:
        """The digest of scope and meaning: different for all questions that the guard keeps apart."""
        return self._digest(self.reading.meaning if self.reading else ())

    def _digest(self, words: tuple[str, ...]) -> str:
        return signature((self.scope, *words)) if self.scope else ""


def cache_key(
    operation: str, tenant: str, provider: str, model: str, request: Mapping[str, Any], namespace: str = ""
) -> str:
    """The SHA-256 of all that decides the answer."""
    return _hash([operation, tenant, provider, model, namespace, _parameters(request)])


def ask(
    operation: str, tenant: str, provider: str, model: str, request: Mapping[str, Any], namespace: str = ""
) -> Question:
    """The question of a request."""
    key = cache_key(operation, tenant, provider, model, request, namespace)
    reason, text, rest = _split(operation, _parameters(request))
    reading = read(text) if text is not None else None
    timely = reading is not None and reading.is_timely
    if reason is None and reading is None:
        reason = "length"
    if reason is None and reading is not None:
        reason = reading.exact_only
    if reason is not None:
        return Question(key, operation, timely=timely, exact_only=reason)
    return Question(key, operation, _hash(["scope", operation, tenant, provider, model, namespace, rest]), reading)


def _parameters(request: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in request.items() if name not in _NOT_IN_KEY}


def _hash(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _split(operation: str, parameters: dict[str, Any]) -> tuple[str | None, str | None, dict[str, Any]]:
    """Why there is no near answer, the user's last text, and the request without it."""
    messages = parameters.get("messages")
    if operation not in _CONVERSATIONS or not isinstance(messages, list) or not messages:
        return "operation", None, parameters
    last = messages[-1]
    text, emptied = _emptied(last.get("content") if isinstance(last, dict) else None)
    if text is None or last.get("role") != "user":
        return "last message", None, parameters
    if any(parameters.get(name) for name in _TOOLS) or any(map(_has_tools, messages)):
        return "tools", text, parameters
    if not all(_is_text(message.get("content")) for message in messages):
        return "media", text, parameters
    return None, text, {**parameters, "messages": [*messages[:-1], {**last, "content": emptied}]}


def _emptied(content: Any) -> tuple[str | None, Any]:
    """The one text of a message, and its content without that text."""
    if isinstance(content, str):
        return content, None
    if (
        isinstance(content, list)
        and len(content) == 1
        and isinstance(content[0], dict)
        and content[0].get("type") == "text"
    ):
        text = content[0].get("text")
        return (text if isinstance(text, str) else None), [{**content[0], "text": None}]
    return None, content


def _is_text(content: Any) -> bool:
    if isinstance(content, list):
        return all(isinstance(part, dict) and part.get("type") in ("text", "refusal", "thinking") for part in content)
    return content is None or isinstance(content, str)


def _has_tools(message: Any) -> bool:
    if not isinstance(message, dict) or message.get("role") in ("tool", "function"):
        return True
    if message.get("tool_calls") or message.get("function_call"):
        return True
    content = message.get("content")
    return isinstance(content, list) and any(
        isinstance(part, dict) and part.get("type") in _TOOL_PARTS for part in content
    )
