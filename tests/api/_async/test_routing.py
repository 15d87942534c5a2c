"""Routing, on a gateway of the test's own, because an override changes who answers everybody."""

from __future__ import annotations

import datetime
from typing import Any, Callable, Dict

import pytest

from smartflow import NotFoundError, ProviderError, SmartflowClient, ValidationError
from smartflow.testing import LocalGateway

from .looking import row_of


@pytest.mark.asyncio
async def test_routing_status_names_who_answers(sf: SmartflowClient) -> None:
    status = await sf.get_routing_status()
    assert status["active_provider"] == "openai"
    assert status["strategy"] == "direct"
    assert status["fallback_chain"] == ["openai"]
    assert status["last_failure"] is None
    assert status["override"] is None


@pytest.mark.asyncio
async def test_a_forced_provider_answers_the_next_call(
    forced_urls: Dict[str, Any], unique: Callable[[str], str]
) -> None:
    async with SmartflowClient(**forced_urls) as sf:
        receipt = await sf.force_provider("mistral", duration_seconds=600)
        answer = await sf.chat_completions([{"role": "user", "content": unique("Hello")}], model="gpt-4o")
        status = await sf.get_routing_status()
        row = await row_of(sf, answer.request_id)
    assert (receipt["status"], receipt["provider"], receipt["duration_seconds"]) == ("ok", "mistral", 600)
    assert receipt["ttl_minutes"] == 10
    ends = datetime.datetime.strptime(receipt["expires_at"], "%Y-%m-%dT%H:%M:%S.%fZ")
    assert abs(
        ends - datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None) - datetime.timedelta(seconds=600)
    ) < datetime.timedelta(minutes=5)
    assert answer.provider == "mistral"
    assert row.provider == "mistral"
    assert row.routing_strategy == "override"
    assert row.routing_reason is not None
    assert row.routing_reason.startswith("override:mistral")
    assert status["active_provider"] == "mistral"
    assert status["strategy"] == "override"
    assert status["override"] == {"provider": "mistral", "expires_at": receipt["expires_at"]}


@pytest.mark.asyncio
async def test_a_new_override_replaces_the_old_one(forced_urls: Dict[str, Any], unique: Callable[[str], str]) -> None:
    async with SmartflowClient(**forced_urls) as sf:
        await sf.force_provider("mistral")
        await sf.force_provider("groq", 61)
        answer = await sf.chat_completions([{"role": "user", "content": unique("Hello")}])
        status = await sf.get_routing_status()
    assert answer.provider == "groq"
    assert status["active_provider"] == "groq"


@pytest.mark.asyncio
async def test_an_unknown_provider_cannot_be_forced(sf: SmartflowClient) -> None:
    with pytest.raises(ValidationError, match="unknown provider"):
        await sf.force_provider("nobody")


@pytest.mark.asyncio
@pytest.mark.parametrize("seconds", [0, -5])
async def test_an_override_needs_a_duration(sf: SmartflowClient, seconds: int) -> None:
    with pytest.raises(ValidationError, match="duration_seconds must be at least 1"):
        await sf.force_provider("openai", duration_seconds=seconds)


@pytest.mark.asyncio
async def test_a_failed_provider_shows_in_status_health_and_log(unique: Callable[[str], str]) -> None:
    # Nothing listens on the discard port, so this provider cannot be reached.
    with LocalGateway(env={"LOCAL_BASE_URL": "http://127.0.0.1:9/v1"}) as gateway:
        async with SmartflowClient(gateway.url, management_url=gateway.management_url) as sf:
            with pytest.raises(ProviderError) as caught:
                await sf.with_options(max_retries=0).chat(unique("Hello"), model="local/broken")
            status = await sf.get_routing_status()
            (health,) = [item for item in await sf.get_provider_health() if item.provider == "local"]
            row = await row_of(sf, caught.value.request_id)
            whole = await sf.health_comprehensive()
    assert caught.value.status_code == 503
    assert caught.value.provider == "local"
    assert status["last_failure"] is not None
    assert status["last_failure"]["provider"] == "local"
    assert (health.status, health.error_rate, health.success_rate) == ("unhealthy", 1, 0)
    assert row.metrics.success is False
    assert row.provider == "local"
    assert row.extra["status_code"] == 503
    assert whole.status == "unhealthy"


@pytest.mark.asyncio
async def test_a_fallback_chain_is_created_read_changed_and_deleted(
    sf: SmartflowClient, unique: Callable[[str], str]
) -> None:
    name = unique("chain")
    made = await sf.create_fallback_chain(name, [{"provider": "claude"}, {"provider": "openai", "priority": 2}])
    assert made == {
        "name": name,
        "level": "model",
        "strategy": "priority",
        "targets": [
            {"provider": "anthropic", "weight": 1.0, "priority": 1},
            {"provider": "openai", "weight": 1.0, "priority": 2},
        ],
        "max_retries": 1,
        "backoff_ms": 200,
    }
    assert await sf.get_fallback_chain(name) == made
    assert made in await sf.list_fallback_chains()
    with pytest.raises(ValidationError, match="already") as caught:
        await sf.create_fallback_chain(name, [{"provider": "openai"}])
    assert caught.value.param == "name"
    changed = await sf.update_fallback_chain(name, [{"provider": "groq"}], strategy="random", backoff_ms=0)
    assert (changed["strategy"], changed["backoff_ms"], len(changed["targets"])) == ("random", 0, 1)
    assert await sf.delete_fallback_chain(name) == {"name": name, "deleted": True}
    for call in (sf.get_fallback_chain, sf.delete_fallback_chain):
        with pytest.raises(NotFoundError, match=name):
            await call(name)


@pytest.mark.parametrize(
    ("targets", "options", "param"),
    [
        ([], {}, "targets"),
        ("openai", {}, "targets"),
        ([{"provider": "nobody"}], {}, "targets.0.provider"),
        ([{"provider": "openai"}], {"level": "provider"}, "name"),
        ([{"provider": "openai"}], {"strategy": "best"}, "strategy"),
    ],
)
@pytest.mark.asyncio
async def test_a_wrong_chain_is_named(
    sf: SmartflowClient, unique: Callable[[str], str], targets: Any, options: Any, param: str
) -> None:
    with pytest.raises(ValidationError) as caught:
        await sf.create_fallback_chain(unique("chain"), targets, **options)
    assert caught.value.param == param
