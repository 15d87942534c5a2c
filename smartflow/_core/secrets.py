"""A string that does not print itself, and the redactor that keeps known secrets out of every text."""

from __future__ import annotations

import re
from typing import Any, Iterable, Union

__all__ = ["Secret", "redact", "redact_value", "reveal"]

_MASK = "***"
# What looks like a key even where we do not know it: virtual keys, provider keys, bearer tokens, user-info in URLs.
_PATTERNS = (
    re.compile(r"\bsk-[A-Za-z0-9_-]{8,}"),
    re.compile(r"(?i)\bbearer\s+[A-Za-z0-9._~+/=-]{8,}"),
    re.compile(r"(?<=://)[^/\s:@]{1,200}:[^/\s@]{1,200}(?=@)"),
)


class Secret:
    """A secret string. `str()`, `repr()`, `format()` and pickling never show it; `reveal()` does."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def __str__(self) -> str:
        return _MASK

    def __repr__(self) -> str:
        return f"Secret({_MASK})"

    def __format__(self, spec: str) -> str:
        return format(_MASK, spec)

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(("Secret", self._value))

    def __reduce__(self) -> Any:
        raise TypeError("a Secret is not pickled: create the client anew in the other process")


def reveal(secret: Union[Secret, str]) -> str:
    """The text of a secret, for the one place that sends it."""
    return secret._value if isinstance(secret, Secret) else secret


def redact(text: str, secrets: Iterable[Secret] = ()) -> str:
    """The text with each known secret, and all that looks like a key, replaced by `***`."""
    # The longest first: a secret that begins with another one must not leave its end behind.
    for value in sorted({reveal(secret) for secret in secrets}, key=len, reverse=True):
        if value:
            text = text.replace(value, _MASK)
    for pattern in _PATTERNS:
        text = pattern.sub(_MASK, text)
    return text


def redact_value(value: Any, secrets: Iterable[Secret] = ()) -> Any:
    """A copy of a decoded JSON value in which every string, and every name, is redacted."""
    if isinstance(value, str):
        return redact(value, secrets)
    if isinstance(value, list):
        return [redact_value(item, secrets) for item in value]
    if isinstance(value, dict):
        return {redact_value(key, secrets): redact_value(item, secrets) for key, item in value.items()}
    return value
