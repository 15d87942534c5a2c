"""The gateway's SQLite databases: the only file that knows sqlite3, transactions and where the data lies.

There are two tiers in two files: `main`, which every call writes, and `cold`, the archive, which is only moved to.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

DATABASE_NAME = "gateway.sqlite3"
ARCHIVE_NAME = "archive.sqlite3"
TIERS = ("main", "cold")
DatabaseFault = sqlite3.Error
"""What a statement raises when the database fails."""


def schema_files(name: str = "schema.sql") -> list[Path]:
    """The schema of each domain, in a stable order."""
    return sorted(Path(__file__).parent.glob(f"*/{name}"))


@cache
def _scripts(name: str) -> str:
    return "\n".join(path.read_text(encoding="utf-8") for path in schema_files(name))


class StoreError(Exception):
    """The database cannot be read or written."""


class Snapshot:
    """The committed data as it was at one moment."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def rows(self, sql: str, params: Sequence[object] = ()) -> list[dict[str, Any]]:
        """All rows of a query as dicts."""
        return [dict(row) for row in self._connection.execute(sql, tuple(params)).fetchall()]

    def row(self, sql: str, params: Sequence[object] = ()) -> dict[str, Any] | None:
        """The first row of a query as a dict, or None."""
        found = self._connection.execute(sql, tuple(params)).fetchone()
        return None if found is None else dict(found)


class Store:
    """One SQLite connection with explicit transactions; every call is short and never spans an `await`."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._lock = threading.RLock()
        self._depth = 0
        try:
            self._connection = _open(path)
            self._reader = Snapshot(self._connection)
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
                    _rollback(self._connection)
                raise
            self._depth -= 1
            if self._depth == 0:
                _commit(self._connection)

    def execute(self, sql: str, params: Sequence[object] = ()) -> int:
        """Run one statement; returns the number of rows it changed."""
        with self.transaction():
            return self._connection.execute(sql, tuple(params)).rowcount

    def rows(self, sql: str, params: Sequence[object] = ()) -> list[dict[str, Any]]:
        """All rows of a query as dicts."""
        with self._lock:
            return self._reader.rows(sql, params)

    def row(self, sql: str, params: Sequence[object] = ()) -> dict[str, Any] | None:
        """The first row of a query as a dict, or None."""
        with self._lock:
            return self._reader.row(sql, params)

    @contextmanager
    def snapshot(self) -> Iterator[Snapshot]:
        """A connection of its own for long reads in a thread: it sees one moment and holds up nobody.

        Data in memory has only one connection; there, others wait.
        """
        if self._path is None:
            with self.transaction():
                yield self._reader
            return
        connection = _connect(self._path)
        try:
            connection.execute("PRAGMA query_only=ON")
            connection.execute("BEGIN")
            # The moment is that of the first read of each file.
            for tier in TIERS:
                connection.execute(f"SELECT COUNT(*) FROM {tier}.sqlite_schema").fetchone()
            yield Snapshot(connection)
        finally:
            connection.close()

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
        _make_private(path.with_name(ARCHIVE_NAME))
    connection = _connect(path)
    try:
        _migrate(connection)
        for tier in TIERS:
            connection.execute(f"PRAGMA {tier}.journal_mode=WAL")
            # Against a crash of the process; a machine that loses power may lose the last moments, but never consistency.
            connection.execute(f"PRAGMA {tier}.synchronous=NORMAL")
            connection.executescript(_scripts("tier.sql").replace("{tier}", tier))
        connection.executescript(_scripts("schema.sql"))
    except BaseException:
        connection.close()
        raise
    return connection


def _commit(connection: sqlite3.Connection) -> None:
    try:
        connection.execute("COMMIT")
    except BaseException:
        # Left open, it would keep every later transaction from beginning.
        _rollback(connection)
        raise


def _rollback(connection: sqlite3.Connection) -> None:
    """On a full disk SQLite may have rolled back by itself; what went wrong must not be hidden by that."""
    if connection.in_transaction:
        connection.execute("ROLLBACK")


def _migrate(connection: sqlite3.Connection) -> None:
    """Bring the tables of an older build into the present shape, all or nothing; `user_version` counts the steps that were taken."""
    if _version(connection) == len(_MIGRATIONS):
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        # Read again: another process may have been faster.
        version = _version(connection)
        if version > len(_MIGRATIONS):
            raise sqlite3.DatabaseError(
                f"a newer gateway wrote it (version {version} of its tables, known are {len(_MIGRATIONS)}): "
                "update smartflow, or choose another data folder"
            )
        for step in _MIGRATIONS[version:]:
            step(connection)
        connection.execute(f"PRAGMA main.user_version = {len(_MIGRATIONS)}")
    except BaseException:
        _rollback(connection)
        raise
    _commit(connection)


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA main.user_version").fetchone()[0])


def _columns(connection: sqlite3.Connection, table: str) -> list[str]:
    return [row["name"] for row in connection.execute(f"PRAGMA main.table_info({table})")]


def _chained_rows(connection: sqlite3.Connection) -> None:
    """Audit rows from before keys and the chain: unsigned, and the check of the chain says so of each."""
    old = _columns(connection, "vas_logs")
    if not old or {"key_id", "entry_hmac"} <= set(old):
        return
    # Made anew, not altered: rows move between the tiers by the order of columns.
    connection.execute("CREATE TABLE main.vas_logs_before AS SELECT * FROM main.vas_logs")
    connection.execute("DROP TABLE main.vas_logs")
    connection.execute(_scripts("tier.sql").replace("{tier}", "main").partition(";")[0])
    named = [name for name in _columns(connection, "vas_logs") if name in old]
    unsigned = [name for name in ("prev_hash", "entry_hmac", "signing_key_id") if name not in old]
    target, source = ", ".join([*named, *unsigned]), ", ".join([*named, *("''" for _ in unsigned)])
    connection.execute(f"INSERT INTO main.vas_logs ({target}) SELECT {source} FROM main.vas_logs_before")
    connection.execute("DROP TABLE main.vas_logs_before")


def _compliance_of_keys(connection: sqlite3.Connection) -> None:
    old = _columns(connection, "virtual_keys")
    if old and "compliance_mode" not in old:
        connection.execute("ALTER TABLE main.virtual_keys ADD COLUMN compliance_mode TEXT")


_MIGRATIONS = (_chained_rows, _compliance_of_keys)
"""What later builds changed in tables that older ones made, in order; a step that was released never changes."""


def _connect(path: Path | None) -> sqlite3.Connection:
    places = (":memory:", ":memory:") if path is None else (str(path), str(path.with_name(ARCHIVE_NAME)))
    connection = sqlite3.connect(places[0], isolation_level=None, check_same_thread=False)
    try:
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA busy_timeout=5000")
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute("ATTACH DATABASE ? AS cold", (places[1],))
        # Views over both tiers belong to a connection, not to a file.
        connection.executescript(_scripts("view.sql"))
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
