"""All words in a request or an answer, as one text to scan, and the same value with placeholders in their places.

What only steers the protocol (roles, ids, model names) and what is no text (base64 of pictures, sounds and files) is left
out. Everything else counts, also in fields that this gateway does not know: they go to the provider too. Arguments of
tools are read as the JSON that they are; there and in other free data a field's name stands before its value, because
`{"ssn": 123456789}` says more than the number alone.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

from smartflow.gateway.compliance.finding import Finding

_PROTOCOL = frozenset(
    """
    model role type id object tool_call_id tool_use_id call_id finish_reason stop_reason stop_sequence created index
    media_type mime_type detail format encoding_format response_mime_type voice language service_tier reasoning_effort
    system_fingerprint signature encrypted_content provider
    """.split()
)
_NEVER_TEXT = frozenset({"usage", "embedding", "logprobs", "cache_control"})
_KNOWN = frozenset(
    """
    messages content system prompt input query documents tools tool_calls function message delta choices source
    image_url input_audio file text refusal reasoning_content thinking data url content_block
    """.split()
)
_ENCODED = frozenset({"data", "file_data", "b64_json"})
_LONG_NUMBER = 10**8


class Texts:
    """The words of one JSON value."""

    def __init__(self, value: Any) -> None:
        self._value = value
        self._spans: list[tuple[int, int]] = []
        self.unread = 0
        """Parts that hold no words that could be read: pictures, sounds, files, lists of token ids."""
        self.has_token_ids = False
        pieces: list[str] = []
        position = 0

        def collect(text: str, separator: str) -> str:
            nonlocal position
            self._spans.append((position, position + len(text)))
            pieces.extend((text, separator))
            position += len(text) + len(separator)
            return text

        _Walk(collect, self).value(value, free=False)
        self.text = "".join(pieces)

    def redacted(self, findings: Iterable[Finding]) -> Any:
        """The value with each finding's placeholder where it begins, and without the rest of it."""
        found = sorted(findings, key=lambda one: one.start)
        if not found:
            return self._value
        spans = iter(self._spans)
        first = 0

        def replace(text: str, _: str) -> str:
            nonlocal first
            start, end = next(spans)
            while first < len(found) and found[first].end <= start:
                first += 1
            return _cut(text, start, end, found, first)

        return _Walk(replace, None).value(self._value, free=False)


def _cut(text: str, start: int, end: int, found: list[Finding], first: int) -> str:
    pieces: list[str] = []
    position = start
    for place in range(first, len(found)):
        one = found[place]
        if one.start >= end:
            break
        if one.end <= position:
            continue
        if one.start >= start:
            pieces += text[position - start : one.start - start], one.placeholder
        position = min(one.end, end)
    return "".join([*pieces, text[position - start :]]) if position > start or pieces else text


class _Walk:
    """Visits the words of a value in a fixed order; `leaf` gets each with what separates it from the next."""

    def __init__(self, leaf: Callable[[str, str], str], notes: Texts | None) -> None:
        self._leaf = leaf
        self._notes = notes

    def value(self, value: Any, *, free: bool) -> Any:
        if isinstance(value, str):
            return self._leaf(value, "\n")
        if isinstance(value, dict):
            return dict(self._member(value, name, free) for name in value)
        if isinstance(value, list):
            if value and all(type(item) is int for item in value):
                return self._numbers(value)
            return [self.value(item, free=free) for item in value]
        if isinstance(value, int) and abs(value) >= _LONG_NUMBER:
            return self._number(value)
        return value

    def _member(self, parent: dict[str, Any], name: str, free: bool) -> tuple[str, Any]:
        item = parent[name]
        if free:
            shown = self._leaf(name, ": ")
            return shown, self.value(item, free=True)
        if name in _NEVER_TEXT or (name in _PROTOCOL and not isinstance(item, dict | list)):
            return name, item
        if self._is_encoded(parent, name, item):
            if self._notes is not None:
                self._notes.unread += 1
            return name, item
        if name == "arguments" and isinstance(item, str):
            return name, self._arguments(item)
        # `input` of a tool call is free data; `input` of an embedding or a speech request is text.
        known = name in _KNOWN and not (name == "input" and isinstance(item, dict))
        return name, self.value(item, free=not known)

    def _is_encoded(self, parent: dict[str, Any], name: str, item: Any) -> bool:
        if not isinstance(item, str):
            return False
        if name in _ENCODED:
            return parent.get("type") != "text"
        return name == "url" and item.startswith("data:")

    def _arguments(self, text: str) -> str:
        try:
            parsed = json.loads(text)
        except (ValueError, RecursionError):
            return self._leaf(text, "\n")
        if not isinstance(parsed, dict | list):
            return self._leaf(text, "\n")
        changed = self.value(parsed, free=True)
        return text if changed == parsed else json.dumps(changed, ensure_ascii=False)

    def _number(self, value: int) -> int | str:
        text = str(value)
        changed = self._leaf(text, "\n")
        return value if changed == text else changed

    def _numbers(self, values: list[int]) -> list[int | str]:
        if self._notes is not None and len(values) > 1:
            self._notes.unread += 1
            self._notes.has_token_ids = True
        return [self._number(item) if abs(item) >= _LONG_NUMBER else item for item in values]
