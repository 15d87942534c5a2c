"""One client's settings, connections and options; every call of the facade goes through `send` or `read`."""

from __future__ import annotations

import random
import sys
import time
from datetime import datetime, timezone
from typing import Any, Callable, List, Mapping, Optional, TypeVar

from .._core.call import Call, Header, Options, check_header
from .._core.errors import with_facts
from .._core.exchange import Environment, exchange
from .._core.jsoncodec import decode
from .._core.retry import RetryBudget
from .._core.secrets import reveal
from .._core.urls import Origin
from .._io.meter import heard, idempotency_key
from .._io.multipart import encode_multipart
from .._version import __version__
from ..config import Settings
from ..exceptions import ResponseValidationError, SmartflowError
from .runner import run

__all__ = ["AsyncSession", "understood"]

T = TypeVar("T")

USER_AGENT = f"smartflow-sdk/{__version__} python/{sys.version_info[0]}.{sys.version_info[1]}"


class AsyncSession:
    """Sends calls. `derive()` makes a light copy with other options that shares connections and retry budget."""

    def __init__(self, settings: Settings, options: Options) -> None:
        self.settings = settings
        self.options = options
        self._transport: Any = None
        self._closed = False
        self._parent: Optional[AsyncSession] = None
        self._budget = RetryBudget()
        self._environment = self._make_environment()

    @classmethod
    def of(cls, settings: Settings, options: Options) -> AsyncSession:
        """The session for the settings' mode."""
        if settings.mode == "gateway":
            return cls(settings, options)
        from .direct import AsyncDirectSession

        return AsyncDirectSession(settings, options)

    def derive(self, **changes: Any) -> AsyncSession:
        """A session with these options changed, on the same connections."""
        copy = object.__new__(type(self))
        copy.__dict__.update(self.__dict__)
        copy._parent = self._parent or self
        copy.options = self.options.merged(**changes)
        return copy

    async def send(self, operation: Any, request: Mapping[str, Any], *, stream: bool = False) -> Any:
        """The reply to one generated operation; an unread one when it is streamed."""
        call = Call(
            operation.operation_id,
            self.settings.origins[operation.service],
            request["method"],
            request["url"],
            params=request.get("params"),
            headers=request.get("headers"),
            body=request.get("json"),
            transport_body=encode_multipart(request) if "files" in request else None,
            stream=stream,
        )
        return await self.carry_out(call)

    async def read(self, operation: Any, request: Mapping[str, Any], read: Callable[[Any, Any], T]) -> T:
        """What `read` makes of the decoded JSON and its reply; if it does not fit, the error gets the facts of the call."""
        reply = await self.send(operation, request)
        return understood(read, operation.operation_id, reply)

    async def carry_out(self, call: Call) -> Any:
        """The reply to any call."""
        transport = self.ensure_open()
        return await run(exchange(call, self.call_options(), self._environment), transport)

    async def models(
        self, operation: Any, request: Mapping[str, Any], read: Callable[[Any, Any], List[T]], provider: Optional[str]
    ) -> List[T]:
        """The models that can be called, or those of one provider."""
        rows: List[Any] = await self.read(operation, request, read)
        return [row for row in rows if provider is None or row.get("owned_by") == provider]

    def call_options(self) -> Options:
        """The options as they apply to a call."""
        return self.options

    def ensure_open(self) -> Any:
        """The transport, made on first use."""
        owner = self._parent or self
        if owner._closed:
            raise SmartflowError("the client is closed: make a new one, or do not close it before its last call")
        if owner._transport is None:
            from .connect import connect

            owner._transport = connect(self.settings)
        return owner._transport

    async def aclose(self) -> None:
        """Close the connections. A closed client cannot be used again; closing twice does nothing."""
        owner = self._parent or self
        transport, owner._transport, owner._closed = owner._transport, None, True
        if transport is not None:
            await transport.aclose()

    @property
    def closed(self) -> bool:
        return (self._parent or self)._closed

    def _make_environment(self) -> Environment:
        settings = self.settings
        headers: List[Header] = [
            (b"accept", b"*/*"),
            (b"accept-encoding", b"gzip, deflate"),
            (b"user-agent", USER_AGENT.encode("ascii")),
        ]
        secrets = tuple(secret for secret in (settings.api_key, settings.attestation) if secret)
        if settings.api_key:
            headers.append(check_header("authorization", f"Bearer {reveal(settings.api_key)}"))
        if settings.attestation:
            headers.append(check_header("x-aperion-attestation", reveal(settings.attestation)))
        return Environment(
            common_headers=tuple(headers),
            secrets=secrets,
            budget=self._budget,
            clock=time.monotonic,
            now=lambda: datetime.now(timezone.utc),
            random=random.random,
            new_id=idempotency_key,
        )

    def origin_of(self, url: str) -> Optional[Origin]:
        """The service that an absolute URL belongs to, or None: keys are sent nowhere else."""
        for origin in self.settings.origins.values():
            if url == origin.url or url.startswith((f"{origin.url}/", f"{origin.url}?")):
                return origin
        return None


def understood(read: Callable[[Any, Any], T], operation: str, reply: Any) -> T:
    """What `read` makes of the reply's JSON."""
    try:
        body = decode(reply.content)
        heard(body, reply.headers)
        return read(body, reply)
    except ResponseValidationError as error:
        raise with_facts(error, operation, reply) from None
