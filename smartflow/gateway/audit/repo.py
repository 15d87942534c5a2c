"""The SQL of the audit log: rows of both tiers, the chain's head and checkpoint, and the way from tier to tier."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from smartflow.gateway.store import Snapshot, Store

_TOTALS = (
    "COUNT(*) AS requests, COALESCE(SUM(tokens_used), 0) AS tokens, COALESCE(SUM(cost), 0) AS cost,"
    " COALESCE(AVG(latency_ms), 0) AS avg_latency_ms, COALESCE(SUM(1 - success), 0) AS errors,"
    " COALESCE(SUM(cached), 0) AS hits, COALESCE(SUM(cache_looked_up), 0) AS lookups,"
    " COALESCE(SUM(tokens_saved), 0) AS tokens_saved"
)
_GROUPS = {"provider": "provider", "model": "model", "day": "day"}
_NEWEST_FIRST = "ORDER BY timestamp DESC, seq DESC"
_KEEP_POINT = (
    "INSERT INTO {table} (id, seq, entry_hmac, signature) VALUES (1, ?, ?, ?) ON CONFLICT (id)"
    " DO UPDATE SET seq = excluded.seq, entry_hmac = excluded.entry_hmac, signature = excluded.signature"
)


@dataclass(frozen=True)
class Filters:
    """Which rows are meant. Moments are ISO texts; `until` is the first one that is too late."""

    since: str | None = None
    until: str | None = None
    provider: str | None = None
    model: str | None = None
    user_id: str | None = None
    conversation_id: str | None = None
    status_code: int | None = None
    key_id: str | None = None

    def where(self, *more: tuple[str, list[object]]) -> tuple[str, list[object]]:
        """The condition and its values, together with others."""
        given: list[tuple[str, object]] = [("timestamp >= ?", self.since), ("timestamp < ?", self.until)]
        names = ("provider", "model", "user_id", "conversation_id", "status_code", "key_id")
        given += [(f"{name} = ?", getattr(self, name)) for name in names]
        tests = [(test, [value]) for test, value in given if value is not None] + list(more)
        return " AND ".join(test for test, _ in tests) or "TRUE", [value for _, values in tests for value in values]


class AuditReads:
    """Reads audit rows, from the store or from a snapshot of it."""

    def __init__(self, source: Store | Snapshot) -> None:
        self._source = source

    def page(
        self, filters: Filters, *, limit: int, offset: int = 0, as_of: int, after: tuple[str, int] | None = None
    ) -> list[dict[str, Any]]:
        """Rows up to the number `as_of`, newest first, that come after the row with this timestamp and number."""
        # The plus keeps SQLite from walking by number instead of by the index that has the order.
        more: list[tuple[str, list[object]]] = [("+seq <= ?", [as_of])]
        if after is not None:
            more.append(("(timestamp, seq) < (?, ?)", [*after]))
        if offset:
            # Skipping within an index is far cheaper than skipping rows.
            where, params = filters.where(*more)
            first = self._source.row(
                f"SELECT timestamp, seq FROM audit_rows WHERE {where} {_NEWEST_FIRST} LIMIT 1 OFFSET ?",
                [*params, offset],
            )
            if first is None:
                return []
            more.append(("(timestamp, seq) <= (?, ?)", [first["timestamp"], first["seq"]]))
        where, params = filters.where(*more)
        return self._source.rows(f"SELECT * FROM audit_rows WHERE {where} {_NEWEST_FIRST} LIMIT ?", [*params, limit])

    def count(self, filters: Filters, most: int) -> int:
        """How many rows match; counting ends at `most`."""
        where, params = filters.where()
        found = self._source.row(
            f"SELECT COUNT(*) AS n FROM (SELECT 1 FROM audit_rows WHERE {where} LIMIT ?)", [*params, most]
        )
        return int(found["n"]) if found else 0

    def entries(self, filters: Filters, before_seq: int | None, limit: int) -> list[dict[str, Any]]:
        """Rows by falling number, below `before_seq`."""
        more: list[tuple[str, list[object]]] = [] if before_seq is None else [("seq < ?", [before_seq])]
        where, params = filters.where(*more)
        # Numbers first: an index that finds them has all that is needed to sort them.
        found = self._source.rows(
            f"SELECT seq FROM audit_rows WHERE {where} ORDER BY seq DESC LIMIT ?", [*params, limit]
        )
        return self._source.rows(
            "SELECT * FROM audit_rows WHERE seq IN (SELECT value FROM json_each(?)) ORDER BY seq DESC",
            [json.dumps([row["seq"] for row in found])],
        )

    def walk(self, from_seq: int, to_seq: int, limit: int) -> list[dict[str, Any]]:
        """Rows by rising number."""
        return self._source.rows(
            "SELECT * FROM audit_rows WHERE seq >= ? AND seq <= ? ORDER BY seq LIMIT ?", [from_seq, to_seq, limit]
        )

    def last(self) -> dict[str, Any] | None:
        """Number and hash of the row with the highest number."""
        return self._source.row("SELECT seq, entry_hmac FROM audit_rows ORDER BY seq DESC LIMIT 1")

    def entry(self, seq: int) -> dict[str, Any] | None:
        """Number and hash of one row."""
        return self._source.row("SELECT seq, entry_hmac FROM audit_rows WHERE seq = ?", [seq])

    def head(self) -> dict[str, Any] | None:
        """The stored head of the chain."""
        return self._source.row("SELECT seq, entry_hmac, signature FROM main.audit_head")

    def checkpoint(self) -> dict[str, Any] | None:
        """The stored checkpoint of retention."""
        return self._source.row("SELECT seq, entry_hmac, signature FROM cold.audit_checkpoint")

    def contradictions(self, limit: int) -> list[int]:
        """Numbers of archived rows that the hot tier hides and does not hold in the same form."""
        rows = self._source.rows(
            "SELECT old.seq AS seq FROM cold.vas_logs AS old LEFT JOIN main.vas_logs AS new ON new.seq = old.seq"
            " WHERE old.seq >= (SELECT MIN(seq) FROM main.vas_logs) AND old.entry_hmac IS NOT new.entry_hmac"
            " ORDER BY old.seq LIMIT ?",
            [limit],
        )
        return [row["seq"] for row in rows]

    def totals(self, filters: Filters) -> dict[str, Any]:
        """The sums over the rows that match."""
        where, params = filters.where()
        return self._source.row(f"SELECT {_TOTALS} FROM audit_rows WHERE {where}", params) or {}

    def grouped(self, by: str, filters: Filters) -> list[dict[str, Any]]:
        """The sums for each provider, model or day, ordered by name."""
        column = _GROUPS[by]
        where, params = filters.where()
        return self._source.rows(
            f"SELECT {column} AS name, {_TOTALS} FROM audit_rows WHERE {where} GROUP BY {column} ORDER BY {column}",
            params,
        )

    def first_day(self, filters: Filters) -> str | None:
        """The day of the oldest row that matches, or None."""
        where, params = filters.where()
        found = self._source.row(f"SELECT day FROM audit_rows WHERE {where} ORDER BY timestamp, seq LIMIT 1", params)
        return found["day"] if found else None


class AuditRepo(AuditReads):
    """Reads and writes audit rows."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self._store = store

    @contextmanager
    def snapshot(self) -> Iterator[AuditReads]:
        """Reads of one moment, for use in a thread."""
        with self._store.snapshot() as source:
            yield AuditReads(source)

    def insert(self, row: Mapping[str, object], signature: str) -> None:
        """Add one row, which becomes the head of the chain; the mapping's names are the columns."""
        columns = ", ".join(row)
        marks = ", ".join("?" for _ in row)
        with self._store.transaction():
            self._store.execute(f"INSERT INTO main.vas_logs ({columns}) VALUES ({marks})", list(row.values()))
            point = (row["seq"], row["entry_hmac"], signature)
            self._store.execute(_KEEP_POINT.format(table="main.audit_head"), point)

    def oldest(self, tier: str, limit: int) -> list[dict[str, Any]]:
        """Number, hash and timestamp of the rows of a tier with the lowest numbers."""
        return self._store.rows(f"SELECT seq, entry_hmac, timestamp FROM {tier}.vas_logs ORDER BY seq LIMIT ?", [limit])

    def archive(self, last_seq: int) -> int:
        """Move the hot rows up to this number into the archive; returns how many have moved.

        Two transactions, because none over two files outlives a crash: in between, rows lie in both and are read once.
        """
        self._store.execute(
            "INSERT INTO cold.vas_logs SELECT * FROM main.vas_logs WHERE seq <= ? ORDER BY seq"
            " ON CONFLICT (seq) DO NOTHING",
            [last_seq],
        )
        return self._store.execute(
            "DELETE FROM main.vas_logs WHERE seq <= ? AND seq IN (SELECT seq FROM cold.vas_logs)", [last_seq]
        )

    def remove(self, last_seq: int, entry_hmac: str, signature: str) -> int:
        """Remove the archived rows up to this number and leave a signed checkpoint; returns how many are gone."""
        with self._store.transaction():
            removed = self._store.execute("DELETE FROM cold.vas_logs WHERE seq <= ?", [last_seq])
            point = (last_seq, entry_hmac, signature)
            self._store.execute(_KEEP_POINT.format(table="cold.audit_checkpoint"), point)
        return removed
