"""Chat answers as chunks and chunks as chat answers, so that a stream can be cached and a cached answer streamed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

_TEXTS = ("content", "refusal", "reasoning_content")
_HEAD = ("id", "created", "model", "system_fingerprint", "service_tier")


class Assembly:
    """Puts the chunks of one stream together into the answer that a call without a stream would have given."""

    def __init__(self) -> None:
        self._head: dict[str, Any] = {}
        self._choices: dict[int, dict[str, Any]] = {}
        self._calls: dict[tuple[int, int], dict[str, Any]] = {}
        self._usage: Any = None

    def add(self, chunk: Mapping[str, Any]) -> None:
        """Take in one chunk."""
        for name in _HEAD:
            if chunk.get(name) is not None:
                self._head[name] = chunk[name]
        if isinstance(chunk.get("usage"), Mapping):
            self._usage = chunk["usage"]
        for piece in chunk.get("choices") or ():
            self._add_choice(piece)

    def _add_choice(self, piece: Mapping[str, Any]) -> None:
        index = piece.get("index") or 0
        choice = self._choices.setdefault(
            index, {"index": index, "message": {"role": "assistant", "content": None}, "finish_reason": None}
        )
        delta, message = piece.get("delta") or {}, choice["message"]
        for name in _TEXTS:
            if isinstance(delta.get(name), str):
                message[name] = (message.get(name) or "") + delta[name]
        for part in delta.get("tool_calls") or ():
            self._add_call(index, message, part)
        if piece.get("finish_reason") is not None:
            choice["finish_reason"] = piece["finish_reason"]

    def _add_call(self, choice: int, message: dict[str, Any], part: Mapping[str, Any]) -> None:
        key = (choice, part.get("index") or 0)
        if key not in self._calls:
            self._calls[key] = {"id": "", "type": "function", "function": {"name": "", "arguments": ""}}
            message.setdefault("tool_calls", []).append(self._calls[key])
        call, function = self._calls[key], part.get("function") or {}
        call["id"] = part.get("id") or call["id"]
        call["function"]["name"] += function.get("name") or ""
        call["function"]["arguments"] += function.get("arguments") or ""

    def answer(self) -> dict[str, Any]:
        """The answer so far."""
        choices = [self._choices[index] for index in sorted(self._choices)]
        usage = {"usage": self._usage} if self._usage is not None else {}
        return {
            "id": "",
            "created": 0,
            "model": "",
            **self._head,
            "object": "chat.completion",
            "choices": choices,
            **usage,
        }


def replay(answer: Mapping[str, Any], extras: Mapping[str, Any], *, include_usage: bool) -> Iterator[dict[str, Any]]:
    """The chunks of a stream that tells a whole answer; `extras` are added to each."""
    head = {name: answer[name] for name in _HEAD if answer.get(name) is not None}
    head = {**head, "object": "chat.completion.chunk", **extras}
    for choice in answer.get("choices") or ():
        index, message = choice.get("index", 0), choice.get("message") or {}
        yield _chunk(head, index, {"role": "assistant", "content": None if message.get("content") is None else ""})
        for name in _TEXTS:
            if message.get(name):
                yield _chunk(head, index, {name: message[name]})
        for position, call in enumerate(message.get("tool_calls") or ()):
            yield _chunk(head, index, {"tool_calls": [{"index": position, **call}]})
        yield _chunk(head, index, {}, choice.get("finish_reason"))
    if include_usage and answer.get("usage"):
        yield {**head, "choices": [], "usage": answer["usage"]}


def _chunk(head: Mapping[str, Any], index: int, delta: dict[str, Any], finish: Any = None) -> dict[str, Any]:
    return {**head, "choices": [{"index": index, "delta": delta, "finish_reason": finish}]}
