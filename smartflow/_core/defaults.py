"""Documented defaults that must not always be sent."""

from __future__ import annotations

import re
from typing import Any, Dict, Optional

__all__ = ["TEMPERATURE", "sampling"]


class _Default(float):
    """A number that knows that the caller did not give it."""


TEMPERATURE: float = _Default(0.7)
# These models refuse any temperature but their own.
_NO_TEMPERATURE = re.compile(r"(?:.*/)?(?:o\d|gpt-5)")


def sampling(model: str, temperature: Optional[float], max_tokens: Optional[int]) -> Dict[str, Any]:
    """The sampling fields to send: what the caller gave, and the default temperature where the model takes one."""
    fields: Dict[str, Any] = {}
    if temperature is TEMPERATURE:
        if not _NO_TEMPERATURE.match(model):
            fields["temperature"] = 0.7
    elif temperature is not None:
        fields["temperature"] = temperature
    if max_tokens is not None:
        fields["max_tokens"] = max_tokens
    return fields
