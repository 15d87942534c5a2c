"""The calendar of budgets, the arithmetic of money, and the rules of models."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from smartflow.gateway.keys.record import VirtualKey, hash_of, is_key, nano, new_text, period_end, period_start


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("period", "now", "start", "end"),
    [
        ("daily", "2026-02-28T23:59:59.999999", "2026-02-28", "2026-03-01"),
        ("daily", "2026-03-01T00:00:00", "2026-03-01", "2026-03-02"),
        ("weekly", "2026-02-22T23:59:59", "2026-02-16", "2026-02-23"),
        ("weekly", "2026-02-23T00:00:00", "2026-02-23", "2026-03-02"),
        ("weekly", "2025-12-31T12:00:00", "2025-12-29", "2026-01-05"),
        ("monthly", "2026-01-31T12:00:00", "2026-01-01", "2026-02-01"),
        ("monthly", "2024-02-29T12:00:00", "2024-02-01", "2024-03-01"),
        ("monthly", "2026-12-31T23:59:59", "2026-12-01", "2027-01-01"),
    ],
)
def test_a_period_begins_and_ends_at_midnight_utc(period: str, now: str, start: str, end: str) -> None:
    assert period_start(period, at(now)) == start
    assert period_end(period, at(now)) == at(end)


def test_a_lifetime_has_no_beginning_and_no_end() -> None:
    assert (period_start("lifetime", at("2026-01-01")), period_end("lifetime", at("2026-01-01"))) == ("", None)


def test_another_zone_makes_no_other_day() -> None:
    tokyo = datetime(2026, 3, 1, 8, tzinfo=timezone(timedelta(hours=9)))
    assert period_start("monthly", tokyo) == "2026-02-01"


@pytest.mark.parametrize(
    ("usd", "billionths"), [(0, 0), (0.1 + 0.2, 300_000_000), (1e-12, 1), (2.5e-6, 2500), (1e6, 10**15)]
)
def test_money_is_whole_billionths_and_nothing_that_costs_is_free(usd: float, billionths: int) -> None:
    assert nano(usd) == billionths


def test_texts_of_keys_have_their_form_and_are_not_equal() -> None:
    texts = {new_text() for _ in range(100)}
    assert len(texts) == 100 and all(map(is_key, texts))
    assert not is_key(new_text() + "\n") and not is_key(new_text().upper())
    assert len(hash_of("\udcff")) == 64


def test_a_key_shows_no_hash() -> None:
    assert "abc123" not in repr(VirtualKey("vk_1", "abc123", "name", "2026-01-01T00:00:00.000Z"))
