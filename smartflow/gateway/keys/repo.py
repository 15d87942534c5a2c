"""The SQL of virtual keys, and of what they have used."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

from smartflow.gateway.keys.record import VirtualKey
from smartflow.gateway.store import Store

_JSON = ("allowed_models", "metadata")


class KeysRepo:
    """Reads and writes keys and their counters."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def transaction(self) -> AbstractContextManager[None]:
        """What happens inside is seen by others whole or not at all."""
        return self._store.transaction()

    def any_key(self) -> bool:
        """Whether a key was ever created; revoked ones count."""
        return self._store.row("SELECT 1 FROM virtual_keys LIMIT 1") is not None

    def insert(self, key: VirtualKey) -> None:
        """Keep a new key."""
        row = _row(vars(key))
        marks = ", ".join("?" for _ in row)
        self._store.execute(f"INSERT INTO virtual_keys ({', '.join(row)}) VALUES ({marks})", list(row.values()))

    def update(self, key_id: str, changes: Mapping[str, object]) -> None:
        """Change some columns of a key."""
        row = _row(changes)
        sets = ", ".join(f"{name} = ?" for name in row)
        self._store.execute(f"UPDATE virtual_keys SET {sets} WHERE key_id = ?", [*row.values(), key_id])

    def by_hash(self, key_hash: str) -> VirtualKey | None:
        """The key whose text has this hash."""
        return _key(self._store.row("SELECT * FROM virtual_keys WHERE key_hash = ?", (key_hash,)))

    def by_id(self, key_id: str) -> VirtualKey | None:
        """The key with this id."""
        return _key(self._store.row("SELECT * FROM virtual_keys WHERE key_id = ?", (key_id,)))

    def page(self, limit: int, offset: int) -> tuple[int, list[VirtualKey]]:
        """The number of all keys, and one page of them, newest first."""
        total = self._store.row("SELECT COUNT(*) AS total FROM virtual_keys") or {"total": 0}
        rows = self._store.rows("SELECT * FROM virtual_keys ORDER BY seq DESC LIMIT ? OFFSET ?", (limit, offset))
        return total["total"], [key for key in map(_key, rows) if key is not None]

    def spent(self, key_id: str, since_day: str) -> int:
        """What a key has spent since a day, in billionths of a US dollar."""
        row = self._store.row(
            "SELECT COALESCE(SUM(spent_nano), 0) AS spent FROM virtual_key_days WHERE key_id = ? AND day >= ?",
            (key_id, since_day),
        )
        return int(row["spent"]) if row else 0

    def minute(self, key_id: str, minute: int) -> tuple[int, int]:
        """The requests and the tokens of a key in one minute."""
        row = self._store.row(
            "SELECT requests, tokens FROM virtual_key_minutes WHERE key_id = ? AND minute = ?", (key_id, minute)
        )
        return (row["requests"], row["tokens"]) if row else (0, 0)

    def add_spent(self, key_id: str, day: str, billionths: int) -> None:
        """Add to what a key has spent on a day; a negative number takes back."""
        self._store.execute(
            "INSERT INTO virtual_key_days VALUES (?, ?, ?)"
            " ON CONFLICT (key_id, day) DO UPDATE SET spent_nano = spent_nano + excluded.spent_nano",
            (key_id, day, billionths),
        )

    def add_used(self, key_id: str, minute: int, requests: int, tokens: int) -> None:
        """Add to what a key has used in a minute."""
        self._store.execute(
            "INSERT INTO virtual_key_minutes VALUES (?, ?, ?, ?) ON CONFLICT (key_id, minute)"
            " DO UPDATE SET requests = requests + excluded.requests, tokens = tokens + excluded.tokens",
            (key_id, minute, requests, tokens),
        )

    def forget_minutes(self, key_id: str, before: int) -> None:
        """Forget the minutes that no limit looks at any more."""
        self._store.execute("DELETE FROM virtual_key_minutes WHERE key_id = ? AND minute < ?", (key_id, before))


def _row(values: Mapping[str, object]) -> dict[str, object]:
    texts = {name: json.dumps(values[name]) for name in _JSON if values.get(name) is not None}
    return {**values, **texts}


def _key(row: dict[str, Any] | None) -> VirtualKey | None:
    if row is None:
        return None
    del row["seq"]
    models = row["allowed_models"]
    row["allowed_models"] = None if models is None else tuple(json.loads(models))
    row["metadata"] = json.loads(row["metadata"])
    return VirtualKey(**{**row, "admin": bool(row["admin"])})
