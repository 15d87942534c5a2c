"""The rules of routing.

Who answers, first match wins: the header `x-smartflow-provider`, the override in force, the prefix of the model name, the start of
the model name, the default provider of the operation. A provider that the gateway's environment gives a key or a base URL is called,
in its own dialect; every other one is answered for by the built-in offline provider.

State, from the last 50 calls to a provider: `healthy` below 5 % failures, `degraded` below 50 %, else `unhealthy`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from smartflow._core.secrets import Secret
from smartflow.exceptions import ConfigError
from smartflow.gateway.clock import Clock, SystemClock, iso
from smartflow.gateway.errors import GatewayError, bad_request
from smartflow.gateway.routing.repo import RoutingRepo
from smartflow.gateway.routing.traffic import Traffic
from smartflow.providers import Target, table, target_for

_WINDOW = 50
_DEGRADED_FROM, _UNHEALTHY_FROM = 0.05, 0.5
OFFLINE_NOTE = " offline"


@dataclass(frozen=True)
class Upstream:
    """How a real provider is reached. `via` lists the gateways that the call has passed, `headers` what goes along with it."""

    target: Target
    via: str = ""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def provider(self) -> str:
        """The provider's name."""
        return self.target.provider


@dataclass(frozen=True)
class Route:
    """Who answers a call, under which model name, and why. Without an upstream the offline provider answers."""

    provider: str
    model: str
    requested_model: str
    reason: str
    upstream: Upstream | None
    strategy: str = "direct"

    @property
    def offline(self) -> bool:
        """True when no real provider is asked."""
        return self.upstream is None


class RoutingEngine:
    """Chooses providers and learns from what they answer."""

    def __init__(
        self,
        repo: RoutingRepo,
        environment: Mapping[str, str],
        traffic: Traffic | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._repo = repo
        self._environment = dict(environment)
        self._clock = clock or SystemClock()
        self.traffic = traffic or Traffic()

    def choose(
        self,
        model: str,
        now: datetime,
        forced: str | None = None,
        default: str = table.DEFAULT_PROVIDER,
        key: Secret | None = None,
    ) -> Route:
        """The route of a call to `model`; `forced` is the caller's own choice of a provider, `key` a key of theirs for Anthropic."""
        named, bare = table.split_prefix(model)
        override = self._repo.override(iso(now))
        provider, strategy = named or self._detected(bare, default), "direct"
        wanted = None
        if forced is not None:
            wanted, strategy = known_provider(forced, "x-smartflow-provider"), "header"
        elif override is not None:
            wanted, strategy = override["provider"], "override"
        if wanted is not None and wanted != provider:
            provider, bare = wanted, table.equivalent_model(bare, wanted)
        upstream = self.upstream(provider, bare, key)
        reason = f"{'provider' if strategy == 'direct' else strategy}:{provider}{'' if upstream else OFFLINE_NOTE}"
        return Route(provider, bare, model, reason, upstream, strategy)

    @staticmethod
    def _detected(model: str, default: str) -> str:
        return table.detect(model, default)

    def upstream(self, provider: str, model: str = "", key: Secret | None = None) -> Upstream | None:
        """How a provider is reached, or None when the offline provider answers for it; 502 when it is half configured."""
        own = key if provider == "anthropic" else None
        if not own and not table.PROVIDERS[provider].configured(self._environment):
            return None
        try:
            return Upstream(target_for(table.ModelRef(provider, model), self._environment, own))
        except ConfigError as error:
            raise GatewayError(502, None, "provider_misconfigured", error.message, provider=provider) from error

    def configured(self) -> list[str]:
        """The providers that are really called, in the order of the table."""
        return [name for name, spec in table.PROVIDERS.items() if spec.configured(self._environment)]

    def override(self, provider: str, seconds: int, now: datetime) -> dict[str, Any]:
        """Send every call to one provider for a time; inside the current transaction."""
        name = known_provider(provider, "provider")
        expires_at = iso(now + timedelta(seconds=seconds))
        self._repo.save_override(name, expires_at)
        return {
            "status": "ok",
            "provider": name,
            "ttl_minutes": math.ceil(seconds / 60),
            "duration_seconds": seconds,
            "expires_at": expires_at,
        }

    def status(self, now: datetime, strategy: str = "direct", order: Sequence[str] = ()) -> dict[str, Any]:
        """The routing state in the contract's shape; `strategy` and `order` are the configured ones, for a model that no chain has."""
        override, moment = self._repo.override(iso(now)), self._clock.monotonic()
        names = list(order) or [table.DEFAULT_PROVIDER]
        names.sort(key=lambda name: self.traffic.closed_in(name, moment) > 0)
        if override is not None:
            names, strategy = [override["provider"]], "override"
        return {
            "active_provider": names[0],
            "strategy": strategy,
            "fallback_chain": names,
            "last_failure": self._repo.last_failure(),
            "override": override,
        }

    def record(
        self,
        provider: str,
        *,
        ok: bool,
        latency_ms: float,
        now: datetime,
        error: str | None = None,
        rate_limited: bool = False,
        trips: bool = True,
    ) -> None:
        """Learn from one answered or failed call, inside the current transaction; `trips` says whether a failure counts for the circuit."""
        if ok:
            self.traffic.answered(provider, latency_ms, self._clock.monotonic())
        elif trips and not rate_limited:
            self.traffic.failed(provider, self._clock.monotonic())
        known = self._repo.provider(provider) or _fresh(provider)
        failed = {"last_error": error, "last_error_at": iso(now)} if not ok else {}
        self._repo.save_provider({
            **known,
            "requests": known["requests"] + 1,
            "errors": known["errors"] + (not ok),
            "rate_limited": known["rate_limited"] + rate_limited,
            "latency_ms_total": known["latency_ms_total"] + latency_ms,
            "recent": (known["recent"] + ("1" if ok else "0"))[-_WINDOW:],
            "last_updated": iso(now),
            **failed,
        })  # fmt: skip

    def health(self) -> list[dict[str, Any]]:
        """One snapshot for each provider that can be called or was called, ordered by name."""
        called, now = {row["provider"]: row for row in self._repo.providers()}, self._clock.monotonic()
        return [
            {**_snapshot(called.get(name) or _fresh(name)), "circuit": self.traffic.circuit(name, now)}
            for name in sorted({*called, *self.configured()})
        ]


def known_provider(name: str, param: str) -> str:
    """The provider's own name for a name or an alias; 400 for an unknown one."""
    found = table.PREFIXES.get(name)
    if found is None:
        raise bad_request(f"unknown provider; known are {', '.join(table.PROVIDERS)}", param, "unknown_provider")
    return found


def _fresh(provider: str) -> dict[str, Any]:
    return {
        "provider": provider, "requests": 0, "errors": 0, "rate_limited": 0, "latency_ms_total": 0.0, "recent": "",
        "last_updated": None, "last_error": None, "last_error_at": None,
    }  # fmt: skip


def _snapshot(row: Mapping[str, Any]) -> dict[str, Any]:
    requests = row["requests"]
    latency = row["latency_ms_total"] / requests if requests else 0.0
    errors = row["errors"] / requests if requests else 0.0
    return {
        "provider": row["provider"],
        "status": health_state(row["recent"]),
        "avg_latency_ms": latency,
        "latency_ms": latency,
        "success_rate": 1.0 - errors,
        "error_rate": errors,
        "rate_limit_rate": row["rate_limited"] / requests if requests else 0.0,
        "requests": requests,
        "requests_total": requests,
        "last_updated": row["last_updated"],
    }


def health_state(recent: str) -> str:
    """The state that the outcomes of the last calls (1 answered, 0 failed) stand for."""
    failures = recent.count("0") / len(recent) if recent else 0.0
    if failures >= _UNHEALTHY_FROM:
        return "unhealthy"
    return "degraded" if failures >= _DEGRADED_FROM else "healthy"
