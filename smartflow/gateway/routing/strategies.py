"""In which order the targets of a chain are tried. Pure: chance, turns and what is known of each target come from outside."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

STRATEGIES = ("priority", "latency", "cost", "round_robin", "weighted", "least_connections", "random")


@dataclass(frozen=True)
class ChainTarget:
    """One that may answer. Without a model it is asked for the called one."""

    provider: str
    model: str | None = None
    weight: float = 1.0
    priority: int = 1


@dataclass(frozen=True)
class Candidate:
    """A target with what is known of it now.

    `latency_ms` is None when nothing was measured lately, `price` when no price is known; `failing` says that its last call failed.
    """

    target: ChainTarget
    latency_ms: float | None = None
    failing: bool = False
    price: float | None = None
    running: int = 0


def ordered(
    strategy: str, candidates: Sequence[Candidate], *, turn: int, random: Callable[[], float]
) -> list[Candidate]:
    """The candidates in the order of trial; `turn` counts the calls of the chain, `random` gives numbers from 0 to below 1."""
    found = list(candidates)
    if strategy == "latency":
        # What was not measured lately is tried, so that a target that has recovered is found again.
        return sorted(found, key=lambda each: (each.failing, each.latency_ms or 0.0))
    if strategy == "cost":
        return sorted(found, key=lambda each: (each.price is None, each.price or 0.0))
    if strategy == "least_connections":
        return sorted(found, key=lambda each: each.running)
    if strategy == "round_robin":
        start = turn % len(found) if found else 0
        return found[start:] + found[:start]
    if strategy in ("weighted", "random"):
        return _drawn(found, random, weighted=strategy == "weighted")
    return sorted(found, key=lambda each: each.target.priority)


def _drawn(left: list[Candidate], random: Callable[[], float], *, weighted: bool) -> list[Candidate]:
    """Drawn one after the other without putting back."""
    drawn: list[Candidate] = []
    while left:
        weights = [each.target.weight if weighted else 1.0 for each in left]
        mark, index = random() * sum(weights), 0
        while index < len(left) - 1 and mark >= weights[index]:
            mark -= weights[index]
            index += 1
        drawn.append(left.pop(index))
    return drawn
