"""What a key may still use. A call reserves the most it may cost before the provider is asked, and settles what it did cost."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from smartflow.gateway.clock import iso
from smartflow.gateway.errors import GatewayError
from smartflow.gateway.inference.kinds import prompt_text, seconds_of
from smartflow.gateway.keys.record import ACTIVE, VirtualKey, dollars, nano, period_end, period_start
from smartflow.gateway.keys.repo import KeysRepo
from smartflow.gateway.metacache.prices import cost_usd, has_price, media_usd

if TYPE_CHECKING:
    from smartflow.gateway.contract import Call

OUTPUT_TOKENS = 4096
"""The completion tokens that a call is reserved for when it names no maximum."""
IMAGE_TOKENS = 1500
_BYTES_PER_TOKEN = 3
"""Few texts have fewer bytes for a token, so that a reservation is seldom too small."""
_MOST_TOKENS = 10_000_000
_SPEAKING = frozenset({"chat", "message"})
_OWN_MACHINES = frozenset({"ollama", "local"})
_HUNG_UP = 499
_MINUTE = 60


class Target(Protocol):
    """A model at a provider that may answer a call."""

    @property
    def provider(self) -> str: ...

    @property
    def model(self) -> str: ...


T = TypeVar("T", bound=Target)


@dataclass
class Reservation:
    """What was reserved for one call, and what stands in the books for it now."""

    key_id: str
    day: str
    minute: int
    reserved: int
    billionths: int
    tokens: int


class Limits:
    """Checks and counts in one transaction, so that calls at the same moment never pass on the same dollar."""

    def __init__(self, repo: KeysRepo) -> None:
        self._repo = repo

    def reserve(self, call: Call, kind: str, targets: list[T], request: Mapping[str, Any]) -> list[T]:
        """Take what a call may need out of its key's limits, and return the targets that it may use; 403 or 429 when there are none.

        The dearest target is reserved for. `settle` puts the real cost in its place. A call without a virtual key has no limits.
        """
        key = call.caller.key
        if key is None:
            return targets
        prompt, output = _tokens(kind, request, prompt_text(request))
        seconds = seconds_of(call.form)
        with self._repo.transaction():
            # Read again: it may have been revoked, or its limits changed, while the body came in.
            key = self._repo.by_id(key.key_id)
            if key is None or key.status(iso(call.now)) != ACTIVE:
                raise GatewayError(401, None, "revoked_api_key", "the API key was revoked: ask for a new one")
            allowed = _allowed(key, targets)
            prices = [
                (nano(_most_usd(target.model, prompt, output, request, seconds)), target.model) for target in allowed
            ]
            price, model = max(prices)
            minute = int(call.now.timestamp()) // _MINUTE
            requests, used = self._repo.minute(key.key_id, minute)
            tokens = _check_minute(key, call.now, requests, used, prompt, output)
            self._check_budget(key, call.now, price, model, named=output is not None)
            day = call.now.astimezone(UTC).date().isoformat()
            self._repo.forget_minutes(key.key_id, minute - 1)
            self._repo.add_used(key.key_id, minute, 1, tokens)
            self._repo.add_spent(key.key_id, day, price)
        call.reservation = Reservation(key.key_id, day, minute, price, price, tokens)
        return allowed

    def settle(self, call: Call) -> None:
        """Put what the call did use in place of its reservation, inside the transaction of its audit row.

        Each time that a provider was asked, and nobody knows whether it will want to be paid, counts with the whole reservation.
        """
        held, audit = call.reservation, call.audit
        if held is None:
            return
        price = 0 if audit.cached else nano(audit.cost)
        tokens = 0 if audit.cached else audit.tokens_used
        # Who hangs up before anything was said leaves a provider at work.
        unknown = call.unknown_outcomes + (audit.status_code == _HUNG_UP and not tokens)
        price += unknown * held.reserved
        tokens = held.tokens if unknown and not tokens else tokens
        self._repo.add_spent(held.key_id, held.day, price - held.billionths)
        self._repo.add_used(held.key_id, held.minute, 0, tokens - held.tokens)
        held.billionths, held.tokens = price, tokens

    def _check_budget(self, key: VirtualKey, now: datetime, price: int, model: str, *, named: bool) -> None:
        if key.budget_nano is None:
            return
        spent = self._repo.spent(key.key_id, period_start(key.budget_period, now))
        left = key.budget_nano - spent
        if price <= left and left > 0:
            return
        end = period_end(key.budget_period, now)
        cure = "raise the budget" if end is None else f"raise the budget, or wait until {iso(end)}"
        if left > 0:
            smaller = "a smaller max_tokens" if named else "a max_tokens (without one, 4096 are assumed)"
            cure = f"give the call {smaller}, or {cure}"
        message = (
            f"the {key.budget_period} budget of {_usd(key.budget_nano)} has {_usd(max(0, left))} left, "
            f"and this call to {model} may cost up to {_usd(price)}: {cure}"
        )
        raise GatewayError(
            429,
            "budget_exceeded",
            "budget_exceeded",
            message,
            headers=_budget_headers(key, spent, end),
            retry_after=None if end is None else max(1, math.ceil((end - now).total_seconds())),
        )


def _allowed(key: VirtualKey, targets: Sequence[T]) -> list[T]:
    """The targets that the key may call; the refusal of the first one when it may call none."""
    allowed, refusals = [], []
    for target in targets:
        try:
            _check_model(key, target.provider, target.model)
        except GatewayError as error:
            refusals.append(error)
        else:
            allowed.append(target)
    if not allowed:
        raise refusals[0]
    return allowed


def _check_model(key: VirtualKey, provider: str, model: str) -> None:
    if not key.may_call(provider, model):
        raise GatewayError(
            403,
            None,
            "model_not_allowed",
            f"this key may not call {model} at {provider}: ask an admin to add it to its allowed_models",
            param="model",
        )
    if key.budget_nano is not None and provider not in _OWN_MACHINES and not has_price(model):
        # A call that is counted as free would never use up a budget.
        raise GatewayError(
            403,
            None,
            "price_unknown",
            f"the price of {model} is not known, so a key with a budget may not call it: use a key without one",
            param="model",
        )


def _check_minute(key: VirtualKey, now: datetime, requests: int, used: int, prompt: int, output: int | None) -> int:
    """The tokens to reserve in this minute; 429 when they, or one more request, are too many."""
    wait = _MINUTE - int(now.timestamp()) % _MINUTE
    if key.rpm_limit is not None and requests >= key.rpm_limit:
        headers = _limit_headers("requests", key.rpm_limit, key.rpm_limit - requests, wait)
        raise _rate_limited(f"rate limit of {key.rpm_limit} requests a minute reached", headers, wait)
    if key.tpm_limit is None:
        return prompt + _assumed(output)
    left = key.tpm_limit - used
    # A call that names no maximum takes what is left, so that a small limit does not shut it out for ever.
    tokens = prompt + (output if output is not None else max(1, min(OUTPUT_TOKENS, left - prompt)))
    if tokens <= left:
        return tokens
    headers = _limit_headers("tokens", key.tpm_limit, left, wait)
    what = f"rate limit of {key.tpm_limit} tokens a minute: {max(0, left)} are left, and this call may use {tokens}"
    fits = tokens <= key.tpm_limit
    raise _rate_limited(
        what if fits else f"{what}, which no minute has: make it smaller", headers, wait if fits else None
    )


def _rate_limited(message: str, headers: dict[str, str], wait: int | None) -> GatewayError:
    return GatewayError(429, None, "rate_limited", message, headers=headers, retry_after=wait)


def _limit_headers(what: str, limit: int, left: int, wait: int) -> dict[str, str]:
    values = {"limit": limit, "remaining": max(0, left), "reset": wait}
    return {f"x-ratelimit-{name}-{what}": str(value) for name, value in values.items()}


def _budget_headers(key: VirtualKey, spent: int, end: datetime | None) -> dict[str, str]:
    budget = key.budget_nano or 0
    amounts = {"limit": budget, "spent": spent, "remaining": max(0, budget - spent)}
    headers = {f"x-smartflow-budget-{name}": _plain(amount) for name, amount in amounts.items()}
    return {**headers, **({"x-smartflow-budget-reset": iso(end)} if end is not None else {})}


def _plain(billionths: int) -> str:
    return f"{dollars(billionths):.9f}".rstrip("0").rstrip(".")


def _usd(billionths: int) -> str:
    return f"${_plain(billionths)}"


def _most_usd(model: str, prompt: int, output: int | None, request: Mapping[str, Any], seconds: float) -> float:
    return max(cost_usd(model, prompt, _assumed(output)), media_usd(model, request, seconds))


def _assumed(output: int | None) -> int:
    return OUTPUT_TOKENS if output is None else output


def _tokens(kind: str, request: Mapping[str, Any], prompt: str) -> tuple[int, int | None]:
    """The most prompt tokens, and the most completion tokens (None when the call names no maximum)."""
    tools = json.dumps([request.get(name) for name in ("tools", "functions", "response_format") if request.get(name)])
    size = len(prompt.encode("utf-8", "surrogatepass")) + len(tools)
    messages = request.get("messages") if isinstance(request.get("messages"), list) else []
    prompt_tokens = math.ceil(size / _BYTES_PER_TOKEN) + 8 * (1 + len(messages or ())) + IMAGE_TOKENS * _media(messages)
    if kind not in _SPEAKING:
        return prompt_tokens, 0
    named = request.get("max_completion_tokens") or request.get("max_tokens")
    choices = request.get("n") or 1
    if named is None and choices == 1:
        return prompt_tokens, None
    return prompt_tokens, min(_MOST_TOKENS, int(named or OUTPUT_TOKENS) * int(choices))


def _media(messages: Any) -> int:
    """How many pictures, sounds and files the messages hold."""
    parts = (message.get("content") for message in messages or () if isinstance(message, dict))
    listed = (part for content in parts if isinstance(content, list) for part in content if isinstance(part, dict))
    return sum(part.get("type") not in ("text", "tool_use", "tool_result", "refusal", "thinking") for part in listed)
