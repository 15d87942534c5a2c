"""Sends requests over pooled connections: a last-in-first-out list of httpcore connections per origin.

httpx's own pool costs more with every connection that it keeps; this one takes the warmest connection and no more.
"""

from __future__ import annotations

import ssl
import threading
from typing import Any, AsyncIterator, Callable, Dict, List, Mapping, Optional

import httpcore

from .._core.call import WireRequest
from .._core.errors import Reply, TransportFailure
from .._core.limits import Limits
from .._core.urls import Origin
from .._io import aio
from .._io.inflate import MAX_BODY_BYTES, inflater_for
from .._io.sockets import KEEPALIVE
from ..exceptions import ResponseValidationError

__all__ = ["AsyncPool", "AsyncReply"]

KEEP = 100
KEEP_SECONDS = 30.0


class AsyncTimedStream(httpcore.AsyncNetworkStream):
    """A network stream whose every wait is bounded by the limits of the call that uses the connection now."""

    def __init__(self, inner: httpcore.AsyncNetworkStream, line: AsyncLine) -> None:
        self._inner = inner
        self._line = line

    async def read(self, max_bytes: int, timeout: Optional[float] = None) -> bytes:
        seconds, phase = self._line.limits.read()
        try:
            return await self._inner.read(max_bytes, seconds)
        except httpcore.ReadTimeout:
            raise TransportFailure(f"nothing arrived for {seconds:.1f} s", sent=True, phase=phase) from None

    async def write(self, buffer: bytes, timeout: Optional[float] = None) -> None:
        seconds, phase = self._line.limits.write()
        try:
            await self._inner.write(buffer, seconds)
        except httpcore.WriteTimeout:
            raise TransportFailure(f"nothing could be sent for {seconds:.1f} s", sent=True, phase=phase) from None

    async def aclose(self) -> None:
        await self._inner.aclose()

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: Optional[str] = None, timeout: Optional[float] = None
    ) -> httpcore.AsyncNetworkStream:
        seconds, _ = self._line.limits.connect()
        return AsyncTimedStream(await self._inner.start_tls(ssl_context, server_hostname, seconds), self._line)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


class AsyncLine(httpcore.AsyncNetworkBackend):
    """One connection, and the limits of the call that uses it now."""

    def __init__(self, origin: Origin, context: Optional[ssl.SSLContext]) -> None:
        self.origin = origin
        self.limits: Limits
        self.used = False
        self._backend = aio.Backend()
        self.connection = httpcore.AsyncHTTPConnection(
            httpcore.Origin(origin.scheme.encode(), origin.host.encode(), origin.port),
            ssl_context=context,
            keepalive_expiry=KEEP_SECONDS,
            network_backend=self,
            socket_options=KEEPALIVE,
        )

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: Optional[float] = None,
        local_address: Optional[str] = None,
        socket_options: Any = None,
    ) -> httpcore.AsyncNetworkStream:
        seconds, phase = self.limits.connect()
        try:
            stream = await self._backend.connect_tcp(host, port, seconds, local_address, socket_options)
        except httpcore.ConnectTimeout:
            raise TransportFailure(f"no connection within {seconds:.1f} s", sent=False, phase=phase) from None
        return AsyncTimedStream(stream, self)


class AsyncReply(Reply):
    """An answer whose body is read, or streamed, from the connection it came on."""

    def __init__(self, response: httpcore.Response, limits: Limits, release: Callable[[], Any]) -> None:
        self.status = response.status
        self.content = b""
        self.limits = limits
        self._response = response
        self._release = release
        self._headers: Optional[Mapping[str, str]] = None

    @property
    def headers(self) -> Mapping[str, str]:  # type: ignore[override]
        """Names in lower case; values of a repeated header joined by a comma."""
        if self._headers is None:
            found: Dict[str, str] = {}
            for raw_name, raw_value in self._response.headers:
                name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
                found[name] = f"{found[name]}, {value}" if name in found else value
            self._headers = found
        return self._headers

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body, decoded, in the pieces in which it arrives; the connection is released at its end."""
        try:
            inflater = inflater_for(self.headers.get("content-encoding"))
            body: Any = self._response.stream
            async for chunk in body:
                yield chunk if inflater is None else inflater.feed(chunk)
            if inflater is not None:
                yield inflater.finish()
        except (httpcore.NetworkError, httpcore.ProtocolError) as error:
            raise TransportFailure(_reason(error), sent=True) from error
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
        release, self._release = self._release, _nothing
        await self._response.aclose()
        done = release()
        if done is not None:
            await done


def _nothing() -> None:
    return None


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__


class AsyncPool:
    """The connections of one client, shared by its `with_options` copies. Safe for any number of tasks or threads."""

    def __init__(self, context: Callable[[], ssl.SSLContext], max_connections: int) -> None:
        self._context = context
        self._max = max_connections
        self._owner: object = None
        self._idle: Dict[Origin, List[AsyncLine]] = {}
        self._places: aio.Semaphore
        self._lock = threading.Lock()

    async def send(self, request: WireRequest, limits: Limits) -> AsyncReply:
        """The answer to the request; its body is not read yet."""
        self._check_owner()
        places = self._places
        seconds, phase = limits.connect()
        if not await places.acquire(seconds):
            raise TransportFailure(
                f"all {self._max} connections are busy", sent=False, phase="total" if phase == "total" else "pool"
            )
        line: Optional[AsyncLine] = None
        try:
            line = await self._take(request.origin)
            line.limits = limits
            response = await line.connection.handle_async_request(_to_httpcore(request))
        except BaseException as error:
            places.release()
            if line is not None:
                await line.connection.aclose()
            if isinstance(error, (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException)):
                sent = not isinstance(error, (httpcore.ConnectError, httpcore.ConnectTimeout))
                phase_of = "connect" if isinstance(error, httpcore.ConnectTimeout) else None
                raise TransportFailure(_reason(error), sent=sent, phase=phase_of) from error
            raise
        return AsyncReply(response, limits, lambda: self._put_back(line, places))

    async def _take(self, origin: Origin) -> AsyncLine:
        idle = self._idle.get(origin)
        while idle:
            try:
                line = idle.pop()
            except IndexError:
                break
            if not line.connection.has_expired():
                return line
            await line.connection.aclose()
        return AsyncLine(origin, self._context() if origin.scheme == "https" else None)

    def _put_back(self, line: AsyncLine, places: aio.Semaphore) -> Any:
        places.release()
        if not line.connection.is_idle() or places is not self._places:
            return line.connection.aclose()
        idle = self._idle.setdefault(line.origin, [])
        idle.append(line)
        return idle.pop(0).connection.aclose() if len(idle) > KEEP else None

    def _check_owner(self) -> None:
        owner = aio.owner()
        if owner != self._owner:
            with self._lock:
                if owner != self._owner:
                    # Connections of a finished loop or of the parent process can neither be used nor closed here.
                    self._idle = {}
                    self._places = aio.Semaphore(self._max)
                    self._owner = owner

    async def aclose(self) -> None:
        """Close the idle connections; those in use close when their answers do."""
        if self._owner != aio.owner():
            self._idle = {}
        idle, self._idle = self._idle, {}
        for lines in idle.values():
            for line in lines:
                await line.connection.aclose()


def _to_httpcore(request: WireRequest) -> httpcore.Request:
    origin = request.origin
    return httpcore.Request(
        request.method,
        httpcore.URL(scheme=origin.scheme.encode(), host=origin.host.encode(), port=origin.port, target=request.target),
        headers=request.headers,
        content=request.content,
    )
