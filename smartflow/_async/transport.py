"""Sends requests over pooled connections: a last-in-first-out list per origin.

httpx's own pool costs more with every connection that it keeps; this one takes the warmest connection and no more.
"""

from __future__ import annotations

import ssl
import threading
from collections import deque
from typing import AsyncIterator, Callable, Deque, Dict, List, Mapping, Optional

from .._core.call import WireRequest
from .._core.errors import Reply, TransportFailure
from .._core.limits import Limits
from .._core.urls import Origin
from .._io import aio
from .._io.inflate import MAX_BODY_BYTES, inflater_for
from ..exceptions import ResponseValidationError
from .connection import AsyncConnection, Headers

__all__ = ["AsyncPool", "AsyncReply"]

KEEP = 100


class AsyncReply(Reply):
    """An answer whose body is read, or streamed, from the connection it came on."""

    def __init__(
        self, status: int, headers: Headers, limits: Limits, connection: AsyncConnection, places: _Places
    ) -> None:
        self.status = status
        self.content = b""
        self.limits = limits
        self._raw_headers = headers
        self._headers: Optional[Mapping[str, str]] = None
        self._connection: Optional[AsyncConnection] = connection
        self._places = places

    @property
    def headers(self) -> Mapping[str, str]:  # type: ignore[override]
        """Names in lower case; values of a repeated header joined by a comma."""
        if self._headers is None:
            found: Dict[str, str] = {}
            for raw_name, raw_value in self._raw_headers:
                name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
                found[name] = f"{found[name]}, {value}" if name in found else value
            self._headers = found
        return self._headers

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body, decoded, in the pieces in which it arrives; the connection is released at its end."""
        connection = self._connection
        if connection is None:
            return
        try:
            inflater = inflater_for(self.headers.get("content-encoding"))
            async for chunk in connection.body():
                yield chunk if inflater is None else inflater.feed(chunk)
            if inflater is not None:
                yield inflater.finish()
        finally:
            await self.aclose()

    async def aread(self, limits: Limits) -> None:
        """Read the whole body into `content`."""
        parts: List[bytes] = []
        size = 0
        async for chunk in self.chunks():
            limits.progress()
            parts.append(chunk)
            size += len(chunk)
            if size > MAX_BODY_BYTES:
                raise ResponseValidationError(f"the answer is larger than {MAX_BODY_BYTES} bytes")
        self.content = parts[0] if len(parts) == 1 else b"".join(parts)

    async def aclose(self) -> None:
        """Give the connection back, or close it when the body was not read to its end."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await self._places.give_back(connection)

    def __del__(self) -> None:
        # The collector may come in the midst of anything: the next call closes the connection.
        if self._connection is not None:
            self._places.abandoned.append(self._connection)


class _Places:
    """The idle connections of one owner (a loop, or a process), and how many more there may be."""

    def __init__(self, owner: object, most: int) -> None:
        self.owner = owner
        self.free = aio.Semaphore(most)
        self.idle: Dict[Origin, List[AsyncConnection]] = {}
        self.abandoned: Deque[AsyncConnection] = deque()
        self.closed = False

    async def take_back(self) -> None:
        """Close the connections of answers that were neither read nor closed."""
        while self.abandoned:
            try:
                connection = self.abandoned.popleft()
            except IndexError:
                break
            await self.give_back(connection)

    async def take(self, origin: Origin) -> Optional[AsyncConnection]:
        """The warmest usable connection to an origin, or None."""
        waiting = self.idle.get(origin)
        while waiting:
            try:
                connection = waiting.pop()
            except IndexError:
                # Another thread was quicker.
                break
            if connection.usable:
                return connection
            await connection.aclose()
        return None

    async def give_back(self, connection: AsyncConnection) -> None:
        """Keep a connection whose exchange ended well; close any other."""
        surplus: Optional[AsyncConnection] = connection
        try:
            if connection.idle and not self.closed:
                waiting = self.idle.setdefault(connection.origin, [])
                waiting.append(connection)
                surplus = waiting.pop(0) if len(waiting) > KEEP else None
            if surplus is not None:
                await surplus.aclose()
        finally:
            # Last, so that whoever gets the place finds the connection there and opens no further one.
            self.free.release()


class AsyncPool:
    """The connections of one client, shared by its `with_options` copies. Safe for any number of tasks or threads."""

    def __init__(self, context: Callable[[], ssl.SSLContext], max_connections: int) -> None:
        self._context = context
        self._max = max_connections
        self._places: Optional[_Places] = None
        self._lock = threading.Lock()

    async def send(self, request: WireRequest, limits: Limits) -> AsyncReply:
        """The answer to the request; its body is not read yet."""
        places = self._current()
        await places.take_back()
        seconds, phase = limits.connect()
        if not await places.free.acquire(seconds):
            phase = "total" if phase == "total" else "pool"
            raise TransportFailure(f"all {self._max} connections are busy", sent=False, phase=phase)
        connection: Optional[AsyncConnection] = None
        try:
            connection = await places.take(request.origin)
            if connection is not None:
                try:
                    return AsyncReply(*await connection.exchange(request, limits), limits, connection, places)
                except TransportFailure as failure:
                    if not _was_closed_meanwhile(connection, request, failure):
                        raise
                    await connection.aclose()
            connection = AsyncConnection(request.origin)
            await connection.open(limits, self._context() if request.origin.scheme == "https" else None)
            status, headers = await connection.exchange(request, limits)
        except BaseException:
            try:
                if connection is not None:
                    await connection.aclose()
            finally:
                places.free.release()
            raise
        return AsyncReply(status, headers, limits, connection, places)

    def _current(self) -> _Places:
        owner = aio.owner()
        places = self._places
        if places is None or places.owner != owner:
            with self._lock:
                places = self._places
                if places is None or places.owner != owner:
                    if places is not None:
                        aio.discard(line for waiting in places.idle.values() for line in waiting)
                    places = self._places = _Places(owner, self._max)
        return places

    async def aclose(self) -> None:
        """Close the idle connections; those in use close when their answers do."""
        places, self._places = self._places, None
        if places is not None and places.owner == aio.owner():
            places.closed = True
            await places.take_back()
            for waiting in places.idle.values():
                while waiting:
                    await waiting.pop().aclose()


def _was_closed_meanwhile(connection: AsyncConnection, request: WireRequest, failure: TransportFailure) -> bool:
    """Whether the server let go of a kept connection while the request was on its way: not a byte came back.

    Servers close idle connections at any moment, some after every stream. The request is sent once more, on a new
    connection, with the same idempotency key.
    """
    return failure.phase is None and not connection.answered and isinstance(request.content, bytes)
