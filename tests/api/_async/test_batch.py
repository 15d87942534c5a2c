"""Batches over a real socket: bounded, in order or as they end, counted, resumed from a journal."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Callable, Dict, List

import pytest

from smartflow import (
    AuthenticationError,
    BatchSummary,
    BudgetExceededError,
    ConfigError,
    SmartflowClient,
    SmartflowError,
    ValidationError,
)
from smartflow._io import aio

pytestmark = pytest.mark.asyncio

TEXTS = ["Name a fruit", "Name a tree", "Name a river"]


def fresh(sf: SmartflowClient) -> SmartflowClient:
    """A client whose answers no cache gives."""
    return sf.with_options(headers={"cache-control": "no-store"})


async def test_answers_come_in_the_order_of_the_items_with_the_sums_of_all(sf: SmartflowClient) -> None:
    batch = await fresh(sf).map_chat(TEXTS, "gpt-4o-mini", concurrency=2)
    assert [f'"{text}"' in each.content for text, each in zip(TEXTS, batch.results) if each] == [True] * 3
    assert [each.item for each in batch.items] == TEXTS
    summary = batch.summary
    assert (summary.total, summary.succeeded, summary.failed, summary.resumed, summary.done) == (3, 3, 0, 0, 3)
    assert summary.usage.total_tokens == sum(each.usage.total_tokens for each in batch.results if each) > 0
    assert summary.cost_cents == pytest.approx(sum(each.cost_cents for each in batch.items))
    assert summary.cost_cents > 0
    assert (summary.calls, summary.cached, summary.cache_hit_rate) == (3, 0, 0.0)
    assert summary.duration_seconds > 0
    batch.raise_for_failures()


async def test_answers_of_the_cache_are_counted_as_such(sf: SmartflowClient, unique: Callable[[str], str]) -> None:
    text = unique("Name a bird")
    await sf.chat(text)
    batch = await sf.map_chat([text, unique("Name a fish")])
    assert [each.cached for each in batch.items] == [1, 0]
    assert batch.summary.cache_hit_rate == 0.5


async def test_conversations_and_a_system_prompt_go_along(sf: SmartflowClient) -> None:
    talk = [{"role": "user", "content": "My name is Ada"}, {"role": "user", "content": "Who am I"}]
    batch = await fresh(sf).map_chat(["Name a stone", talk], system_prompt="Answer with one word.", seed=7)
    assert all("Answer with one word." in each.content for each in batch.results if each)
    assert 'You wrote: "Who am I"' in batch.results[1].content  # type: ignore[union-attr]


async def test_errors_are_those_of_their_items_and_stop_no_other(sf: SmartflowClient) -> None:
    wrong: List[Dict[str, Any]] = [{"role": "user", "content": 7}]
    batch = await fresh(sf).map_chat(["Name a colour", wrong, "Name a metal"])
    assert [each.ok for each in batch.items] == [True, False, True]
    (failure,) = batch.failures
    assert (failure.index, failure.item, failure.result) == (1, wrong, None)
    assert isinstance(failure.error, ValidationError)
    assert failure.error.status_code in (400, 422)
    assert (batch.summary.succeeded, batch.summary.failed) == (2, 1)
    with pytest.raises(ValidationError):
        batch.raise_for_failures()


async def test_a_function_of_ones_own_is_called_for_each_item_and_its_calls_are_counted(sf: SmartflowClient) -> None:
    client = fresh(sf)

    async def ask_twice(word: str) -> List[str]:
        return [await client.chat(f"{ask} {word}") for ask in ("Praise", "Blame")]

    batch = await sf.map(ask_twice, ["rain", "snow"])
    assert [["Praise" in first, "Blame" in second] for first, second in batch.results] == [[True, True]] * 2  # type: ignore[misc]
    assert [each.calls for each in batch.items] == [2, 2]
    assert batch.summary.calls == 4
    assert batch.summary.cost_cents > 0


async def test_tokens_of_streams_and_embeddings_are_counted_too(sf: SmartflowClient) -> None:
    client = fresh(sf)

    async def listen(text: str) -> int:
        await client.embeddings(text)
        return len([piece async for piece in client.stream_chat(text)])

    batch = await sf.map(listen, ["Tell a story"])
    assert batch.results[0] > 0  # type: ignore[operator]
    assert batch.items[0].calls == 2
    assert batch.summary.usage.completion_tokens > 0


async def test_an_error_of_the_function_is_the_error_of_its_item_with_what_was_paid_before(sf: SmartflowClient) -> None:
    client = fresh(sf)

    async def fail(text: str) -> str:
        await client.chat(text)
        raise KeyError(text)

    batch = await sf.map(fail, ["Name a planet"])
    assert isinstance(batch.items[0].error, KeyError)
    assert batch.items[0].calls == 1
    assert batch.summary.usage.total_tokens > 0


async def test_items_are_given_in_their_order_when_that_is_asked_for(sf: SmartflowClient) -> None:
    batch = fresh(sf).iter_map_chat(TEXTS, ordered=True, concurrency=3)
    assert [each.index async for each in batch] == [0, 1, 2]
    assert batch.summary.succeeded == 3


async def test_a_loop_that_is_left_begins_no_further_item(sf: SmartflowClient) -> None:
    begun: List[int] = []

    async def note(number: int) -> int:
        begun.append(number)
        return number

    batch = sf.iter_map(note, range(100), concurrency=2)
    async for _ in batch:
        break
    assert len(begun) <= 4
    with pytest.raises(SmartflowError, match="a batch runs once"):
        [each async for each in batch]


async def test_a_refused_key_ends_the_batch(forced_urls: Dict[str, Any]) -> None:
    begun: List[str] = []
    async with SmartflowClient(**{**forced_urls, "api_key": "sk-sf-wrong"}) as sf:

        async def ask(text: str) -> str:
            begun.append(text)
            return await sf.chat(text)

        with pytest.raises(AuthenticationError):
            await sf.map(ask, [str(number) for number in range(50)], concurrency=1)
    assert len(begun) <= 2


async def test_no_item_is_begun_when_the_budget_is_used_up(sf: SmartflowClient, unique: Callable[[str], str]) -> None:
    # Far less than what one answer costs.
    batch = await fresh(sf).map_chat([unique("Name a lake") for _ in range(5)], budget=1e-9, concurrency=1)
    assert [each.ok for each in batch.items] == [True, False, False, False, False]
    assert all(isinstance(each.error, BudgetExceededError) for each in batch.failures)
    assert "is used up: the item was not started" in str(batch.failures[0].error)
    assert batch.summary.calls == 1


async def test_a_budget_is_refused_where_an_answer_does_not_tell_its_cost(sf: SmartflowClient) -> None:
    client = fresh(sf)

    async def listen(text: str) -> str:
        return "".join([piece async for piece in client.stream_chat(text)])

    with pytest.raises(ConfigError, match="budget= cannot be kept"):
        await sf.map(listen, ["Tell a joke"], budget=1.0)


async def test_calls_wait_for_their_turn_of_the_minute(sf: SmartflowClient, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: List[float] = []

    async def wait(self: Any, seconds: float) -> bool:
        waits.append(seconds)
        return False

    monkeypatch.setattr(aio.Interval, "wait", wait)
    await fresh(sf).map_chat([*TEXTS, "Name a wind"], rpm=2, concurrency=1)
    assert [59 < each <= 60 for each in waits] == [True, True]
    # The first is sent alone: it is longer than what a minute allows.
    await fresh(sf).map_chat(TEXTS[:2], tpm=1000, max_tokens=2000, concurrency=1)
    assert [59 < each <= 60 for each in waits] == [True, True, True]


@pytest.mark.timeout(20)
async def test_a_loop_that_is_left_does_not_wait_for_the_next_minute(sf: SmartflowClient) -> None:
    begun = 0
    async for _ in sf.iter_map_chat(TEXTS, rpm=1):
        begun += 1
        break
    assert begun == 1


async def test_progress_is_told_as_each_item_ends(sf: SmartflowClient) -> None:
    told: List[BatchSummary] = []
    await fresh(sf).map_chat(TEXTS, progress=told.append)
    assert [each.done for each in told] == [1, 2, 3]
    assert [each.total for each in told] == [3, 3, 3]


async def test_a_batch_that_is_done_is_not_done_again(sf: SmartflowClient, tmp_path: Path) -> None:
    journal = tmp_path / "batch.jsonl"
    first = await fresh(sf).map_chat(TEXTS, resume=journal, concurrency=2)
    asked: List[str] = []
    watched = fresh(sf).with_options(on_response=lambda info: asked.append(info.operation))
    second = await watched.map_chat(TEXTS, resume=str(journal), budget=1.0, concurrency=9)
    assert asked == []
    assert [each.to_dict() for each in second.results if each] == [each.to_dict() for each in first.results if each]
    assert [each.request_id for each in second.results if each] == [each.request_id for each in first.results if each]
    assert all(each.resumed for each in second.items)
    assert (second.summary.resumed, second.summary.succeeded) == (3, 3)
    assert second.summary.usage == first.summary.usage
    assert second.summary.cost_cents == pytest.approx(first.summary.cost_cents)
    assert [each.index async for each in watched.iter_map_chat(TEXTS, resume=journal, ordered=True)] == [0, 1, 2]


async def test_items_that_failed_are_tried_again_with_another_key(sf: SmartflowClient, tmp_path: Path) -> None:
    journal = tmp_path / "batch.jsonl"
    broken = sf.with_options(headers={"cache-control": "no-store", "x-smartflow-provider": "nobody"}, max_retries=0)
    first = await broken.map_chat(["Name a song"], resume=journal)
    assert first.summary.failed == 1
    second = await fresh(sf).map_chat(["Name a song"], resume=journal)
    assert (second.summary.succeeded, second.summary.resumed) == (1, 0)
    lines = [json.loads(line) for line in journal.read_text("utf-8").splitlines()]
    assert ["error" in line for line in lines] == [False, True, False]


async def test_the_budget_counts_what_earlier_runs_have_spent(sf: SmartflowClient, tmp_path: Path) -> None:
    journal = tmp_path / "batch.jsonl"
    first = await fresh(sf).map_chat(TEXTS, resume=journal, budget=1e-9, concurrency=1)
    assert first.summary.succeeded == 1
    second = await fresh(sf).map_chat(TEXTS, resume=journal, budget=1e-9, concurrency=1)
    assert (second.summary.resumed, second.summary.failed) == (1, 2)
    third = await fresh(sf).map_chat(TEXTS, resume=journal, budget=1.0)
    assert (third.summary.resumed, third.summary.succeeded) == (1, 3)


async def test_results_of_a_function_are_kept_as_json(sf: SmartflowClient, tmp_path: Path) -> None:
    journal = tmp_path / "batch.jsonl"

    async def pair(word: str) -> Any:
        return (word, len(word))

    first = await sf.map(pair, ["a", "bb"], resume=journal)
    second = await sf.map(pair, ["a", "bb"], resume=journal)
    # What comes back is the same in the run that made it and in the one that read it.
    assert first.results == second.results == [["a", 1], ["bb", 2]]


async def test_a_result_that_no_journal_can_hold_ends_the_batch(sf: SmartflowClient, tmp_path: Path) -> None:
    async def nothing_plain(word: str) -> Any:
        return object()

    with pytest.raises(ConfigError, match=r"the result of items\[0\] cannot be kept in the journal"):
        await sf.map(nothing_plain, ["a"], resume=tmp_path / "batch.jsonl")


async def test_a_journal_of_other_items_or_options_is_refused(sf: SmartflowClient, tmp_path: Path) -> None:
    journal = tmp_path / "batch.jsonl"
    await fresh(sf).map_chat(TEXTS, resume=journal)
    others: Dict[str, Callable[[], Any]] = {
        "this one has other items": lambda: sf.map_chat(["Name a fruit", "Name a tree", "Name a sea"], resume=journal),
        "this one has 2 items, not 3": lambda: sf.map_chat(TEXTS[:2], resume=journal),
        "another model": lambda: sf.map_chat(TEXTS, "gpt-4o-mini", resume=journal),
        "another seed, another temperature": lambda: sf.map_chat(TEXTS, temperature=0, seed=1, resume=journal),
        "another method": lambda: sf.map(sf.chat, TEXTS, resume=journal),
    }
    for match, call in others.items():
        with pytest.raises(ConfigError, match=match):
            await call()


@pytest.mark.parametrize(
    ("given", "error", "match"),
    [
        ({"concurrency": 0}, ValidationError, "concurrency must be at least 1"),
        ({"rpm": 0}, ValidationError, "rpm must be at least 1"),
        ({"tpm": 1.5}, ValidationError, "tpm must be a whole number"),
        ({"budget": 0}, ConfigError, "budget must be a number of US dollars above 0"),
        ({"budget": float("nan")}, ConfigError, "budget must be a number of US dollars above 0"),
        ({"progress": "bar"}, ConfigError, "progress must be True, False or a function"),
        ({"resume": 7}, ConfigError, "resume must be the path of a journal"),
        ({"ordered": 1}, ValidationError, "ordered must be True or False"),
        ({"stream": True}, ValidationError, "stream is already set"),
        ({"user_id": "alice"}, ValidationError, "use with_options"),
    ],
)
async def test_a_wrong_limit_is_named(sf: SmartflowClient, given: Dict[str, Any], error: Any, match: str) -> None:
    with pytest.raises(error, match=match):
        sf.iter_map_chat(["Hello"], **given)


async def test_a_wrong_item_is_named_before_anything_is_sent(sf: SmartflowClient) -> None:
    with pytest.raises(ValidationError, match=r"items\[1\]: message must not be empty"):
        sf.iter_map_chat(["Hello", ""])
    with pytest.raises(ValidationError, match=r"items\[0\]: messages\[0\] has no role"):
        sf.iter_map_chat([[{"content": "Hello"}]])
    with pytest.raises(ValidationError, match="items must be a list, not str"):
        sf.iter_map_chat("Hello")
    with pytest.raises(ConfigError, match="fn must be a function, not str"):
        sf.iter_map("Hello", ["a"])  # type: ignore[arg-type]


async def test_an_empty_batch_has_no_answers(sf: SmartflowClient) -> None:
    batch = await sf.map_chat([])
    assert (batch.items, batch.summary.done, batch.summary.cache_hit_rate) == ([], 0, 0.0)
