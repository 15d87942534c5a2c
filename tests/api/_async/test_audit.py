"""The audit log and its figures, over a real socket."""

from __future__ import annotations

import datetime
from typing import Callable, Dict

import pytest

from smartflow import SmartflowClient, ValidationError, VASLog

from .looking import row_of

pytestmark = pytest.mark.asyncio


def today() -> str:
    return datetime.datetime.now(datetime.timezone.utc).date().isoformat()


async def test_a_row_has_every_documented_field(sf: SmartflowClient, unique: Callable[[str], str]) -> None:
    user, conversation, prompt = unique("support_agent"), unique("conv"), unique("Hello")
    answer = await sf.with_options(user_id=user, conversation_id=conversation).chat_completions(
        [{"role": "user", "content": prompt}]
    )
    row = await row_of(sf, answer.request_id)
    assert isinstance(row, VASLog)
    assert row.request_id == answer.headers["x-smartflow-request-id"]
    moment = datetime.datetime.strptime(row.timestamp, "%Y-%m-%dT%H:%M:%S.%fZ")
    assert abs(moment - datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)) < datetime.timedelta(
        minutes=5
    )
    assert (row.provider, row.model, row.model_provider) == ("openai", "gpt-4o", "openai")
    assert row.tokens_used == answer.usage.total_tokens
    assert row.cost == pytest.approx(float(answer.headers["x-smartflow-cost-usd"]))
    assert row.latency_ms >= 0
    assert row.processing_time_ms >= 0
    assert row.content_type == "chat"
    assert (row.user_id, row.conversation_id) == (user, conversation)
    assert row.conversation_stage == "greeting"
    assert row.routing_strategy == "direct"
    assert row.routing_reason is not None
    assert row.routing_reason.startswith("provider:openai")
    assert row.compliance_status == "compliant"
    assert row.compliance_violations is None
    assert row.compliance.data_classification == "public"
    assert row.compliance.compliance_score == 100
    assert row.compliance.violations_details == []
    assert row.compliance.regulatory_frameworks == []
    assert (row.metacache.hit, row.metacache.query, row.metacache.tokens_saved) == (False, prompt, 0)
    assert row.metrics.prompt_tokens == answer.usage.prompt_tokens
    assert row.metrics.completion_tokens == answer.usage.completion_tokens
    assert row.metrics.processing_time_ms >= 0
    assert row.metrics.success is True
    assert row.cached is False
    assert row.request_content == prompt
    assert row.response_content == answer.content
    assert row.extra["operation"] == "createChatCompletion"


async def test_rows_come_newest_first(sf: SmartflowClient, unique: Callable[[str], str]) -> None:
    ids = [(await sf.chat_completions([{"role": "user", "content": unique("Hello")}])).request_id for _ in range(3)]
    rows = await sf.get_logs(limit=3)
    assert [row.request_id for row in rows] == ids[::-1]
    assert [row.timestamp for row in rows] == sorted((row.timestamp for row in rows), reverse=True)


async def test_limit_and_offset_cut_a_page_out(sf: SmartflowClient, unique: Callable[[str], str]) -> None:
    ids = [(await sf.chat_completions([{"role": "user", "content": unique("Hello")}])).request_id for _ in range(4)]
    page = await sf.get_logs(limit=2, offset=1)
    assert [row.request_id for row in page] == [ids[2], ids[1]]


async def test_a_page_behind_the_last_row_is_empty(sf: SmartflowClient) -> None:
    assert await sf.get_logs(offset=1_000_000) == []


async def test_rows_are_filtered_by_provider_and_model(sf: SmartflowClient, unique: Callable[[str], str]) -> None:
    model = unique("llama")
    answer = await sf.chat_completions([{"role": "user", "content": "Hello"}], model=f"groq/{model}")
    await sf.chat_completions([{"role": "user", "content": unique("Hello")}])
    by_model = await sf.get_logs(model=model)
    assert [row.request_id for row in by_model] == [answer.request_id]
    by_provider = await sf.get_logs(limit=50, provider="groq", days=7)
    assert by_provider[0].request_id == answer.request_id
    assert {row.provider for row in by_provider} == {"groq"}
    assert await sf.get_logs(provider="openai", model=model) == []


async def test_days_bound_how_far_back_rows_go(sf: SmartflowClient, unique: Callable[[str], str]) -> None:
    answer = await sf.chat_completions([{"role": "user", "content": unique("Hello")}])
    rows = await sf.get_logs(days=1)
    assert rows[0].request_id == answer.request_id
    oldest = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None) - datetime.timedelta(days=1, minutes=5)
    assert all(row.timestamp >= oldest.isoformat() for row in rows)


@pytest.mark.parametrize("wrong", [{"limit": -1}, {"limit": 0}, {"offset": -1}, {"days": 0}])
async def test_a_page_that_makes_no_sense_is_refused(sf: SmartflowClient, wrong: Dict[str, int]) -> None:
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        await sf.get_logs(**wrong)  # type: ignore[arg-type]


async def test_the_documented_paging_loop_reads_every_row_once(
    sf: SmartflowClient, unique: Callable[[str], str]
) -> None:
    model = unique("paged")
    for _ in range(5):
        await sf.chat_completions([{"role": "user", "content": "Hello"}], model=f"groq/{model}")
    seen: list[str] = []
    page = 0
    while True:
        batch = await sf.get_logs(limit=2, offset=page * 2, model=model)
        if not batch:
            break
        seen += [row.request_id for row in batch]
        page += 1
    assert page == 3
    assert len(set(seen)) == len(seen) == 5


async def test_iter_logs_gives_each_row_once_while_rows_are_added(
    sf: SmartflowClient, unique: Callable[[str], str]
) -> None:
    model = unique("moving")
    first = [
        (await sf.chat_completions([{"role": "user", "content": unique("Hello")}], model=f"groq/{model}")).request_id
        for _ in range(6)
    ]
    seen = []
    async for row in sf.iter_logs(page_size=2, model=model):
        seen.append(row.request_id)
        if len(seen) in (1, 3):
            await sf.chat_completions([{"role": "user", "content": unique("Hello")}], model=f"groq/{model}")
    assert seen == first[::-1]


async def test_rows_are_filtered_by_user_conversation_and_status(
    sf: SmartflowClient, unique: Callable[[str], str]
) -> None:
    user, conversation = unique("user"), unique("conv")
    mine = sf.with_options(user_id=user, conversation_id=conversation)
    answer = await mine.chat_completions([{"role": "user", "content": unique("Hello")}])
    await sf.with_options(user_id=user).chat_completions([{"role": "user", "content": unique("Hello")}])
    with pytest.raises(ValidationError):
        await mine.force_provider("no_such_provider")
    assert len(await sf.get_logs(user_id=user)) == 3
    assert {row.conversation_id for row in await sf.get_logs(conversation_id=conversation)} == {conversation}
    (refused,) = await sf.get_logs(user_id=user, status=400)
    assert refused.extra["status_code"] == 400
    (row,) = [row async for row in sf.iter_logs(conversation_id=conversation, status=200)]
    assert row.request_id == answer.request_id


async def test_rows_are_filtered_by_days_of_the_calendar(sf: SmartflowClient, unique: Callable[[str], str]) -> None:
    user = unique("user")
    await sf.with_options(user_id=user).chat_completions([{"role": "user", "content": unique("Hello")}])
    now = datetime.datetime.now(datetime.timezone.utc).date()
    yesterday, tomorrow = now - datetime.timedelta(days=1), now + datetime.timedelta(days=1)
    assert len(await sf.get_logs(user_id=user, start_date=yesterday, end_date=tomorrow)) == 1
    assert await sf.get_logs(user_id=user, end_date=yesterday) == []
    assert await sf.get_logs(user_id=user, start_date=tomorrow.isoformat()) == []
    with pytest.raises(ValidationError, match="end_date must be a day"):
        await sf.get_logs(end_date="soon")


async def test_iter_logs_stops_at_its_limit(sf: SmartflowClient, unique: Callable[[str], str]) -> None:
    model = unique("limited")
    for _ in range(4):
        await sf.chat_completions([{"role": "user", "content": unique("Hello")}], model=f"groq/{model}")
    rows = [row async for row in sf.iter_logs(page_size=2, provider="groq", model=model, days=1, limit=3)]
    assert len(rows) == 3


async def test_hybrid_rows_say_where_they_come_from(sf: SmartflowClient, unique: Callable[[str], str]) -> None:
    answers = [await sf.chat_completions([{"role": "user", "content": unique("Hello")}]) for _ in range(2)]
    rows = await sf.get_logs_hybrid(limit=2)
    assert [row["request_id"] for row in rows] == [answer.request_id for answer in answers][::-1]
    row = rows[0]
    assert isinstance(row, dict)
    assert row["instance_id"]
    assert row["source"] == "sqlite"
    assert row["provider"] == "openai"
    assert row["tokens_used"] == answers[1].usage.total_tokens
    assert row["metacache"]["hit"] is False
    assert row["metrics"]["success"] is True


async def test_analytics_add_up_the_rows_of_the_days(sf: SmartflowClient, unique: Callable[[str], str]) -> None:
    model = unique("analysed")
    start = today()
    before = await sf.get_analytics(start_date=start)
    messages = [{"role": "user", "content": "Hello"}]
    first = await sf.chat_completions(messages, model=f"groq/{model}")
    await sf.chat_completions(messages, model=f"groq/{model}")
    after = await sf.get_analytics(start_date=start, end_date=datetime.date.today() + datetime.timedelta(days=1))
    assert after["start_date"] == start
    assert after["total_requests"] == before["total_requests"] + 2
    assert after["total_tokens"] == before["total_tokens"] + first.usage.total_tokens
    assert after["total_cost"] >= before["total_cost"]
    assert 0 < after["cache_hit_rate"] <= 1
    mine = after["by_model"][model]
    assert mine["requests"] == 2
    assert mine["tokens"] == first.usage.total_tokens
    assert mine["errors"] == 0
    assert mine["avg_latency_ms"] >= 0
    assert mine["cost"] >= 0
    assert after["by_provider"]["groq"]["requests"] >= 2
    assert sum(day["requests"] for day in after["by_day"]) == after["total_requests"]
    assert {"date", "requests", "tokens", "cost"} == set(after["by_day"][0])


async def test_analytics_of_days_without_calls_are_empty(sf: SmartflowClient) -> None:
    data = await sf.get_analytics(start_date="2020-02-01", end_date="2020-02-19")
    assert (data["start_date"], data["end_date"]) == ("2020-02-01", "2020-02-19")
    assert data["total_requests"] == data["total_tokens"] == data["total_cost"] == data["cache_hit_rate"] == 0
    assert data["by_provider"] == data["by_model"] == {}
    assert data["by_day"] == []


async def test_a_date_that_is_none_is_refused(sf: SmartflowClient) -> None:
    with pytest.raises(ValidationError, match="start_date must be a day"):
        await sf.get_analytics(start_date="last week")
