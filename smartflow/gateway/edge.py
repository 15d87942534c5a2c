"""The request chain: the steps that every request takes, in order, and the one place where errors become answers."""

from __future__ import annotations

import asyncio
import ipaddress
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError
from smartflow_generated.server.route import Route
from starlette.types import Receive, Scope, Send

from smartflow.gateway import reading
from smartflow.gateway.audit.record import CONTENT_TYPES
from smartflow.gateway.contract import Call, Contract, Reply
from smartflow.gateway.core import Gateway
from smartflow.gateway.edge_log import log_failure, logger
from smartflow.gateway.errors import GatewayError, bad_request, internal_error, storage_failed
from smartflow.gateway.keys.engine import require_role
from smartflow.gateway.routes import Routes
from smartflow.gateway.sending import Disconnected, send_reply
from smartflow.gateway.store import DatabaseFault

_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+)(:[0-9]{1,5})?", re.ASCII)
_ANTHROPIC_OPERATIONS = frozenset({"createMessage", "createMessageAlias"})
_CLIENT_CLOSED = 499


@dataclass
class Exchange:
    """One request on its way through the chain."""

    gateway: Gateway
    contract: Contract
    routes: Routes
    scope: Scope
    receive: Receive
    request_id: str
    headers: dict[str, str]
    method: str
    head_only: bool = False
    route: Route | None = None
    path_values: dict[str, str] = field(default_factory=dict)
    raw_body: bytes = b""
    call: Call | None = None
    reply: Reply | None = None
    gone: asyncio.Future[Any] | None = None

    @property
    def found(self) -> Call:
        """The call, which exists once the operation is known."""
        assert self.call is not None
        return self.call


async def check_host(x: Exchange) -> None:
    """Only names of this machine: another Host header means that a web page reached us through DNS."""
    host = x.headers.get("host", "")
    match = _HOST.fullmatch(host)
    server = (x.scope.get("server") or ("",))[0]
    if match is None or not (is_loopback(match[1].strip("[]")) or match[1].strip("[]") == server):
        raise GatewayError(
            403, None, "host_refused", "the Host header must name this machine: use localhost or 127.0.0.1"
        )


async def check_origin(x: Exchange) -> None:
    """A browser may call only from a page of this machine."""
    origin = x.headers.get("origin")
    if origin is not None:
        # Read as strictly as the Host header: what parsers of URLs let pass differs.
        match = _HOST.fullmatch(origin.partition("://")[2])
        if match is None or not is_loopback(match[1].strip("[]")):
            raise GatewayError(403, None, "origin_refused", "calls from web pages of other hosts are refused")


async def find_operation(x: Exchange) -> None:
    """Which declared operation is meant; 404 and 405 when none is."""
    found = x.routes.find(x.scope.get("raw_path", b"").decode("latin-1"))
    if found is None:
        raise GatewayError(404, None, "not_found", "this service has no such path")
    if x.method == "OPTIONS" and "OPTIONS" not in found.methods:
        x.reply = Reply(b"", 204, {"allow": found.allow}, "")
        return
    x.head_only = x.method == "HEAD" and "HEAD" not in found.methods
    x.route = found.methods.get("GET" if x.head_only else x.method)
    if x.route is None:
        raise GatewayError(
            405, None, "method_not_allowed", f"this path takes {found.allow}", headers={"allow": found.allow}
        )
    x.path_values = found.values
    x.call = Call(x.gateway, x.route, x.request_id, x.gateway.clock.now(), x.gateway.clock.monotonic())
    x.call.raw_headers = x.headers


async def authenticate(x: Exchange) -> None:
    """Who calls, and whether such a caller may do this; only an operation that is not secured asks nobody."""
    call, security = x.found, x.found.route.security
    scheme, _, token = x.headers.get("authorization", "").partition(" ")
    shown = [token.strip()] if scheme.lower() == "bearer" and token.strip() else []
    if "anthropicKey" in security and x.headers.get("x-api-key"):
        shown.append(x.headers["x-api-key"])
    if security:
        call.caller = x.gateway.keys.identify(shown, call.now)
        call.tenant = call.caller.tenant
        call.compliance_mode = call.caller.key.compliance_mode if call.caller.key is not None else None
        require_role(call.route.roles, call.caller)


async def read_body(x: Exchange) -> None:
    """The whole body, up to the limit; more is refused before it is read."""
    limit = x.gateway.body_limit
    length = x.headers.get("content-length", "0")
    fits = not (length.isascii() and length.isdigit()) or int(length[:20]) <= limit
    pieces, size, more = [], 0, True
    while more and size <= 2 * limit:
        message = await x.receive()
        if message["type"] == "http.disconnect":
            raise Disconnected
        size += len(message.get("body", b""))
        # A little more than the limit is read and dropped: a caller that still writes would never see the answer.
        if fits and size <= limit:
            pieces.append(message.get("body", b""))
        more = message.get("more_body", False)
    if not fits or size > limit:
        message_text = f"the body is larger than {limit} bytes"
        raise GatewayError(413, None, "body_too_large", message_text, headers={"connection": "close"})
    x.raw_body = b"".join(pieces)


async def parse_and_validate(x: Exchange) -> None:
    """Parameters and body as the contract wants them; 400 names what does not fit."""
    call, route = x.found, x.found.route
    call.path, call.query, call.headers = reading.read_parameters(
        route, x.path_values, x.scope.get("query_string", b""), x.headers
    )
    if not route.request_bodies:
        return
    content_type = x.headers.get("content-type", "")
    media_type = content_type.partition(";")[0].strip().lower()
    if not x.raw_body and not route.body_required:
        return
    if media_type not in route.request_bodies:
        wanted = " or ".join(route.request_bodies)
        raise bad_request(f"the content type must be {wanted}", "content-type", "unsupported_content_type")
    model = route.request_bodies[media_type]
    if media_type == "multipart/form-data":
        call.form = await reading.read_form(x.raw_body, content_type, model)
    else:
        call.json = reading.parse_json(x.raw_body)
        call.body = reading.check(model, call.json) if model is not None else None


async def run_handler(x: Exchange) -> None:
    """The operation's own work; it is given up when the caller hangs up."""
    call = x.found
    handler = x.contract.handler(call.route.operation_id)
    if handler is None:
        raise GatewayError(
            501, None, "not_implemented", f"{call.route.operation_id} is not implemented by this gateway"
        )
    work = asyncio.ensure_future(x.gateway.idempotency.once(call, x.raw_body, handler))
    x.gone = asyncio.ensure_future(x.receive())
    try:
        await asyncio.wait({work, x.gone}, return_when=asyncio.FIRST_COMPLETED)
        if not work.done():
            raise Disconnected
        result = work.result()
    finally:
        if not work.done():
            work.cancel()
            await asyncio.wait({work})
    x.reply = result if isinstance(result, Reply) else Reply(result)


async def validate_answer(x: Exchange) -> None:
    """An answer that the contract does not declare is a failure of the gateway, or of the provider that it came from."""
    reply, route = x.reply, x.found.route
    assert reply is not None
    declared = route.responses.get(reply.status)
    if declared is None or (declared and reply.media_type not in declared):
        raise _misfit(x, reply, f"status {reply.status} with {reply.media_type or 'no content'} is not declared")
    model = declared.get(reply.media_type)
    if model is None or reply.stream is not None or not isinstance(reply.content, dict):
        return
    try:
        model.model_validate(reply.content)
    except ValidationError as error:
        param, message = reading.explain(error, reply.content)
        raise _misfit(x, reply, f"{param}: {message}") from None


def _misfit(x: Exchange, reply: Reply, what: str) -> GatewayError:
    logger.error("%s %s: the answer does not fit the contract: %s", x.request_id, x.found.route.operation_id, what)
    if reply.provider is not None:
        return GatewayError(
            502,
            None,
            "provider_error",
            f"{reply.provider} answered something that does not fit the contract",
            provider=reply.provider,
        )
    return internal_error()


STEPS: tuple[Callable[[Exchange], Awaitable[None]], ...] = (
    check_host,
    check_origin,
    find_operation,
    authenticate,
    read_body,
    parse_and_validate,
    run_handler,
    validate_answer,
)
"""What happens to a request between its request id and its answer. After them: headers, audit of what no handler audited, sending."""


async def serve(x: Exchange, send: Send) -> None:
    """Take one request through the chain and answer it."""
    try:
        await _run_steps(x)
        audit_at_the_edge(x)
        assert x.reply is not None
        await send_reply(x.reply, send, x.gone, common_headers(x), head_only=x.head_only)
    except Disconnected:
        if x.call is not None and x.call.detached:
            return
        _fail(x, GatewayError(_CLIENT_CLOSED, "client_closed", "client_disconnected", "the caller hung up"))
        audit_at_the_edge(x)
    except Exception as error:  # noqa: BLE001 - the outermost edge: the answer has begun, so the server can only cut the connection
        log_failure(x.request_id, error)
    finally:
        if x.gone is not None:
            x.gone.cancel()
        _observe(x)


async def _run_steps(x: Exchange) -> None:
    try:
        for step in STEPS:
            await step(x)
            if x.reply is not None and x.route is None:
                return
    except GatewayError as error:
        _fail(x, error)
    except Disconnected:
        raise
    except Exception as error:  # noqa: BLE001 - the outermost edge: nothing may leave without an answer
        log_failure(x.request_id, error)
        _fail(x, _failure(error))


def _failure(error: Exception) -> GatewayError:
    return storage_failed() if isinstance(error, DatabaseFault) else internal_error()


def _fail(x: Exchange, error: GatewayError) -> None:
    anthropic = x.route is not None and x.route.operation_id in _ANTHROPIC_OPERATIONS
    x.reply = Reply(error.body(x.request_id, anthropic=anthropic), error.status, error.all_headers())
    if x.call is not None:
        x.call.audit.status_code, x.call.audit.error_code = error.status, error.code
        x.call.audit.provider = error.extras.get("provider", x.call.audit.provider)


def audit_at_the_edge(x: Exchange) -> None:
    """Write the audit row of an audited call whose handler did not come to it.

    A caller without the right key leaves no row: otherwise anyone on the machine could fill the log.
    """
    call = x.call
    if call is None or call.audit_written or call.route.operation_id not in CONTENT_TYPES or x.reply is None:
        return
    if x.reply.status == 401 or x.reply.stream is not None:
        return
    try:
        call.audit.status_code = x.reply.status
        with call.effects():
            pass
    except Exception as error:  # noqa: BLE001 - the outermost edge: without its audit row no call counts as answered
        log_failure(x.request_id, error)
        _fail(x, _failure(error))


def common_headers(x: Exchange) -> dict[str, str]:
    """The headers of every answer."""
    return {"x-smartflow-request-id": x.request_id, "x-smartflow-emulator": "1"}


def _observe(x: Exchange) -> None:
    if x.call is not None and x.reply is not None:
        x.gateway.metrics.observe(x.call.audit, x.reply.status, x.gateway.clock.monotonic() - x.call.started)
        logger.info("%s %s %s %s ms", x.request_id, x.call.route.operation_id, x.reply.status, x.call.elapsed_ms)


def is_loopback(name: str) -> bool:
    """True for `localhost` and the loopback addresses."""
    if name.lower().rstrip(".") == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
