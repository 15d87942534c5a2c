"""Binds handlers to the operations that the contract declares: what a handler gets, what it may return, and who handles what."""

from __future__ import annotations

import importlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from smartflow.gateway.audit.record import CONTENT_TYPES, AuditRecord
from smartflow.gateway.clock import iso
from smartflow.gateway.keys.engine import NOBODY, Caller

if TYPE_CHECKING:
    from smartflow_generated.server.route import Route

    from smartflow.gateway.core import Gateway
    from smartflow.gateway.keys.limits import Reservation

SERVICES = ("proxy", "management", "compliance", "bridge")
_DOMAINS = ("audit", "compliance", "inference", "keys", "metacache", "routing", "system")


@dataclass
class Reply:
    """An answer that is more than a JSON body: another status, headers, bytes, or a stream of bytes.

    `provider` names the provider that the content came from, when one was called: nonsense is then its fault, not the gateway's.
    """

    content: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    media_type: str = "application/json"
    stream: AsyncIterator[bytes] | None = None
    provider: str | None = None


@dataclass(frozen=True)
class FormFile:
    """A file of a multipart request."""

    filename: str
    content_type: str
    data: bytes


@dataclass(frozen=True)
class Form:
    """The fields (already JSON values) and the files of a multipart request."""

    fields: dict[str, Any]
    files: dict[str, FormFile]


@dataclass
class Call:
    """One request, read and validated, and the place where its effects are written."""

    gateway: Gateway
    route: Route
    request_id: str
    now: datetime
    started: float
    tenant: str = ""
    raw_headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    json: dict[str, Any] = field(default_factory=dict)
    query: dict[str, Any] = field(default_factory=dict)
    path: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, Any] = field(default_factory=dict)
    form: Form | None = None
    # What the caller's key asks for: off, log, redact or block; None asks for nothing.
    compliance_mode: str | None = None
    audit: AuditRecord = field(init=False)
    audit_written: bool = False
    caller: Caller = NOBODY
    reservation: Reservation | None = None
    # How often a provider was asked, and nobody knows whether it did the work.
    unknown_outcomes: int = 0
    # The caller has left, and the work goes on without it, so that its next try finds the answer.
    detached: bool = False

    def __post_init__(self) -> None:
        operation_id = self.route.operation_id
        kind = CONTENT_TYPES.get(operation_id, "other")
        self.audit = AuditRecord(self.request_id, iso(self.now), operation_id, kind)

    @property
    def user_id(self) -> str | None:
        """The user on whose behalf the call is made: the key's own, or else the one that a header names."""
        owner = self.caller.key.user_id if self.caller.key is not None else None
        return owner or self.headers.get("x-smartflow-user-id") or self.headers.get("x-user-id")

    @property
    def conversation_id(self) -> str | None:
        """The conversation that the call belongs to."""
        return self.headers.get("x-conversation-id") or self.headers.get("x-session-id")

    @property
    def elapsed_ms(self) -> int:
        """Whole milliseconds since the request arrived."""
        return max(0, round((self.gateway.clock.monotonic() - self.started) * 1000))

    @contextmanager
    def effects(self) -> Iterator[AuditRecord]:
        """The transaction of everything that this call changes; at its end the audit row is written in it."""
        self._identify()
        with self.gateway.store.transaction():
            yield self.audit
            if self.reservation is not None:
                self.gateway.limits.settle(self)
            self.gateway.audit.write(self.audit, self.elapsed_ms)
        self.audit_written = True

    def _identify(self) -> None:
        self.audit.key_id = self.caller.key.key_id if self.caller.key is not None else None
        self.audit.user_id = self.audit.user_id or self.user_id
        self.audit.conversation_id = self.audit.conversation_id or self.conversation_id


Handler = Callable[[Call], Awaitable["dict[str, Any] | Reply"]]
_REGISTERED: dict[str, Handler] = {}


class ContractError(Exception):
    """The handlers and the contract do not fit each other; the gateway does not start."""


def operation(operation_id: str) -> Callable[[Handler], Handler]:
    """Register a handler for an operation of the contract."""

    def register(handler: Handler) -> Handler:
        if _REGISTERED.get(operation_id, handler) is not handler:
            raise ContractError(f"two handlers for the operation {operation_id}")
        _REGISTERED[operation_id] = handler
        return handler

    return register


class Contract:
    """The declared operations of each service, with their handlers."""

    def __init__(self, routes: Mapping[str, Iterable[Route]], handlers: Mapping[str, Handler]) -> None:
        self.routes = {service: tuple(declared) for service, declared in routes.items()}
        self._handlers = dict(handlers)
        declared = {route.operation_id for declared in self.routes.values() for route in declared}
        unknown = sorted(set(handlers) - declared)
        if unknown:
            raise ContractError(
                f"no operation of the contract is called {', '.join(unknown)}: correct the handler or the contract"
            )

    def handler(self, operation_id: str) -> Handler | None:
        """The handler of an operation, or None."""
        return self._handlers.get(operation_id)

    def unhandled(self) -> list[str]:
        """The declared operations that answer 501."""
        declared = {route.operation_id for routes in self.routes.values() for route in routes}
        return sorted(declared - set(self._handlers))


def load_contract() -> Contract:
    """The contract of the generated route tables with the handlers of all domains."""
    for domain in _DOMAINS:
        importlib.import_module(f"smartflow.gateway.{domain}.operations")
    tables = {service: importlib.import_module(f"smartflow_generated.server.{service}.routes") for service in SERVICES}
    return Contract({service: module.ROUTES for service, module in tables.items()}, _REGISTERED)
