"""Fallback chains without a network: the order of each strategy, the pauses, and who is left out for a while."""

from __future__ import annotations

import itertools
from collections import Counter
from typing import Any

import pytest

from smartflow.gateway.errors import GatewayError
from smartflow.gateway.routing.chains import OPEN_SECONDS, OPENS_AFTER, Breaker, Chain, ChainEngine, ChainTarget
from smartflow.gateway.routing.repo import ChainRepo
from smartflow.gateway.store import Store

NAMES = ("openai", "anthropic", "groq")
TARGETS = tuple(ChainTarget(name) for name in NAMES)


@pytest.fixture
def store():
    opened = Store(None)
    yield opened
    opened.close()


def engine(store: Store, numbers: Any = (0.0,)) -> ChainEngine:
    drawn = itertools.cycle(numbers)
    return ChainEngine(ChainRepo(store), lambda: next(drawn))


def order(chains: ChainEngine, chain: Chain, latency: Any = None, price: Any = None) -> list[str]:
    known = latency or dict.fromkeys(NAMES, 0.0)
    costs = price or dict.fromkeys(NAMES, 0.0)
    found = chains.ordered(chain, lambda name: known[name], lambda target: costs[target.provider])
    return [target.provider for target in found]


def test_priority_asks_the_lowest_number_first(store):
    targets = (ChainTarget("openai", priority=3), ChainTarget("groq", priority=1), ChainTarget("anthropic", priority=2))
    assert order(engine(store), Chain("c", targets)) == ["groq", "anthropic", "openai"]


def test_round_robin_takes_turns(store):
    chains, chain = engine(store), Chain("c", TARGETS, strategy="round_robin")
    assert [order(chains, chain)[0] for _ in range(4)] == ["openai", "anthropic", "groq", "openai"]
    assert order(chains, chain) == ["anthropic", "groq", "openai"]


def test_latency_and_cost_ask_the_least_first(store):
    known = {"openai": 30.0, "anthropic": 10.0, "groq": 20.0}
    for strategy, facts in (("latency", {"latency": known}), ("cost", {"price": known})):
        assert order(engine(store), Chain("c", TARGETS, strategy=strategy), **facts) == ["anthropic", "groq", "openai"]


def test_least_connections_spares_the_busy(store):
    chains, chain = engine(store), Chain("c", TARGETS, strategy="least_connections")
    with chains.busy("openai"), chains.busy("openai"), chains.busy("anthropic"):
        assert order(chains, chain) == ["groq", "anthropic", "openai"]
    assert order(chains, chain) == list(NAMES)


def test_weights_are_shares(store):
    targets = (ChainTarget("openai", weight=8), ChainTarget("anthropic", weight=1), ChainTarget("groq", weight=1))
    numbers = [index / 100 for index in range(100)]
    first: Counter[str] = Counter()
    for number in numbers:
        first[order(engine(store, [number]), Chain("c", targets, strategy="weighted"))[0]] += 1
    assert first == {"openai": 80, "anthropic": 10, "groq": 10}


def test_random_asks_everybody_once(store):
    chains = engine(store, [0.1, 0.9, 0.5, 0.7, 0.3])
    seen = {tuple(order(chains, Chain("c", TARGETS, strategy="random"))) for _ in range(20)}
    assert len(seen) > 2
    assert all(sorted(each) == sorted(NAMES) for each in seen)


def test_a_breaker_opens_after_failures_in_a_row_and_lets_one_call_try_later():
    breaker = Breaker()
    for _ in range(OPENS_AFTER - 1):
        breaker.record(0.0, ok=False)
    breaker.record(0.0, ok=True)
    for at in range(OPENS_AFTER):
        assert breaker.closed(float(at))
        breaker.record(0.0, ok=False)
    assert not breaker.closed(OPEN_SECONDS - 1)
    assert breaker.closed(OPEN_SECONDS + 1)
    assert not breaker.closed(OPEN_SECONDS + 2)
    breaker.record(OPEN_SECONDS + 3, ok=True)
    assert breaker.closed(OPEN_SECONDS + 3)


@pytest.mark.parametrize(
    ("status", "code", "retry_after", "tries", "pause"),
    [
        (502, "provider_error", None, 1, 0.1), (502, "provider_error", None, 2, 0.2), (502, "provider_error", None, 3, None),
        (429, "provider_rate_limited", 2, 1, 2.0), (429, "provider_rate_limited", 60, 1, None), (503, "provider_unavailable", None, 1, 0.1),
        (502, "provider_refused_key", None, 1, None), (400, "provider_rejected_request", None, 1, None),
    ],
)  # fmt: skip
def test_only_what_may_pass_is_asked_again(store, status, code, retry_after, tries, pause):
    chain = Chain("c", TARGETS, max_retries=2, backoff_ms=200)
    error = GatewayError(status, None, code, "m", retry_after=retry_after)
    assert engine(store).pause(chain, error, tries) == pause


def test_the_model_goes_before_the_provider(store):
    chains = engine(store)
    chains.create("openai", {"level": "provider", "targets": [{"provider": "groq"}]})
    assert (found := chains.serving("gpt-4o", "openai")) and found.name == "openai"
    chains.create("gpt-4o", {"targets": [{"provider": "anthropic"}]})
    assert (found := chains.serving("gpt-4o", "openai")) and found.name == "gpt-4o"
    assert chains.serving("gpt-4o-mini", "anthropic") is None
