"""Puts a streamed chat answer together: text, tool calls, usage, and whether it came to its end. No I/O."""

from __future__ import annotations

import json
from typing import Any, Dict, List, Mapping, Optional

from ..exceptions import ResponseValidationError, SmartflowError
from ..types.chat import text_of
from .errors import Reply, error_for_event
from .jsoncodec import PREVIEW
from .secrets import redact
from .sse import Event

__all__ = ["Assembler", "chunk_of"]

MAX_CHOICES = 128
_scan = json.JSONDecoder().scan_once  # type: ignore[attr-defined]


def chunk_of(event: Event, operation: str, reply: Reply) -> Dict[str, Any]:
    """The decoded object of one event; an error event is raised as the error that it reports."""
    text = event.data.decode("utf-8", "replace")
    try:
        try:
            value, end = _scan(text, 0)
            if end != len(text):
                value = json.loads(text)
        except StopIteration:
            value = json.loads(text)
    except (ValueError, RecursionError) as error:
        if event.name != "error":
            raise ResponseValidationError(
                f"the stream has an event that is not JSON ({error})", body=event.data
            ) from None
        value = text
    if type(value) is not dict:
        if event.name != "error":
            raise ResponseValidationError("the stream has an event that is not an object", body=event.data)
        words = value if isinstance(value, str) else text
        value = {"error": redact(words[: 32 * PREVIEW], reply.secrets)[:PREVIEW]}
    if event.name == "error" or value.get("error"):
        raise error_for_event(value, operation, reply.headers, reply.secrets)
    return value


class _ToolCall:
    """One tool call, from its pieces; what this SDK does not know (a provider's signature, ...) is kept as it came."""

    __slots__ = ("_arguments", "_function", "_rest", "id", "index")

    def __init__(self, identity: Any, index: Any) -> None:
        self.id = identity
        self.index = index
        self._arguments: List[str] = []
        self._function: Dict[str, Any] = {"name": ""}
        self._rest: Dict[str, Any] = {}

    def add(self, piece: Mapping[str, Any]) -> None:
        function = piece.get("function")
        for key, value in function.items() if isinstance(function, dict) else ():
            if value is None:
                continue
            if key == "arguments" and isinstance(value, str):
                self._arguments.append(value)
            elif key != "name" or not isinstance(value, str):
                self._function[key] = value
            elif not (piece.get("id") and value == self._function["name"]):
                # Some providers repeat id and name in every piece.
                self._function["name"] += value
        self._rest.update(
            (key, value) for key, value in piece.items() if key not in ("id", "index", "function") and value is not None
        )

    def result(self) -> Dict[str, Any]:
        function = {"arguments": "".join(self._arguments), **self._function}
        return {"id": self.id, "type": "function", **self._rest, "function": function}


class Assembler:
    """Collects the chunks of one `chat.completion` stream."""

    def __init__(self) -> None:
        self.usage: Any = None
        self._first: List[str] = []
        self._texts: Dict[int, List[str]] = {0: self._first}
        self._head: Dict[str, Any] = {}
        self._messages: Dict[int, Dict[str, Any]] = {}
        self._finish: Dict[int, Any] = {}
        self._calls: Dict[int, List[_ToolCall]] = {}
        # Long texts besides the content (reasoning, refusal): pieces, joined once at the end.
        self._pieces: Dict[int, Dict[str, List[str]]] = {}

    @property
    def finished(self) -> bool:
        """Whether every choice that has begun has come to its end."""
        begun = {index for index, texts in self._texts.items() if texts}
        begun.update(self._messages, self._pieces, self._calls)
        return bool(self._finish) and begun.issubset(self._finish)

    @property
    def text(self) -> str:
        """The text of the first choice so far."""
        return "".join(self._first)

    def add(self, chunk: Mapping[str, Any]) -> str:
        """Take in one chunk; returns the first choice's new text."""
        choices: Any = chunk.get("choices")
        if type(choices) is not list:
            choices = []
        if len(choices) == 1 and self._head and chunk.get("usage") is None and type(choices[0]) is dict:
            # Nearly all chunks bring one piece of text for one choice, and nothing else.
            choice = choices[0]
            delta = choice.get("delta")
            if type(delta) is dict and len(delta) == 1 and not choice.get("index") and not choice.get("finish_reason"):
                content = delta.get("content")
                if type(content) is str:
                    self._first.append(content)
                    return content
        return self._add_any(chunk, choices)

    def _add_any(self, chunk: Mapping[str, Any], choices: Any) -> str:
        first = ""
        for position, choice in enumerate(choices):
            if type(choice) is not dict:
                continue
            index = choice.get("index")
            index = index if type(index) is int and 0 <= index < MAX_CHOICES else position
            delta = choice.get("delta")
            if type(delta) is dict:
                content = delta.get("content")
                text = content if type(content) is str else text_of(content)
                if text:
                    self._texts.setdefault(index, []).append(text)
                    if index == 0:
                        first += text
                if len(delta) > 1 or content is None:
                    self._add_rest(index, delta)
            reason = choice.get("finish_reason")
            if reason is not None:
                self._finish[index] = reason
        if chunk.get("usage") is not None:
            self.usage = chunk["usage"]
        if not self._head or "usage" in chunk:
            self._head.update({key: value for key, value in chunk.items() if key not in ("choices", "object")})
        return first

    def _add_rest(self, index: int, delta: Mapping[str, Any]) -> None:
        for key, value in delta.items():
            if key == "content" or value is None:
                continue
            if key == "tool_calls":
                for piece in value if isinstance(value, list) else ():
                    if isinstance(piece, dict):
                        self._add_call(self._calls.setdefault(index, []), piece)
            elif isinstance(value, str) and key != "role":
                self._pieces.setdefault(index, {}).setdefault(key, []).append(value)
            else:
                self._messages.setdefault(index, {})[key] = value

    @staticmethod
    def _add_call(calls: List[_ToolCall], piece: Mapping[str, Any]) -> None:
        """A piece belongs to the call with its id; without one, to the call with its index; else to the newest.

        Providers leave out the index, or give the same one to different calls.
        """
        identity, index = piece.get("id"), piece.get("index")
        found: Optional[_ToolCall] = None
        if identity:
            found = next((call for call in calls if call.id == identity), None)
        elif index is not None:
            found = next((call for call in reversed(calls) if call.index == index), None)
        elif calls:
            found = calls[-1]
        if found is None:
            found = _ToolCall(identity or "", index)
            calls.append(found)
        found.add(piece)

    def result(self) -> Dict[str, Any]:
        """The whole answer as a `chat.completion` object."""
        choices = []
        for index in sorted({0, *self._texts, *self._messages, *self._pieces, *self._finish, *self._calls}):
            text = "".join(self._texts.get(index, ()))
            message: Dict[str, Any] = {"role": "assistant", "content": text or None, **self._messages.get(index, {})}
            message.update((key, "".join(pieces)) for key, pieces in self._pieces.get(index, {}).items())
            if self._calls.get(index):
                message["tool_calls"] = [call.result() for call in self._calls[index]]
            choices.append({"index": index, "message": message, "finish_reason": self._finish.get(index)})
        return {**self._head, "object": "chat.completion", "choices": choices, "usage": self.usage}

    def with_partial(self, error: SmartflowError) -> SmartflowError:
        """The error, with the text and the usage that had arrived."""
        error.__dict__["partial_text"] = self.text
        error.__dict__["usage"] = self.usage
        return error
