"""Calls to a URL of the gateway that has no method of its own."""

from __future__ import annotations

from typing import Any, Mapping, Optional

from ..._core.call import Call
from ..._core.gateway_only import gateway_only
from ...exceptions import ValidationError
from ..session import understood
from .base import AsyncMethods

__all__ = ["AsyncRawMethods"]


class AsyncRawMethods(AsyncMethods):
    """The documented `_get` and `_post`."""

    async def _get(self, url: str, params: Optional[Mapping[str, Any]] = None) -> Any:
        """Return the decoded JSON of a GET to a URL of this gateway, on the same pipeline as every method."""
        return await self._raw("GET", url, params=params)

    async def _post(self, url: str, payload: Any = None) -> Any:
        """Return the decoded JSON of a POST to a URL of this gateway, on the same pipeline as every method."""
        return await self._raw("POST", url, body={} if payload is None else payload)

    async def _raw(self, method: str, url: str, **parts: Any) -> Any:
        if self._session.settings.mode == "direct":
            raise gateway_only("Calling a URL of the gateway")
        origin = self._session.settings.origins["proxy"] if url.startswith("/") else self._session.origin_of(url)
        if origin is None:
            raise ValidationError(
                f"{url.split('?')[0]!r} is no URL of this gateway: the key is sent nowhere else", param="url"
            )
        path = url if url.startswith("/") else url[len(origin.url) :]
        if not path.isascii() or any(character <= " " for character in path) or "#" in path:
            raise ValidationError("the URL must be percent-encoded and have no fragment", param="url")
        name = f"{method} {path.split('?')[0]}"
        reply = await self._session.carry_out(Call(name, origin, method, path, **parts))
        return understood(lambda body, _: body, name, reply)
