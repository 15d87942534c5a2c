"""Virtual keys, over a real socket: an admin makes them, and they open what they are meant to open."""

from __future__ import annotations

import datetime
from typing import Any, AsyncIterator, Dict

import pytest

from smartflow import (
    AuthenticationError,
    BudgetExceededError,
    ComplianceError,
    NotFoundError,
    RateLimitError,
    SmartflowClient,
    SmartflowError,
    ValidationError,
    VirtualKey,
)

pytestmark = pytest.mark.asyncio


@pytest.fixture
async def admin(forced_urls: Dict[str, Any]) -> AsyncIterator[SmartflowClient]:
    """The client of an admin, on the gateway that asks for keys."""
    async with SmartflowClient(**forced_urls) as client:
        yield client


def with_key(urls: Dict[str, Any], key: VirtualKey) -> SmartflowClient:
    return SmartflowClient(**{**urls, "api_key": key.key, "max_retries": 0})


async def test_a_created_key_opens_the_gateway_and_shows_its_text_once(
    admin: SmartflowClient, forced_urls: Dict[str, Any]
) -> None:
    created = await admin.create_virtual_key("of a bot", user_id="bot-7", metadata={"cost_center": "4711"})
    assert created.key is not None and created.key.startswith("sk-sf-") and len(created.key) == 54
    assert created.key not in repr(created)
    assert (created.status, created.spent_usd, created.budget_period) == ("active", 0, "lifetime")
    async with with_key(forced_urls, created) as sf:
        await sf.chat_completions([{"role": "user", "content": "opened"}])
        (row,) = [row for row in await sf.get_logs() if row.key_id == created.key_id]
    assert row.user_id == "bot-7"
    again = await admin.get_virtual_key(created.key_id)
    assert again.key is None and again.metadata == {"cost_center": "4711"}


async def test_keys_are_listed_newest_first_without_their_texts(admin: SmartflowClient) -> None:
    older, newer = await admin.create_virtual_key("older"), await admin.create_virtual_key("newer")
    listed = await admin.list_virtual_keys(limit=2)
    assert [key.key_id for key in listed] == [newer.key_id, older.key_id]
    assert all(key.key is None for key in listed)
    assert [key.key_id for key in await admin.list_virtual_keys(limit=1, offset=1)] == [older.key_id]


async def test_a_key_tells_what_it_has_spent(admin: SmartflowClient, forced_urls: Dict[str, Any]) -> None:
    created = await admin.create_virtual_key("spender", budget_usd=1, budget_period="monthly")
    async with with_key(forced_urls, created) as sf:
        await sf.with_options(headers={"x-smartflow-provider": "openai"}).chat("spend", model="gpt-4o", max_tokens=50)
        (row,) = [row for row in await sf.get_logs() if row.key_id == created.key_id]
    key = await admin.get_virtual_key(created.key_id)
    assert 0 < row.cost < 0.01
    assert key.spent_usd == pytest.approx(row.cost, abs=1e-9)
    assert key.remaining_usd == pytest.approx(1 - row.cost)
    assert key.resets_at is not None and key.resets_at.endswith("-01T00:00:00.000Z")


async def test_a_change_touches_only_what_it_names(admin: SmartflowClient) -> None:
    created = await admin.create_virtual_key("changing", budget_usd=5, rpm_limit=60, allowed_models=["gpt-4o*"])
    changed = await admin.update_virtual_key(created.key_id, budget_usd=50, clear=["rpm_limit"])
    assert (changed.budget_usd, changed.rpm_limit, changed.allowed_models) == (50, None, ["gpt-4o*"])
    later = datetime.datetime(2040, 1, 1, 12, tzinfo=datetime.timezone(datetime.timedelta(hours=2)))
    changed = await admin.update_virtual_key(created.key_id, expires_at=later)
    assert changed.expires_at == "2040-01-01T10:00:00.000Z"


async def test_a_revoked_key_opens_nothing(admin: SmartflowClient, forced_urls: Dict[str, Any]) -> None:
    created = await admin.create_virtual_key("short-lived")
    revoked = await admin.revoke_virtual_key(created.key_id)
    assert (revoked.status, revoked.revoked_at is not None) == ("revoked", True)
    async with with_key(forced_urls, created) as sf:
        with pytest.raises(AuthenticationError) as caught:
            await sf.list_models()
    assert caught.value.code == "revoked_api_key"


async def test_a_used_up_budget_and_a_used_up_minute_are_told_apart(
    admin: SmartflowClient, forced_urls: Dict[str, Any]
) -> None:
    poor = await admin.create_virtual_key("poor", budget_usd=0)
    slow = await admin.create_virtual_key("slow", tpm_limit=5)
    openai = {"x-smartflow-provider": "openai"}
    async with with_key(forced_urls, poor) as sf:
        with pytest.raises(BudgetExceededError) as budget:
            await sf.with_options(headers=openai).chat("too dear", model="gpt-4o")
    assert budget.value.headers["x-smartflow-budget-limit"] == "0"
    async with with_key(forced_urls, slow) as sf:
        with pytest.raises(RateLimitError) as limit:
            await sf.chat("too many words for one minute")
    assert not isinstance(limit.value, BudgetExceededError)
    assert limit.value.headers["x-ratelimit-limit-tokens"] == "5"


async def test_only_an_admin_manages_keys(admin: SmartflowClient, forced_urls: Dict[str, Any]) -> None:
    plain = await admin.create_virtual_key("plain")
    second = await admin.create_virtual_key("second admin", admin=True)
    async with with_key(forced_urls, plain) as sf:
        with pytest.raises(SmartflowError) as listing:
            await sf.list_virtual_keys()
        with pytest.raises(SmartflowError) as revoking:
            await sf.revoke_virtual_key(second.key_id)
        with pytest.raises(SmartflowError) as creating:
            await sf.create_virtual_key("mine")
    for caught in (listing, revoking, creating):
        assert (caught.value.status_code, caught.value.code) == (403, "admin_key_required")
    async with with_key(forced_urls, second) as sf:
        assert (await sf.get_virtual_key(plain.key_id)).status == "active"


async def test_the_text_of_a_key_is_no_id(admin: SmartflowClient) -> None:
    created = await admin.create_virtual_key("mixed up")
    assert created.key is not None
    with pytest.raises(NotFoundError) as caught:
        await admin.get_virtual_key(created.key)
    assert created.key not in str(caught.value)


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"clear": "budget_usd"},
        {"clear": ["name"]},
        {"clear": ["rpm_limit"], "rpm_limit": 5},
        {"allowed_models": "gpt-4o"},
        {"expires_at": datetime.datetime(2040, 1, 1)},
    ],
)
async def test_a_change_that_says_nothing_clear_is_not_sent(admin: SmartflowClient, arguments: Dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as caught:
        await admin.update_virtual_key("vk_1", **arguments)
    assert caught.value.status_code is None


async def test_a_key_checks_its_calls_as_strictly_as_it_was_made(
    admin: SmartflowClient, forced_urls: Dict[str, Any]
) -> None:
    created = await admin.create_virtual_key("careful", compliance_mode="block")
    async with with_key(forced_urls, created) as sf:
        with pytest.raises(ComplianceError) as caught:
            await sf.chat_completions([{"role": "user", "content": "The card is 4111 1111 1111 1111"}])
    assert (created.compliance_mode, caught.value.code) == ("block", "compliance_blocked")
    changed = await admin.update_virtual_key(created.key_id, compliance_mode="redact")
    assert changed.compliance_mode == "redact"
    assert (await admin.update_virtual_key(created.key_id, clear=["compliance_mode"])).compliance_mode is None
