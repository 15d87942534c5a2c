"""What `with_options` changes, and what the client tells about a call."""

from __future__ import annotations

from typing import Any, Callable, Dict

import pytest

from smartflow import AuthenticationError, ConfigError, ResponseInfo, SmartflowClient, TimeoutError, Timeouts
from smartflow.testing import LocalGateway

from .looking import row_of

pytestmark = pytest.mark.asyncio


async def test_user_and_conversation_end_up_in_the_log(sf: SmartflowClient, unique: Callable[[str], str]) -> None:
    user, conversation = unique("alice"), unique("conv")
    seen: list[ResponseInfo] = []
    mine = sf.with_options(user_id=user, conversation_id=conversation, on_response=seen.append)
    await mine.chat(unique("Hello"))
    await mine.embeddings(unique("Hello"))
    await mine.check_compliance("Hello")
    for info in seen:
        row = await row_of(sf, info.request_id)
        assert (row.user_id, row.conversation_id) == (user, conversation)


async def test_the_original_keeps_its_options(sf: SmartflowClient, unique: Callable[[str], str]) -> None:
    sf.with_options(user_id="alice", headers={"x-conversation-id": "conv"})
    answer = await sf.chat_completions([{"role": "user", "content": unique("Hello")}])
    row = await row_of(sf, answer.request_id)
    assert row.user_id is None
    assert row.conversation_id is None


async def test_options_add_up(sf: SmartflowClient, unique: Callable[[str], str]) -> None:
    user, conversation = unique("alice"), unique("conv")
    mine = sf.with_options(user_id=user).with_options(headers={"X-Session-Id": conversation}, timeout=20)
    answer = await mine.chat_completions([{"role": "user", "content": unique("Hello")}])
    row = await row_of(sf, answer.request_id)
    assert (row.user_id, row.conversation_id) == (user, conversation)


async def test_a_header_may_choose_the_provider_of_one_call(sf: SmartflowClient, unique: Callable[[str], str]) -> None:
    answer = await sf.with_options(headers={"x-smartflow-provider": "mistral"}).chat_completions(
        [{"role": "user", "content": unique("Hello")}]
    )
    assert answer.provider == "mistral"
    assert (await row_of(sf, answer.request_id)).routing_strategy == "header"


async def test_on_response_tells_each_call(sf: SmartflowClient, unique: Callable[[str], str]) -> None:
    seen: list[ResponseInfo] = []
    watched = sf.with_options(on_response=seen.append)
    await watched.chat(unique("Hello"))
    await watched.get_cache_stats()
    assert [info.operation for info in seen] == ["createChatCompletion", "getCacheStats"]
    assert [info.status_code for info in seen] == [200, 200]
    assert [info.attempts for info in seen] == [1, 1]
    assert seen[0].headers["x-smartflow-request-id"] == seen[0].request_id
    assert (await row_of(sf, seen[0].request_id)).content_type == "chat"


async def test_default_headers_travel_with_every_call(
    gateway_urls: Dict[str, Any], unique: Callable[[str], str]
) -> None:
    user = unique("alice")
    async with SmartflowClient(**gateway_urls, default_headers={"X-Smartflow-User-Id": user}) as sf:
        answer = await sf.chat_completions([{"role": "user", "content": unique("Hello")}])
        assert (await row_of(sf, answer.request_id)).user_id == user


async def test_a_limit_that_is_reached_is_a_timeout_error(sf: SmartflowClient, unique: Callable[[str], str]) -> None:
    hasty = sf.with_options(timeout=Timeouts(total=0.000001), max_retries=0)
    with pytest.raises(TimeoutError):
        await hasty.chat(unique("Hello"))
    assert (await sf.health())["status"] == "ok"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"timout": 3}, "unknown option timout"),
        ({"timeout": -1}, "timeout must be greater than 0"),
        ({"max_retries": -1}, "max_retries must be 0 or a positive"),
        ({"user_id": "a\nb"}, "user_id must be"),
        ({"headers": {"x-a": "1\r\nx-b: 2"}}, "x-a"),
    ],
)
async def test_a_wrong_option_is_named(sf: SmartflowClient, wrong: Dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        sf.with_options(**wrong)  # type: ignore[arg-type]


async def test_a_wrong_key_is_an_authentication_error_that_does_not_show_it() -> None:
    with LocalGateway(api_key="sk-sf-right-and-long-enough") as gateway:
        async with SmartflowClient(gateway.url, api_key="sk-sf-right-and-long-enough") as sf:
            assert await sf.chat("Hello")
        async with SmartflowClient(gateway.url, api_key="sk-sf-wrong-and-secret") as sf:
            with pytest.raises(AuthenticationError) as caught:
                await sf.chat("Hello")
            assert caught.value.status_code == 401
            assert "wrong-and-secret" not in repr(caught.value) + str(caught.value) + repr(sf)
            assert (await sf.health())["status"] == "ok"
