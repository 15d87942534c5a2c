"""Reads what Anthropic answers: a whole message, or the named events of a stream, into OpenAI's shapes."""

from __future__ import annotations

import json
from typing import Any, Dict, List, Mapping, Optional

from . import errors
from .dialect import StreamReader, mapping
from .table import ProviderSpec

__all__ = ["ANSWER_TOOL", "AnthropicEvents", "AnthropicStream", "completion"]

ANSWER_TOOL = "give_answer"
"""The tool through which an answer in JSON is asked for; callers never see it."""

_REASONS = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}
_THINKING = ("thinking", "redacted_thinking")
_STATUS = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "timeout_error": 504,
    "overloaded_error": 529,
}


def completion(spec: ProviderSpec, answer: Mapping[str, Any], *, wants_json: bool, created: int) -> Dict[str, Any]:
    """The `chat.completion` for a message; blocks that OpenAI has no place for stay in `message.provider_blocks`."""
    blocks = [block for block in answer["content"] if isinstance(block, dict)]
    texts = [block.get("text") or "" for block in blocks if block.get("type") == "text"]
    uses = [block for block in blocks if block.get("type") == "tool_use"]
    answers = [use for use in uses if wants_json and use.get("name") == ANSWER_TOOL]
    if answers:
        texts, uses = [_json(answers[0].get("input") or {})], []
    message: Dict[str, Any] = {"role": "assistant", "content": "".join(texts) if texts else None}
    if uses:
        message["tool_calls"] = [_call(use) for use in uses]
    thinking = [block for block in blocks if block.get("type") in _THINKING]
    if thinking:
        message["thinking_blocks"] = thinking
        message["reasoning_content"] = "".join(block.get("thinking") or "" for block in thinking)
    others = [block for block in blocks if block.get("type") not in ("text", "tool_use", *_THINKING)]
    if others:
        message["provider_blocks"] = others
    choice = {"index": 0, "message": message, "finish_reason": _reason(answer.get("stop_reason"), bool(answers))}
    if answer.get("stop_sequence") is not None:
        choice["stop_sequence"] = answer["stop_sequence"]
    return {
        "id": answer.get("id") or "",
        "object": "chat.completion",
        "created": created,
        "model": answer.get("model") or "",
        "choices": [choice],
        "usage": _usage(answer.get("usage")),
        "provider": spec.name,
    }


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _call(use: Mapping[str, Any]) -> Dict[str, Any]:
    function = {"name": use.get("name") or "", "arguments": _json(mapping(use.get("input")))}
    return {"id": use.get("id") or "", "type": "function", "function": function}


def _reason(reason: Any, answered: bool) -> Any:
    return "stop" if answered and reason == "tool_use" else _REASONS.get(reason, reason)


def _usage(usage: Any) -> Dict[str, Any]:
    """OpenAI counts cached tokens among those of the prompt, Anthropic beside them."""
    found = usage if isinstance(usage, dict) else {}
    fresh, output, read, written = (
        found[name] if isinstance(found.get(name), int) else 0
        for name in ("input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
    )
    prompt = fresh + read + written
    details = {"cached_tokens": read, "cache_creation_tokens": written}
    return {
        "prompt_tokens": prompt,
        "completion_tokens": output,
        "total_tokens": prompt + output,
        "cached_tokens": read,
        "prompt_tokens_details": details,
    }


def _error(spec: ProviderSpec, event: Mapping[str, Any]) -> Dict[str, Any]:
    error = event.get("error")
    status = _STATUS.get(str(error.get("type")), 500) if isinstance(error, dict) else 500
    return errors.read_error(spec, status, event)


class AnthropicEvents(StreamReader):
    """Anthropic's events as they are. Their end marker is `message_stop`."""

    finished: bool

    def read(self, event_name: str, data: bytes) -> List[Dict[str, Any]]:
        event = self._object(data)
        kind = event.setdefault("type", event_name)
        if kind == "error":
            return [_error(self.spec, event)]
        self.finished = kind == "message_stop"
        return [event]


class AnthropicStream(StreamReader):
    """Anthropic's events as OpenAI chunks. Its end marker is `message_stop`."""

    def __init__(self, spec: ProviderSpec, *, wants_json: bool = False, usage: bool = False, created: int = 0) -> None:
        super().__init__(spec)
        self._wants_json = wants_json
        self._wants_usage = usage
        self._head: Dict[str, Any] = {"id": "", "object": "chat.completion.chunk", "created": created, "model": ""}
        self._usage: Dict[str, Any] = {}
        self._blocks: Dict[Any, Dict[str, Any]] = {}
        self._calls: Dict[Any, int] = {}
        self._filled: Dict[Any, bool] = {}
        self._thinking: List[Dict[str, Any]] = []
        self._others: List[Dict[str, Any]] = []
        self._answered = False

    def read(self, event_name: str, data: bytes) -> List[Dict[str, Any]]:
        event = self._object(data)
        kind = event.get("type") or event_name
        if kind == "error":
            return [_error(self.spec, event)]
        # Kinds that come later, and pings, carry nothing that OpenAI has a place for.
        reader = {
            "message_start": self._start,
            "content_block_start": self._begin_block,
            "content_block_delta": self._delta,
            "content_block_stop": self._end_block,
            "message_delta": self._end,
            "message_stop": self._stop,
        }.get(kind)
        return reader(event) if reader is not None else []

    def _chunk(self, delta: Dict[str, Any], reason: Optional[str] = None) -> Dict[str, Any]:
        return {**self._head, "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}

    def _start(self, event: Dict[str, Any]) -> List[Dict[str, Any]]:
        message = mapping(event.get("message"))
        self._head.update(id=message.get("id") or "", model=message.get("model") or "", provider=self.spec.name)
        self._usage.update(mapping(message.get("usage")))
        return [self._chunk({"role": "assistant", "content": ""})]

    def _begin_block(self, event: Dict[str, Any]) -> List[Dict[str, Any]]:
        index, block = event.get("index"), dict(mapping(event.get("content_block")))
        self._blocks[index] = block
        if block.get("type") == "text":
            return [self._chunk({"content": block["text"]})] if block.get("text") else []
        if block.get("type") != "tool_use":
            return []
        if self._wants_json and block.get("name") == ANSWER_TOOL:
            self._answered = True
            return []
        self._calls[index] = len(self._calls)
        function = {"name": block.get("name") or "", "arguments": ""}
        return [self._piece(index, {"id": block.get("id") or "", "type": "function", "function": function})]

    def _piece(self, index: Any, piece: Dict[str, Any]) -> Dict[str, Any]:
        return self._chunk({"tool_calls": [{"index": self._calls[index], **piece}]})

    def _delta(self, event: Dict[str, Any]) -> List[Dict[str, Any]]:
        index, delta = event.get("index"), mapping(event.get("delta"))
        kind = delta.get("type")
        if kind == "text_delta":
            return [self._chunk({"content": delta.get("text") or ""})]
        if kind == "input_json_delta":
            return self._arguments(index, delta.get("partial_json") or "")
        block = self._blocks.setdefault(index, {})
        if kind == "thinking_delta":
            block["thinking"] = (block.get("thinking") or "") + (delta.get("thinking") or "")
            return [self._chunk({"reasoning_content": delta.get("thinking") or ""})]
        if kind == "signature_delta":
            block["signature"] = (block.get("signature") or "") + (delta.get("signature") or "")
        return []

    def _arguments(self, index: Any, text: str) -> List[Dict[str, Any]]:
        if not text:
            return []
        self._filled[index] = True
        if index in self._calls:
            return [self._piece(index, {"function": {"arguments": text}})]
        block = self._blocks.setdefault(index, {})
        if block.get("type") == "tool_use":
            return [self._chunk({"content": text})]
        block["input_json"] = block.get("input_json", "") + text
        return []

    def _end_block(self, event: Dict[str, Any]) -> List[Dict[str, Any]]:
        index = event.get("index")
        block = self._blocks.pop(index, {})
        kind = block.get("type")
        if kind in _THINKING:
            # The whole list each time: whoever puts chunks together keeps the last value of a list.
            self._thinking.append(block)
            return [self._chunk({"thinking_blocks": list(self._thinking)})]
        if kind == "tool_use" and not self._filled.get(index):
            # A call without arguments streams none; an empty text would be no JSON.
            return self._arguments_of(index, block)
        if kind not in ("text", "tool_use", None):
            self._others.append(_with_input(block))
            return [self._chunk({"provider_blocks": list(self._others)})]
        return []

    def _arguments_of(self, index: Any, block: Dict[str, Any]) -> List[Dict[str, Any]]:
        text = _json(mapping(block.get("input")))
        if index in self._calls:
            return [self._piece(index, {"function": {"arguments": text}})]
        return [self._chunk({"content": text})]

    def _end(self, event: Dict[str, Any]) -> List[Dict[str, Any]]:
        self._usage.update({name: value for name, value in mapping(event.get("usage")).items() if value is not None})
        reason = mapping(event.get("delta")).get("stop_reason")
        return [self._chunk({}, _reason(reason, self._answered))] if reason else []

    def _stop(self, event: Dict[str, Any]) -> List[Dict[str, Any]]:
        self.finished = True
        return [{**self._head, "choices": [], "usage": _usage(self._usage)}] if self._wants_usage else []


def _with_input(block: Dict[str, Any]) -> Dict[str, Any]:
    """A block of a kind of Anthropic's own, with the input that came in pieces."""
    text = block.pop("input_json", "")
    try:
        return {**block, "input": json.loads(text)} if text else block
    except (ValueError, RecursionError):
        return {**block, "input_json": text}
