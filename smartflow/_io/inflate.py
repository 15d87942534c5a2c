"""Content encodings: compressed bytes in, plain bytes out, piece by piece, with a limit."""

from __future__ import annotations

import zlib
from typing import Optional

from ..exceptions import ResponseValidationError

__all__ = ["MAX_BODY_BYTES", "Inflater", "inflater_for"]

MAX_BODY_BYTES = 1024 * 1024 * 1024


class Inflater:
    """Decodes one gzip or deflate body."""

    def __init__(self, encoding: str) -> None:
        self._encoding = encoding
        self._inflate = zlib.decompressobj(zlib.MAX_WBITS | 32)
        self._first = True

    def feed(self, chunk: bytes) -> bytes:
        """The plain bytes that this piece completes; compressed bombs end in an error, not in lost memory."""
        try:
            plain = self._inflate.decompress(chunk, MAX_BODY_BYTES)
        except zlib.error as error:
            if not self._first or self._encoding != "deflate":
                raise ResponseValidationError(f"the {self._encoding} body cannot be decoded: {error}") from None
            # Some servers send raw deflate data under the name "deflate".
            self._inflate = zlib.decompressobj(-zlib.MAX_WBITS)
            self._first = False
            return self.feed(chunk)
        self._first = False
        return plain

    def finish(self) -> bytes:
        """The last plain bytes; an error when the compressed body was cut."""
        rest = self._inflate.flush()
        if not self._inflate.eof and not self._first:
            raise ResponseValidationError(f"the {self._encoding} body ends too early")
        return rest


def inflater_for(encoding: Optional[str]) -> Optional[Inflater]:
    """The decoder for a `content-encoding` header, or None where the body is plain."""
    name = (encoding or "").strip().lower()
    if name in ("", "identity"):
        return None
    if name in ("gzip", "x-gzip", "deflate"):
        return Inflater(name)
    raise ResponseValidationError(f"the answer has the content encoding {name!r}, which was not asked for")
