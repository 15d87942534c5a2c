"""Sends requests through httpx: through the user's own client or transport, or through a proxy."""

from __future__ import annotations

import ssl
from typing import Any, AsyncIterator, Awaitable, Callable, Dict, Mapping, Optional

import httpx

from .._core.call import WireRequest
from .._core.errors import Reply, TransportFailure
from .._core.limits import Limits
from .._io.inflate import MAX_BODY_BYTES
from ..exceptions import ConfigError, ResponseValidationError

__all__ = ["AsyncForeign", "AsyncForeignReply"]


class AsyncForeignReply(Reply):
    """An answer that httpx holds."""

    def __init__(self, response: httpx.Response, limits: Limits) -> None:
        self.status = response.status_code
        self.headers: Mapping[str, str] = {name.lower(): value for name, value in response.headers.items()}
        self.content = b""
        self._response = response
        self.limits = limits

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body, decoded, in the pieces in which it arrives."""
        try:
            async for chunk in self._response.aiter_bytes():
                # httpx times each read by itself; the limits of the whole call are looked at between them.
                self.limits.read()
                if chunk:
                    yield chunk
        except httpx.HTTPError as error:
            raise _failure(error, self.limits) from error
        except httpx.StreamError as error:
            raise TransportFailure(str(error), sent=True) from error
        finally:
            await self._response.aclose()

    async def aread(self, limits: Limits) -> None:
        """Read the whole body into `content`."""
        parts = []
        size = 0
        async for chunk in self.chunks():
            limits.progress()
            parts.append(chunk)
            size += len(chunk)
            if size > MAX_BODY_BYTES:
                raise ResponseValidationError(f"the answer is larger than {MAX_BODY_BYTES} bytes")
        self.content = b"".join(parts)

    async def aclose(self) -> None:
        """Let httpx release the connection."""
        await self._response.aclose()


class AsyncForeign:
    """The same interface as the pool, over httpx."""

    def __init__(
        self,
        send: Callable[[httpx.Request], Awaitable[httpx.Response]],
        close: Callable[[], Awaitable[None]],
    ) -> None:
        self._send = send
        self._close = close

    @classmethod
    def of_client(cls, client: Any) -> AsyncForeign:
        """Over the user's client, which the user closes."""
        if not isinstance(client, httpx.AsyncClient):
            raise ConfigError(f"http_client must be an httpx.AsyncClient, not {type(client).__name__}")

        async def send(request: httpx.Request) -> httpx.Response:
            return await client.send(request, stream=True, follow_redirects=False)

        async def close() -> None:
            """The client belongs to the user."""

        return cls(send, close)

    @classmethod
    def of_transport(cls, transport: Any) -> AsyncForeign:
        """Over the user's transport."""
        if not isinstance(transport, httpx.AsyncBaseTransport):
            raise ConfigError(f"transport must be an httpx.AsyncBaseTransport, not {type(transport).__name__}")
        return cls(transport.handle_async_request, transport.aclose)

    @classmethod
    def of_proxy(cls, proxy: str, context: ssl.SSLContext, max_connections: int) -> AsyncForeign:
        """Through a proxy; what is wrong with its URL is a ConfigError without the password in it."""
        limits = httpx.Limits(max_connections=max_connections)
        try:
            return cls.of_transport(httpx.AsyncHTTPTransport(verify=context, proxy=proxy, limits=limits))
        except (ValueError, ImportError, httpx.InvalidURL) as error:
            raise ConfigError(f"proxy {proxy.rsplit('@', 1)[-1]!r} cannot be used: {type(error).__name__}") from None

    async def send(self, request: WireRequest, limits: Limits) -> AsyncForeignReply:
        """The answer to the request; its body is not read yet."""
        body: Any = {"content" if isinstance(request.content, bytes) else "stream": request.content}
        outgoing = httpx.Request(
            request.method, request.url, headers=request.headers, extensions={"timeout": _timeouts(limits)}, **body
        )
        try:
            response = await self._send(outgoing)
        except httpx.HTTPError as error:
            raise _failure(error, limits) from error
        except (httpx.InvalidURL, httpx.CookieConflict) as error:
            raise TransportFailure(f"{type(error).__name__}: {error}", sent=False) from error
        except RuntimeError as error:
            # httpx says so of a client that was closed, perhaps while the call was on its way.
            raise TransportFailure(f"{type(error).__name__}: {error}", sent=True) from error
        response.request = outgoing
        return AsyncForeignReply(response, limits)

    async def aclose(self) -> None:
        """Close the transport; not a client of the user's."""
        await self._close()


def _timeouts(limits: Limits) -> Dict[str, Optional[float]]:
    connect, _ = limits.connect()
    read, _ = limits.read()
    write, _ = limits.write()
    return {"connect": connect, "read": read, "write": write, "pool": connect}


_PHASES = {httpx.ConnectTimeout: "connect", httpx.WriteTimeout: "write", httpx.PoolTimeout: "pool"}
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol, httpx.ProxyError)


def _failure(error: httpx.HTTPError, limits: Limits) -> TransportFailure:
    phase = _PHASES.get(type(error), limits.waiting_for) if isinstance(error, httpx.TimeoutException) else None
    return TransportFailure(str(error) or type(error).__name__, sent=not isinstance(error, _NOT_SENT), phase=phase)
