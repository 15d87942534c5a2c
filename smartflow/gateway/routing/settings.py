"""What the operator may set about routing."""

from __future__ import annotations

import argparse
from dataclasses import dataclass

from smartflow.gateway.routing.chains import CONFIGURED, Chain
from smartflow.gateway.routing.strategies import STRATEGIES, ChainTarget
from smartflow.providers import table

DIRECT = "direct"


@dataclass(frozen=True)
class RoutingSettings:
    """The strategy for model names without a prefix that no chain has, its targets, and the circuit breaker.

    `max_retries` holds for the targets; a call to the one provider that its model or the caller names is never repeated here, because
    its caller has retries of its own.
    """

    strategy: str = DIRECT
    targets: tuple[ChainTarget, ...] = ()
    max_retries: int = 1
    backoff_ms: int = 200
    circuit_failures: int = 5
    circuit_seconds: float = 30.0

    def __post_init__(self) -> None:
        if self.strategy not in (DIRECT, *STRATEGIES):
            raise ValueError(f"--routing-strategy must be {DIRECT} or one of {', '.join(STRATEGIES)}")
        if (self.strategy == DIRECT) != (not self.targets):
            raise ValueError("--routing-strategy and --routing-targets belong together: give both, or neither")
        if not 0 <= self.max_retries <= 5:
            raise ValueError(f"--routing-max-retries must be from 0 to 5, not {self.max_retries}")
        if not 0 <= self.backoff_ms <= 10_000:
            raise ValueError(f"--routing-backoff-ms must be from 0 to 10000, not {self.backoff_ms}")
        if self.circuit_failures < 1:
            raise ValueError(f"--circuit-failures must be at least 1, not {self.circuit_failures}")
        if not 0 < self.circuit_seconds <= 86_400:
            raise ValueError(f"--circuit-seconds must be above 0 and at most 86400, not {self.circuit_seconds}")

    def chain(self) -> Chain | None:
        """The chain that the strategy and its targets make, or None."""
        if self.strategy == DIRECT:
            return None
        return Chain(
            CONFIGURED,
            self.targets,
            strategy=self.strategy,
            max_retries=self.max_retries,
            backoff_ms=self.backoff_ms,
        )


def add_routing_options(parser: argparse.ArgumentParser) -> None:
    """Declare the routing options of `smartflow serve`."""
    default = RoutingSettings()
    group = parser.add_argument_group("routing")
    group.add_argument("--routing-strategy", choices=(DIRECT, *STRATEGIES), default=default.strategy,
                       help="who answers for a model name without a prefix and without a fallback chain (default: %(default)s)")  # fmt: skip
    group.add_argument("--routing-targets", default="", metavar="TARGETS",
                       help="the targets of the strategy, separated by commas: PROVIDER, PROVIDER/MODEL, or either with =WEIGHT")  # fmt: skip
    group.add_argument("--routing-max-retries", type=int, default=default.max_retries, metavar="N",
                       help="how often one target is asked again after 429 or 5xx (default: %(default)s)")  # fmt: skip
    group.add_argument("--routing-backoff-ms", type=int, default=default.backoff_ms, metavar="MS",
                       help="the longest pause before the first repetition; it doubles each time (default: %(default)s)")  # fmt: skip
    group.add_argument("--circuit-failures", type=int, default=default.circuit_failures, metavar="N",
                       help="failures in a row after which chains leave a provider out (default: %(default)s)")  # fmt: skip
    group.add_argument("--circuit-seconds", type=float, default=default.circuit_seconds, metavar="SECONDS",
                       help="how long they do, before one call tries again (default: %(default)s)")  # fmt: skip


def read_routing_options(given: argparse.Namespace) -> RoutingSettings:
    """The settings of a command line; ValueError names what cannot be used."""
    texts = [text.strip() for text in given.routing_targets.split(",") if text.strip()]
    return RoutingSettings(
        strategy=given.routing_strategy,
        targets=tuple(_target(text, place) for place, text in enumerate(texts)),
        max_retries=given.routing_max_retries,
        backoff_ms=given.routing_backoff_ms,
        circuit_failures=given.circuit_failures,
        circuit_seconds=given.circuit_seconds,
    )


def _target(text: str, place: int) -> ChainTarget:
    name, _, weight = text.partition("=")
    prefix, _, model = name.partition("/")
    provider = table.PREFIXES.get(prefix)
    if provider is None:
        raise ValueError(f"--routing-targets: {prefix!r} is no known provider; known are {', '.join(table.PROVIDERS)}")
    try:
        share = float(weight) if weight else 1.0
    except ValueError:
        share = 0.0
    if not 0 < share <= 1000:
        raise ValueError(f"--routing-targets: the weight of {name} must be above 0 and at most 1000, not {weight!r}")
    return ChainTarget(provider, model or None, share, place + 1)
