"""MetaCache over real sockets: its phases, what a request says about it, its limits, and what it never shares."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from smartflow.gateway.clock import RandomIds
from smartflow.gateway.metacache.settings import CacheSettings
from smartflow.gateway.store import DATABASE_NAME

KEPT = "How do I organise my files?"
ASKED = {
    "fingerprint": "HOW DO I ORGANISE MY FILES??",
    "near_miss": "how do i organize my files",
    "semantic": "Can you tell me how I can organize my files?",
}
TIERS = {"fingerprint": "L1", "near_miss": "L1", "exact": "L3", "semantic": "L2"}


def found(answer):
    assert answer.status_code == 200, answer.text
    return answer.headers["x-smartflow-cache"], answer.headers.get("x-smartflow-cache-phase")


def stats(gateway):
    return gateway.management.get("/api/metacache/stats").json()


def told(answer):
    """The text of a streamed chat answer, and its last event."""
    events = [line.removeprefix("data: ") for line in answer.text.split("\n") if line.startswith("data: ")]
    chunks = [json.loads(event) for event in events[:-1]]
    text = "".join(chunk["choices"][0]["delta"].get("content") or "" for chunk in chunks if chunk["choices"])
    return text, events[-1], chunks


@pytest.mark.parametrize("phase", ASKED)
def test_each_near_phase_answers(fresh_gateway, phase):
    first = fresh_gateway.chat(KEPT)
    second = fresh_gateway.chat(ASKED[phase])
    assert found(second) == ("hit", phase)
    assert second.headers["x-smartflow-cache-tier"] == TIERS[phase]
    assert second.headers["x-smartflow-cache-key"]
    assert second.json()["cache_hit_type"] == ("semantic" if phase == "semantic" else "exact")
    assert second.json()["choices"] == first.json()["choices"]
    assert second.json()["tokens_saved"] == first.json()["usage"]["total_tokens"]
    assert stats(fresh_gateway)["phases"] == {**dict.fromkeys(TIERS, 0), phase: 1}
    (hit, _) = fresh_gateway.logs()
    assert hit["routing_reason"] == f"cache_hit:tier={TIERS[phase]}"


def test_after_a_restart_the_store_answers_and_then_memory(start_gateway, tmp_path):
    path = tmp_path / DATABASE_NAME
    stopped = start_gateway(path)
    first = stopped.chat(KEPT).json()
    stopped.gateway.store.close()
    restarted = start_gateway(path)
    # The ids of a test begin anew with each gateway; the audit log of the one before has them.
    restarted.gateway.ids = RandomIds()
    answers = [restarted.chat(KEPT) for _ in range(2)]
    assert [found(answer) for answer in answers] == [("hit", "exact"), ("hit", "fingerprint")]
    assert answers[0].json()["choices"] == first["choices"]
    again = start_gateway(path)
    again.gateway.ids = RandomIds()
    assert found(again.chat(ASKED["semantic"])) == ("hit", "semantic")
    assert (stats(again)["hits"], stats(again)["misses"]) == (3, 1)


@pytest.mark.parametrize("phase", ASKED)
def test_a_streamed_answer_is_replayed_as_a_stream_by_each_phase(fresh_gateway, phase):
    text, end, _ = told(fresh_gateway.chat(KEPT, stream=True))
    again = fresh_gateway.chat(ASKED[phase], stream=True)
    assert found(again) == ("hit", phase)
    assert again.headers["content-type"] == "text/event-stream"
    replayed, last, chunks = told(again)
    assert (replayed, last) == (text, end) == (text, "[DONE]")
    assert chunks[0]["cache_hit_type"] == ("semantic" if phase == "semantic" else "exact")
    assert fresh_gateway.chat(ASKED[phase]).json()["choices"][0]["message"]["content"] == text


@pytest.mark.parametrize("phase", ASKED)
def test_messages_have_the_same_phases(fresh_gateway, phase):
    def message(text, **more):
        content = [{"type": "text", "text": text}]
        body = {
            "model": "claude-sonnet-4-6",
            "max_tokens": 200,
            "messages": [{"role": "user", "content": content}],
            **more,
        }
        return fresh_gateway.proxy.post("/v1/messages", json=body)

    first, second = message(KEPT), message(ASKED[phase])
    assert found(second) == ("hit", phase)
    assert second.json()["content"] == first.json()["content"]
    assert found(message(ASKED[phase], system="Be brief.")) == ("miss", None)


@pytest.mark.parametrize(
    "other",
    [
        "How do I organise my 2 files?", "How do I not organise my files?", "How do I organise Ann's files?", "How do I organise your files?",
        'How do I organise my "files"?', "How do my files organise I?", "How do I organise `my` files?", "How do I organise my files today?",
        "Why do I organise my files?", "How do I organise my files in French?",
    ],
)  # fmt: skip
def test_a_question_that_differs_is_asked_anew(gateway, other):
    gateway.chat(KEPT)
    assert found(gateway.chat(other))[0] == "miss"


@pytest.mark.parametrize(
    "change",
    [
        {"model": "gpt-4o-mini"}, {"temperature": 0.2}, {"max_tokens": 400}, {"response_format": {"type": "text"}},
        {"headers": {"authorization": "Bearer sk-sf-other"}}, {"headers": {"x-smartflow-cache-namespace": "other"}}, {"cache": {"namespace": "other"}},
    ],
)  # fmt: skip
def test_a_near_question_of_another_kind_of_call_is_asked_anew(fresh_gateway, change):
    fresh_gateway.chat(KEPT)
    assert found(fresh_gateway.chat(ASKED["fingerprint"], **change))[0] == "miss"


def test_with_tools_only_an_equal_request_is_answered(fresh_gateway):
    tools = [{"type": "function", "function": {"name": "zip_files"}}]
    fresh_gateway.chat("Who are you?", tools=tools, tool_choice="none")
    assert found(fresh_gateway.chat("who are you", tools=tools, tool_choice="none"))[0] == "miss"
    assert found(fresh_gateway.chat("Who are you?", tools=tools, tool_choice="none")) == ("hit", "exact")


def test_embeddings_are_answered_by_the_exact_phase_alone(fresh_gateway):
    def embed(text):
        return fresh_gateway.proxy.post("/v1/embeddings", json={"model": "text-embedding-3-small", "input": text})

    embed("How are you?")
    assert found(embed("how are you")) == ("miss", None)
    assert found(embed("How are you?")) == ("hit", "exact")


def test_an_answer_about_today_is_kept_for_five_minutes_and_for_an_equal_request(fresh_gateway):
    fresh_gateway.chat("What happened today?")
    assert found(fresh_gateway.chat("what happened today"))[0] == "miss"
    assert found(fresh_gateway.chat("What happened today?")) == ("hit", "exact")
    fresh_gateway.clock.advance(300)
    assert found(fresh_gateway.chat("What happened today?"))[0] == "miss"


@pytest.mark.parametrize(
    "carrier",
    [
        lambda name, value: {"headers": {f"x-smartflow-cache-{name}": str(value)}},
        lambda name, value: {"cache": {name: value}},
    ],
    ids=["header", "body"],
)
def test_a_request_sets_how_long_its_answer_is_kept_and_where(fresh_gateway, carrier):
    fresh_gateway.chat(KEPT, **carrier("ttl", 60))
    fresh_gateway.chat("elsewhere", **carrier("namespace", "bot"))
    assert found(fresh_gateway.chat("elsewhere", **carrier("namespace", "bot")))[0] == "hit"
    assert found(fresh_gateway.chat("elsewhere"))[0] == "miss"
    fresh_gateway.clock.advance(59)
    assert found(fresh_gateway.chat(KEPT))[0] == "hit"
    fresh_gateway.clock.advance(1)
    assert found(fresh_gateway.chat(KEPT))[0] == "miss"


@pytest.mark.parametrize("near", [KEPT, *ASKED.values()])
def test_the_body_may_ask_for_a_fresh_answer(fresh_gateway, near):
    fresh_gateway.chat(KEPT)
    assert found(fresh_gateway.chat(near, cache={"no-cache": True})) == ("bypass", None)
    assert found(fresh_gateway.chat("unkept", cache={"no-store": True})) == ("bypass", None)
    assert found(fresh_gateway.chat("unkept"))[0] == "miss"
    fresh_gateway.clock.advance(30)
    assert found(fresh_gateway.chat(near, headers={"cache-control": "max-age=30"}))[0] == "hit"
    fresh_gateway.clock.advance(30)
    assert found(fresh_gateway.chat(near, headers={"cache-control": "max-age=29"}))[0] == "miss"


@pytest.mark.parametrize(
    ("wrong", "param"),
    [
        ({"headers": {"x-smartflow-cache-ttl": "0"}}, "x-smartflow-cache-ttl"),
        ({"headers": {"x-smartflow-cache-ttl": "1.5"}}, "x-smartflow-cache-ttl"),
        ({"cache": {"ttl": -1}}, "cache.ttl"),
        ({"cache": {"nocache": True}}, "cache.nocache"),
        ({"cache": {"namespace": ""}}, "cache.namespace"),
    ],
)
def test_a_directive_that_cannot_be_obeyed_is_refused(gateway, wrong, param):
    answer = gateway.chat("x", **wrong)
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == param


def test_directives_stay_at_the_gateway(start_gateway, provider):
    gateway = start_gateway(environment={"OPENAI_BASE_URL": provider.url})
    message = {"role": "assistant", "content": "hi"}
    provider.answer(200, {
        "id": "1", "object": "chat.completion", "created": 1, "model": "gpt-4o",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
    })  # fmt: skip
    answer = gateway.chat("x", cache={"ttl": 5}, headers={"x-smartflow-cache-namespace": "bot"})
    assert found(answer) == ("miss", None)
    ((_, headers, body),) = provider.requests
    assert "cache" not in json.loads(body)
    assert not any("cache" in name for name in headers)


def test_the_oldest_unused_answer_makes_room(start_gateway):
    gateway = start_gateway(cache=CacheSettings(max_entries=2))
    for text in ("one", "two", "one", "three"):
        gateway.clock.advance(1)
        gateway.chat(text)
    kept = stats(gateway)
    assert (kept["entries"], kept["evictions"]) == (2, 1)
    assert kept["size_bytes"] > 0
    assert [found(gateway.chat(text))[0] for text in ("one", "three", "two")] == ["hit", "hit", "miss"]


def test_a_cache_over_its_bytes_gives_up_answers(start_gateway):
    gateway = start_gateway(cache=CacheSettings(max_bytes=1_500))
    for text in ("one", "two", "three", "four", "five"):
        gateway.clock.advance(1)
        gateway.chat(text)
    assert stats(gateway)["size_bytes"] <= 1_500
    assert found(gateway.chat("one"))[0] == "miss"


def test_many_callers_at_once_get_their_own_answers(fresh_gateway):
    questions = [f"How do I count to {number}?" for number in range(8)]
    expected = {
        text: fresh_gateway.chat(text, headers={"cache-control": "no-store"}).json()["choices"] for text in questions
    }

    def ask(text):
        return text, fresh_gateway.chat(text).json()["choices"]

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, [*questions, *map(str.upper, questions), *questions]))
    assert len(answers) == 24
    assert all(
        choices == expected[next(t for t in questions if t.upper() == text.upper())] for text, choices in answers
    )
    counted = stats(fresh_gateway)
    assert counted["hits"] + counted["misses"] == 24
    assert sum(counted["phases"].values()) == counted["hits"]


def test_savings_are_in_the_price_lists_money(fresh_gateway):
    usage = fresh_gateway.chat(KEPT).json()["usage"]
    saved = fresh_gateway.chat(ASKED["semantic"]).json()
    cents = (usage["prompt_tokens"] * 2.5 + usage["completion_tokens"] * 10) / 10_000
    assert saved["cost_saved_cents"] == pytest.approx(cents, abs=1e-6)
    counted = stats(fresh_gateway)
    assert counted["cost_saved_cents"] == pytest.approx(cents, abs=1e-6)
    assert (counted["tokens_saved"], counted["prices_as_of"]) == (usage["total_tokens"], "2026-02-01")
    assert (counted["exact_matches"], counted["semantic_matches"], counted["l2_hits"]) == (0, 1, 1)
