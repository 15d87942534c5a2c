"""Results of chat calls: the whole answer, and the pieces of a streamed one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, List, Mapping, Optional

from ..exceptions import ResponseValidationError
from .base import Result, meta_of

__all__ = ["AIChunk", "AIResponse", "Usage"]


@dataclass(frozen=True)
class Usage(Result):
    """Token counts of one call.

    Attributes:
        prompt_tokens: Tokens of the request.
        completion_tokens: Tokens of the answer.
        total_tokens: Both together.
        cached_tokens: Tokens of the request that the provider had in its own prompt cache.
    """

    prompt_tokens: int = 0
    completion_tokens: int = 0
    total_tokens: int = 0
    cached_tokens: int = 0

    @classmethod
    def from_wire(cls, data: Any) -> Usage:
        """Usage as OpenAI-compatible providers send it: cached tokens stand in `prompt_tokens_details`."""
        if isinstance(data, dict) and data.get("cached_tokens") is None:
            details = data.get("prompt_tokens_details")
            if isinstance(details, dict) and isinstance(details.get("cached_tokens"), int):
                data = {**data, "cached_tokens": details["cached_tokens"]}
        return cls.from_dict({} if data is None else data, path="usage")


@dataclass(frozen=True)
class AIResponse(Result):
    """A chat answer.

    Attributes:
        content: The text of the first choice; empty when it has none (for example only tool calls).
        choices: All choices as they came, each with `message`, `finish_reason` and whatever the provider added.
        usage: Token counts.
        model: The model that answered.
        id: The answer's id.
        created: Unix time in seconds.
        cached: Whether MetaCache answered.
        cache_hit_type: `exact`, `semantic`, or None.
        provider: The provider that answered, or None.
        tokens_saved: Tokens that a cache hit saved.
        cost_saved_cents: US cents that a cache hit saved.
    """

    content: str = ""
    choices: List[Dict[str, Any]] = field(default_factory=list)
    usage: Usage = field(default_factory=Usage)
    model: str = ""
    id: str = ""
    created: int = 0
    cached: bool = False
    cache_hit_type: Optional[str] = None
    provider: Optional[str] = None
    tokens_saved: int = 0
    cost_saved_cents: float = 0.0

    @classmethod
    def from_wire(cls, data: Mapping[str, Any], reply: Any = None) -> AIResponse:
        """The answer that a `chat.completion` object describes."""
        choices = data.get("choices") if isinstance(data, dict) else None
        if not isinstance(choices, list):
            raise ResponseValidationError("the answer has no list `choices`", body=data)
        message = _message(choices)
        prepared = {**data, "content": text_of(message.get("content"))}
        prepared["usage"] = None
        response = cls.from_dict(prepared, reply)
        response.__dict__["usage"] = Usage.from_wire(data.get("usage"))
        if reply is not None and data.get("cached") is None:
            response.__dict__["cached"] = reply.headers.get("x-smartflow-cache") == "hit"
        return response

    @property
    def message(self) -> Dict[str, Any]:
        """The first choice's message as it came; ready to be appended to `messages` of the next turn."""
        return _message(self.choices)

    @property
    def finish_reason(self) -> Optional[str]:
        """Why the first choice ended: `stop`, `length`, `tool_calls`, `content_filter`, ..."""
        reason = self.choices[0].get("finish_reason") if self.choices else None
        return reason if isinstance(reason, str) else None

    @property
    def tool_calls(self) -> List[Dict[str, Any]]:
        """The tool calls of the first choice; empty when there are none."""
        calls = self.message.get("tool_calls")
        return calls if isinstance(calls, list) else []

    @property
    def refusal(self) -> Optional[str]:
        """The model's refusal, when it gave one instead of an answer."""
        refusal = self.message.get("refusal")
        return refusal if isinstance(refusal, str) else None


def _message(choices: List[Any]) -> Dict[str, Any]:
    first = choices[0] if choices and isinstance(choices[0], dict) else {}
    message = first.get("message")
    return message if isinstance(message, dict) else {}


def text_of(content: Any) -> str:
    """The text of a message's content, which is a string, null, or a list of parts."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "".join(part["text"] for part in content if isinstance(part, dict) and isinstance(part.get("text"), str))
    return ""


@dataclass(frozen=True)
class AIChunk(Result):
    """One piece of a streamed chat answer.

    Attributes:
        content: The piece of text of the first choice; empty for pieces that carry something else.
        choices: All choices of the piece as they came, each with `delta` and `finish_reason`.
        usage: Token counts, in the piece that has them; else None.
        model: The model that answers.
        id: The answer's id, the same in all pieces.
        created: Unix time in seconds.
    """

    content: str = ""
    choices: List[Dict[str, Any]] = field(default_factory=list)
    usage: Optional[Usage] = None
    model: str = ""
    id: str = ""
    created: int = 0

    @classmethod
    def from_wire(cls, data: Mapping[str, Any], reply: Any = None) -> AIChunk:
        """The piece that a `chat.completion.chunk` object describes."""
        usage = data.get("usage")
        prepared = {**data, "content": delta_text(data), "usage": None}
        chunk = cls.from_dict(prepared)
        if usage is not None:
            chunk.__dict__["usage"] = Usage.from_wire(usage)
        if reply is not None:
            chunk.__dict__["_meta"] = meta_of(reply)
        return chunk

    @property
    def delta(self) -> Dict[str, Any]:
        """The first choice's delta as it came."""
        return _delta(self.__dict__)

    @property
    def finish_reason(self) -> Optional[str]:
        """Why the first choice ended, in its last piece; else None."""
        reason = self.choices[0].get("finish_reason") if self.choices else None
        return reason if isinstance(reason, str) else None

    @property
    def tool_calls(self) -> List[Dict[str, Any]]:
        """The pieces of tool calls of the first choice, as they came."""
        calls = self.delta.get("tool_calls")
        return calls if isinstance(calls, list) else []


def _delta(data: Mapping[str, Any]) -> Dict[str, Any]:
    choices = data.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else None
    delta = first.get("delta") if isinstance(first, dict) else None
    return delta if isinstance(delta, dict) else {}


def delta_text(data: Mapping[str, Any]) -> str:
    """The text of the first choice in a decoded chunk."""
    content = _delta(data).get("content")
    return content if type(content) is str else text_of(content)
