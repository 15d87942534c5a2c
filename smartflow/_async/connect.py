"""Chooses how a client sends: its own pool, the user's httpx client or transport, or a proxy."""

from __future__ import annotations

from typing import Any

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
    proxy = settings.proxy or environment_proxy(settings.origins["proxy"])
    if proxy:
        from .foreign import AsyncForeign

        return AsyncForeign.of_proxy(proxy, context_for(settings.verify), settings.max_connections)
    return AsyncPool(lambda: context_for(settings.verify), settings.max_connections)
