"""The gateway itself, over a real socket: models, chatbot, providers, health."""

from __future__ import annotations

import datetime
from typing import Callable

import pytest

from smartflow import ProviderHealth, ResponseInfo, SmartflowClient, SystemHealth

from .looking import row_of

pytestmark = pytest.mark.asyncio


async def test_models_of_several_providers_are_listed(sf: SmartflowClient) -> None:
    models = await sf.list_models()
    ids = [model["id"] for model in models]
    assert {"gpt-4o", "claude-sonnet-4-6", "text-embedding-3-small", "whisper-1"} <= set(ids)
    assert len(set(ids)) == len(ids)
    assert all(model["object"] == "model" and model["owned_by"] for model in models)


async def test_the_chatbot_answers_from_the_cache_statistics(sf: SmartflowClient, unique: Callable[[str], str]) -> None:
    messages = [{"role": "user", "content": unique("Hello")}]
    await sf.chat_completions(messages)
    await sf.chat_completions(messages)
    result = await sf.chatbot_query("show me today's cache stats")
    assert result["intent"] == "cache_stats"
    assert isinstance(result["data"], dict)
    assert result["data"]["hits"] >= 1
    assert f"{result['data']['hits']} hits" in result["response"]
    assert result["timestamp"].endswith("Z")


@pytest.mark.parametrize(
    ("question", "word"),
    [
        ("which provider had the most errors this week?", "error"),
        ("what did we spend on OpenAI yesterday?", "yesterday"),
    ],
)
async def test_the_chatbot_answers_the_documented_questions(sf: SmartflowClient, question: str, word: str) -> None:
    result = await sf.chatbot_query(question)
    assert result["intent"] is not None
    assert word in result["response"].lower()


async def test_a_question_to_the_chatbot_is_logged(sf: SmartflowClient) -> None:
    seen: list[ResponseInfo] = []
    await sf.with_options(on_response=seen.append).chatbot_query("how is the latency?")
    assert (await row_of(sf, seen[0].request_id)).content_type == "chatbot"


async def test_provider_health_is_measured_on_real_calls(sf: SmartflowClient, unique: Callable[[str], str]) -> None:
    messages = [{"role": "user", "content": unique("Hello")}]
    await sf.chat_completions(messages, model="perplexity/sonar")
    before = {health.provider: health for health in await sf.get_provider_health()}["perplexity"]
    await sf.chat_completions([{"role": "user", "content": unique("Hello")}], model="perplexity/sonar")
    after = {health.provider: health for health in await sf.get_provider_health()}["perplexity"]
    assert isinstance(after, ProviderHealth)
    assert after.requests_total == before.requests_total + 1
    assert after.status == "healthy"
    assert after.latency_ms >= 0
    assert after.success_rate == 1
    assert after.error_rate == 0
    assert after.rate_limit_rate == 0
    assert after.last_updated >= before.last_updated
    assert after.last_updated.endswith("Z")


async def test_comprehensive_health_covers_providers_and_cache(
    sf: SmartflowClient, unique: Callable[[str], str]
) -> None:
    await sf.chat(unique("Hello"))
    health = await sf.health_comprehensive()
    stats = await sf.get_cache_stats()
    assert isinstance(health, SystemHealth)
    assert health.status == "healthy"
    assert health.uptime_seconds >= 0
    assert health.version
    assert health.providers["openai"]["status"] == "healthy"
    assert health.cache["misses"] == stats.misses
    assert health.cache["entries"] == stats.entries
    moment = datetime.datetime.strptime(health.timestamp, "%Y-%m-%dT%H:%M:%S.%fZ")
    assert abs(moment - datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)) < datetime.timedelta(
        minutes=5
    )


async def test_health_is_ok(sf: SmartflowClient) -> None:
    status = await sf.health()
    assert status["status"] == "ok"
    assert status["version"]


async def test_readiness_names_the_store(sf: SmartflowClient) -> None:
    assert await sf.readiness() == {"status": "ready", "redis": "connected"}


async def test_reading_about_the_gateway_leaves_no_row(sf: SmartflowClient, unique: Callable[[str], str]) -> None:
    answer = await sf.chat_completions([{"role": "user", "content": unique("Hello")}])
    await sf.list_models()
    await sf.get_cache_stats()
    await sf.get_provider_health()
    await sf.health()
    await sf.readiness()
    await sf.health_comprehensive()
    await sf.get_routing_status()
    await sf.get_analytics()
    assert (await sf.get_logs(limit=1))[0].request_id == answer.request_id
