"""Server-sent events: bytes in, events out, as the WHATWG standard says. No I/O."""

from __future__ import annotations

from typing import List, NamedTuple, Optional

from ..exceptions import ResponseValidationError

__all__ = ["Event", "EventDecoder"]

MAX_EVENT_BYTES = 16 * 1024 * 1024


class Event(NamedTuple):
    """One event. `name` is empty where the stream gave none; `data` is UTF-8 as it came, lines joined by a newline."""

    name: str
    data: bytes
    id: Optional[str] = None


class EventDecoder:
    """Cuts a byte stream into events. Feed it pieces of any size; it keeps what is not complete."""

    __slots__ = ("_buffer", "_data", "_id", "_name", "_pieces", "_size", "_skip_lf", "_start", "_waiting")

    def __init__(self) -> None:
        self._buffer = b""
        self._start = True
        # A CR ends its line at once; an LF that follows it, perhaps in the next piece, belongs to it.
        self._skip_lf = False
        # Pieces of a line that has not ended: joined once, so that a long line costs its length and not its square.
        self._pieces: List[bytes] = []
        self._waiting = 0
        self._data: List[bytes] = []
        self._size = 0
        self._name = ""
        self._id: Optional[str] = None

    def feed(self, chunk: bytes) -> List[Event]:
        """The events that this piece completes."""
        if self._start:
            chunk = self._skip_bom(self._buffer + chunk)
            if self._start:
                return []
        if self._skip_lf and chunk:
            self._skip_lf = False
            if chunk[0] == 10:
                chunk = chunk[1:]
        if b"\n" not in chunk and b"\r" not in chunk:
            self._keep(chunk)
            return []
        if self._pieces:
            chunk = b"".join((*self._pieces, chunk))
            self._pieces, self._waiting = [], 0
        buffer = self._buffer + chunk if self._buffer else chunk
        self._buffer = b""
        events: List[Event] = []
        if self._data or self._name or b"\r" in buffer:
            self._skip_lf = buffer.endswith(b"\r")
            *lines, rest = buffer.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
            self._lines(lines, events)
            self._keep(rest)
        else:
            # Nearly all streams are of this form; whole blocks are cheaper than single lines.
            *blocks, self._buffer = buffer.split(b"\n\n")
            for block in blocks:
                if block[:6] == b"data: " and b"\n" not in block:
                    events.append(Event("", block[6:], self._id))
                else:
                    self._lines(block.split(b"\n"), events)
                    self._dispatch(events)
            if len(self._buffer) > MAX_EVENT_BYTES:
                self._refuse()
        return events

    def _keep(self, piece: bytes) -> None:
        if piece:
            self._pieces.append(piece)
            self._waiting += len(piece)
            if self._waiting + len(self._buffer) > MAX_EVENT_BYTES:
                self._refuse()

    def _skip_bom(self, buffer: bytes) -> bytes:
        if len(buffer) < 3 and b"\xef\xbb\xbf".startswith(buffer):
            self._buffer = buffer
            return b""
        self._start = False
        self._buffer = b""
        return buffer[3:] if buffer.startswith(b"\xef\xbb\xbf") else buffer

    def _lines(self, lines: List[bytes], events: List[Event]) -> None:
        for line in lines:
            if not line:
                self._dispatch(events)
                continue
            field, _, value = line.partition(b":")
            if value[:1] == b" ":
                value = value[1:]
            if field == b"data":
                self._data.append(value)
                self._size += len(value) + 1
                if self._size > MAX_EVENT_BYTES:
                    self._refuse()
            elif field == b"event":
                self._name = value.decode("utf-8", "replace")
            elif field == b"id" and b"\0" not in value:
                self._id = value.decode("utf-8", "replace")

    def _dispatch(self, events: List[Event]) -> None:
        data, name = self._data, self._name
        self._data, self._name, self._size = [], "", 0
        # An event without data is none: records of only `id:`, `retry:` or comments end here.
        if data:
            events.append(Event(name, b"\n".join(data), self._id))

    @staticmethod
    def _refuse() -> None:
        raise ResponseValidationError(f"an event of the stream is larger than {MAX_EVENT_BYTES} bytes")
