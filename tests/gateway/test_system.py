"""The gateway's own state: probes, health, metrics, audit pages, analytics, and the chatbot."""

from __future__ import annotations

import pytest

from smartflow.gateway.store import StoreError


def test_the_probes_answer(gateway):
    assert gateway.proxy.get("/health/liveliness").json()["status"] == "ok"
    assert gateway.proxy.get("/health/readiness").json() == {"status": "ready", "redis": "connected"}


def test_readiness_is_503_when_the_store_is_gone(fresh_gateway):
    def broken():
        raise StoreError

    fresh_gateway.gateway.store.check = broken
    answer = fresh_gateway.proxy.get("/health/readiness")
    assert (answer.status_code, answer.json()["status"]) == (503, "not_ready")


def test_comprehensive_health_has_uptime_providers_and_cache(fresh_gateway):
    fresh_gateway.chat()
    fresh_gateway.clock.advance(61.5)
    health = fresh_gateway.management.get("/api/health/comprehensive").json()
    assert (health["status"], health["uptime_seconds"]) == ("healthy", 61)
    assert health["providers"]["openai"]["requests"] == 1
    assert health["cache"]["misses"] == 1


def test_metrics_count_calls_hits_and_tokens(fresh_gateway):
    fresh_gateway.chat()
    fresh_gateway.chat()
    fresh_gateway.chat(temperature=9)
    answer = fresh_gateway.proxy.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert 'smartflow_requests_total{operation="createChatCompletion",status="200"} 2.0' in answer.text
    assert 'smartflow_requests_total{operation="createChatCompletion",status="400"} 1.0' in answer.text
    assert 'smartflow_cache_hits_total{tier="L1"} 1.0' in answer.text
    assert "smartflow_cache_misses_total 1.0" in answer.text


def test_two_gateways_have_metrics_of_their_own(fresh_gateway, gateway):
    gateway.chat()
    assert "createChatCompletion" not in fresh_gateway.proxy.get("/metrics").text


@pytest.fixture(scope="module")
def with_rows(own_gateway):
    for number in range(5):
        own_gateway.chat(f"row {number}", model="gpt-4o" if number % 2 else "claude-sonnet-4-6")
        own_gateway.clock.advance(0 if number % 2 else 24 * 3600)
    return own_gateway


def test_logs_are_newest_first_and_paged_without_gaps(with_rows):
    whole = with_rows.management.get("/api/vas/logs").json()
    times = [row["timestamp"] for row in whole["data"]]
    assert times == sorted(times, reverse=True)
    pages = [with_rows.logs(limit=2, offset=offset) for offset in (0, 2, 4, 6)]
    assert [row for page in pages for row in page] == whole["data"]
    assert (whole["total"], len(pages[-1])) == (5, 0)


def test_logs_are_filtered_by_provider_model_and_days(with_rows):
    assert {row["provider"] for row in with_rows.logs(provider="anthropic")} == {"anthropic"}
    assert len(with_rows.logs(model="gpt-4o")) == 2
    assert len(with_rows.logs(provider="anthropic", model="gpt-4o")) == 0
    assert len(with_rows.logs(days=1)) == 2


def test_reading_logs_writes_none(with_rows):
    assert len(with_rows.logs()) == len(with_rows.logs())


def test_hybrid_logs_name_their_origin(with_rows):
    rows = with_rows.bridge.get("/api/redis/logs", params={"limit": 3}).json()["logs"]
    assert [(row["instance_id"], row["source"]) for row in rows] == [("local", "sqlite")] * 3


def test_analytics_add_up(with_rows):
    figures = with_rows.bridge.get("/api/hybrid/analytics").json()
    assert figures["total_requests"] == 5
    assert (figures["start_date"], figures["end_date"]) == ("2026-02-19", "2026-02-22")
    assert [day["requests"] for day in figures["by_day"]] == [1, 2, 2]
    assert sum(usage["tokens"] for usage in figures["by_provider"].values()) == figures["total_tokens"]
    assert set(figures["by_model"]) == {"gpt-4o", "claude-sonnet-4-6"}


def test_analytics_count_both_ends_of_a_period(with_rows):
    figures = with_rows.bridge.get(
        "/api/hybrid/analytics", params={"start_date": "2026-02-20", "end_date": "2026-02-20"}
    ).json()
    assert figures["total_requests"] == 2


@pytest.mark.parametrize(
    "query",
    [{"start_date": "2026-02-21", "end_date": "2026-02-20"}, {"start_date": "soon"}, {"start_date": "1771495200"}],
)
def test_a_period_that_cannot_be_is_400(with_rows, query):
    answer = with_rows.bridge.get("/api/hybrid/analytics", params=query)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "start_date")


def test_the_last_day_of_time_is_a_day(with_rows):
    assert with_rows.bridge.get("/api/hybrid/analytics", params={"end_date": "9999-12-31"}).status_code == 200


def ask(gateway, question):
    return gateway.proxy.post("/api/chatbot/query", json={"query": question}).json()


def test_the_chatbot_answers_the_documented_questions_from_real_rows(fresh_gateway):
    fresh_gateway.chat("a")
    fresh_gateway.chat("a")
    fresh_gateway.chat("b", temperature=9)
    cache = ask(fresh_gateway, "show me today's cache stats")
    assert (cache["intent"], cache["data"]["hits"], cache["data"]["misses"]) == ("cache_stats", 1, 1)
    errors = ask(fresh_gateway, "which provider had the most errors this week?")
    assert (errors["intent"], errors["data"]["total"]) == ("errors", 1)
    yesterday = ask(fresh_gateway, "what did we spend on OpenAI yesterday?")
    assert (yesterday["intent"], yesterday["data"]["cost_usd"], yesterday["data"]["provider"]) == (
        "cost_analysis",
        0,
        "openai",
    )
    assert ask(fresh_gateway, "what did we spend today?")["data"]["cost_usd"] > 0


def test_the_chatbot_says_when_it_does_not_understand(gateway):
    answer = ask(gateway, "tell me a joke")
    assert answer["intent"] is None
    assert "did not understand" in answer["response"]
    assert "cost_analysis" in answer["data"]["topics"]


@pytest.mark.parametrize(
    "question",
    [
        "errors in the last 3 hours",
        "latency this month",
        "how healthy are you",
        "providers",
        "how many calls in the past week",
    ],
)
def test_every_topic_has_an_answer_that_fits_the_contract(gateway, question):
    answer = gateway.proxy.post("/api/chatbot/query", json={"query": question})
    assert answer.status_code == 200
    assert answer.json()["intent"]
