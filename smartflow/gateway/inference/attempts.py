"""One call along a fallback chain: the same target again after a passing failure, then the next one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from smartflow.gateway.errors import GatewayError
from smartflow.gateway.metacache.prices import cost_usd
from smartflow.gateway.routing.chains import Chain, ChainTarget, passing
from smartflow.gateway.routing.engine import Route
from smartflow.providers.table import equivalent_model

if TYPE_CHECKING:
    from smartflow.gateway.core import Gateway
    from smartflow.gateway.inference.engine import Plan

T = TypeVar("T")


def candidates(gateway: Gateway, chain: Chain, route: Route) -> list[Route]:
    """The routes of a chain in the order of its strategy.

    As soon as one target is really called, those that are not configured are left out: the offline provider must not pass for a fallback.
    """
    latency = gateway.routing.latency
    ordered = gateway.chains.ordered(chain, latency, lambda target: _price(target, route))
    found = [_route(gateway, chain, target, route) for target in ordered]
    called = [each for each in found if not each.offline]
    return called or found[:1]


def _price(target: ChainTarget, route: Route) -> float:
    # A model without a price must not win because of that.
    return cost_usd(_model(target, route), 1000, 1000) or float("inf")


def _model(target: ChainTarget, route: Route) -> str:
    if target.model is not None:
        return target.model
    return route.model if target.provider == route.provider else equivalent_model(route.model, target.provider)


def _route(gateway: Gateway, chain: Chain, target: ChainTarget, route: Route) -> Route:
    model = _model(target, route)
    upstream = gateway.routing.upstream(target.provider, model)
    reason = f"chain:{chain.name}:{target.provider}{'' if upstream else ' offline'}"
    return replace(
        route, provider=target.provider, model=model, reason=reason, upstream=upstream, strategy=chain.strategy
    )


async def attempt(
    gateway: Gateway,
    plan: Plan,
    once: Callable[[], Awaitable[T]],
    learn: Callable[[GatewayError], None],
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> T:
    """What the first target that answers says. `learn` is told of every failure but the last one, which is raised."""
    if plan.chain is None:
        return await once()
    chains, clock = gateway.chains, gateway.clock.monotonic
    routes = [route for route in plan.routes if chains.may_try(route.provider, clock())] or plan.routes
    failed: GatewayError | None = None
    for route in routes:
        tries = 0
        while True:
            if failed is not None:
                learn(failed)
            plan.take(route)
            tries += 1
            try:
                with chains.busy(route.provider):
                    answer = await once()
            except GatewayError as error:
                failed = error
                if passing(error):
                    chains.record(route.provider, clock(), ok=False)
                pause = chains.pause(plan.chain, error, tries)
                if pause is None:
                    break
                await sleep(pause)
            else:
                chains.record(route.provider, clock(), ok=True)
                return answer
    assert failed is not None
    raise failed
