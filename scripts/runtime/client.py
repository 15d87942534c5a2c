"""Sends generated operations through httpx, one call at a time: for those who want the wire and nothing around it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, Mapping, Optional, TypeVar

from .types import Operation, RequestArgs

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Type

    import httpx
    from typing_extensions import ParamSpec

    P = ParamSpec("P")

T = TypeVar("T")

__all__ = ["AsyncClient", "Client"]


class _Settings:
    """Where a client sends and with what headers; its text shows no header and no token."""

    def __init__(
        self,
        base_url: str,
        token: Optional[str] = None,
        *,
        timeout: float = 60.0,
        headers: Optional[Mapping[str, str]] = None,
        transport: Any = None,
    ) -> None:
        self.base_url = base_url
        self._headers = dict(headers or {})
        if token is not None:
            self._headers["Authorization"] = f"Bearer {token}"
        self._timeout = timeout
        self._transport = transport

    def _options(self) -> Dict[str, Any]:
        return {
            "base_url": self.base_url,
            "headers": self._headers,
            "timeout": self._timeout,
            "transport": self._transport,
            # A redirect would carry the token to wherever it points.
            "follow_redirects": False,
        }

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.base_url!r})"


class Client(_Settings):
    """Calls operations of one service and waits for each answer."""

    _http: Optional[httpx.Client] = None

    def call(self, operation: Operation[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """The parsed answer; UnexpectedStatus when it is no success."""
        response = self.send(operation.request(*args, **kwargs))
        return operation.parse(response.status_code, response.content)

    def send(self, request: RequestArgs) -> httpx.Response:
        """The answer to a request as httpx gives it, whatever its status."""
        if self._http is None:
            import httpx

            self._http = httpx.Client(**self._options())
        return self._http.request(**request)

    def close(self) -> None:
        """Close the connections."""
        if self._http is not None:
            self._http.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        self.close()


class AsyncClient(_Settings):
    """Calls operations of one service, for asynchronous programs."""

    _http: Optional[httpx.AsyncClient] = None

    async def call(self, operation: Operation[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """The parsed answer; UnexpectedStatus when it is no success."""
        response = await self.send(operation.request(*args, **kwargs))
        return operation.parse(response.status_code, response.content)

    async def send(self, request: RequestArgs) -> httpx.Response:
        """The answer to a request as httpx gives it, whatever its status."""
        if self._http is None:
            import httpx

            self._http = httpx.AsyncClient(**self._options())
        return await self._http.request(**request)

    async def aclose(self) -> None:
        """Close the connections."""
        if self._http is not None:
            await self._http.aclose()

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        await self.aclose()
