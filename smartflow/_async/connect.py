"""Chooses how a client sends: its own pool, the user's httpx client or transport, or a proxy."""

from __future__ import annotations

import threading
from typing import Any, Dict, Optional

from .._core.call import WireRequest
from .._core.limits import Limits
from .._core.urls import Origin
from .._io.tls import context_for
from ..config import Settings, environment_proxy
from .transport import AsyncPool

__all__ = ["connect"]


def connect(settings: Settings) -> Any:
    """The transport that the settings ask for; the TLS context is made when the first https connection needs it."""
    if settings.http_client is not None or settings.transport is not None:
        from .foreign import AsyncForeign

        if settings.http_client is not None:
            return AsyncForeign.of_client(settings.http_client)
        return AsyncForeign.of_transport(settings.transport)
    if settings.mode == "direct" and not settings.proxy:
        return AsyncByOrigin(settings)
    return _reach(settings, settings.proxy or environment_proxy(settings.origins["proxy"]))


def _reach(settings: Settings, proxy: Optional[str]) -> Any:
    if proxy:
        from .foreign import AsyncForeign

        return AsyncForeign.of_proxy(proxy, context_for(settings.verify), settings.max_connections)
    return AsyncPool(lambda: context_for(settings.verify), settings.max_connections)


class AsyncByOrigin:
    """Sends to many providers: each through the proxy that the environment names for it, or without one."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._proxies: Dict[Origin, Optional[str]] = {}
        self._transports: Dict[Optional[str], Any] = {}
        self._lock = threading.Lock()

    async def send(self, request: WireRequest, limits: Limits) -> Any:
        """The answer to a request; its body is not read."""
        return await self._transport(request.origin).send(request, limits)

    def _transport(self, origin: Origin) -> Any:
        with self._lock:
            if origin not in self._proxies:
                self._proxies[origin] = environment_proxy(origin)
            proxy = self._proxies[origin]
            if proxy not in self._transports:
                self._transports[proxy] = _reach(self._settings, proxy)
            return self._transports[proxy]

    async def aclose(self) -> None:
        """Close all connections."""
        transports, self._transports = list(self._transports.values()), {}
        for transport in transports:
            await transport.aclose()
