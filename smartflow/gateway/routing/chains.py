"""Fallback chains: which targets may answer for a model or a provider, in which order, and which are left out for a while.

A chain of the level `model` answers for calls whose model is its name, one of the level `provider` for calls that would go to the
provider of its name; the model goes first. The order of the targets is that of the strategy. A provider whose last five tries all
failed is left out for 30 seconds, then one call tries it again; when every target is left out, all are asked as if none was.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

from smartflow.gateway.errors import GatewayError, bad_request, not_found
from smartflow.gateway.routing.repo import ChainRepo
from smartflow.providers.table import PREFIXES, PROVIDERS

OPENS_AFTER = 5
OPEN_SECONDS = 30.0
LONGEST_PAUSE_S = 5.0
_NEVER_AGAIN = frozenset({"provider_refused_key", "provider_misconfigured", "provider_loop"})
_PASSING = frozenset({429, 502, 503, 504})


@dataclass(frozen=True)
class ChainTarget:
    """One that may answer. Without a model it is asked for the called one."""

    provider: str
    model: str | None = None
    weight: float = 1.0
    priority: int = 1


@dataclass(frozen=True)
class Chain:
    """A fallback chain."""

    name: str
    targets: tuple[ChainTarget, ...]
    level: str = "model"
    strategy: str = "priority"
    max_retries: int = 1
    backoff_ms: int = 200

    def as_dict(self) -> dict[str, Any]:
        """The chain in the contract's shape."""
        targets = [{key: value for key, value in asdict(each).items() if value is not None} for each in self.targets]
        return {**asdict(self), "targets": targets}


class Breaker:
    """Whether a provider is asked: not for a while after it failed several times in a row."""

    def __init__(self) -> None:
        self._failures = 0
        self._open_until = 0.0

    def closed(self, now: float) -> bool:
        """Whether a call may try the provider. After the pause the first caller that asks may, and no other until it is known."""
        if self._failures < OPENS_AFTER:
            return True
        if now < self._open_until:
            return False
        self._open_until = now + OPEN_SECONDS
        return True

    def record(self, now: float, *, ok: bool) -> None:
        """Learn from one try."""
        self._failures = 0 if ok else self._failures + 1
        if self._failures >= OPENS_AFTER:
            self._open_until = now + OPEN_SECONDS


class ChainEngine:
    """Keeps chains and puts their targets in order. `random` gives numbers from 0 to below 1."""

    def __init__(self, repo: ChainRepo, random: Callable[[], float]) -> None:
        self._repo = repo
        self.random = random
        self._turns: Counter[str] = Counter()
        self._busy: Counter[str] = Counter()
        self._breakers: dict[str, Breaker] = {}

    def all(self) -> list[Chain]:
        """Every chain, ordered by name."""
        return [_chain(row["name"], row["definition"]) for row in self._repo.all()]

    def get(self, name: str) -> Chain:
        """One chain; 404 when there is none of that name."""
        found = self._repo.definition(name)
        if found is None:
            raise not_found(f"there is no fallback chain {name}")
        return _chain(name, found)

    def create(self, name: str, definition: Mapping[str, Any]) -> Chain:
        """Make a chain, inside the current transaction; 400 when the name is in use."""
        if self._repo.definition(name) is not None:
            raise bad_request(f"there is a fallback chain {name} already: change it, or choose another name", "name")
        return self._save(name, definition)

    def update(self, name: str, definition: Mapping[str, Any]) -> Chain:
        """Put a chain in the place of one, inside the current transaction."""
        self.get(name)
        return self._save(name, definition)

    def delete(self, name: str) -> None:
        """Remove a chain, inside the current transaction."""
        self.get(name)
        self._repo.delete(name)

    def _save(self, name: str, definition: Mapping[str, Any]) -> Chain:
        chain = _chain(name, definition)
        for index, target in enumerate(chain.targets):
            if target.provider not in PROVIDERS:
                known = ", ".join(PROVIDERS)
                raise bad_request(
                    f"unknown provider; known are {known}", f"targets.{index}.provider", "unknown_provider"
                )
        if chain.level == "provider" and chain.name not in PROVIDERS:
            raise bad_request("a chain of the level provider has the name of a provider", "name", "unknown_provider")
        self._repo.save(name, chain.as_dict())
        self._turns.pop(name, None)
        return chain

    def serving(self, model: str, provider: str) -> Chain | None:
        """The chain that answers for a call to this model, which would go to this provider."""
        for name, level in ((model, "model"), (provider, "provider")):
            found = self._repo.definition(name)
            if found is not None and found["level"] == level:
                return _chain(name, found)
        return None

    def ordered(
        self, chain: Chain, latency: Callable[[str], float], price: Callable[[ChainTarget], float]
    ) -> list[ChainTarget]:
        """The targets in the order in which this call asks them; `latency` and `price` are what is known of each."""
        targets = list(chain.targets)
        if chain.strategy == "round_robin":
            turn = self._turns[chain.name] % len(targets)
            self._turns[chain.name] += 1
            return targets[turn:] + targets[:turn]
        if chain.strategy in ("random", "weighted"):
            return self._drawn(targets, weighted=chain.strategy == "weighted")
        keys: dict[str, Callable[[ChainTarget], float]] = {
            "latency": lambda target: latency(target.provider),
            "cost": price,
            "least_connections": lambda target: self._busy[target.provider],
        }
        return sorted(targets, key=keys.get(chain.strategy, lambda target: target.priority))

    def _drawn(self, targets: Sequence[ChainTarget], *, weighted: bool) -> list[ChainTarget]:
        left, drawn = list(targets), []
        while left:
            weights = [target.weight if weighted else 1.0 for target in left]
            mark = self.random() * sum(weights)
            at = 0
            while at < len(left) - 1 and mark >= weights[at]:
                mark -= weights[at]
                at += 1
            drawn.append(left.pop(at))
        return drawn

    @contextmanager
    def busy(self, provider: str) -> Iterator[None]:
        """Count a call that is under way."""
        self._busy[provider] += 1
        try:
            yield
        finally:
            self._busy[provider] -= 1

    def may_try(self, provider: str, now: float) -> bool:
        """Whether the provider is not left out."""
        breaker = self._breakers.get(provider)
        return breaker is None or breaker.closed(now)

    def record(self, provider: str, now: float, *, ok: bool) -> None:
        """Learn from one try."""
        self._breakers.setdefault(provider, Breaker()).record(now, ok=ok)

    def pause(self, chain: Chain, error: GatewayError, tries: int) -> float | None:
        """Seconds to wait before the same target is asked again, or None when the next one is to be asked at once."""
        if not passing(error) or tries > chain.max_retries:
            return None
        wanted = float(error.extras.get("retry_after") or 0)
        if wanted > LONGEST_PAUSE_S:
            return None
        growing: float = chain.backoff_ms / 1000 * 2 ** (tries - 1) * (0.5 + self.random() / 2)
        return min(max(wanted, growing), LONGEST_PAUSE_S)


def passing(error: GatewayError) -> bool:
    """Whether a failure may be over in a moment: a limit, an overload, a provider that cannot be reached."""
    return error.status in _PASSING and error.code not in _NEVER_AGAIN


def _chain(name: str, definition: Mapping[str, Any]) -> Chain:
    given = {key: value for key, value in definition.items() if key != "name" and value is not None}
    targets = tuple(
        ChainTarget(**{**each, "provider": PREFIXES.get(each["provider"], each["provider"])})
        for each in given.pop("targets")
    )
    return Chain(name, targets, **given)
