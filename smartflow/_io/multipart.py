"""Multipart bodies, with httpx's encoder: a random boundary, and file parts that are read as they are sent."""

from __future__ import annotations

from typing import Any, List, Mapping, Tuple

from ..exceptions import ValidationError

__all__ = ["encode_multipart"]


def encode_multipart(request: Mapping[str, Any]) -> Tuple[List[Tuple[bytes, bytes]], Any]:
    """The headers and the body (iterable, both ways, as often as wanted) of a form with files."""
    import httpx

    try:
        encoded = httpx.Request("POST", "http://form.invalid/", data=request.get("data"), files=request["files"])
    except (TypeError, ValueError, UnicodeEncodeError, OSError) as error:
        raise ValidationError(f"the form cannot be sent: {error}", param="file") from None
    headers = [(name.lower(), value) for name, value in encoded.headers.raw if name.lower() != b"host"]
    return headers, encoded.stream
