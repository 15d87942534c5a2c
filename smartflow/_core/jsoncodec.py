"""JSON out and in, with our own errors."""

from __future__ import annotations

import json
from typing import Any

from ..exceptions import ResponseValidationError, ValidationError

__all__ = ["decode", "encode"]

_encoder = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def encode(value: Any) -> bytes:
    """The value as UTF-8 JSON; a ValidationError says what cannot be sent."""
    try:
        return _encoder.encode(value).encode("utf-8")
    except UnicodeEncodeError:
        raise ValidationError("the request contains text with a lone surrogate, which UTF-8 cannot carry") from None
    except (TypeError, ValueError, RecursionError) as error:
        raise ValidationError(f"the request cannot be written as JSON: {error}") from None


def decode(content: bytes, operation: str = "", **facts: Any) -> Any:
    """The decoded JSON; a ResponseValidationError when it is none."""
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        what = "is empty" if not content.strip() else f"is not JSON ({error})"
        raise ResponseValidationError(
            f"the answer to {operation} {what}", operation=operation, body=preview(content), **facts
        ) from None


def preview(content: bytes) -> str:
    """The beginning of a body, for an error."""
    return content[:2000].decode("utf-8", "replace")
