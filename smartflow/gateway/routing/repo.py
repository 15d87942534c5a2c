"""The SQL of routing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from smartflow.gateway.store import Store


class RoutingRepo:
    """Reads and writes provider statistics and the override."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def provider(self, name: str) -> dict[str, Any] | None:
        """The statistics of one provider."""
        return self._store.row("SELECT * FROM provider_stats WHERE provider = ?", (name,))

    def providers(self) -> list[dict[str, Any]]:
        """The statistics of all called providers, ordered by name."""
        return self._store.rows("SELECT * FROM provider_stats ORDER BY provider")

    def save_provider(self, row: Mapping[str, object]) -> None:
        """Write one provider's statistics."""
        marks = ", ".join("?" for _ in row)
        self._store.execute(
            f"INSERT OR REPLACE INTO provider_stats ({', '.join(row)}) VALUES ({marks})", list(row.values())
        )

    def last_failure(self) -> dict[str, Any] | None:
        """The provider that failed last, with its error and the time."""
        return self._store.row(
            "SELECT provider, last_error AS error, last_error_at AS timestamp FROM provider_stats "
            "WHERE last_error_at IS NOT NULL ORDER BY last_error_at DESC, provider LIMIT 1"
        )

    def override(self, now: str) -> dict[str, Any] | None:
        """The override in force, or None."""
        return self._store.row("SELECT provider, expires_at FROM routing_override WHERE expires_at > ?", (now,))

    def save_override(self, provider: str, expires_at: str) -> None:
        """Put an override in force in place of any other."""
        self._store.execute(
            "INSERT OR REPLACE INTO routing_override (id, provider, expires_at) VALUES (1, ?, ?)",
            (provider, expires_at),
        )


class ChainRepo:
    """Reads and writes fallback chains."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def all(self) -> list[dict[str, Any]]:
        """Every chain's `name` and decoded `definition`, ordered by name."""
        rows = self._store.rows("SELECT name, definition FROM fallback_chains ORDER BY name")
        return [{"name": row["name"], "definition": json.loads(row["definition"])} for row in rows]

    def definition(self, name: str) -> dict[str, Any] | None:
        """The definition of a chain, or None."""
        row = self._store.row("SELECT definition FROM fallback_chains WHERE name = ?", (name,))
        if row is None:
            return None
        found: dict[str, Any] = json.loads(row["definition"])
        return found

    def save(self, name: str, definition: Mapping[str, object]) -> None:
        """Write a chain in the place of any of that name."""
        self._store.execute(
            "INSERT OR REPLACE INTO fallback_chains (name, definition) VALUES (?, ?)", (name, json.dumps(definition))
        )

    def delete(self, name: str) -> None:
        """Remove a chain."""
        self._store.execute("DELETE FROM fallback_chains WHERE name = ?", (name,))
