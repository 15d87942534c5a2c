"""Calls real providers in their own dialects, and turns what goes wrong there into the gateway's errors."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx

from smartflow._core.retry import is_retryable_status, parse_retry_after
from smartflow._core.secrets import redact
from smartflow._core.sse import EventDecoder
from smartflow.exceptions import ConfigError, ResponseValidationError, SmartflowError, ValidationError
from smartflow.gateway.errors import GatewayError, bad_request
from smartflow.gateway.routing.engine import Upstream
from smartflow.gateway.routing.traffic import Traffic
from smartflow.providers.dialect import ProviderCall, decode_answer, dialect_for
from smartflow.providers.plans import Plan
from smartflow.providers.table import PROVIDERS

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
    media_type: str


class UpstreamClient:
    """One HTTP client for all providers, made at the first call."""

    def __init__(
        self, instance_id: str, transport: httpx.AsyncBaseTransport | None = None, traffic: Traffic | None = None
    ) -> None:
        self._instance_id = instance_id
        self._traffic = traffic or Traffic()
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

    async def bytes(self, upstream: Upstream, asked: Plan) -> Answer:
        """The whole answer of a provider, as it came."""
        async with self._answer(upstream, asked.call) as response:
            kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
            return Answer(await _read(response, upstream), kind)

    async def ask(self, upstream: Upstream, asked: Plan) -> Any:
        """The answer of a provider in the contract's shape."""
        return understood(upstream, asked, (await self.bytes(upstream, asked)).content)

    async def stream(self, upstream: Upstream, asked: Plan) -> AsyncIterator[dict[str, Any]]:
        """The chunks or events of a provider's stream, in the contract's shape.

        The first item is an empty dict: it says that the provider has accepted the call. A stream that breaks, carries an error or
        ends before its end raises.
        """
        reader = asked.reader
        assert reader is not None
        async with self._answer(upstream, asked.call, accept="text/event-stream") as response:
            if not response.headers.get("content-type", "").startswith("text/event-stream"):
                raise _nonsense(upstream.provider, "answered a stream request with something that is no event stream")
            yield {}
            decoder = EventDecoder()
            try:
                async for piece in response.aiter_bytes():
                    for event in decoder.feed(piece):
                        for item in reader.read(event.name, event.data):
                            yield _checked(item, upstream)
                        if reader.closed:
                            return
            except ResponseValidationError as error:
                raise _nonsense(upstream.provider, _clean(error.message, upstream)) from error
            except (AttributeError, LookupError, TypeError, ValueError) as error:
                # A dialect looks only at what it needs, and takes it for what it should be.
                raise _nonsense(upstream.provider, "sent an event that cannot be read") from error
        if not reader.finished:
            what = f"{upstream.provider} ended its stream before its end marker"
            raise GatewayError(502, None, "provider_stream_cut", what, provider=upstream.provider)

    @asynccontextmanager
    async def _answer(
        self, upstream: Upstream, asked: ProviderCall, *, accept: str = "*/*"
    ) -> AsyncIterator[httpx.Response]:
        via = f"{upstream.via},{self._instance_id}".lstrip(",")
        headers = {"accept": accept, VIA_HEADER: via, **asked.headers, **upstream.headers}
        content: dict[str, Any] = {"json": asked.json} if asked.json is not None else {}
        if asked.files is not None:
            content = {"files": asked.files, "data": asked.form}
        elif asked.content is not None:
            content = {"content": asked.content}
        name = upstream.provider
        try:
            # A call runs until the last byte of its answer, which may be a stream.
            with self._traffic.busy(name):
                async with self._http().stream(asked.method, asked.url, headers=headers, **content) as response:
                    if response.status_code >= 300:
                        raise refusal(response.status_code, response.headers, await _read(response, upstream), upstream)
                    yield response
        except httpx.TimeoutException as error:
            if isinstance(error, httpx.ConnectTimeout):
                raise _unavailable(name) from error
            raise GatewayError(
                504, None, "provider_timeout", f"{name} did not answer in time", provider=name, outcome_unknown=True
            ) from error
        except httpx.ConnectError as error:
            raise _unavailable(name) from error
        except (httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.LocalProtocolError) as error:
            raise GatewayError(
                502, None, "provider_misconfigured", f"the base URL or key set for {name} cannot be used", provider=name
            ) from error
        except httpx.HTTPError as error:
            what = f"the connection to {name} broke"
            raise GatewayError(502, None, "provider_error", what, provider=name, outcome_unknown=True) from error

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
    again = parse_retry_after(headers, datetime.now(UTC)) or 0.0
    if status == 429:
        wait = _retry_after(headers)
        return GatewayError(
            429, None, "provider_rate_limited", message, provider=name, retry_after=wait, repeat_after=again
        )
    if status >= 500 or status == 408 or status < 400:
        repeat = again if is_retryable_status(status) else None
        return GatewayError(502, None, "provider_error", message, provider=name, repeat_after=repeat)
    return GatewayError(400, None, "provider_rejected_request", message, provider=name)


def _message(body: bytes, upstream: Upstream) -> str:
    said = dialect_for(upstream.provider).read_error(0, body)["error"]["message"] if body.strip() else ""
    return "" if said.endswith("without saying why") else _clean(said, upstream)


def _clean(text: str, upstream: Upstream) -> str:
    printable = "".join(char if char.isprintable() else " " for char in text)
    return redact(printable, [upstream.target.key] if upstream.target.key else [])[:_MESSAGE_LIMIT]


def _retry_after(headers: Mapping[str, str]) -> int | None:
    value = headers.get("retry-after", "").strip()
    return min(int(value), _LONGEST_WAIT_S) if value.isascii() and value.isdigit() and len(value) < 10 else None


def understood(upstream: Upstream, asked: Plan, content: bytes) -> Any:
    """What a provider's JSON means in the contract's shape."""
    with dialect_errors(upstream):
        return asked.read(decode_answer(PROVIDERS[upstream.provider], content))


@contextmanager
def dialect_errors(upstream: Upstream) -> Iterator[None]:
    """Turn what a dialect says of a request or an answer into the gateway's errors."""
    name = upstream.provider
    try:
        yield
    except ConfigError as error:
        raise GatewayError(
            502, None, "provider_misconfigured", _clean(error.message, upstream), provider=name
        ) from error
    except ValidationError as error:
        raise bad_request(_clean(error.message, upstream), error.param, error.code or "invalid_request") from error
    except SmartflowError as error:
        what = _clean(error.message, upstream)
        raise GatewayError(502, None, "provider_error", what, provider=name, outcome_unknown=True) from error


def _checked(item: dict[str, Any], upstream: Upstream) -> dict[str, Any]:
    if isinstance(item.get("error"), dict):
        said = _clean(str(item["error"].get("message") or ""), upstream)
        message = f"{upstream.provider} failed in its stream" + (f": {said}" if said else "")
        raise GatewayError(502, None, "provider_error", message, provider=upstream.provider)
    return item


def _nonsense(provider: str, what: str) -> GatewayError:
    # It did answer, so it will want to be paid.
    return GatewayError(502, None, "provider_error", f"{provider} {what}", provider=provider, outcome_unknown=True)


def _unavailable(provider: str) -> GatewayError:
    what = f"{provider} cannot be reached"
    return GatewayError(503, None, "provider_unavailable", what, provider=provider, repeat_after=0.0)
