"""What makes two requests equal, what may be kept, and what a hit saves."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from smartflow.gateway.metacache import engine as module
from smartflow.gateway.metacache.engine import CacheEngine, CachePolicy, cache_key, cache_policy, may_cache
from smartflow.gateway.metacache.prices import cost_usd
from smartflow.gateway.metacache.repo import CacheRepo
from smartflow.gateway.store import Store

NOW = datetime(2026, 2, 19, tzinfo=UTC)


@pytest.fixture
def cache():
    store = Store(None)
    yield CacheEngine(CacheRepo(store))
    store.close()


def save(cache, key, now=NOW, body=None):
    cache.save(key, "chat", "openai", "gpt-4o", body or {"k": key}, (10, 20), now)


def test_the_order_of_members_does_not_matter():
    assert cache_key("chat", "", "p", "m", {"a": 1, "b": {"c": 1, "d": 2}}) == cache_key(
        "chat", "", "p", "m", {"b": {"d": 2, "c": 1}, "a": 1}
    )


def test_how_an_answer_travels_does_not_matter():
    plain, streamed = {"a": 1}, {"a": 1, "stream": True, "stream_options": {"include_usage": True}}
    assert cache_key("chat", "", "p", "m", plain) == cache_key("chat", "", "p", "m", streamed)


@pytest.mark.parametrize(
    "other",
    [
        ("message", "", "p", "m", {"a": 1}), ("chat", "t", "p", "m", {"a": 1}), ("chat", "", "q", "m", {"a": 1}),
        ("chat", "", "p", "n", {"a": 1}), ("chat", "", "p", "m", {"a": 2}), ("chat", "", "p", "m", {"a": "1"}), ("chat", "", "p", "m", {"a": True}),
    ],
)  # fmt: skip
def test_all_else_matters(other):
    assert cache_key("chat", "", "p", "m", {"a": 1}) != cache_key(*other)


@pytest.mark.parametrize(
    ("header", "policy"),
    [
        (None, CachePolicy(True, True)), ("max-age=0", CachePolicy(True, True)), ("no-cache", CachePolicy(False, True)),
        ("No-Store", CachePolicy(False, False)), ("no-cache, no-store", CachePolicy(False, False)),
    ],
)  # fmt: skip
def test_cache_control_is_obeyed(header, policy):
    assert cache_policy(header) == policy


def test_memory_answers_the_second_hit(cache):
    save(cache, "k")
    assert [cache.find("k", NOW).tier for _ in range(2)] == ["L3", "L1"]


def test_an_entry_is_gone_after_its_time_also_from_memory(cache):
    save(cache, "k")
    cache.find("k", NOW)
    assert cache.find("k", NOW + timedelta(hours=24)) is None


def test_a_new_answer_replaces_the_one_in_memory(cache):
    save(cache, "k", body={"v": 1})
    cache.find("k", NOW)
    save(cache, "k", body={"v": 2})
    assert cache.find("k", NOW).body == {"v": 2}


def test_the_entry_that_was_not_used_longest_makes_room(cache, monkeypatch):
    monkeypatch.setattr(module, "_MAX_ENTRIES", 2)
    save(cache, "a", NOW)
    save(cache, "b", NOW + timedelta(seconds=1))
    cache.record_hit(cache.find("a", NOW), NOW + timedelta(seconds=2))
    save(cache, "c", NOW + timedelta(seconds=3))
    later = NOW + timedelta(seconds=4)
    assert [key for key in "abc" if cache.find(key, later)] == ["a", "c"]


def test_an_answer_that_is_too_large_is_not_kept(cache, monkeypatch):
    monkeypatch.setattr(module, "_MAX_ENTRY_BYTES", 10)
    save(cache, "k", body={"text": "x" * 20})
    assert cache.find("k", NOW) is None


def test_hits_add_up(cache):
    save(cache, "k")
    for _ in range(2):
        cache.record_hit(cache.find("k", NOW), NOW)
    cache.record_miss()
    assert cache.stats(NOW) == {
        "hits": 2, "misses": 1, "hit_rate": pytest.approx(2 / 3), "l1_hits": 1, "l2_hits": 0, "l3_hits": 1, "tokens_saved": 60,
        "cost_saved_cents": pytest.approx(0.045), "entries": 1, "exact_matches": 2, "semantic_matches": 0,
    }  # fmt: skip


def test_an_empty_cache_has_a_hit_rate_of_zero(cache):
    assert cache.stats(NOW)["hit_rate"] == 0


def choice(finish="stop", **message):
    return {"choices": [{"finish_reason": finish, "message": message}]}


@pytest.mark.parametrize(
    ("answer", "kept"),
    [
        (choice(), True), (choice("length"), False), (choice("content_filter"), False), (choice(None), False),
        (choice("stop", tool_calls=[{}]), False), (choice("tool_calls"), False), ({"choices": []}, False), ({"data": []}, True),
        ({"stop_reason": "end_turn"}, True), ({"stop_reason": "tool_use"}, False), ({"stop_reason": "max_tokens"}, False),
    ],
)  # fmt: skip
def test_only_whole_answers_without_tool_runs_are_kept(answer, kept):
    assert may_cache(answer) is kept


@pytest.mark.parametrize(
    ("model", "dollars"),
    [
        ("gpt-4o", 12.5),
        ("openai/gpt-4o-2024-08-06", 12.5),
        ("claude-3-5-haiku-20241022", 4.8),
        ("nobody-knows", 0),
        ("gpt-4o-audio", 0),
    ],
)
def test_the_price_is_that_of_the_model_without_its_date(model, dollars):
    assert cost_usd(model, 1_000_000, 1_000_000) == pytest.approx(dollars)
