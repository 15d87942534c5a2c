"""The client's own life: how it is made, what it knows of itself, and how it ends."""

from __future__ import annotations

from typing import Any, Dict

import httpx
import pytest

from smartflow import ConfigError, ConnectionError, SmartflowClient, SmartflowError, ValidationError


@pytest.mark.asyncio
async def test_these_tests_are_of_the_client_of_their_own_kind(sf: SmartflowClient) -> None:
    assert type(sf).__module__ == "smartflow._async.client"


def test_the_other_services_are_on_the_same_host() -> None:
    sf = SmartflowClient("http://smartflow:7775")
    assert sf.base_url == "http://smartflow:7775"
    assert sf.management_url == "http://smartflow:7778"
    assert sf.compliance_url == "http://smartflow:7777"
    assert sf.bridge_url == "http://smartflow:3500"
    assert sf.policy_perfect_url == "http://smartflow:7782"


def test_every_documented_argument_has_its_effect() -> None:
    sf = SmartflowClient(
        base_url="http://smartflow:7775",
        api_key="sk-sf-secret",
        timeout=30.0,
        management_port=8778,
        compliance_port=8777,
        bridge_port=4500,
    )
    assert sf.management_url == "http://smartflow:8778"
    assert sf.compliance_url == "http://smartflow:8777"
    assert sf.bridge_url == "http://smartflow:4500"
    assert "secret" not in repr(sf)


def test_a_service_may_have_a_url_of_its_own() -> None:
    sf = SmartflowClient(
        "https://gateway.example.com",
        management_url="https://management.example.com",
        compliance_url="https://compliance.example.com/sf",
        bridge_url="http://10.0.0.7:3501",
        policy_url="https://policy.example.com",
    )
    assert sf.management_url == "https://management.example.com"
    assert sf.compliance_url == "https://compliance.example.com/sf"
    assert sf.bridge_url == "http://10.0.0.7:3501"
    assert sf.policy_perfect_url == "https://policy.example.com"


def test_the_url_may_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMARTFLOW_GATEWAY_URL", "http://smartflow:9000")
    assert SmartflowClient().base_url == "http://smartflow:9000"


def test_a_client_with_a_url_is_in_gateway_mode() -> None:
    sf = SmartflowClient("http://smartflow:7775")
    assert sf.mode == "gateway"
    assert sf.is_gateway_mode() is True


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"base_url": "smartflow:7775"}, "http"),
        ({"base_url": "http://me:secret@smartflow:7775"}, "base_url"),
        ({"base_url": "http://smartflow:7775", "timeout": 0}, "timeout"),
        ({"base_url": "http://smartflow:7775", "max_retries": -1}, "max_retries"),
        ({"base_url": "http://smartflow:7775", "management_port": 70000}, "management_port"),
        ({"base_url": "http://smartflow:7775", "api_key": "sk a"}, "api_key"),
        ({"base_url": "http://smartflow:7775", "transport": object()}, "transport"),
        ({"api_key": "sk-sf-0"}, "no gateway is configured"),
        ({"management_url": "http://smartflow:7778"}, "no gateway is configured"),
    ],
)
@pytest.mark.asyncio
async def test_a_wrong_argument_is_named(arguments: Dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said) as caught:
        sf = SmartflowClient(**arguments)
        await sf._ensure_client()
    assert "secret" not in str(caught.value)


@pytest.mark.asyncio
async def test_the_documented_manual_life_of_a_client(gateway_urls: Dict[str, Any]) -> None:
    sf = SmartflowClient(**gateway_urls)
    await sf._ensure_client()
    assert (await sf.health())["status"] == "ok"
    assert sf.closed is False
    await sf.close()
    await sf.close()
    assert sf.closed is True


@pytest.mark.asyncio
async def test_a_closed_client_says_so(gateway_urls: Dict[str, Any]) -> None:
    async with SmartflowClient(**gateway_urls) as sf:
        await sf.health()
    with pytest.raises(SmartflowError, match="closed"):
        await sf.health()
    with pytest.raises(SmartflowError, match="closed"):
        await sf.with_options(timeout=3).health()


@pytest.mark.asyncio
async def test_get_reads_any_path_of_the_gateway(sf: SmartflowClient) -> None:
    assert (await sf._get("/health/liveliness"))["status"] == "ok"
    page = await sf._get(f"{sf.management_url}/api/vas/logs", {"limit": 1})
    assert page["limit"] == 1


@pytest.mark.asyncio
async def test_post_sends_a_json_body(sf: SmartflowClient) -> None:
    answer = await sf._post("/v1/embeddings", {"model": "text-embedding-3-small", "input": "Hello", "dimensions": 4})
    assert len(answer["data"][0]["embedding"]) == 4
    scan = await sf._post(f"{sf.compliance_url}/api/compliance/scan", {"content": "My SSN is 123-45-6789"})
    assert scan["pii_detected"] == ["ssn"]


@pytest.mark.asyncio
async def test_a_key_goes_to_no_other_host(sf: SmartflowClient) -> None:
    with pytest.raises(ValidationError, match="no URL of this gateway"):
        await sf._get("http://elsewhere.example.com/health")


@pytest.mark.asyncio
async def test_a_gateway_that_is_not_there_is_a_connection_error() -> None:
    async with SmartflowClient("http://127.0.0.1:9", max_retries=0, timeout=5) as sf:
        with pytest.raises(ConnectionError, match="127.0.0.1:9"):
            await sf.chat("Hello!")


@pytest.mark.asyncio
async def test_an_httpx_client_of_the_user_stays_open(gateway_urls: Dict[str, Any]) -> None:
    async with httpx.AsyncClient(headers={"x-smartflow-user-id": "from-httpx"}) as mine:
        async with SmartflowClient(**gateway_urls, http_client=mine) as sf:
            assert await sf.chat("Hello through httpx")
            assert [piece async for piece in sf.stream_chat("Hello through httpx")]
            assert (await sf.get_cache_stats()).hits >= 0
        assert mine.is_closed is False


@pytest.mark.asyncio
async def test_a_transport_of_the_user_is_used() -> None:
    asked = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url)
        return httpx.Response(200, json={"status": "ok"})

    async with SmartflowClient("http://smartflow:7775", transport=httpx.MockTransport(answer)) as sf:
        assert await sf.health() == {"status": "ok"}
    assert asked == ["http://smartflow:7775/health/liveliness"]
