"""The operations on routing."""

from __future__ import annotations

from typing import Any

from smartflow.gateway.contract import Call, operation


@operation("getRoutingStatus")
async def get_routing_status(call: Call) -> dict[str, Any]:
    """Who answers the next call, and the last failure."""
    return call.gateway.routing.status(call.now)


@operation("overrideRouting")
async def override_routing(call: Call) -> dict[str, Any]:
    """Force one provider for a time."""
    request = call.json
    seconds = request.get("duration_seconds") or request["ttl_minutes"] * 60
    with call.effects() as audit:
        result = call.gateway.routing.override(request["provider"], seconds, call.now)
        audit.provider, audit.routing_strategy, audit.routing_reason = result["provider"], "override", f"{seconds} s"
    return result
