"""The SQL of MetaCache."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from smartflow.gateway.store import Store


class CacheRepo:
    """Reads and writes cached answers and the cache's counters."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def find(self, key: str, now: str, not_before: str) -> dict[str, Any] | None:
        """The answer of a key that has not expired and is not older than `not_before`."""
        return self._store.row(
            "SELECT * FROM metacache_answers WHERE cache_key = ? AND expires_at > ? AND created_at >= ?",
            (key, now, not_before),
        )

    def near(self, meaning: str, embedder: str, now: str, not_before: str, limit: int) -> list[dict[str, Any]]:
        """The newest answers of one meaning, with their vectors."""
        return self._store.rows(
            "SELECT * FROM metacache_answers WHERE meaning = ? AND meaning <> '' AND embedder = ? AND expires_at > ?"
            " AND created_at >= ? ORDER BY seq DESC LIMIT ?",
            (meaning, embedder, now, not_before, limit),
        )

    def last_seq(self) -> int:
        """The number of the newest answer; 0 when there is none."""
        row = self._store.row("SELECT COALESCE(MAX(seq), 0) AS seq FROM metacache_answers")
        return row["seq"] if row else 0

    def after(self, seq: int, limit: int) -> list[dict[str, Any]]:
        """The newest answers that were kept since, oldest first."""
        rows = self._store.rows("SELECT * FROM metacache_answers WHERE seq > ? ORDER BY seq DESC LIMIT ?", (seq, limit))
        return rows[::-1]

    def save(self, entry: Mapping[str, object]) -> None:
        """Add an answer, or replace the one of the same key."""
        marks = ", ".join("?" for _ in entry)
        with self._store.transaction():
            self._store.execute("DELETE FROM metacache_answers WHERE cache_key = ?", (entry["cache_key"],))
            self._store.execute(
                f"INSERT INTO metacache_answers ({', '.join(entry)}) VALUES ({marks})", list(entry.values())
            )

    def touch(self, key: str, now: str) -> None:
        """Remember that an answer was used."""
        self._store.execute("UPDATE metacache_answers SET used_at = ? WHERE cache_key = ?", (now, key))

    def drop_expired(self, now: str) -> int:
        """Remove what has expired; returns how many."""
        return self._store.execute("DELETE FROM metacache_answers WHERE expires_at <= ?", (now,))

    def size(self) -> tuple[int, int]:
        """The number of answers and their bytes."""
        row = self._store.row("SELECT entries, bytes FROM metacache_size WHERE id = 1")
        return (row["entries"], row["bytes"]) if row else (0, 0)

    def drop_oldest(self) -> str | None:
        """Remove the answer that was not used for the longest time; returns its key."""
        row = self._store.row("SELECT cache_key FROM metacache_answers ORDER BY used_at, seq LIMIT 1")
        if row is None:
            return None
        self._store.execute("DELETE FROM metacache_answers WHERE cache_key = ?", (row["cache_key"],))
        return str(row["cache_key"])

    def live(self, now: str) -> tuple[int, int]:
        """The number and the bytes of the answers that could be given now."""
        row = self._store.row(
            "SELECT COUNT(*) AS entries, COALESCE(SUM(size_bytes), 0) AS bytes FROM metacache_answers WHERE expires_at > ?",
            (now,),
        )
        return (row["entries"], row["bytes"]) if row else (0, 0)

    def add(self, name: str, amount: float = 1) -> None:
        """Add to a counter."""
        self._store.execute(
            "INSERT INTO metacache_counters (name, amount) VALUES (?, ?)"
            " ON CONFLICT (name) DO UPDATE SET amount = amount + excluded.amount",
            (name, amount),
        )

    def counters(self) -> dict[str, float]:
        """All counters by name; one that was never added to is missing."""
        return {row["name"]: row["amount"] for row in self._store.rows("SELECT name, amount FROM metacache_counters")}
