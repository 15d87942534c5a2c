"""The audit chain, over a real socket."""

from __future__ import annotations

import datetime
from typing import Any, Callable, List

import pytest

from smartflow import SmartflowClient, ValidationError

pytestmark = pytest.mark.asyncio


async def some_rows(sf: SmartflowClient, user: str, count: int = 3) -> List[Any]:
    mine = sf.with_options(user_id=user, headers={"cache-control": "no-store"})
    return [
        (await mine.chat_completions([{"role": "user", "content": f"Hello {number}"}])).request_id
        for number in range(count)
    ]


async def test_each_entry_follows_the_one_before_it(sf: SmartflowClient, unique: Callable[[str], str]) -> None:
    ids = await some_rows(sf, unique("user"))
    entries = await sf.get_audit_logs(limit=3)
    assert [entry["payload"]["request_id"] for entry in entries] == ids[::-1]
    assert [entry["seq"] for entry in entries] == [entries[0]["seq"] - step for step in range(3)]
    for newer, older in zip(entries, entries[1:]):
        assert newer["prev_hash"] == older["entry_hmac"]
    assert all(entry["key_id"].startswith("k_") for entry in entries)


async def test_entries_are_filtered_by_actor_and_time(sf: SmartflowClient, unique: Callable[[str], str]) -> None:
    user = unique("user")
    ids = await some_rows(sf, user)
    now = datetime.datetime.now(datetime.timezone.utc)
    hour = datetime.timedelta(hours=1)

    async def found(**filters: Any) -> List[Any]:
        return [entry["payload"]["request_id"] for entry in await sf.get_audit_logs(actor=user, **filters)]

    assert await found() == ids[::-1]
    assert await found(limit=1) == ids[-1:]
    assert await found(start=now - hour, end=now + hour) == ids[::-1]
    assert await found(start=(now - hour).isoformat(), end=(now + hour).date()) == ids[::-1]
    assert await found(start=now + hour) == []
    assert await found(end=(now - hour).strftime("%Y-%m-%dT%H:%M:%SZ")) == []
    assert await found(end="2020-02-29") == []


async def test_iter_audit_logs_gives_every_entry_once(sf: SmartflowClient, unique: Callable[[str], str]) -> None:
    user = unique("user")
    ids = await some_rows(sf, user)
    assert [entry["payload"]["request_id"] async for entry in sf.iter_audit_logs(actor=user)] == ids[::-1]
    numbers = [entry["seq"] async for entry in sf.iter_audit_logs()]
    assert numbers == list(range(numbers[0], 0, -1))


async def test_entries_below_a_number_make_the_next_page(sf: SmartflowClient, unique: Callable[[str], str]) -> None:
    await some_rows(sf, unique("user"))
    first = await sf.get_audit_logs(limit=2)
    second = await sf.get_audit_logs(limit=1, before_seq=first[-1]["seq"])
    assert second[0]["seq"] == first[-1]["seq"] - 1
    assert await sf.get_audit_logs(before_seq=1) == []


async def test_an_untouched_log_is_valid(sf: SmartflowClient, unique: Callable[[str], str]) -> None:
    await some_rows(sf, unique("user"))
    result = await sf.verify_audit_chain()
    assert (result["valid"], result["first_bad_seq"], result["problem"]) == (True, None, None)
    assert result["entries_checked"] == result["to_seq"] >= 3
    head = result["head"]
    assert head is not None
    assert (await sf.verify_audit_chain(anchor=head))["valid"] is True
    wrong = await sf.verify_audit_chain(anchor={"seq": head["seq"], "entry_hmac": "0" * 64})
    assert (wrong["valid"], wrong["first_bad_seq"]) == (False, head["seq"])


async def test_a_part_of_the_log_is_checked_alone(sf: SmartflowClient, unique: Callable[[str], str]) -> None:
    await some_rows(sf, unique("user"))
    result = await sf.verify_audit_chain(from_seq=2, to_seq=3)
    assert (result["valid"], result["entries_checked"], result["from_seq"], result["to_seq"]) == (True, 2, 2, 3)


async def test_reading_and_checking_write_no_row(sf: SmartflowClient, unique: Callable[[str], str]) -> None:
    await some_rows(sf, unique("user"), 1)
    before = (await sf.get_audit_logs(limit=1))[0]["seq"]
    await sf.verify_audit_chain()
    assert (await sf.get_audit_logs(limit=1))[0]["seq"] == before


@pytest.mark.parametrize("wrong", ["soon", "2026-02-30", 7, "2026-02-19T25:00:00Z"])
async def test_a_moment_that_is_none_is_refused(sf: SmartflowClient, wrong: Any) -> None:
    with pytest.raises(ValidationError, match="start must be a moment such as"):
        await sf.get_audit_logs(start=wrong)


@pytest.mark.parametrize("wrong", [7, {}, {"seq": 0, "entry_hmac": "a"}, {"seq": 1}, {"seq": 1, "entry_hmac": ""}])
async def test_an_anchor_that_names_no_entry_is_refused(sf: SmartflowClient, wrong: Any) -> None:
    with pytest.raises(ValidationError, match="anchor"):
        await sf.verify_audit_chain(anchor=wrong)
