"""Fallback chains: which targets may answer for a model or a provider, in which order, and which are left out for a while.

A chain of the level `model` answers for calls whose model is its name, one of the level `provider` for calls that would go to the
provider of its name; the model goes first, and the strategy of the configuration serves model names without a prefix that no chain has.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from smartflow.gateway.errors import bad_request, not_found
from smartflow.gateway.routing.repo import ChainRepo
from smartflow.gateway.routing.strategies import Candidate, ChainTarget, ordered
from smartflow.providers.table import PREFIXES, PROVIDERS, split_prefix

CONFIGURED = "(configured)"
"""The name of the chain that the configuration makes; no other chain can have it."""


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


class ChainEngine:
    """Keeps chains and puts their targets in order. `random` gives numbers from 0 to below 1, `configured` is the configuration's chain."""

    def __init__(self, repo: ChainRepo, random: Callable[[], float], configured: Chain | None = None) -> None:
        self._repo = repo
        self.random = random
        self.configured = configured
        self._turns: Counter[str] = Counter()

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
        return self.configured if split_prefix(model)[0] is None else None

    def ordered(
        self, chain: Chain, known: Callable[[ChainTarget], Candidate], *, next_turn: bool = True
    ) -> list[ChainTarget]:
        """The targets in the order in which this call asks them; `known` tells what is known of each."""
        found = [known(target) for target in chain.targets]
        order = ordered(chain.strategy, found, turn=self._turns[chain.name], random=self.random)
        self._turns[chain.name] += next_turn
        return [each.target for each in order]


def _chain(name: str, definition: Mapping[str, Any]) -> Chain:
    given = {key: value for key, value in definition.items() if key != "name" and value is not None}
    targets = tuple(
        ChainTarget(**{**each, "provider": PREFIXES.get(each["provider"], each["provider"])})
        for each in given.pop("targets")
    )
    return Chain(name, targets, **given)
