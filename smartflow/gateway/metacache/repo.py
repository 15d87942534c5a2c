"""The SQL of MetaCache."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from smartflow.gateway.store import Store

_COUNTERS = frozenset({"misses", "l1_hits", "l2_hits", "l3_hits"})


class CacheRepo:
    """Reads and writes cached answers and the cache's counters."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def find(self, key: str, now: str) -> dict[str, Any] | None:
        """The entry of a key that has not expired."""
        return self._store.row("SELECT * FROM metacache_entries WHERE cache_key = ? AND expires_at > ?", (key, now))

    def save(self, entry: Mapping[str, object]) -> None:
        """Add an entry, or replace the one of the same key."""
        marks = ", ".join("?" for _ in entry)
        self._store.execute(
            f"INSERT OR REPLACE INTO metacache_entries ({', '.join(entry)}) VALUES ({marks})", list(entry.values())
        )

    def touch(self, key: str, now: str) -> None:
        """Remember that an entry was used."""
        self._store.execute("UPDATE metacache_entries SET used_at = ? WHERE cache_key = ?", (now, key))

    def drop_expired(self, now: str) -> None:
        """Remove what has expired."""
        self._store.execute("DELETE FROM metacache_entries WHERE expires_at <= ?", (now,))

    def size(self) -> tuple[int, int]:
        """The number of entries and their bytes."""
        row = self._store.row(
            "SELECT COUNT(*) AS entries, COALESCE(SUM(size_bytes), 0) AS bytes FROM metacache_entries"
        )
        return (row["entries"], row["bytes"]) if row else (0, 0)

    def drop_oldest(self) -> None:
        """Remove the entry that was not used for the longest time."""
        self._store.execute(
            "DELETE FROM metacache_entries WHERE cache_key = "
            "(SELECT cache_key FROM metacache_entries ORDER BY used_at, cache_key LIMIT 1)"
        )

    def live_entries(self, now: str) -> int:
        """The number of entries that could be given now."""
        row = self._store.row("SELECT COUNT(*) AS entries FROM metacache_entries WHERE expires_at > ?", (now,))
        return row["entries"] if row else 0

    def count(self, counter: str, tokens_saved: int = 0, cost_saved_cents: float = 0.0) -> None:
        """Add one to a counter, and what the hit saved."""
        if counter not in _COUNTERS:
            raise ValueError(f"unknown counter {counter!r}")
        self._store.execute(
            f"UPDATE metacache_stats SET {counter} = {counter} + 1, tokens_saved = tokens_saved + ?,"
            " cost_saved_cents = cost_saved_cents + ?",
            (tokens_saved, cost_saved_cents),
        )

    def counters(self) -> dict[str, Any]:
        """All counters."""
        return self._store.row("SELECT * FROM metacache_stats WHERE id = 1") or {}
