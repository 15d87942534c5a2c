"""Fallback chains without a network: turns, pauses, and which chain serves a call."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from smartflow.gateway.errors import GatewayError
from smartflow.gateway.routing.attempts import MAX_WAIT_SECONDS, pause, told
from smartflow.gateway.routing.chains import Chain, ChainEngine
from smartflow.gateway.routing.repo import ChainRepo
from smartflow.gateway.routing.strategies import Candidate, ChainTarget
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


def order(chains: ChainEngine, chain: Chain, **options: Any) -> list[str]:
    return [target.provider for target in chains.ordered(chain, Candidate, **options)]


def test_each_call_takes_the_next_turn_and_a_question_takes_none(store):
    chains, chain = engine(store), Chain("c", TARGETS, strategy="round_robin")
    assert [order(chains, chain)[0] for _ in range(4)] == ["openai", "anthropic", "groq", "openai"]
    assert [order(chains, chain, next_turn=False)[0] for _ in range(2)] == ["anthropic", "anthropic"]


def test_a_changed_chain_begins_its_turns_anew(store):
    chains = engine(store)
    made = chains.create("c", {"strategy": "round_robin", "targets": [{"provider": name} for name in NAMES]})
    assert order(chains, made)[0] == "openai"
    changed = chains.update("c", {"strategy": "round_robin", "targets": [{"provider": name} for name in NAMES]})
    assert order(chains, changed)[0] == "openai"


@pytest.mark.parametrize(
    ("repeat_after", "retries", "seconds"),
    [(0.0, 0, 0.1), (0.0, 1, 0.2), (0.0, 2, None), (2.0, 0, 2.0), (MAX_WAIT_SECONDS, 0, MAX_WAIT_SECONDS), (60.0, 0, None), (None, 0, None)],
)  # fmt: skip
def test_a_target_is_asked_again_after_its_own_pause_or_a_growing_one(repeat_after, retries, seconds):
    chain = Chain("c", TARGETS, max_retries=2, backoff_ms=200)
    error = GatewayError(502, None, "provider_error", "m", repeat_after=repeat_after)
    assert pause(chain, error, retries, lambda: 0.5) == seconds


def test_a_growing_pause_has_a_bound():
    chain = Chain("c", TARGETS, max_retries=5, backoff_ms=10_000)
    error = GatewayError(502, None, "provider_error", "m", repeat_after=0.0)
    assert (pause(chain, error, 4, lambda: 0.999) or 0) < 8.0


def failure(status: int) -> GatewayError:
    return GatewayError(status, None, "code", "m")


def test_the_caller_hears_what_may_pass_before_what_is_wrong_with_the_request():
    refused, gone, busy = failure(400), failure(503), failure(429)
    assert told([refused, gone, busy]) is busy
    assert told([gone, refused]) is gone
    assert told([refused, failure(400)]) is refused


def test_the_configured_chain_serves_what_has_no_chain_and_no_prefix(store):
    chains = ChainEngine(ChainRepo(store), lambda: 0.0, Chain("(configured)", TARGETS))
    chains.create("gpt-4o", {"targets": [{"provider": "anthropic"}]})
    names = [
        (found.name if (found := chains.serving(model, "openai")) else None) for model in ("gpt-4o", "x", "groq/x")
    ]
    assert names == ["gpt-4o", "(configured)", None]


def test_the_model_goes_before_the_provider(store):
    chains = engine(store)
    chains.create("openai", {"level": "provider", "targets": [{"provider": "groq"}]})
    assert (found := chains.serving("gpt-4o", "openai")) and found.name == "openai"
    chains.create("gpt-4o", {"targets": [{"provider": "anthropic"}]})
    assert (found := chains.serving("gpt-4o", "openai")) and found.name == "gpt-4o"
    assert chains.serving("gpt-4o-mini", "anthropic") is None
