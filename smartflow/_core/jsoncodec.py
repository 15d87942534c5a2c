"""JSON out and in, with our own errors."""

from __future__ import annotations

import json
from typing import Any, Iterable

from ..exceptions import ResponseValidationError, ValidationError
from .secrets import Secret, redact

__all__ = ["decode", "encode"]

PREVIEW = 2000
_encoder = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON number")


# NaN compares as "not above" any threshold: it must not come in as a number.
_decoder = json.JSONDecoder(parse_constant=_refuse_constant)


def encode(value: Any) -> bytes:
    """The value as UTF-8 JSON; a ValidationError says what cannot be sent."""
    try:
        return _encoder.encode(value).encode("utf-8")
    except UnicodeEncodeError:
        raise ValidationError("the request contains text with a lone surrogate, which UTF-8 cannot carry") from None
    except (TypeError, ValueError, RecursionError) as error:
        raise ValidationError(f"the request cannot be written as JSON: {error}") from None


def decode(content: bytes) -> Any:
    """The decoded JSON; a ResponseValidationError when it is none."""
    try:
        return _decoder.decode(str(content, "utf-8-sig"))
    except (ValueError, RecursionError) as error:
        what = "is empty" if not content.strip() else f"is not JSON ({error})"
        raise ResponseValidationError(f"the answer {what}", body=content) from None


def preview(content: bytes, secrets: Iterable[Secret] = ()) -> str:
    """The beginning of a body, for an error; redacted before it is cut, so that no half of a secret is left."""
    return redact(content[: 32 * PREVIEW].decode("utf-8", "replace"), secrets)[:PREVIEW]
