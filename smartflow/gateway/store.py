"""The gateway's SQLite database: the only file that knows sqlite3, transactions and where the data lies."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

DATABASE_NAME = "gateway.sqlite3"


def schema_files() -> list[Path]:
    """The schema of each domain, in a stable order."""
    return sorted(Path(__file__).parent.glob("*/schema.sql"))


class StoreError(Exception):
    """The database cannot be read or written."""


class Store:
    """One SQLite connection with explicit transactions; every call is short and never spans an `await`."""

    def __init__(self, path: Path | None) -> None:
        self._lock = threading.RLock()
        self._depth = 0
        try:
            self._connection = _open(path)
        except (OSError, sqlite3.Error) as error:
            raise StoreError(f"cannot use {path or 'memory'} as a database: {error}") from error

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All that happens inside is kept together or lost together; a nested use joins the outer one."""
        with self._lock:
            if self._depth == 0:
                self._connection.execute("BEGIN IMMEDIATE")
            self._depth += 1
            try:
                yield
            except BaseException:
                self._depth -= 1
                if self._depth == 0:
                    self._connection.execute("ROLLBACK")
                raise
            self._depth -= 1
            if self._depth == 0:
                self._connection.execute("COMMIT")

    def execute(self, sql: str, params: Sequence[object] = ()) -> int:
        """Run one statement; returns the number of rows it changed."""
        with self.transaction():
            return self._connection.execute(sql, tuple(params)).rowcount

    def rows(self, sql: str, params: Sequence[object] = ()) -> list[dict[str, Any]]:
        """All rows of a query as dicts."""
        with self._lock:
            return [dict(row) for row in self._connection.execute(sql, tuple(params)).fetchall()]

    def row(self, sql: str, params: Sequence[object] = ()) -> dict[str, Any] | None:
        """The first row of a query as a dict, or None."""
        with self._lock:
            found = self._connection.execute(sql, tuple(params)).fetchone()
        return None if found is None else dict(found)

    def check(self) -> None:
        """Raise StoreError unless the database can be read and written."""
        try:
            with self.transaction():
                self._connection.execute("SELECT COUNT(*) FROM sqlite_schema").fetchone()
        except sqlite3.Error as error:
            raise StoreError("the database cannot be read or written") from error

    def close(self) -> None:
        """Close the connection; a second call does nothing."""
        with self._lock:
            self._connection.close()


def _open(path: Path | None) -> sqlite3.Connection:
    if path is not None:
        _make_private(path)
    place = ":memory:" if path is None else path
    connection = sqlite3.connect(place, isolation_level=None, check_same_thread=False)
    try:
        connection.row_factory = sqlite3.Row
        for pragma in ("busy_timeout=5000", "journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")
        for schema in schema_files():
            connection.executescript(schema.read_text(encoding="utf-8"))
    except BaseException:
        connection.close()
        raise
    return connection


def _make_private(path: Path) -> None:
    """The folder is 0700 and the file 0600 before SQLite opens it, so that no moment of wider rights exists."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.parent.chmod(0o700)
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    path.chmod(0o600)
