"""Answers chat requests in the OpenAI wire shape, whole or as a stream of chunks."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from smartflow.gateway.offline import toolcalls
from smartflow.gateway.offline.errors import OfflineError
from smartflow.gateway.offline.reading import check_depth, integer, messages_of, model_of
from smartflow.gateway.offline.replies import reply_text
from smartflow.gateway.offline.tokens import count_messages, count_text, pieces, truncate
from smartflow.gateway.offline.toolcalls import ToolCall

DEFAULT_MODEL = "gpt-4o"
MAX_CHOICES = 128


@dataclass(frozen=True)
class Answer:
    """One choice: its text or its tool calls, why it ended, and its tokens."""

    text: str
    tool_calls: tuple[ToolCall, ...]
    finish_reason: str
    stop_sequence: str | None
    tokens: int


@dataclass(frozen=True)
class Result:
    """All choices of a request with the model's name and the prompt's tokens."""

    model: str
    answers: tuple[Answer, ...]
    prompt_tokens: int

    def usage(self) -> dict[str, Any]:
        """The usage object of the OpenAI wire shape."""
        completion = sum(answer.tokens for answer in self.answers)
        return {
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": completion,
            "total_tokens": self.prompt_tokens + completion,
        }


def complete(request: dict[str, Any], *, reply_id: str, created: int) -> dict[str, Any]:
    """A full `chat.completion` for the request."""
    result = answer(request)
    choices = [
        {"index": index, "message": _message(each, reply_id, index), "finish_reason": each.finish_reason}
        for index, each in enumerate(result.answers)
    ]
    return {
        "id": reply_id,
        "object": "chat.completion",
        "created": created,
        "model": result.model,
        "choices": choices,
        "usage": result.usage(),
    }


def stream(request: dict[str, Any], *, reply_id: str, created: int) -> Iterator[dict[str, Any]]:
    """The `chat.completion.chunk`s of the request's answer; a bad request raises here, before the first chunk."""
    result = answer(request)
    options = request.get("stream_options")
    if options is not None and not isinstance(options, dict):
        raise OfflineError("stream_options must be an object", param="stream_options")
    head = {"id": reply_id, "object": "chat.completion.chunk", "created": created, "model": result.model}
    return _chunks(result, head, include_usage=bool(options and options.get("include_usage")))


def answer(request: dict[str, Any]) -> Result:
    """The choices for a chat request, whatever wire shape they'll be told in."""
    check_depth(request)
    messages = messages_of(request)
    model = model_of(request, DEFAULT_MODEL)
    number = integer(request, "n", 1, MAX_CHOICES) or 1
    limit = integer(request, "max_completion_tokens", 1) or integer(request, "max_tokens", 1)
    stops = _stops(request)
    called = toolcalls.calls(request)
    prompt_tokens = count_messages(messages, request.get("tools"), model)
    if called:
        answers = [_calling(called, model, limit)] * number
    else:
        answers = [_speaking(reply_text(request, model, index, number), model, limit, stops) for index in range(number)]
    return Result(model, tuple(answers), prompt_tokens)


def call_id(reply_id: str, choice: int, index: int) -> str:
    """The id of a tool call, fixed by the reply's id and its place."""
    return "call_" + hashlib.sha256(f"{reply_id}/{choice}/{index}".encode("utf-8", "replace")).hexdigest()[:24]


def _stops(request: dict[str, Any]) -> list[str]:
    stop = request.get("stop")
    stops = [stop] if isinstance(stop, str) else [] if stop is None else stop
    if not isinstance(stops, list) or not all(isinstance(each, str) for each in stops):
        raise OfflineError("stop must be a string or a list of strings", param="stop")
    return [each for each in stops if each]


def _speaking(text: str, model: str, limit: int | None, stops: list[str]) -> Answer:
    text, cut = truncate(text, model, limit)
    places = [(text.index(stop), stop) for stop in stops if stop in text]
    if places:
        place, stop = min(places)
        text = text[:place]
        return Answer(text, (), "stop", stop, count_text(text, model))
    return Answer(text, (), "length" if cut else "stop", None, count_text(text, model))


def _calling(called: list[ToolCall], model: str, limit: int | None) -> Answer:
    left, kept, reason = limit, [], "tool_calls"
    for call in called:
        arguments, cut = truncate(call.arguments, model, left)
        kept.append(ToolCall(call.name, arguments))
        if cut:
            reason = "length"
            break
        left = None if left is None else left - count_text(arguments, model)
    tokens = sum(count_text(call.arguments, model) for call in kept)
    return Answer("", tuple(kept), reason, None, tokens)


def _message(each: Answer, reply_id: str, choice: int) -> dict[str, Any]:
    if not each.tool_calls:
        return {"role": "assistant", "content": each.text}
    tool_calls = [
        {
            "id": call_id(reply_id, choice, index),
            "type": "function",
            "function": {"name": call.name, "arguments": call.arguments},
        }
        for index, call in enumerate(each.tool_calls)
    ]
    return {"role": "assistant", "content": None, "tool_calls": tool_calls}


def _chunks(result: Result, head: dict[str, Any], *, include_usage: bool) -> Iterator[dict[str, Any]]:
    for index, each in enumerate(result.answers):
        content = {"content": None} if each.tool_calls else {"content": ""}
        yield _chunk(head, index, {"role": "assistant", **content})
        for piece in pieces(each.text, result.model):
            yield _chunk(head, index, {"content": piece})
        for delta in _call_deltas(each, result.model, head["id"], index):
            yield _chunk(head, index, {"tool_calls": [delta]})
        yield _chunk(head, index, {}, each.finish_reason)
    if include_usage:
        yield {**head, "choices": [], "usage": result.usage()}


def _call_deltas(each: Answer, model: str, reply_id: str, choice: int) -> Iterator[dict[str, Any]]:
    for index, call in enumerate(each.tool_calls):
        function = {"name": call.name, "arguments": ""}
        yield {"index": index, "id": call_id(reply_id, choice, index), "type": "function", "function": function}
        for piece in pieces(call.arguments, model):
            yield {"index": index, "function": {"arguments": piece}}


def _chunk(head: dict[str, Any], index: int, delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
    return {**head, "choices": [{"index": index, "delta": delta, "finish_reason": finish}]}
