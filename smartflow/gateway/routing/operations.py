"""The operations on routing."""

from __future__ import annotations

from typing import Any

from smartflow.gateway.contract import Call, operation
from smartflow.gateway.inference.attempts import order_of


@operation("getRoutingStatus")
async def get_routing_status(call: Call) -> dict[str, Any]:
    """Who answers the next call, and the last failure."""
    chain = call.gateway.chains.configured
    if chain is None:
        return call.gateway.routing.status(call.now)
    return call.gateway.routing.status(call.now, chain.strategy, order_of(call.gateway, chain))


@operation("overrideRouting")
async def override_routing(call: Call) -> dict[str, Any]:
    """Force one provider for a time."""
    request = call.json
    seconds = request.get("duration_seconds") or request["ttl_minutes"] * 60
    with call.effects() as audit:
        result = call.gateway.routing.override(request["provider"], seconds, call.now)
        audit.provider, audit.routing_strategy, audit.routing_reason = result["provider"], "override", f"{seconds} s"
    return result


@operation("listFallbackChains")
async def list_fallback_chains(call: Call) -> dict[str, Any]:
    """Every fallback chain."""
    return {"chains": [chain.as_dict() for chain in call.gateway.chains.all()]}


@operation("createFallbackChain")
async def create_fallback_chain(call: Call) -> dict[str, Any]:
    """A new fallback chain."""
    with call.effects() as audit:
        chain = call.gateway.chains.create(call.json["name"], call.json)
        audit.routing_strategy, audit.routing_reason = chain.strategy, f"chain created:{chain.name}"
    return chain.as_dict()


@operation("getFallbackChain")
async def get_fallback_chain(call: Call) -> dict[str, Any]:
    """One fallback chain."""
    return call.gateway.chains.get(call.path["name"]).as_dict()


@operation("updateFallbackChain")
async def update_fallback_chain(call: Call) -> dict[str, Any]:
    """A fallback chain in the place of another."""
    with call.effects() as audit:
        chain = call.gateway.chains.update(call.path["name"], call.json)
        audit.routing_strategy, audit.routing_reason = chain.strategy, f"chain changed:{chain.name}"
    return chain.as_dict()


@operation("deleteFallbackChain")
async def delete_fallback_chain(call: Call) -> dict[str, Any]:
    """The end of a fallback chain."""
    name = call.path["name"]
    with call.effects() as audit:
        call.gateway.chains.delete(name)
        audit.routing_reason = f"chain deleted:{name}"
    return {"name": name, "deleted": True}
