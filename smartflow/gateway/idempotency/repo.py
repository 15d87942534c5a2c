"""The SQL of the calls that are made once."""

from __future__ import annotations

from typing import Any

from smartflow.gateway.store import Store


class IdempotencyRepo:
    """Reads and writes begun and answered calls."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def claim(self, identity: str, now: str, expires_at: str) -> dict[str, Any] | None:
        """None where this very call was not begun before, and now is; else what is known of it. Forgets what has expired."""
        with self._store.transaction():
            self._store.execute("DELETE FROM idempotency_calls WHERE expires_at <= ?", (now,))
            found = self._store.row("SELECT * FROM idempotency_calls WHERE identity = ?", (identity,))
            if found is None:
                self._store.execute(
                    "INSERT INTO idempotency_calls (identity, state, expires_at) VALUES (?, 'running', ?)",
                    (identity, expires_at),
                )
            return found

    def keep(self, identity: str, state: str, status: int, headers: str, media_type: str, body: bytes) -> None:
        """Keep how a begun call ended."""
        self._store.execute(
            "UPDATE idempotency_calls SET state = ?, status = ?, headers = ?, media_type = ?, body = ? WHERE identity = ?",
            (state, status, headers, media_type, body, identity),
        )

    def release(self, identity: str) -> None:
        """Forget a call that was refused: it may be made again."""
        self._store.execute("DELETE FROM idempotency_calls WHERE identity = ?", (identity,))
