"""Audit rows: what is stored, how it is shown, and what the rows add up to."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from smartflow_generated.server.bridge import models as bridge
from smartflow_generated.server.management import models as management

from smartflow.gateway.audit.chain import Chain
from smartflow.gateway.audit.engine import AuditEngine
from smartflow.gateway.audit.ledger import Ledger
from smartflow.gateway.audit.record import AuditRecord
from smartflow.gateway.audit.repo import AuditRepo, Filters
from smartflow.gateway.audit.settings import AuditSettings
from smartflow.gateway.clock import CountingIds, RandomIds, SystemClock, iso
from smartflow.gateway.errors import GatewayError
from smartflow.gateway.store import Store
from smartflow.gateway.system.chatbot import span

NOW = datetime(2026, 2, 19, 10, tzinfo=UTC)


@pytest.fixture
def store():
    opened = Store(None)
    yield opened
    opened.close()


@pytest.fixture
def audit(store):
    return engine(store, lambda text: text.replace("secret", "[X]"))


def engine(store, redact=None):
    repo = AuditRepo(store)
    return AuditEngine(repo, Ledger(repo, Chain(b"k" * 32), SystemClock(), AuditSettings()), redact)


def record(number=0, moment=NOW, **fields):
    return AuditRecord(f"req_{number}", iso(moment), "createChatCompletion", "chat", **fields)


def page(audit, days=30, limit=100, offset=0, cursor=None, **filters):
    return audit.page(Filters(iso(NOW - timedelta(days=days)), **filters), limit=limit, offset=offset, cursor=cursor)


def test_a_row_fits_the_contract(audit):
    audit.write(record(provider="openai", model="gpt-4o", prompt_tokens=3, completion_tokens=4), 12)
    management.VASLogPage.model_validate(page(audit))
    bridge.HybridLogList.model_validate(audit.hybrid(10))
    (row,) = page(audit)["data"]
    assert (row["tokens_used"], row["latency_ms"], row["model_provider"], row["metacache"]) == (
        7, 12, "openai", {"hit": False, "query": "", "tokens_saved": 0},
    )  # fmt: skip


def test_texts_are_redacted_before_they_are_stored(audit, store):
    audit.write(record(request_content="a secret", response_content="no secret", cache_query="secret"), 1)
    (row,) = store.rows("SELECT request_content, response_content, cache_query FROM vas_logs")
    assert row == {"request_content": "a [X]", "response_content": "no [X]", "cache_query": "[X]"}


def test_without_a_redactor_no_text_is_stored(store):
    engine(store).write(record(request_content="a secret", cache_query="secret"), 1)
    (row,) = store.rows("SELECT request_content, cache_query FROM vas_logs")
    assert row == {"request_content": None, "cache_query": ""}


def test_a_cache_hit_shows_the_documented_latency(audit):
    audit.write(record(cached=True, tokens_saved=9), 1234)
    (row,) = page(audit)["data"]
    assert (row["latency_ms"], row["processing_time_ms"], row["cached"]) == (5, 1234, True)


def test_violations_are_told_only_when_there_are_any(audit):
    details = [{"violation_type": "ssn", "severity": "high"}]
    audit.write(record(1, compliance_status="violated", compliance={"violations_details": details}), 1)
    audit.write(record(2, compliance_status="compliant"), 1)
    clean, violated = page(audit)["data"]
    assert (clean["compliance_violations"], clean["compliance"]["risk_level"]) == (None, "low")
    assert violated["compliance_violations"] == '[{"violation_type": "ssn", "severity": "high"}]'


def test_rows_of_one_moment_keep_their_order(audit):
    for number in range(5):
        audit.write(record(number), 1)
    assert [row["request_id"] for row in page(audit)["data"]] == ["req_4", "req_3", "req_2", "req_1", "req_0"]
    assert [row["request_id"] for row in page(audit, limit=2, offset=2)["data"]] == ["req_2", "req_1"]


def test_days_are_counted_back_from_now(audit):
    audit.write(record(1, NOW - timedelta(days=7)), 1)
    audit.write(record(2, NOW - timedelta(days=7, milliseconds=1)), 1)
    assert [row["request_id"] for row in page(audit, days=7)["data"]] == ["req_1"]


def test_analytics_without_rows_are_zeros(audit):
    figures = audit.analytics(NOW.date(), None, None)
    bridge.HybridAnalytics.model_validate(figures)
    assert (figures["start_date"], figures["total_requests"], figures["cache_hit_rate"], figures["by_day"]) == (
        None,
        0,
        0,
        [],
    )


def test_analytics_count_whole_days_and_failures(audit):
    audit.write(record(1, datetime(2026, 2, 18, 23, 59, 59, 999_000, UTC), provider="openai", model="m", cost=0.5), 10)
    audit.write(
        record(2, datetime(2026, 2, 18, tzinfo=UTC), provider="openai", model="m", status_code=502, error_code="x"), 30
    )
    audit.write(record(3, datetime(2026, 2, 19, tzinfo=UTC), provider="smartflow", cached=True), 1)
    day = date(2026, 2, 18)
    figures = audit.analytics(NOW.date(), day, day)
    assert figures["by_provider"] == {
        "openai": {"requests": 2, "tokens": 0, "cost": 0.5, "avg_latency_ms": 20, "errors": 1}
    }
    assert figures["by_day"] == [{"date": "2026-02-18", "requests": 2, "tokens": 0, "cost": 0.5}]


def test_calls_without_a_model_are_no_model(audit):
    audit.write(record(1), 1)
    assert audit.analytics(NOW.date(), None, None)["by_model"] == {}


def test_a_period_that_ends_before_it_starts_is_refused(audit):
    with pytest.raises(GatewayError, match="start_date"):
        audit.analytics(NOW.date(), date(2026, 2, 20), None)


def test_text_order_of_moments_is_time_order():
    moments = [NOW + timedelta(milliseconds=step * 7) for step in range(300)]
    assert sorted(map(iso, moments)) == list(map(iso, moments))
    assert iso(NOW) == "2026-02-19T10:00:00.000Z"


def test_random_ids_differ_and_counted_ids_repeat():
    ids = RandomIds()
    assert len({ids.new("req") for _ in range(1000)}) == 1000
    assert CountingIds().new("req") == CountingIds().new("req") == "req_000001"
    assert SystemClock().now().utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    ("text", "name", "since", "until"),
    [
        ("today", "today", "2026-02-19T00:00:00.000Z", "2026-02-19T10:00:00.001Z"),
        ("yesterday", "yesterday", "2026-02-18T00:00:00.000Z", "2026-02-19T00:00:00.000Z"),
        ("this week", "this week", "2026-02-16T00:00:00.000Z", "2026-02-19T10:00:00.001Z"),
        ("in the last 3 hours", "the last 3 hours", "2026-02-19T07:00:00.000Z", "2026-02-19T10:00:00.001Z"),
        ("past day", "the last 1 day", "2026-02-18T10:00:00.000Z", "2026-02-19T10:00:00.001Z"),
        ("last 9999 weeks", "the last 9999 weeks", "2016-02-22T10:00:00.000Z", "2026-02-19T10:00:00.001Z"),
    ],
)
def test_a_question_names_its_span(text, name, since, until):
    found = span(text, NOW)
    assert (found.name, iso(found.since), iso(found.until)) == (name, since, until)


def test_a_long_text_is_cut_and_nothing_at_the_cut_escapes_the_redactor(store):
    audit = engine(store, lambda text: text.replace("secret", ""))
    # Redacting shrinks this text so much that the place of the cut would come into view.
    text = "secret" * 6_666 + "sec" + "ret" + "x" * 50_000
    audit.write(record(request_content=text), 1)
    (row,) = store.rows("SELECT request_content FROM vas_logs")
    assert "sec" not in (row["request_content"] or "")
