"""Results about the gateway itself: cache, providers, health."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, Mapping, Optional

from .base import Result

__all__ = ["CacheStats", "ProviderHealth", "SystemHealth"]


@dataclass(frozen=True)
class CacheStats(Result):
    """What MetaCache did.

    Attributes:
        hits: Calls that the cache answered.
        misses: Calls that it did not.
        hit_rate: 0 to 1.
        tokens_saved: Tokens that hits saved.
        cost_saved_cents: US cents that hits saved.
        l1_hits: Hits in memory.
        l2_hits: Semantic hits.
        l3_hits: Exact hits in the store.
        entries: Answers that are stored.
        exact_matches: Hits of the exact phases.
        semantic_matches: Hits of the semantic phase.
        phases: Hits by phase: `fingerprint`, `near_miss`, `exact`, `semantic`.
        size_bytes: Bytes of the answers that are stored.
        evictions: Answers that had to make room.
        prices_as_of: The date of the price list behind `cost_saved_cents`, as YYYY-MM-DD.
    """

    hits: int = field(default=0, metadata={"aliases": ("cache_hits",)})
    misses: int = field(default=0, metadata={"aliases": ("cache_misses",)})
    hit_rate: float = 0.0
    tokens_saved: int = 0
    cost_saved_cents: int = 0
    l1_hits: int = 0
    l2_hits: int = 0
    l3_hits: int = 0
    entries: int = 0
    exact_matches: int = 0
    semantic_matches: int = 0
    phases: Dict[str, int] = field(default_factory=dict)
    size_bytes: int = 0
    evictions: int = 0
    prices_as_of: str = ""

    @classmethod
    def from_wire(cls, data: Mapping[str, Any], reply: Any = None) -> CacheStats:
        """The statistics; the hit rate is computed only where the gateway does not send it."""
        stats = cls.from_dict(data, reply)
        if data.get("hit_rate") is None and stats.hits + stats.misses:
            stats.__dict__["hit_rate"] = stats.hits / (stats.hits + stats.misses)
        return stats


@dataclass(frozen=True)
class ProviderHealth(Result):
    """How one provider does.

    Attributes:
        provider: Its name.
        status: `healthy`, `degraded` or `unhealthy`.
        latency_ms: Average latency in milliseconds.
        success_rate: 0 to 1.
        error_rate: 0 to 1.
        requests_total: Calls so far.
        last_updated: ISO-8601, UTC; empty before the first call.
        rate_limit_rate: Fraction of calls that were rate-limited, 0 to 1.
        circuit: `closed`, `open` (chains leave the provider out for now) or `half_open`; empty where the gateway does not say.
    """

    provider: str = ""
    status: str = "unknown"
    latency_ms: float = field(default=0.0, metadata={"aliases": ("avg_latency_ms",)})
    success_rate: float = 0.0
    error_rate: float = 0.0
    requests_total: int = field(default=0, metadata={"aliases": ("requests",)})
    last_updated: str = ""
    rate_limit_rate: float = 0.0
    circuit: str = ""


@dataclass(frozen=True)
class SystemHealth(Result):
    """How the whole gateway does.

    Attributes:
        status: `healthy`, `degraded` or `unhealthy`; `unknown` when the gateway does not say.
        uptime_seconds: Seconds since its start.
        version: Its version.
        providers: What is known of each provider, by name.
        cache: Facts about MetaCache.
        timestamp: ISO-8601, UTC.
    """

    status: str = "unknown"
    uptime_seconds: int = 0
    version: str = ""
    providers: Dict[str, Any] = field(default_factory=dict)
    cache: Dict[str, Any] = field(default_factory=dict)
    timestamp: str = ""

    @classmethod
    def from_wire(cls, data: Mapping[str, Any], reply: Any = None) -> SystemHealth:
        """The health; some gateways send `providers` as a list of objects instead of an object by name."""
        providers: Optional[Any] = data.get("providers")
        if isinstance(providers, list):
            by_name = {
                str(item.get("provider", index)): item for index, item in enumerate(providers) if isinstance(item, dict)
            }
            data = {**data, "providers": by_name}
        return cls.from_dict(data, reply)
