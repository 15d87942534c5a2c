"""One inference call from the plan to its effects: who answers, from the cache or from a provider, and what is written down."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import ValidationError

from smartflow._core.secrets import Secret
from smartflow.gateway.audit.record import AuditRecord
from smartflow.gateway.compliance.enforcement import Guard
from smartflow.gateway.contract import Call
from smartflow.gateway.edge_log import logger
from smartflow.gateway.errors import GatewayError, bad_request
from smartflow.gateway.inference.attempts import attempt, candidates
from smartflow.gateway.inference.checking import checked_chunks
from smartflow.gateway.inference.kinds import CHAT, MESSAGE, Kind, answer_text, prompt_text, seconds_of, usage_tokens
from smartflow.gateway.inference.messages import chat_request, events_from_chunks, from_chat
from smartflow.gateway.inference.stage import stage_of
from smartflow.gateway.metacache.directives import CachePolicy, cache_policy
from smartflow.gateway.metacache.engine import Hit, may_cache
from smartflow.gateway.metacache.prices import cost_usd, media_usd
from smartflow.gateway.metacache.question import Question, ask
from smartflow.gateway.offline import tokens
from smartflow.gateway.offline.errors import OfflineError
from smartflow.gateway.reading import explain
from smartflow.gateway.routing.chains import Chain
from smartflow.gateway.routing.engine import Route, Upstream
from smartflow.gateway.upstream import VIA_HEADER, dialect_errors
from smartflow.providers import table
from smartflow.providers.plans import Plan as ProviderPlan
from smartflow.providers.plans import listing, planned

if TYPE_CHECKING:
    from smartflow.gateway.core import Gateway

T = TypeVar("T")
_ANTHROPIC_HEADERS = ("anthropic-version", "anthropic-beta")
_LISTING_SECONDS = 5.0
_PROVIDER_FAULTS = frozenset({429, 502, 503, 504})
# They tell of a key or a setting, perhaps of the caller's own, and not of how well the provider works.
_NOT_ITS_STATE = frozenset({"provider_refused_key", "provider_misconfigured"})


@dataclass
class Plan:
    """A call whose route and question to the cache are settled."""

    call: Call
    kind: Kind
    request: dict[str, Any]
    route: Route
    policy: CachePolicy
    question: Question
    started: float
    guard: Guard
    chain: Chain | None = None
    routes: list[Route] = field(default_factory=list)
    # The providers' figures have this call's failures already.
    learned: bool = False

    def take(self, route: Route) -> None:
        """Let this route answer, from now on, and say so in the audit log."""
        self.started = self.call.gateway.clock.monotonic()
        if route.upstream is not None:
            route = replace(route, upstream=replace(route.upstream, **_along(self.call, self.kind, route)))
        self.route, audit = route, self.call.audit
        audit.provider = audit.model_provider = route.provider
        audit.model, audit.routing_strategy, audit.routing_reason = route.model, route.strategy, route.reason

    @property
    def translated(self) -> bool:
        """Whether a request in Anthropic's format goes to a provider that has another one."""
        return self.kind is MESSAGE and self.route.provider != "anthropic"

    @property
    def forwarded(self) -> dict[str, Any]:
        """The request as the provider gets it: under its own name of the model."""
        return {**self.request, "model": self.route.model}

    def shown_model(self, answered: str) -> str:
        """The model name of the answer: the provider's, or the caller's own when another model stood in for it."""
        asked = self.route.requested_model
        return answered if asked.endswith(self.route.model) else asked


class InferenceEngine:
    """Plans calls, asks providers, and writes the effects of each call in one transaction."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    async def plan(self, call: Call, kind: Kind, request: dict[str, Any], own: Secret | None = None) -> Plan:
        """Who answers, and under which key an equal answer would be found. The audit record learns what is known so far.

        `own` is a key of the caller's for Anthropic, which goes before the gateway's.
        """
        self._gateway.upstream.check_loop(call.raw_headers)
        guard = self._gateway.enforcement.guard(call)
        call.audit.conversation_stage = stage_of(request)
        request = await guard.request(request, prompt_text(request))
        model = request.get("model") or kind.default_model
        route = self._gateway.routing.choose(
            model, call.now, call.headers.get("x-smartflow-provider"), kind.default_provider, own
        )
        policy = cache_policy(call.headers, request.get("cache"))
        request = {name: value for name, value in request.items() if name != "cache"}
        chain = self._gateway.chains.serving(model, route.provider) if route.strategy == "direct" else None
        # Whichever target answers, it answers the same question.
        who = route.provider if chain is None else f"chain:{chain.name}"
        question = ask(kind.name, call.tenant, who, route.model, request, policy.namespace)
        routes = [route] if chain is None else candidates(self._gateway, chain, route, own)
        plan = Plan(call, kind, request, route, policy, question, self._gateway.clock.monotonic(), guard, chain, routes)
        # A refusal is written down with the target that would have been asked.
        plan.take(routes[0])
        plan.routes = self._gateway.limits.reserve(call, kind.name, routes, request)
        plan.take(plan.routes[0])
        return plan

    def lookup(self, plan: Plan) -> Hit | None:
        """The cached answer of a plan, when the caller allows one."""
        if not plan.kind.cacheable or not plan.policy.read:
            return None
        plan.call.audit.cache_looked_up = True
        plan.call.audit.cache_query = plan.call.audit.request_content or ""
        return self._gateway.cache.find(plan.question, plan.call.now, plan.policy.max_age)

    async def ask(self, plan: Plan) -> dict[str, Any]:
        """The provider's whole answer. A failure is written down before it is raised."""
        return await self.attempt(plan, lambda: self._ask_once(plan))

    async def attempt(self, plan: Plan, once: Callable[[], Awaitable[T]]) -> T:
        """What `once` returns for the plan's route, or along its fallback chain; the last failure is written down and raised."""
        with self.failures(plan):
            return await attempt(self._gateway, plan, once, lambda error: self._learn_failure(plan, error))

    async def _ask_once(self, plan: Plan) -> dict[str, Any]:
        if plan.route.upstream is not None:
            asked = asked_of(plan, plan.route.upstream, plan.request)
            body = await self._gateway.upstream.ask(plan.route.upstream, asked)
            if plan.translated:
                _check_answer(plan, body, CHAT)
                return from_chat(body)
            _check_answer(plan, body, plan.kind)
            return dict(body)
        created = int(plan.call.now.timestamp())
        return plan.kind.offline(plan.forwarded, self._gateway.ids.new(plan.kind.id_prefix), created)

    async def ask_stream(self, plan: Plan) -> AsyncIterator[dict[str, Any]]:
        """The provider's chunks or events, handed over once it has accepted the call."""
        return await self.attempt(plan, lambda: self._stream_once(plan))

    async def _stream_once(self, plan: Plan) -> AsyncIterator[dict[str, Any]]:
        usage = {
            "stream_options": {**(plan.request.get("stream_options") or {}), "include_usage": True},
            "stream": True,
        }
        if plan.route.upstream is None:
            assert plan.kind.offline_stream is not None
            request = {**plan.forwarded, **(usage if plan.kind is CHAT else {})}
            created = int(plan.call.now.timestamp())
            return _paced(plan.kind.offline_stream(request, self._gateway.ids.new(plan.kind.id_prefix), created))
        native = plan.kind is not CHAT and not plan.translated
        request = {**plan.request, "stream": True} if native else {**plan.request, **usage}
        asked = asked_of(plan, plan.route.upstream, request)
        items = self._gateway.upstream.stream(plan.route.upstream, asked)
        await items.__anext__()
        if native:
            return items
        chunks = checked_chunks(items, plan.route.provider)
        return events_from_chunks(chunks) if plan.translated else chunks

    async def upstream_models(self, provider: str) -> list[str]:
        """The models that a really called provider lists, as they are called here; none when it cannot say."""
        if not table.PROVIDERS[provider].offers(table.MODELS):
            return []
        try:
            upstream = self._gateway.routing.upstream(provider)
            if upstream is None:
                return []
            async with asyncio.timeout(_LISTING_SECONDS):
                with dialect_errors(upstream):
                    asked = listing(upstream.target)
                entries = await self._gateway.upstream.ask(upstream, asked)
        except (GatewayError, TimeoutError) as error:
            logger.warning("the models of %s are not listed: %s", provider, getattr(error, "code", "timeout"))
            return []
        return [entry["id"] for entry in entries]

    @contextmanager
    def failures(self, plan: Plan) -> Iterator[None]:
        """Write down what fails inside, in the gateway's terms."""
        try:
            yield
        except OfflineError as error:
            raise bad_request(str(error), error.param) from error
        except GatewayError as error:
            self.record_failure(plan, error)
            raise

    def record_failure(self, plan: Plan, error: GatewayError) -> None:
        """The effects of a failed call: the provider's state and the audit row."""
        with plan.call.effects() as audit:
            audit.status_code, audit.error_code = error.status, error.code
            audit.provider_time_ms = self._took_ms(plan)
            if not plan.learned:
                self._learn_failure(plan, error)

    async def settle(self, plan: Plan, body: dict[str, Any]) -> dict[str, Any]:
        """A provider's answer as the caller may see it, with its effects written; 403 when compliance refuses it."""
        try:
            shown: dict[str, Any] = await plan.guard.answer(body)
        except GatewayError as error:
            self.record_partial(plan, body, error, whole=True)
            raise
        self.record_answer(plan, shown)
        return shown

    async def settle_hit(self, plan: Plan, hit: Hit) -> Hit:
        """A cached answer as the caller may see it, with its effects written; 403 when compliance refuses it."""
        hit = replace(hit, body=await plan.guard.answer(hit.body))
        self.record_hit(plan, hit)
        return hit

    def record_hit(self, plan: Plan, hit: Hit) -> None:
        """The effects of a cache hit."""
        with plan.call.effects() as audit:
            self._gateway.cache.record_hit(hit, plan.call.now)
            audit.cached, audit.cache_tier, audit.tokens_saved = True, hit.tier, hit.tokens_saved
            audit.routing_strategy, audit.routing_reason = "cache", f"cache_hit:tier={hit.tier}"
            audit.model = plan.route.model
            audit.response_content = answer_text(hit.body)

    def record_answer(self, plan: Plan, body: Mapping[str, Any]) -> None:
        """The effects of a provider's answer: cache entry, cache counters, provider state and audit row."""
        used = usage_tokens(body) or _counted(plan, body)
        with plan.call.effects() as audit:
            self._fill(audit, plan, used, str(body.get("model") or plan.route.model))
            audit.response_content = answer_text(body)
            self._learn(plan, ok=True)
            if audit.cache_looked_up:
                self._gateway.cache.record_miss()
            if plan.kind.cacheable and plan.policy.write and may_cache(body) and not plan.guard.changed_answer:
                route = plan.route
                self._gateway.cache.save(
                    plan.question, plan.policy, route.provider, route.model, body, used, plan.call.now
                )

    def record_partial(self, plan: Plan, body: Mapping[str, Any], error: GatewayError, *, whole: bool = False) -> None:
        """The effects of a stream that broke or whose reader left, or of a `whole` answer that is not given: nothing is cached."""
        with plan.call.effects() as audit:
            used = usage_tokens(body) or (0, 0)
            if not whole or used == (0, 0):
                # What a cut stream reports is only its beginning.
                counted = _counted(plan, body)
                used = max(used[0], counted[0]), max(used[1], counted[1])
            self._fill(audit, plan, used, str(body.get("model") or plan.route.model))
            audit.status_code, audit.error_code = error.status, error.code
            audit.response_content = answer_text(body)
            # What was said until then is counted, so its outcome is known.
            self._learn_failure(plan, error, known=used != (0, 0))

    def record_bytes(self, plan: Plan) -> None:
        """The effects of an answer without JSON: audio and subtitles."""
        with plan.call.effects() as audit:
            self._fill(audit, plan, (0, 0), plan.route.model)
            self._learn(plan, ok=True)

    def _fill(self, audit: AuditRecord, plan: Plan, used: tuple[int, int], model: str) -> None:
        audit.prompt_tokens, audit.completion_tokens = used
        audit.model = model
        model = plan.route.model
        audit.cost = cost_usd(model, *used) or media_usd(model, plan.request, seconds_of(plan.call.form))
        audit.provider_time_ms = self._took_ms(plan)

    def _learn(self, plan: Plan, *, ok: bool, error: GatewayError | None = None) -> None:
        self._gateway.routing.record(
            plan.route.provider,
            ok=ok,
            latency_ms=self._took_ms(plan),
            now=plan.call.now,
            error=error.message if error is not None else None,
            rate_limited=error is not None and error.status == 429,
            trips=error is not None and error.code not in _NOT_ITS_STATE,
        )

    def _learn_failure(self, plan: Plan, error: GatewayError, *, known: bool = False) -> None:
        plan.call.unknown_outcomes += error.outcome_unknown and not known
        if error.status in _PROVIDER_FAULTS:
            self._learn(plan, ok=False, error=error)

    def _took_ms(self, plan: Plan) -> int:
        return max(0, round((self._gateway.clock.monotonic() - plan.started) * 1000))


def reply_headers(plan: Plan, hit: Hit | None = None) -> dict[str, str]:
    """The headers of a proxied answer."""
    headers = {"x-smartflow-provider": plan.route.provider, "x-smartflow-latency-ms": str(plan.call.elapsed_ms)}
    if plan.guard.outcome is not None:
        headers["x-smartflow-compliance"] = plan.guard.outcome
    headers["x-smartflow-cost-usd"] = f"{plan.call.audit.cost:.10f}".rstrip("0").rstrip(".")
    if hit is not None:
        return {
            **headers,
            "x-smartflow-cache": "hit",
            "x-smartflow-cache-tier": hit.tier,
            "x-smartflow-cache-phase": hit.phase,
            "x-smartflow-cache-key": hit.key,
        }
    return {**headers, "x-smartflow-cache": "miss" if plan.call.audit.cache_looked_up else "bypass"}


def asked_of(plan: Plan, upstream: Upstream, request: dict[str, Any]) -> ProviderPlan:
    """What is asked of a provider, in its dialect."""
    operation = plan.kind.operation
    if plan.translated:
        operation, request = CHAT.operation, {**request, **chat_request(request, plan.route.model)}
    with dialect_errors(upstream):
        return planned(operation, request, upstream.target, int(plan.call.now.timestamp()))


def _along(call: Call, kind: Kind, route: Route) -> dict[str, Any]:
    """What goes along with a call: the gateways that it has passed, and the versions of Anthropic's own format."""
    native = kind is MESSAGE and route.provider == "anthropic"
    told = {name: call.raw_headers[name] for name in _ANTHROPIC_HEADERS if native and call.raw_headers.get(name)}
    return {"via": call.raw_headers.get(VIA_HEADER, ""), "headers": told}


def _check_answer(plan: Plan, body: dict[str, Any], kind: Kind) -> None:
    """Refuse what the contract does not know before anything is made of it: it comes from outside."""
    if kind.answer_model is None:
        return
    try:
        kind.answer_model.model_validate(body)
    except ValidationError as error:
        param, message = explain(error, body)
        provider = plan.route.provider
        logger.warning("%s: the answer of %s does not fit: %s: %s", plan.call.request_id, provider, param, message)
        what = f"{provider} answered something that does not fit the contract at {param or 'its root'}"
        raise GatewayError(502, None, "provider_error", what, provider=provider, outcome_unknown=True) from None


async def _paced(chunks: Iterator[dict[str, Any]]) -> AsyncIterator[dict[str, Any]]:
    for chunk in chunks:
        yield chunk
        # A local stream never waits by itself; other calls must come to their turn.
        await asyncio.sleep(0)


def _counted(plan: Plan, body: Mapping[str, Any]) -> tuple[int, int]:
    """Tokens counted here, for a provider that reports none."""
    if plan.kind is MESSAGE:
        asked = plan.call.audit.request_content or ""
        return tokens.count_text(asked, plan.route.model), tokens.count_text(answer_text(body), plan.route.model)
    if plan.kind is not CHAT:
        return 0, 0
    messages = plan.request.get("messages") or []
    try:
        prompt = tokens.count_messages(messages, plan.request.get("tools"), plan.route.model)
    except OfflineError:
        prompt = 0
    return prompt, tokens.count_text(answer_text(body), plan.route.model)
