"""The SQL of the kept answers."""

from __future__ import annotations

from typing import Any

from smartflow.gateway.store import Store


class IdempotencyRepo:
    """Reads and writes kept answers."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def find(self, identity: str, now: str) -> dict[str, Any] | None:
        """The answer to this very call, if it was given before and has not expired."""
        return self._store.row(
            "SELECT status, headers, media_type, body FROM idempotency_answers WHERE identity = ? AND expires_at > ?",
            (identity, now),
        )

    def save(
        self, identity: str, status: int, headers: str, media_type: str, body: bytes, now: str, expires_at: str
    ) -> None:
        """Keep an answer, and forget the expired ones."""
        with self._store.transaction():
            self._store.execute("DELETE FROM idempotency_answers WHERE expires_at <= ?", (now,))
            self._store.execute(
                "INSERT OR REPLACE INTO idempotency_answers VALUES (?, ?, ?, ?, ?, ?)",
                (identity, status, headers, media_type, body, expires_at),
            )
