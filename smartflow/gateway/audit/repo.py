"""The SQL of the audit log."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from smartflow.gateway.store import Store

_TOTALS = (
    "COUNT(*) AS requests, COALESCE(SUM(tokens_used), 0) AS tokens, COALESCE(SUM(cost), 0) AS cost,"
    " COALESCE(AVG(latency_ms), 0) AS avg_latency_ms, COALESCE(SUM(1 - success), 0) AS errors,"
    " COALESCE(SUM(cached), 0) AS hits, COALESCE(SUM(cache_looked_up), 0) AS lookups,"
    " COALESCE(SUM(tokens_saved), 0) AS tokens_saved"
)
_GROUPS = {"provider": "provider", "model": "model", "day": "day"}


class AuditRepo:
    """Reads and writes audit rows."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def insert(self, row: Mapping[str, object]) -> None:
        """Add one row; the mapping's names are the columns."""
        columns = ", ".join(row)
        marks = ", ".join("?" for _ in row)
        self._store.execute(f"INSERT INTO vas_logs ({columns}) VALUES ({marks})", list(row.values()))

    def page(
        self,
        *,
        since: str,
        provider: str | None,
        model: str | None,
        limit: int,
        offset: int,
        key_id: str | None = None,
    ) -> tuple[int, list[dict[str, Any]]]:
        """The number of matching rows, and one page of them, newest first."""
        where, params = _where(since, None, provider, model, key_id)
        total = self._store.row(f"SELECT COUNT(*) AS total FROM vas_logs WHERE {where}", params)
        rows = self._store.rows(
            f"SELECT * FROM vas_logs WHERE {where} ORDER BY timestamp DESC, seq DESC LIMIT ? OFFSET ?",
            [*params, limit, offset],
        )
        return (total or {"total": 0})["total"], rows

    def totals(
        self, since: str, until: str | None = None, provider: str | None = None, key_id: str | None = None
    ) -> dict[str, Any]:
        """The sums over a span of time."""
        where, params = _where(since, until, provider, None, key_id)
        return self._store.row(f"SELECT {_TOTALS} FROM vas_logs WHERE {where}", params) or {}

    def grouped(self, by: str, since: str, until: str | None = None, key_id: str | None = None) -> list[dict[str, Any]]:
        """The sums for each provider, model or day of a span of time, ordered by name."""
        column = _GROUPS[by]
        where, params = _where(since, until, None, None, key_id)
        return self._store.rows(
            f"SELECT {column} AS name, {_TOTALS} FROM vas_logs WHERE {where} GROUP BY {column} ORDER BY {column}",
            params,
        )

    def first_day(self, key_id: str | None = None) -> str | None:
        """The day of the oldest row, or None."""
        where, params = _where("", None, None, None, key_id)
        found = self._store.row(f"SELECT day FROM vas_logs WHERE {where} ORDER BY timestamp, seq LIMIT 1", params)
        return found["day"] if found else None


def _where(
    since: str, until: str | None, provider: str | None, model: str | None, key_id: str | None = None
) -> tuple[str, list[object]]:
    tests: list[tuple[str, object]] = [("timestamp >= ?", since)]
    if until is not None:
        tests.append(("timestamp < ?", until))
    if provider is not None:
        tests.append(("provider = ?", provider))
    if model is not None:
        tests.append(("model = ?", model))
    if key_id is not None:
        tests.append(("key_id = ?", key_id))
    return " AND ".join(test for test, _ in tests), [value for _, value in tests]
