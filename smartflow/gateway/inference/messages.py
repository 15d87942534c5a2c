"""Anthropic messages over an OpenAI-compatible provider: requests become chat requests, answers and chunks become messages and events."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

from smartflow.gateway.offline.anthropic_request import to_chat

Event = dict[str, Any]
_STOP_REASONS = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use", "content_filter": "refusal"}
_SAME_MEANING = ("temperature", "top_p", "service_tier")


def chat_request(request: dict[str, Any], model: str) -> dict[str, Any]:
    """The chat request that says the same as a messages request."""
    same = {name: request[name] for name in _SAME_MEANING if name in request}
    return {**to_chat(request), **same, "model": model}


def from_chat(answer: Mapping[str, Any]) -> dict[str, Any]:
    """A chat answer as a message."""
    choice = (answer.get("choices") or [{}])[0]
    said, usage = choice.get("message") or {}, answer.get("usage") or {}
    content: list[dict[str, Any]] = [{"type": "text", "text": said["content"]}] if said.get("content") else []
    for call in said.get("tool_calls") or ():
        function = call.get("function") or {}
        content.append(
            {
                "type": "tool_use",
                "id": call.get("id") or "",
                "name": function.get("name") or "",
                "input": _input(function),
            }
        )
    return {
        "id": _message_id(answer.get("id")),
        "type": "message",
        "role": "assistant",
        "model": answer.get("model") or "",
        "content": content,
        "stop_reason": _STOP_REASONS.get(choice.get("finish_reason") or "stop", "end_turn"),
        "stop_sequence": None,
        "usage": {
            "input_tokens": usage.get("prompt_tokens") or 0,
            "output_tokens": usage.get("completion_tokens") or 0,
        },
    }


def _message_id(reply_id: Any) -> str:
    text = str(reply_id or "")
    return text if text.startswith("msg_") else f"msg_{text.removeprefix('chatcmpl-').removeprefix('chatcmpl_')}"


def _input(function: Mapping[str, Any]) -> Any:
    try:
        value = json.loads(function.get("arguments") or "{}")
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


async def events_from_chunks(chunks: AsyncIterator[dict[str, Any]]) -> AsyncIterator[Event]:
    """The events that tell what the chunks of a chat stream tell."""
    teller = _Teller()
    try:
        async for chunk in chunks:
            for event in teller.tell(chunk):
                yield event
    finally:
        close = getattr(chunks, "aclose", None)
        if close is not None:
            await close()
    for event in teller.end():
        yield event


class _Teller:
    """What a stream of events must remember: the open block, and what comes only at the end."""

    def __init__(self) -> None:
        self._open: tuple[str, int] | None = None
        self._index = -1
        self._stop = "stop"
        self._usage: Mapping[str, Any] = {}
        self._started = False

    def tell(self, chunk: Mapping[str, Any]) -> Iterator[Event]:
        if isinstance(chunk.get("usage"), Mapping):
            self._usage = chunk["usage"]
        if not self._started:
            self._started = True
            head = {**from_chat({**chunk, "choices": []}), "stop_reason": None}
            yield {"type": "message_start", "message": head}
        for choice in (chunk.get("choices") or ())[:1]:
            delta = choice.get("delta") or {}
            if delta.get("content"):
                yield from self._enter(("text", 0), {"type": "text", "text": ""})
                yield self._delta({"type": "text_delta", "text": delta["content"]})
            for part in delta.get("tool_calls") or ():
                yield from self._call(part)
            self._stop = choice.get("finish_reason") or self._stop

    def _call(self, part: Mapping[str, Any]) -> Iterator[Event]:
        function = part.get("function") or {}
        block: dict[str, Any] = {
            "type": "tool_use",
            "id": part.get("id") or "",
            "name": function.get("name") or "",
            "input": {},
        }
        yield from self._enter(("tool_use", part.get("index") or 0), block)
        if function.get("arguments"):
            yield self._delta({"type": "input_json_delta", "partial_json": function["arguments"]})

    def _enter(self, block: tuple[str, int], content: dict[str, Any]) -> Iterator[Event]:
        if self._open != block:
            yield from self._leave()
            self._open, self._index = block, self._index + 1
            yield {"type": "content_block_start", "index": self._index, "content_block": content}

    def _leave(self) -> Iterator[Event]:
        if self._open is not None:
            yield {"type": "content_block_stop", "index": self._index}
            self._open = None

    def _delta(self, delta: dict[str, Any]) -> Event:
        return {"type": "content_block_delta", "index": self._index, "delta": delta}

    def end(self) -> Iterator[Event]:
        yield from self._leave()
        usage = {
            "input_tokens": self._usage.get("prompt_tokens") or 0,
            "output_tokens": self._usage.get("completion_tokens") or 0,
        }
        stop = {"stop_reason": _STOP_REASONS.get(self._stop, "end_turn"), "stop_sequence": None}
        yield {"type": "message_delta", "delta": stop, "usage": usage}
        yield {"type": "message_stop"}


class EventAssembly:
    """Puts the events of one stream together into the message that a call without a stream would have given."""

    def __init__(self) -> None:
        self._message: dict[str, Any] = {}
        self._blocks: dict[int, dict[str, Any]] = {}
        self._json: dict[int, str] = {}

    def add(self, event: Mapping[str, Any]) -> None:
        """Take in one event."""
        kind = event.get("type")
        if kind == "message_start":
            self._message = dict(event["message"])
        elif kind == "content_block_start":
            self._blocks[event["index"]] = dict(event["content_block"])
        elif kind == "content_block_delta":
            self._add_delta(event["index"], event["delta"])
        elif kind == "message_delta":
            self._message.update(event["delta"])
            self._message["usage"] = {**self._message.get("usage", {}), **(event.get("usage") or {})}

    def _add_delta(self, index: int, delta: Mapping[str, Any]) -> None:
        block = self._blocks.setdefault(index, {"type": "text", "text": ""})
        for name in ("text", "thinking", "signature"):
            if name in delta:
                block[name] = block.get(name, "") + delta[name]
        if "partial_json" in delta:
            self._json[index] = self._json.get(index, "") + delta["partial_json"]

    def answer(self) -> dict[str, Any]:
        """The message so far."""
        content = []
        for index in sorted(self._blocks):
            block = dict(self._blocks[index])
            if index in self._json:
                block["input"] = _input({"arguments": self._json[index]})
            content.append(block)
        return {**self._message, "content": content}


def replay(message: Mapping[str, Any]) -> Iterator[Event]:
    """The events of a stream that tells a whole message."""
    usage = dict(message["usage"])
    head = {
        **message,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {**usage, "output_tokens": 0},
    }
    yield {"type": "message_start", "message": head}
    for index, block in enumerate(message["content"]):
        yield {"type": "content_block_start", "index": index, "content_block": {**block, **_emptied(block)}}
        for delta in _deltas(block):
            yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}
    stop = {"stop_reason": message["stop_reason"], "stop_sequence": message.get("stop_sequence")}
    yield {"type": "message_delta", "delta": stop, "usage": {"output_tokens": usage["output_tokens"]}}
    yield {"type": "message_stop"}


def _emptied(block: Mapping[str, Any]) -> dict[str, Any]:
    empty: dict[str, Any] = {"text": "", "thinking": "", "signature": "", "input": {}}
    return {name: value for name, value in empty.items() if name in block}


def _deltas(block: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    if block.get("text"):
        yield {"type": "text_delta", "text": block["text"]}
    if block.get("thinking"):
        yield {"type": "thinking_delta", "thinking": block["thinking"]}
    if block.get("signature"):
        yield {"type": "signature_delta", "signature": block["signature"]}
    if "input" in block:
        yield {"type": "input_json_delta", "partial_json": json.dumps(block["input"], ensure_ascii=False)}
