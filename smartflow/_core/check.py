"""Checks of arguments before anything is sent; each error names the argument, what is wrong with it, and the cure."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional, Sequence

from ..exceptions import ConfigError, ValidationError

__all__ = [
    "check_connections",
    "check_extras",
    "check_flag",
    "check_hook",
    "check_identity",
    "check_int",
    "check_messages",
    "check_options",
    "check_retries",
    "check_segment",
    "check_text",
    "check_texts",
]

OPTION_NAMES = ("conversation_id", "headers", "max_retries", "on_response", "timeout", "user_id")


def check_text(value: object, name: str, *, empty: bool = False) -> str:
    """The string; not empty unless that is allowed."""
    if not isinstance(value, str):
        raise ValidationError(f"{name} must be a string, not {type(value).__name__}", param=name)
    if not value and not empty:
        raise ValidationError(f"{name} must not be empty", param=name)
    return value


def check_texts(value: object, name: str) -> Any:
    """A string or a list of strings (or of token lists), not empty."""
    if isinstance(value, str):
        return check_text(value, name)
    if not isinstance(value, (list, tuple)):
        raise ValidationError(f"{name} must be a string or a list of strings, not {type(value).__name__}", param=name)
    if not value:
        raise ValidationError(f"{name} must not be an empty list", param=name)
    for position, item in enumerate(value):
        if not isinstance(item, (str, int, list, tuple)) or isinstance(item, bool):
            raise ValidationError(f"{name}[{position}] must be a string, not {type(item).__name__}", param=name)
    return list(value)


def check_int(value: object, name: str, minimum: int, maximum: Optional[int] = None) -> int:
    """A whole number within its bounds."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValidationError(f"{name} must be a whole number, not {type(value).__name__}", param=name)
    if value < minimum:
        raise ValidationError(f"{name} must be at least {minimum}, not {value}", param=name)
    if maximum is not None and value > maximum:
        raise ValidationError(f"{name} must be at most {maximum}, not {value}", param=name)
    return value


def check_flag(value: object, name: str) -> bool:
    """True or False, and nothing that merely counts as one: what turns a scan off must be said."""
    if not isinstance(value, bool):
        raise ValidationError(f"{name} must be True or False, not {value!r:.80}", param=name)
    return value


def check_hook(value: Any, name: str) -> Any:
    """A function, or None."""
    if value is not None and not callable(value):
        raise ValidationError(f"{name} must be a function or None, not {type(value).__name__}", param=name)
    return value


def check_segment(value: object, name: str) -> str:
    """A string that can be one segment of a path."""
    text = check_text(value, name)
    if text in (".", ".."):
        raise ValidationError(f"{name} must not be {text!r}", param=name)
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise ValidationError(f"{name} contains a lone surrogate and cannot be sent", param=name) from None
    return text


def check_messages(messages: object) -> List[Dict[str, Any]]:
    """The messages of a conversation as a list of plain dicts."""
    if isinstance(messages, (str, bytes, Mapping)) or not isinstance(messages, Sequence):
        raise ValidationError(
            f"messages must be a list of dicts with role and content, not {type(messages).__name__}", param="messages"
        )
    if not messages:
        raise ValidationError("messages must not be empty: it needs at least one message", param="messages")
    checked = []
    for position, message in enumerate(messages):
        place = f"messages[{position}]"
        if not isinstance(message, Mapping):
            raise ValidationError(
                f"{place} must be a dict with role and content, not {type(message).__name__}", param=place
            )
        if not isinstance(message.get("role"), str) or not message["role"]:
            raise ValidationError(f"{place} has no role: give 'system', 'user', 'assistant' or 'tool'", param=place)
        checked.append(message if isinstance(message, dict) else dict(message))
    return checked


def check_extras(
    extras: Mapping[str, Any], taken: Sequence[str] = (), hints: Optional[Mapping[str, str]] = None
) -> None:
    """Keyword arguments that are passed on to the provider: none may replace our own, none may be an option of ours."""
    for name in extras:
        if name in OPTION_NAMES:
            raise ValidationError(f"{name} is no field of the request: use with_options({name}=...)", param=name)
        if hints and name in hints:
            raise ValidationError(hints[name], param=name)
        if name in taken:
            raise ValidationError(f"{name} is already set by this method", param=name)


def check_options(unknown: Mapping[str, object]) -> None:
    """No options but the known ones."""
    if unknown:
        names = ", ".join(sorted(unknown))
        raise ConfigError(f"unknown option {names}: with_options() knows {', '.join(OPTION_NAMES)}")


def check_retries(value: object) -> int:
    """The number of retries of a client."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ConfigError(f"max_retries must be 0 or a positive whole number, not {value!r}")
    return value


def check_connections(value: object) -> None:
    """The number of connections of a client."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ConfigError(f"max_connections must be a whole number of at least 1, not {value!r}")


def check_identity(value: object, name: str) -> str:
    """A user or conversation id, which travels in a header."""
    if not isinstance(value, str) or not value:
        raise ConfigError(f"{name} must be a string that is not empty")
    if not all("!" <= character <= "~" for character in value) or len(value) > 256:
        raise ConfigError(f"{name} must be at most 256 visible ASCII characters: percent-encode it")
    return value
