"""One call along a fallback chain: the same target again after a passing failure, then the next one, until one answers."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from smartflow._core.secrets import Secret
from smartflow.gateway.errors import GatewayError
from smartflow.gateway.metacache.prices import cost_usd, has_price, media_usd
from smartflow.gateway.routing.attempts import MAX_WAIT_SECONDS, pause, told
from smartflow.gateway.routing.chains import CONFIGURED, Chain
from smartflow.gateway.routing.engine import Route
from smartflow.gateway.routing.strategies import Candidate, ChainTarget
from smartflow.providers.table import DEFAULT_PROVIDER, PROVIDERS, equivalent_model

if TYPE_CHECKING:
    from smartflow.gateway.core import Gateway
    from smartflow.gateway.inference.engine import Plan

T = TypeVar("T")
# What a provider, or its dialect, may say of a call; everything else is the gateway's own word, and ends the call.
_MOVES_ON = frozenset({400, 429, 502, 503, 504})
# What targets are compared by where nothing is counted in tokens: one picture, a thousand characters of speech.
_SAMPLE = {"input": "x" * 1000}
_LONGEST_REST_SECONDS = 86_400.0


def candidates(gateway: Gateway, chain: Chain, route: Route, own: Secret | None = None) -> list[Route]:
    """The routes of a chain in the order of its strategy; `own` is a key of the caller's for Anthropic.

    As soon as one target is really called, those that are not configured are left out: the offline provider must not pass for a fallback.
    """
    found, wrong = [], None
    for target in gateway.chains.ordered(chain, lambda target: _known(gateway, target, route)):
        try:
            found.append(_route(gateway, chain, target, route, own))
        except GatewayError as error:
            wrong = wrong or error
    if wrong is not None and not found:
        raise wrong
    return [each for each in found if not each.offline] or found[:1]


def order_of(gateway: Gateway, chain: Chain) -> list[str]:
    """The providers of a chain in the order in which the next call would ask them."""
    unnamed = Route(DEFAULT_PROVIDER, "", "", "", None)
    targets = gateway.chains.ordered(chain, lambda target: _known(gateway, target, unnamed), next_turn=False)
    able = [target.provider for target in targets if target.provider in gateway.routing.configured()]
    return able or [target.provider for target in targets]


def _known(gateway: Gateway, target: ChainTarget, route: Route) -> Candidate:
    traffic, now = gateway.routing.traffic, gateway.clock.monotonic()
    meter = traffic.meter(target.provider)
    latency = traffic.latency(target.provider, now)
    return Candidate(target, latency, meter.failures > 0, _price(target, route), meter.running)


def _price(target: ChainTarget, route: Route) -> float | None:
    model = _model(target, route)
    if not PROVIDERS[target.provider].key_required:
        return 0.0
    if not has_price(model):
        return None
    return cost_usd(model, 1000, 1000) or media_usd(model, _SAMPLE, 60.0)


def _model(target: ChainTarget, route: Route) -> str:
    if target.model is not None:
        return target.model
    return route.model if target.provider == route.provider else equivalent_model(route.model, target.provider)


def _route(gateway: Gateway, chain: Chain, target: ChainTarget, route: Route, own: Secret | None) -> Route:
    model = _model(target, route)
    upstream = gateway.routing.upstream(target.provider, model, own)
    source = f"strategy:{chain.strategy}" if chain.name == CONFIGURED else f"chain:{chain.name}"
    reason = f"{source}:{target.provider}{'' if upstream else ' offline'}"
    return replace(
        route, provider=target.provider, model=model, reason=reason, upstream=upstream, strategy=chain.strategy
    )


async def attempt(
    gateway: Gateway, plan: Plan, once: Callable[[], Awaitable[T]], learn: Callable[[GatewayError], None]
) -> T:
    """What the first target that answers says. `learn` is told of every failure along a chain.

    For a stream `once` ends when the provider has accepted the call: what fails later is reported, and never asked for again.
    """
    if plan.chain is None:
        return await once()
    traffic, failures = gateway.routing.traffic, list[GatewayError]()
    routes, admitted = _open_routes(gateway, plan)
    for route in routes:
        if not admitted and not traffic.admit(route.provider, gateway.clock.monotonic()):
            continue
        plan.take(_explained(route, failures))
        try:
            return await _at_target(gateway, plan, plan.chain, once, learn)
        except GatewayError as error:
            if error.status not in _MOVES_ON:
                plan.learned = True
                raise
            failures.append(error)
    plan.learned = bool(failures)
    raise _summed_up(failures) if failures else _paused(gateway, plan)


def _open_routes(gateway: Gateway, plan: Plan) -> tuple[list[Route], bool]:
    """The routes whose provider is not left out; when all are, those that did not ask for a pause, whatever their circuit says."""
    traffic, now = gateway.routing.traffic, gateway.clock.monotonic()
    closed = [route for route in plan.routes if not traffic.closed_in(route.provider, now)]
    if closed:
        return closed, False
    return [route for route in plan.routes if not traffic.resting(route.provider, now)], True


async def _at_target(
    gateway: Gateway, plan: Plan, chain: Chain, once: Callable[[], Awaitable[T]], learn: Callable[[GatewayError], None]
) -> T:
    """The answer of one target, which is asked again as often as the chain allows."""
    traffic, provider, retries = gateway.routing.traffic, plan.route.provider, 0
    while True:
        try:
            return await once()
        except GatewayError as error:
            learn(error)
            now = gateway.clock.monotonic()
            if error.code == "provider_rejected_request":
                traffic.alive(provider)
            if error.repeat_after is not None and error.repeat_after > MAX_WAIT_SECONDS:
                traffic.rest(provider, min(error.repeat_after, _LONGEST_REST_SECONDS), now)
            seconds = pause(chain, error, retries, gateway.chains.random)
            if seconds is None or traffic.closed_in(provider, now):
                raise
        retries += 1
        await gateway.sleep(seconds)
        plan.take(plan.route)


def _explained(route: Route, failures: list[GatewayError]) -> Route:
    """The route with a reason that tells what went before."""
    if not failures:
        return route
    before = ", ".join(f"{each.extras.get('provider') or 'the request'}: {each.code}" for each in failures)
    return replace(route, reason=f"{route.reason} after {before}")


def _summed_up(failures: list[GatewayError]) -> GatewayError:
    error = told(failures)
    # Whichever is told: one of them may have to be paid.
    error.outcome_unknown = any(each.outcome_unknown for each in failures)
    if len(failures) > 1:
        tried = [{"provider": each.extras.get("provider"), "code": each.code} for each in failures]
        error.details = {**(error.details or {}), "attempts": tried}
    return error


def _paused(gateway: Gateway, plan: Plan) -> GatewayError:
    now = gateway.clock.monotonic()
    wait = math.ceil(min(gateway.routing.traffic.closed_in(route.provider, now) for route in plan.routes)) or 1
    what = f"every provider that may answer has asked for a pause: try again in {wait} s"
    return GatewayError(429, None, "provider_rate_limited", what, provider=plan.routes[0].provider, retry_after=wait)
