"""MetaCache, as a user sees it: in the answer, in the statistics, and in the log."""

from __future__ import annotations

from typing import Callable

import pytest

from smartflow import SmartflowClient

from .looking import row_of

pytestmark = pytest.mark.asyncio


async def test_the_same_call_again_is_answered_from_the_cache(
    sf: SmartflowClient, unique: Callable[[str], str]
) -> None:
    messages = [{"role": "user", "content": unique("Explain Docker containers")}]
    first = await sf.chat_completions(messages)
    second = await sf.chat_completions(messages)
    assert (first.cached, first.cache_hit_type) == (False, None)
    assert (second.cached, second.cache_hit_type) == (True, "exact")
    assert second.content == first.content
    assert second.provider == first.provider == "openai"
    assert second.tokens_saved == first.usage.total_tokens
    assert second.cost_saved_cents > 0
    assert second.headers["x-smartflow-cache"] == "hit"


async def test_a_different_parameter_is_a_different_call(sf: SmartflowClient, unique: Callable[[str], str]) -> None:
    messages = [{"role": "user", "content": unique("Hello")}]
    await sf.chat_completions(messages, temperature=0.1)
    other = await sf.chat_completions(messages, temperature=0.2)
    assert other.cached is False


async def test_cache_statistics_count_hits_misses_and_savings(
    sf: SmartflowClient, unique: Callable[[str], str]
) -> None:
    messages = [{"role": "user", "content": unique("Hello " * 2000)}]
    before = await sf.get_cache_stats()
    first = await sf.chat_completions(messages)
    await sf.chat_completions(messages)
    after = await sf.get_cache_stats()
    assert after.misses == before.misses + 1
    assert after.hits == before.hits + 1
    assert after.hit_rate == pytest.approx(after.hits / (after.hits + after.misses))
    assert after.l1_hits + after.l2_hits + after.l3_hits == after.hits
    assert after.l3_hits + after.l1_hits == before.l3_hits + before.l1_hits + 1
    assert after.l2_hits == before.l2_hits
    assert after.tokens_saved == before.tokens_saved + first.usage.total_tokens
    assert after.cost_saved_cents >= before.cost_saved_cents
    assert isinstance(after.cost_saved_cents, int)
    assert after.entries == before.entries + 1
    assert after.exact_matches == before.exact_matches + 1
    assert after.semantic_matches == before.semantic_matches
    assert after.request_id


async def test_a_cache_hit_is_logged_as_one(sf: SmartflowClient, unique: Callable[[str], str]) -> None:
    prompt = unique("Hello")
    first = await sf.chat_completions([{"role": "user", "content": prompt}])
    second = await sf.chat_completions([{"role": "user", "content": prompt}])
    bought, saved = await row_of(sf, first.request_id), await row_of(sf, second.request_id)
    assert bought.metacache.hit is False
    assert bought.cached is False
    assert bought.routing_strategy == "direct"
    assert bought.cost > 0
    assert saved.metacache.hit is True
    assert saved.metacache.query == prompt
    assert saved.metacache.tokens_saved == first.usage.total_tokens
    assert saved.cached is True
    assert saved.latency_ms == 5
    assert saved.cost == 0
    assert saved.tokens_used == 0
    assert saved.routing_strategy == "cache"
    assert saved.routing_reason is not None
    assert saved.routing_reason.startswith("cache_hit:tier=L")


async def test_a_call_may_ask_for_a_fresh_answer(sf: SmartflowClient, unique: Callable[[str], str]) -> None:
    messages = [{"role": "user", "content": unique("Hello")}]
    await sf.chat_completions(messages)
    fresh = await sf.with_options(headers={"Cache-Control": "no-cache"}).chat_completions(messages)
    assert fresh.cached is False
