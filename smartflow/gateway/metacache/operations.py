"""The operations on MetaCache."""

from __future__ import annotations

from typing import Any

from smartflow.gateway.contract import Call, operation


@operation("getCacheStats")
async def get_cache_stats(call: Call) -> dict[str, Any]:
    """The counters of MetaCache."""
    return call.gateway.cache.stats(call.now)
