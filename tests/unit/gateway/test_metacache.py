"""What makes two requests equal, what may be kept, for how long, how much, and what a hit saves."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from smartflow.gateway.metacache.directives import CachePolicy, cache_policy
from smartflow.gateway.metacache.engine import CacheEngine, may_cache
from smartflow.gateway.metacache.prices import cost_usd
from smartflow.gateway.metacache.question import ask, cache_key
from smartflow.gateway.metacache.repo import CacheRepo
from smartflow.gateway.metacache.settings import CacheSettings
from smartflow.gateway.store import Store

NOW = datetime(2026, 2, 19, tzinfo=UTC)


@pytest.fixture
def store():
    store = Store(None)
    yield store
    store.close()


@pytest.fixture
def cache(store):
    return CacheEngine(CacheRepo(store))


def asked(text, operation="chat", **request):
    return ask(operation, "", "openai", "gpt-4o", {"messages": [{"role": "user", "content": text}], **request})


def save(cache, question, now=NOW, body=None, policy=None):
    cache.save(question, policy or CachePolicy(), "openai", "gpt-4o", body or {"k": question.key[:8]}, (10, 20), now)


def phase(cache, question, now=NOW, **options):
    hit = cache.find(question, now, **options)
    return hit and hit.phase


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
        ("chat", "", "p", "m", {"a": 1}, "space"),
    ],
)  # fmt: skip
def test_all_else_matters(other):
    assert cache_key("chat", "", "p", "m", {"a": 1}) != cache_key(*other)


@pytest.mark.parametrize(
    ("headers", "body", "policy"),
    [
        ({}, None, CachePolicy()),
        ({"cache-control": "max-age=0"}, None, CachePolicy(max_age=0)),
        ({"cache-control": "max-age=60, max-age=30"}, None, CachePolicy(max_age=30)),
        ({"cache-control": "max-age=-1, max-age=x, max-age=" + "9" * 50}, None, CachePolicy()),
        ({"cache-control": "no-cache"}, None, CachePolicy(read=False)),
        ({"cache-control": "No-Store"}, None, CachePolicy(read=False, write=False)),
        ({"cache-control": "no-cache, no-store"}, None, CachePolicy(read=False, write=False)),
        ({"x-smartflow-cache-ttl": "9999999"}, None, CachePolicy(ttl=30 * 86400)),
        ({}, {"no-cache": True}, CachePolicy(read=False)),
        ({}, {"no-store": True}, CachePolicy(read=False, write=False)),
        ({"cache-control": "no-store"}, {"no-store": False}, CachePolicy(read=False, write=False)),
        ({}, {"ttl": 5, "namespace": "a"}, CachePolicy(ttl=5, namespace="a")),
        (
            {"x-smartflow-cache-ttl": "9", "x-smartflow-cache-namespace": "b"},
            {"ttl": 5, "namespace": "a"},
            CachePolicy(ttl=9, namespace="b"),
        ),
    ],
)
def test_what_a_request_says_about_the_cache_is_obeyed(headers, body, policy):
    assert cache_policy(headers, body) == policy


def test_the_phases_answer_in_their_order(cache, store):
    save(cache, asked("How do I organise my files?"))
    assert phase(cache, asked("how do i organise my files")) == "fingerprint"
    assert phase(cache, asked("How do I organize my files?")) == "near_miss"
    assert phase(cache, asked("How can I organize my files?")) == "semantic"
    assert phase(CacheEngine(CacheRepo(store)), asked("How do I organise my files?")) == "exact"


@pytest.mark.parametrize(
    ("name", "text", "tier", "kind"),
    [
        ("fingerprint", "how do i organise my files", "L1", "exact"),
        ("near_miss", "how do i organize my files", "L1", "exact"),
        ("exact", "How do I organise my files?", "L3", "exact"),
        ("semantic", "how can i organize my files", "L2", "semantic"),
    ],
)
def test_a_phase_can_be_asked_alone(cache, name, text, tier, kind):
    save(cache, asked("How do I organise my files?"))
    hit = cache.find(asked(text), NOW, phases=(name,))
    assert (hit.phase, hit.tier, hit.kind) == (name, tier, kind)


def test_what_the_store_answered_is_in_memory_the_next_time(cache, store):
    save(cache, asked("What is a REST API?"))
    restarted = CacheEngine(CacheRepo(store))
    assert [phase(restarted, asked("What is a REST API?")) for _ in range(2)] == ["exact", "fingerprint"]


def test_what_another_process_kept_is_found_in_memory(cache, store):
    other = CacheEngine(CacheRepo(store))
    save(other, asked("What is a REST API?"))
    assert phase(cache, asked("what is a rest api")) == "fingerprint"


def test_a_write_that_is_rolled_back_is_never_served(cache, store):
    with pytest.raises(ZeroDivisionError), store.transaction():
        save(cache, asked("What is a REST API?"))
        raise ZeroDivisionError
    assert phase(cache, asked("What is a REST API?")) is None


def test_the_least_overlap_can_be_set(store):
    strict = CacheEngine(CacheRepo(store), CacheSettings(overlap=1.01))
    save(strict, asked("How do I organise my files?"))
    assert phase(strict, asked("How do I organize my files?")) == "semantic"


@pytest.mark.parametrize(
    "change",
    [
        {"temperature": 0.5}, {"seed": 1}, {"max_tokens": 5}, {"n": 2}, {"response_format": {"type": "json_object"}}, {"stop": ["x"]},
        {"messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "what is a rest api"}]},
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Yes?"}, {"role": "user", "content": "what is a rest api"}]},
        {"messages": [{"role": "user", "name": "ann", "content": "what is a rest api"}]},
    ],
)  # fmt: skip
def test_near_answers_come_only_from_requests_that_are_equal_in_all_else(cache, change):
    save(cache, asked("What is a REST API?"))
    assert phase(cache, asked("what is a rest api")) == "fingerprint"
    assert phase(cache, asked("what is a rest api", **change)) is None


@pytest.mark.parametrize(
    ("tenant", "provider", "model", "space"),
    [
        ("t", "openai", "gpt-4o", ""),
        ("", "groq", "gpt-4o", ""),
        ("", "openai", "o3", ""),
        ("", "openai", "gpt-4o", "n"),
    ],
)
def test_near_answers_never_cross_tenants_providers_models_and_namespaces(cache, tenant, provider, model, space):
    save(cache, asked("What is a REST API?"))
    request = {"messages": [{"role": "user", "content": "what is a rest api"}]}
    assert phase(cache, ask("chat", tenant, provider, model, request, space)) is None


ASKING = [{"role": "user", "content": "What is it?"}]
IMAGE = {"type": "image_url", "image_url": {"url": "data:,x"}}


@pytest.mark.parametrize(
    ("reason", "request_"),
    [
        ("tools", {"messages": ASKING, "tools": [{"type": "function", "function": {"name": "f"}}]}),
        ("tools", {"messages": ASKING, "web_search_options": {"search_context_size": "low"}}),
        ("tools", {"messages": [{"role": "tool", "tool_call_id": "1", "content": "2"}, {"role": "user", "content": "What is it?"}]}),
        ("tools", {"messages": [{"role": "assistant", "tool_calls": [{"id": "1"}]}, {"role": "user", "content": "What is it?"}]}),
        ("tools", {"messages": [{"role": "user", "content": [{"type": "tool_result", "content": "2"}]}, {"role": "user", "content": "What is it?"}]}),
        ("media", {"messages": [{"role": "user", "content": [IMAGE]}, {"role": "user", "content": "What is it?"}]}),
        ("last message", {"messages": [{"role": "user", "content": [{"type": "text", "text": "What is it?"}, IMAGE]}]}),
        ("last message", {"messages": [{"role": "user", "content": "x"}, {"role": "assistant", "content": "Sure"}]}),
        ("length", {"messages": [{"role": "user", "content": "x " * 1001}]}),
        ("length", {"messages": [{"role": "user", "content": "  "}]}),
        ("code", {"messages": [{"role": "user", "content": "what does `ls` do"}]}),
        ("time", {"messages": [{"role": "user", "content": "who is the current king"}]}),
        ("operation", {"messages": []}),
    ],
)  # fmt: skip
def test_tools_pictures_code_time_and_long_texts_are_for_the_exact_phase(cache, reason, request_):
    question = ask("chat", "", "openai", "gpt-4o", request_)
    assert (question.exact_only, question.scope) == (reason, "")
    save(cache, question)
    assert phase(cache, question) == "exact"


def test_embeddings_and_rerank_are_for_the_exact_phase():
    assert ask("embedding", "", "p", "m", {"input": "hi"}).exact_only == "operation"
    assert ask("rerank", "", "p", "m", {"query": "hi", "documents": []}).exact_only == "operation"


def test_an_entry_is_gone_after_its_time_also_from_memory(cache):
    save(cache, asked("k"))
    assert phase(cache, asked("k")) == "fingerprint"
    assert phase(cache, asked("k"), NOW + timedelta(hours=24)) is None


def test_an_answer_that_depends_on_the_time_is_kept_for_five_minutes(cache):
    question = asked("Who is the current king?")
    save(cache, question)
    assert phase(cache, question, NOW + timedelta(seconds=299)) == "exact"
    assert phase(cache, question, NOW + timedelta(seconds=300)) is None


def test_the_time_that_a_request_asks_for_holds(cache):
    save(cache, asked("short"), policy=CachePolicy(ttl=10))
    save(cache, asked("long"), policy=CachePolicy(ttl=2 * 86400))
    assert phase(cache, asked("short"), NOW + timedelta(seconds=10)) is None
    assert phase(cache, asked("long"), NOW + timedelta(days=1, hours=23)) == "fingerprint"


@pytest.mark.parametrize("text", ["What is a REST API?", "what is a rest api", "what are rest APIs"])
def test_an_answer_that_is_older_than_asked_for_is_not_given(cache, text):
    save(cache, asked("What is a REST API?"))
    later = NOW + timedelta(seconds=30)
    assert phase(cache, asked(text), later, max_age=30)
    assert phase(cache, asked(text), later, max_age=29) is None


def test_a_new_answer_replaces_the_one_in_memory(cache):
    save(cache, asked("k"), body={"v": 1})
    assert cache.find(asked("k"), NOW).body == {"v": 1}
    save(cache, asked("k"), body={"v": 2})
    assert cache.find(asked("k"), NOW).body == {"v": 2}
    assert cache.stats(NOW)["entries"] == 1


@pytest.mark.parametrize("limit", [{"max_entries": 2}, {"max_bytes": 30}])
def test_the_entry_that_was_not_used_longest_makes_room(store, limit):
    cache = CacheEngine(CacheRepo(store), CacheSettings(**limit))
    for place, text in enumerate(("a", "b")):
        save(cache, asked(text), NOW + timedelta(seconds=place), body={"v": "12345"})
    hit = cache.find(asked("a"), NOW)
    assert hit
    cache.record_hit(hit, NOW + timedelta(seconds=2))
    save(cache, asked("c"), NOW + timedelta(seconds=3), body={"v": "12345"})
    later = NOW + timedelta(seconds=4)
    assert [text for text in "abc" if cache.find(asked(text), later)] == ["a", "c"]
    assert (cache.stats(later)["evictions"], cache.stats(later)["entries"]) == (1, 2)


def test_what_has_expired_makes_room_first(store):
    cache = CacheEngine(CacheRepo(store), CacheSettings(max_entries=2))
    save(cache, asked("old"))
    save(cache, asked("brief"), NOW + timedelta(seconds=1), policy=CachePolicy(ttl=1))
    save(cache, asked("new"), NOW + timedelta(seconds=5))
    assert phase(cache, asked("old"), NOW + timedelta(seconds=6))
    assert cache.stats(NOW + timedelta(seconds=6))["evictions"] == 0


def test_memory_is_bounded_and_the_store_still_answers(store):
    cache = CacheEngine(CacheRepo(store), CacheSettings(memory_entries=2))
    for text in ("one", "two", "three"):
        save(cache, asked(text))
    assert [phase(cache, asked(text)) for text in ("three", "two", "one")] == ["fingerprint", "fingerprint", "exact"]


def test_an_answer_that_is_too_large_is_not_kept(store):
    cache = CacheEngine(CacheRepo(store), CacheSettings(max_entry_bytes=10))
    save(cache, asked("k"), body={"text": "x" * 20})
    assert phase(cache, asked("k")) is None


def test_an_answer_that_is_larger_than_the_whole_cache_leaves_it_empty(store):
    cache = CacheEngine(CacheRepo(store), CacheSettings(max_bytes=10))
    save(cache, asked("k"), body={"text": "x" * 20})
    assert cache.stats(NOW)["entries"] == 0


def test_the_words_of_a_question_are_not_in_the_store(cache, store):
    save(cache, asked("My secret is swordfish"), body={"v": 1})
    (row,) = store.rows("SELECT * FROM metacache_answers")
    assert not any(
        b"swordfish" in (value if isinstance(value, bytes) else str(value).encode()) for value in row.values()
    )


def test_hits_add_up_by_phase(cache):
    save(cache, asked("How do I organise my files?"), body={"v": 1})
    for text in ("how do i organise my files", "how do i organize my files", "how can i organize my files"):
        cache.record_hit(cache.find(asked(text), NOW), NOW)
    cache.record_hit(cache.find(asked("How do I organise my files?"), NOW, phases=("exact",)), NOW)
    cache.record_miss()
    assert cache.stats(NOW) == {
        "hits": 4, "misses": 1, "hit_rate": pytest.approx(0.8), "l1_hits": 2, "l2_hits": 1, "l3_hits": 1, "tokens_saved": 120,
        "cost_saved_cents": pytest.approx(0.09), "entries": 1, "exact_matches": 3, "semantic_matches": 1,
        "phases": {"fingerprint": 1, "near_miss": 1, "exact": 1, "semantic": 1}, "size_bytes": 8, "evictions": 0, "prices_as_of": "2026-02-01",
    }  # fmt: skip


def test_an_empty_cache_has_a_hit_rate_of_zero(cache):
    assert cache.stats(NOW)["hit_rate"] == 0


@pytest.mark.parametrize(
    "wrong",
    [{"similarity": 0.4}, {"similarity": 1.1}, {"embedder": "magic"}, {"ttl_seconds": 0}, {"ttl_seconds": 10**9}, {"max_entries": 0}],
)  # fmt: skip
def test_settings_that_cannot_be_used_are_refused(wrong):
    with pytest.raises(ValueError, match="cache"):
        replace(CacheSettings(), **wrong)


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
