"""Content encodings: compressed bytes in, plain bytes out, piece by piece, with a limit."""

from __future__ import annotations

import zlib
from typing import Optional

from .._core.errors import TransportFailure
from ..exceptions import ResponseValidationError

__all__ = ["MAX_BODY_BYTES", "Inflater", "inflater_for"]

MAX_BODY_BYTES = 1024 * 1024 * 1024


class Inflater:
    """Decodes one gzip or deflate body."""

    def __init__(self, encoding: str) -> None:
        self._encoding = encoding
        self._inflate = zlib.decompressobj(zlib.MAX_WBITS | 32)
        self._begun = False
        self._start = b""

    def feed(self, chunk: bytes) -> bytes:
        """The plain bytes that this piece completes; compressed bombs end in an error, not in lost memory."""
        if not self._begun:
            # The first two bytes tell the format; they may come one by one.
            chunk, self._start = self._start + chunk, b""
            if len(chunk) < 2:
                self._start = chunk
                return b""
            self._begun = True
            if self._encoding == "deflate" and (chunk[0] & 15 != 8 or (chunk[0] << 8 | chunk[1]) % 31):
                # Some servers send raw deflate data under the name "deflate".
                self._inflate = zlib.decompressobj(-zlib.MAX_WBITS)
        plain = self._decode(chunk)
        while self._inflate.eof and self._inflate.unused_data and self._encoding != "deflate":
            # A gzip body may have several members.
            chunk = self._inflate.unused_data
            self._inflate = zlib.decompressobj(zlib.MAX_WBITS | 32)
            plain += self._decode(chunk)
        return plain

    def _decode(self, chunk: bytes) -> bytes:
        try:
            return self._inflate.decompress(chunk, MAX_BODY_BYTES)
        except zlib.error as error:
            raise ResponseValidationError(f"the {self._encoding} body cannot be decoded: {error}") from None

    def finish(self) -> bytes:
        """The last plain bytes; an error when the compressed body was cut."""
        rest = self._inflate.flush()
        if self._start or (self._begun and not self._inflate.eof):
            raise TransportFailure(f"the {self._encoding} body ends too early", sent=True)
        return rest


def inflater_for(encoding: Optional[str]) -> Optional[Inflater]:
    """The decoder for a `content-encoding` header, or None where the body is plain."""
    name = (encoding or "").strip().lower()
    if name in ("", "identity"):
        return None
    if name in ("gzip", "x-gzip", "deflate"):
        return Inflater(name)
    raise ResponseValidationError(f"the answer has the content encoding {name!r}, which was not asked for")
