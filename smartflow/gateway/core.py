"""The gateway itself: the store, the clock, and one engine for each domain, wired together. It knows no HTTP."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

import httpx

from smartflow.gateway.audit.chain import Chain, load_key
from smartflow.gateway.audit.engine import AuditEngine
from smartflow.gateway.audit.ledger import Ledger
from smartflow.gateway.audit.repo import AuditRepo
from smartflow.gateway.audit.settings import AuditSettings
from smartflow.gateway.clock import Clock, Ids, RandomIds, SystemClock
from smartflow.gateway.compliance.enforcement import Enforcement
from smartflow.gateway.compliance.engine import build_compliance
from smartflow.gateway.compliance.settings import ComplianceSettings
from smartflow.gateway.idempotency.engine import IdempotencyEngine
from smartflow.gateway.idempotency.repo import IdempotencyRepo
from smartflow.gateway.inference.engine import InferenceEngine
from smartflow.gateway.keys.engine import KeysEngine
from smartflow.gateway.keys.limits import Limits
from smartflow.gateway.keys.repo import KeysRepo
from smartflow.gateway.metacache.engine import CacheEngine
from smartflow.gateway.metacache.repo import CacheRepo
from smartflow.gateway.metacache.settings import CacheSettings
from smartflow.gateway.routing.chains import ChainEngine
from smartflow.gateway.routing.engine import RoutingEngine
from smartflow.gateway.routing.repo import ChainRepo, RoutingRepo
from smartflow.gateway.routing.settings import RoutingSettings
from smartflow.gateway.routing.traffic import Traffic
from smartflow.gateway.store import Store
from smartflow.gateway.system.chatbot import Chatbot
from smartflow.gateway.system.metrics import Metrics
from smartflow.gateway.upstream import UpstreamClient

DEFAULT_BODY_LIMIT = 25 * 1024 * 1024


class Gateway:
    """Everything that the handlers work on. `path=None` keeps all data in memory; `environment` holds the providers' keys."""

    def __init__(
        self,
        path: Path | None = None,
        *,
        clock: Clock | None = None,
        ids: Ids | None = None,
        environment: Mapping[str, str] | None = None,
        api_key: str | None = None,
        body_limit: int = DEFAULT_BODY_LIMIT,
        cache: CacheSettings | None = None,
        compliance: ComplianceSettings | None = None,
        audit: AuditSettings | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        routing: RoutingSettings | None = None,
        chance: Callable[[], float] = random.random,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.clock: Clock = clock or SystemClock()
        self.ids: Ids = ids or RandomIds()
        self.body_limit = body_limit
        # Random even when the ids of a test are not: two gateways that forward to each other must differ.
        self.instance_id = RandomIds().new("gw")
        self.started = self.clock.monotonic()
        self.store = Store(path)
        self.keys = KeysEngine(KeysRepo(self.store), self.ids, api_key)
        self.limits = Limits(KeysRepo(self.store))
        self.metrics = Metrics()
        checks = compliance or ComplianceSettings()
        folder = path.parent if path else None
        self.compliance = build_compliance(self.store, self.clock, self.ids, folder, checks.policy_dir)
        self.enforcement = Enforcement(self.compliance, checks)
        audited, settings = AuditRepo(self.store), audit or AuditSettings()
        self.ledger = Ledger(audited, Chain(load_key(folder, settings.key)), self.clock, settings)
        self.audit = AuditEngine(audited, self.ledger, self.compliance.redact)
        self.cache = CacheEngine(CacheRepo(self.store), cache)
        routed = routing or RoutingSettings()
        traffic = Traffic(failures=routed.circuit_failures, seconds=routed.circuit_seconds)
        self.routing = RoutingEngine(RoutingRepo(self.store), environment or {}, traffic, self.clock)
        self.chains = ChainEngine(ChainRepo(self.store), chance, routed.chain())
        self.sleep = sleep
        self.upstream = UpstreamClient(self.instance_id, transport, traffic)
        self.idempotency = IdempotencyEngine(IdempotencyRepo(self.store))
        self.inference = InferenceEngine(self)
        self.chatbot = Chatbot(self)

    @property
    def uptime_seconds(self) -> int:
        """Whole seconds since the start."""
        return max(0, int(self.clock.monotonic() - self.started))

    async def aclose(self) -> None:
        """Close the providers' connections and the store."""
        await self.idempotency.aclose()
        await self.upstream.aclose()
        self.store.close()
