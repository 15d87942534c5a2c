"""Answers messages requests in the Anthropic wire shape, by way of the chat answers."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from typing import Any

from smartflow.gateway.offline import chat
from smartflow.gateway.offline.anthropic_request import to_chat
from smartflow.gateway.offline.errors import OfflineError
from smartflow.gateway.offline.reading import check_depth
from smartflow.gateway.offline.tokens import count_text, pieces

_REASONS = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use"}
Block = dict[str, Any]


def message(request: dict[str, Any], *, reply_id: str) -> dict[str, Any]:
    """A full message for the request."""
    result, blocks = _answer(request, reply_id)
    answer = result.answers[0]
    content = [_with_input(block) for block in blocks]
    stop = {"stop_reason": _reason(answer), "stop_sequence": answer.stop_sequence}
    return {**_head(result, reply_id), "content": content, **stop, "usage": _usage(result, _output(result, blocks))}


def events(request: dict[str, Any], *, reply_id: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """The named events of the request's stream; a bad request raises here, before the first event."""
    result, blocks = _answer(request, reply_id)
    return _told(result, blocks, reply_id)


def _answer(request: dict[str, Any], reply_id: str) -> tuple[chat.Result, list[Block]]:
    check_depth(request)
    result = chat.answer(to_chat(request))
    answer = result.answers[0]
    blocks: list[Block] = []
    if _thinks(request):
        blocks.append(_thinking(result))
    for index, call in enumerate(answer.tool_calls):
        tool_id = chat.call_id(reply_id, 0, index).replace("call_", "toolu_")
        blocks.append({"type": "tool_use", "id": tool_id, "name": call.name, "input": call.arguments})
    if not answer.tool_calls:
        blocks.append({"type": "text", "text": answer.text})
    return result, blocks


def _thinks(request: dict[str, Any]) -> bool:
    thinking = request.get("thinking")
    if thinking is None:
        return False
    kind = thinking.get("type") if isinstance(thinking, dict) else None
    if kind not in ("enabled", "disabled", "adaptive"):
        raise OfflineError("thinking.type must be enabled, adaptive or disabled", param="thinking")
    return bool(kind != "disabled")


def _thinking(result: chat.Result) -> Block:
    answer = result.answers[0]
    plan = f"call {', '.join(call.name for call in answer.tool_calls)}" if answer.tool_calls else "answer with text"
    text = f"[offline {result.model}] The prompt has {result.prompt_tokens} tokens; I'll {plan}."
    signature = base64.b64encode(hashlib.sha256(text.encode("utf-8", "replace")).digest()).decode("ascii")
    return {"type": "thinking", "thinking": text, "signature": signature}


def _with_input(block: Block) -> Block:
    """The block as told whole, where a tool's input is an object; an input that max_tokens cut off is empty."""
    if block["type"] != "tool_use":
        return block
    try:
        return {**block, "input": json.loads(block["input"])}
    except json.JSONDecodeError:
        return {**block, "input": {}}


def _reason(answer: chat.Answer) -> str:
    return "stop_sequence" if answer.stop_sequence is not None else _REASONS[answer.finish_reason]


def _head(result: chat.Result, reply_id: str) -> dict[str, Any]:
    return {"id": reply_id, "type": "message", "role": "assistant", "model": result.model}


def _output(result: chat.Result, blocks: list[Block]) -> int:
    thought = sum(count_text(block["thinking"], result.model) for block in blocks if block["type"] == "thinking")
    return thought + result.answers[0].tokens


def _usage(result: chat.Result, output: int) -> dict[str, Any]:
    return {"input_tokens": result.prompt_tokens, "output_tokens": output}


def _told(result: chat.Result, blocks: list[Block], reply_id: str) -> Iterator[tuple[str, dict[str, Any]]]:
    started = {**_head(result, reply_id), "content": [], "stop_reason": None, "stop_sequence": None}
    yield _event("message_start", message={**started, "usage": _usage(result, 0)})
    for index, block in enumerate(blocks):
        yield _event("content_block_start", index=index, content_block=_opened(block))
        for delta in _deltas(block, result.model):
            yield _event("content_block_delta", index=index, delta=delta)
        yield _event("content_block_stop", index=index)
    answer = result.answers[0]
    ended = {"stop_reason": _reason(answer), "stop_sequence": answer.stop_sequence}
    yield _event("message_delta", delta=ended, usage={"output_tokens": _output(result, blocks)})
    yield _event("message_stop")


def _event(name: str, **members: Any) -> tuple[str, dict[str, Any]]:
    return name, {"type": name, **members}


def _opened(block: Block) -> Block:
    empty: dict[str, Any] = {"text": "", "thinking": "", "signature": "", "input": {}}
    return {key: empty.get(key, value) for key, value in block.items()}


def _deltas(block: Block, model: str) -> Iterator[dict[str, Any]]:
    kind, source, member = {
        "text": ("text_delta", "text", "text"),
        "thinking": ("thinking_delta", "thinking", "thinking"),
        "tool_use": ("input_json_delta", "input", "partial_json"),
    }[block["type"]]
    for piece in pieces(block[source], model):
        yield {"type": kind, member: piece}
    if kind == "thinking_delta":
        yield {"type": "signature_delta", "signature": block["signature"]}
