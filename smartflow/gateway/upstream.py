"""Calls real providers of the OpenAI-compatible family, and turns what goes wrong there into the gateway's errors."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from smartflow._core.secrets import Secret, redact
from smartflow._core.sse import EventDecoder
from smartflow.exceptions import ResponseValidationError
from smartflow.gateway.errors import GatewayError
from smartflow.gateway.routing.engine import Upstream

VIA_HEADER = "x-smartflow-via"
_TIMEOUT = httpx.Timeout(120.0, connect=5.0)
_MAX_ANSWER_BYTES = 100 * 1024 * 1024
_MESSAGE_LIMIT = 500
_MOST_HOPS = 8
# A company's proxy variables apply to real providers, never to servers on this machine.
_NEVER_PROXIED = ("all://localhost", "all://127.0.0.1", "all://[::1]")
_LONGEST_WAIT_S = 86_400


@dataclass(frozen=True)
class Answer:
    """What a provider answered."""

    content: bytes
    content_type: str

    def json(self, provider: str) -> dict[str, Any]:
        """The JSON object that it is."""
        return _json_object(self.content, provider)


class UpstreamClient:
    """One HTTP client for all providers, made at the first call."""

    def __init__(self, instance_id: str, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._instance_id = instance_id
        self._transport = transport
        self._client: httpx.AsyncClient | None = None

    def check_loop(self, headers: Mapping[str, str]) -> None:
        """Refuse a call that this gateway itself sent: a base URL points back at it."""
        passed = headers.get(VIA_HEADER, "").split(",")
        if self._instance_id in passed or len(passed) > _MOST_HOPS:
            raise GatewayError(
                502,
                None,
                "provider_loop",
                "the provider's base URL points back at this gateway: unset or correct the *_BASE_URL variable",
            )

    async def post(self, upstream: Upstream, path: str, **content: Any) -> Answer:
        """The whole answer of a provider to a POST; `content` is httpx's `json=` or `data=` and `files=`."""
        async with self._answer(upstream, path, content) as response:
            return Answer(await _read(response, upstream), response.headers.get("content-type", ""))

    async def post_json(self, upstream: Upstream, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """The JSON object that a provider answers a JSON object with."""
        return (await self.post(upstream, path, json=body)).json(upstream.provider)

    async def get_json(self, upstream: Upstream, path: str) -> dict[str, Any]:
        """The JSON object that a provider answers a GET with."""
        async with self._answer(upstream, path, {}, method="GET") as response:
            return _json_object(await _read(response, upstream), upstream.provider)

    async def stream(self, upstream: Upstream, path: str, body: Mapping[str, Any]) -> AsyncIterator[dict[str, Any]]:
        """The JSON events of a provider's stream.

        The first item is an empty dict: it says that the provider has accepted the call. A stream that breaks, carries an error or
        ends without `[DONE]` raises.
        """
        async with self._answer(upstream, path, {"json": body}, accept="text/event-stream") as response:
            if not response.headers.get("content-type", "").startswith("text/event-stream"):
                raise _nonsense(upstream.provider, "answered a stream request with something that is no event stream")
            yield {}
            decoder = EventDecoder()
            try:
                async for piece in response.aiter_bytes():
                    for event in decoder.feed(piece):
                        if event.data.strip() == b"[DONE]":
                            return
                        yield _event(event.data, upstream)
            except ResponseValidationError as error:
                raise _nonsense(upstream.provider, str(error)) from error
        raise GatewayError(
            502,
            None,
            "provider_stream_cut",
            f"{upstream.provider} ended its stream without [DONE]",
            provider=upstream.provider,
        )

    @asynccontextmanager
    async def _answer(
        self, upstream: Upstream, path: str, content: dict[str, Any], *, method: str = "POST", accept: str = "*/*"
    ) -> AsyncIterator[httpx.Response]:
        headers = {"accept": accept, VIA_HEADER: f"{upstream.via},{self._instance_id}".lstrip(",")}
        if upstream.key:
            headers["authorization"] = f"Bearer {upstream.key}"
        name = upstream.provider
        try:
            async with self._http().stream(
                method, f"{upstream.base_url}{path}", headers=headers, **content
            ) as response:
                if response.status_code >= 300:
                    raise refusal(response.status_code, response.headers, await _read(response, upstream), upstream)
                yield response
        except httpx.TimeoutException as error:
            if isinstance(error, httpx.ConnectTimeout):
                raise _unavailable(name) from error
            raise GatewayError(
                504, None, "provider_timeout", f"{name} did not answer in time", provider=name
            ) from error
        except httpx.ConnectError as error:
            raise _unavailable(name) from error
        except (httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.LocalProtocolError) as error:
            raise GatewayError(
                502, None, "provider_misconfigured", f"the base URL or key set for {name} cannot be used", provider=name
            ) from error
        except httpx.HTTPError as error:
            raise GatewayError(502, None, "provider_error", f"the connection to {name} broke", provider=name) from error

    def _http(self) -> httpx.AsyncClient:
        if self._client is None:
            self._client = httpx.AsyncClient(
                timeout=_TIMEOUT,
                follow_redirects=False,
                transport=self._transport,
                mounts=dict.fromkeys(_NEVER_PROXIED),
            )
        return self._client

    async def aclose(self) -> None:
        """Close the connections to the providers."""
        if self._client is not None:
            await self._client.aclose()


async def _read(response: httpx.Response, upstream: Upstream) -> bytes:
    pieces, size = [], 0
    async for piece in response.aiter_bytes():
        pieces.append(piece)
        size += len(piece)
        if size > _MAX_ANSWER_BYTES:
            raise _nonsense(upstream.provider, f"answered more than {_MAX_ANSWER_BYTES} bytes")
    return b"".join(pieces)


def refusal(status: int, headers: Mapping[str, str], body: bytes, upstream: Upstream) -> GatewayError:
    """The gateway's error for a provider's status. It carries the provider's message without anything that looks like a secret."""
    name, message = upstream.provider, f"{upstream.provider} answered {status}"
    said = _message(body, upstream)
    if said:
        message = f"{message}: {said}"
    if status in (401, 403):
        return GatewayError(502, None, "provider_refused_key", message, provider=name)
    if status == 429:
        return GatewayError(
            429, None, "provider_rate_limited", message, provider=name, retry_after=_retry_after(headers)
        )
    if status >= 500 or status == 408 or status < 400:
        return GatewayError(502, None, "provider_error", message, provider=name)
    return GatewayError(400, None, "provider_rejected_request", message, provider=name)


def _message(body: bytes, upstream: Upstream) -> str:
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    error = parsed.get("error", parsed.get("message")) if isinstance(parsed, dict) else None
    said = error.get("message") if isinstance(error, dict) else error
    if not isinstance(said, str):
        return ""
    printable = "".join(char if char.isprintable() else " " for char in said)
    return redact(printable, [Secret(upstream.key)] if upstream.key else [])[:_MESSAGE_LIMIT]


def _retry_after(headers: Mapping[str, str]) -> int | None:
    value = headers.get("retry-after", "").strip()
    return min(int(value), _LONGEST_WAIT_S) if value.isascii() and value.isdigit() and len(value) < 10 else None


def _event(data: bytes, upstream: Upstream) -> dict[str, Any]:
    event = _json_object(data, upstream.provider)
    if event.get("error"):
        said = _message(data, upstream)
        message = f"{upstream.provider} failed in its stream" + (f": {said}" if said else "")
        raise GatewayError(502, None, "provider_error", message, provider=upstream.provider)
    return event


def _json_object(data: bytes, provider: str) -> dict[str, Any]:
    try:
        parsed = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise _nonsense(provider, "answered something that is no JSON") from error
    if not isinstance(parsed, dict):
        raise _nonsense(provider, "answered JSON that is no object")
    return parsed


def _nonsense(provider: str, what: str) -> GatewayError:
    return GatewayError(502, None, "provider_error", f"{provider} {what}", provider=provider)


def _unavailable(provider: str) -> GatewayError:
    return GatewayError(503, None, "provider_unavailable", f"{provider} cannot be reached", provider=provider)
