"""Reads the loosely shaped parts of a request (message content, numbers, nested JSON) into plain, safe values."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from smartflow.gateway.offline.errors import OfflineError

MAX_DEPTH = 200
IMAGE_PARTS = ("image_url", "input_image", "image")
AUDIO_PARTS = ("input_audio",)


def clean(text: str) -> str:
    """The text with lone surrogates replaced, so that it can always be sent as UTF-8."""
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def shorten(text: str, limit: int = 200) -> str:
    """The text on one line, cut to `limit` characters."""
    line = " ".join(clean(text[: limit * 10]).split())
    return line if len(line) <= limit and len(text) <= limit * 10 else line[: limit - 1].rstrip() + "…"


def to_json(value: Any) -> str:
    """The value as JSON text, as a model would write it; raises OfflineError for what JSON can't hold."""
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise OfflineError(f"the request holds a value that JSON can't carry: {error}") from error
    # Escapes keep a lone surrogate intact where UTF-8 could not.
    return text if clean(text) == text else json.dumps(value)


def check_depth(value: Any, limit: int = MAX_DEPTH) -> None:
    """Raises OfflineError when the value nests deeper than `limit`; later walks may then recurse safely."""
    level: list[Any] = [value]
    for _ in range(limit):
        level = [child for item in level for child in _children(item)]
        if not level:
            return
    raise OfflineError(f"the request is nested deeper than {limit} levels; send a flatter one")


def _children(item: Any) -> list[Any]:
    inner = item.values() if isinstance(item, dict) else item if isinstance(item, list) else ()
    return [child for child in inner if isinstance(child, (dict, list))]


def model_of(request: dict[str, Any], default: str) -> str:
    """The model name as asked, or the default when none is given."""
    model = request.get("model")
    if model is None:
        return default
    if not isinstance(model, str):
        raise OfflineError(f"model must be a string, not {type(model).__name__}", param="model")
    return clean(model)[:200] or default


def bare_model(model: str) -> str:
    """The model name without its provider prefixes, in lower case: 'openrouter/openai/gpt-4o' gives 'gpt-4o'."""
    return model.rsplit("/", 1)[-1].lower()


def integer(request: dict[str, Any], name: str, low: int, high: int | None = None) -> int | None:
    """The whole number in the field, or None when it is absent; raises OfflineError outside low..high."""
    value = request.get(name)
    if value is None:
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    wanted = f"between {low} and {high}" if high is not None else f"of at least {low}"
    if isinstance(value, bool) or not isinstance(value, int) or value < low or (high is not None and value > high):
        raise OfflineError(f"{name} must be a whole number {wanted}", param=name)
    return value


def parts(content: Any) -> Iterator[dict[str, Any]]:
    """The parts of a message content; a plain string is one text part, null is none."""
    if content is None:
        return
    if isinstance(content, str):
        yield {"type": "text", "text": content}
        return
    if not isinstance(content, list):
        raise OfflineError("message content must be a string, null or a list of parts", param="messages")
    for part in content:
        if isinstance(part, str):
            yield {"type": "text", "text": part}
        elif isinstance(part, dict):
            yield part
        else:
            raise OfflineError("each content part must be an object with a type", param="messages")


def text_of(content: Any) -> str:
    """The text of a message content, its parts joined by line breaks."""
    found = (part.get("text", part.get("refusal")) for part in parts(content))
    return "\n".join(clean(text) for text in found if isinstance(text, str))


def messages_of(request: dict[str, Any]) -> list[dict[str, Any]]:
    """The messages of a chat request; raises OfflineError unless they are a non-empty list of objects."""
    messages = request.get("messages")
    if not isinstance(messages, list) or not messages:
        raise OfflineError("messages must be a list with at least one message", param="messages")
    for message in messages:
        if not isinstance(message, dict) or not isinstance(message.get("role"), str):
            raise OfflineError("each message must be an object with a role", param="messages")
    return messages
