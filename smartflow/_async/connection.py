"""One HTTP/1.1 connection: h11 speaks the protocol, httpcore's backends bring the sockets, `Limits` bound every wait.

A body comes in pieces as large as the network brings them, however small the server's chunks are: that is what makes
streams cheap.
"""

from __future__ import annotations

import ssl
import time
from typing import Any, AsyncIterator, List, Optional, Tuple

import h11
import httpcore

from .._core.call import WireRequest
from .._core.errors import TransportFailure
from .._core.limits import Limits
from .._core.urls import Origin
from .._io import aio
from .._io.sockets import KEEPALIVE

__all__ = ["AsyncConnection"]

KEEP_SECONDS = 30.0
READ_BYTES = 64 * 1024
MAX_HEAD_BYTES = 128 * 1024
Headers = List[Tuple[bytes, bytes]]


class AsyncConnection:
    """A connection to one origin; it carries one exchange at a time, whose `Limits` it is given."""

    def __init__(self, origin: Origin) -> None:
        self.origin = origin
        self.idle = False
        # Whether anything of the answer to the current request has arrived.
        self.answered = False
        self._stream: Any = None
        self._protocol = h11.Connection(h11.CLIENT, max_incomplete_event_size=MAX_HEAD_BYTES)
        self._expires = 0.0
        self._limits: Limits

    async def open(self, limits: Limits, context: Optional[ssl.SSLContext]) -> None:
        """Connect, with TLS where a context is given."""
        seconds, phase = limits.connect()
        host = self.origin.host
        try:
            self._stream = await aio.Backend().connect_tcp(host, self.origin.port, seconds, socket_options=KEEPALIVE)
            if context is not None:
                seconds, phase = limits.connect()
                self._stream = await self._stream.start_tls(context, host, seconds)
        except httpcore.ConnectTimeout:
            raise TransportFailure(f"no connection within {seconds or 0:.1f} s", sent=False, phase=phase) from None
        except (httpcore.NetworkError, ssl.SSLError) as error:
            raise TransportFailure(_reason(error), sent=False) from error

    async def exchange(self, request: WireRequest, limits: Limits) -> Tuple[int, Headers]:
        """Send a request; returns the status and the headers of the answer."""
        self.idle = self.answered = False
        self._limits = limits
        try:
            await self._send(request)
            while True:
                event: Any = self._protocol.next_event()
                if event is h11.NEED_DATA:
                    await self._receive()
                    if not self.answered:
                        raise TransportFailure("the server closed the connection without an answer", sent=True)
                elif type(event) is h11.Response:
                    return event.status_code, event.headers.raw_items()
                elif type(event) is not h11.InformationalResponse:
                    raise TransportFailure("the server closed the connection in the midst of an answer", sent=True)
        except h11.ProtocolError as error:
            raise TransportFailure(f"the server does not speak HTTP/1.1: {error}", sent=True) from error

    async def body(self) -> AsyncIterator[bytes]:
        """The body of the answer; after its last piece the connection may be used again."""
        while True:
            parts, event = self._pieces()
            if parts:
                yield bytes(parts[0]) if len(parts) == 1 else b"".join(parts)
            if isinstance(event, h11.ProtocolError):
                raise TransportFailure(f"the answer broke off: {event}", sent=True) from event
            if event is not h11.NEED_DATA:
                break
            await self._receive()
        if self._protocol.our_state is h11.DONE and self._protocol.their_state is h11.DONE:
            self._protocol.start_next_cycle()
            self.idle = True
            self._expires = time.monotonic() + KEEP_SECONDS

    def _pieces(self) -> Tuple[List[bytes], Any]:
        """The pieces of the body that have arrived, and what follows them; an error in the rest does not cost them."""
        parts: List[bytes] = []
        try:
            event: Any = self._protocol.next_event()
            while type(event) is h11.Data:
                parts.append(event.data)
                event = self._protocol.next_event()
        except h11.ProtocolError as error:
            return parts, error
        return parts, event

    @property
    def usable(self) -> bool:
        """Whether an idle connection can be used again: not too old, and the server has not closed it."""
        # An idle connection has nothing to say: a readable one was closed.
        return time.monotonic() < self._expires and not self._stream.get_extra_info("is_readable")

    async def aclose(self) -> None:
        """Close the socket."""
        self.idle = False
        stream, self._stream = self._stream, None
        if stream is not None:
            await stream.aclose()

    async def _send(self, request: WireRequest) -> None:
        protocol = self._protocol
        head = protocol.send(h11.Request(method=request.method, target=request.target, headers=request.headers)) or b""
        try:
            if isinstance(request.content, bytes):
                # One write, and so one packet, for most calls.
                body = protocol.send(h11.Data(data=request.content)) if request.content else b""
                await self._write(head + (body or b""))
            else:
                await self._write(head)
                async for piece in request.content:
                    await self._write(protocol.send(h11.Data(data=piece)) or b"")
            await self._write(protocol.send(h11.EndOfMessage()) or b"")
        except httpcore.WriteError:
            # A server may refuse early, for example with 413, and close: its answer is still to be read.
            pass

    async def _write(self, data: bytes) -> None:
        if not data:
            return
        seconds, phase = self._limits.write()
        try:
            await self._stream.write(data, seconds)
        except httpcore.WriteTimeout:
            raise TransportFailure(f"nothing could be sent for {seconds or 0:.1f} s", sent=True, phase=phase) from None
        self._limits.sent()

    async def _receive(self) -> None:
        seconds, phase = self._limits.read()
        try:
            data = await self._stream.read(READ_BYTES, seconds)
        except httpcore.ReadTimeout:
            raise TransportFailure(f"nothing arrived for {seconds or 0:.1f} s", sent=True, phase=phase) from None
        except httpcore.NetworkError as error:
            raise TransportFailure(_reason(error), sent=True) from error
        self.answered = self.answered or bool(data)
        self._protocol.receive_data(data)


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__
