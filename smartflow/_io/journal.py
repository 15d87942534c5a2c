"""The journal of a batch on disk: each end of an item is one line, appended, and never written twice.

Rules of durability: the first line is on the disk before anything is sent. Each further line is handed to the
operating system in one write before its item counts as done, so that a kill of the process loses none; it is forced to
the disk once a second and at the end, so that a loss of power costs at most the lines of the last second.
"""

from __future__ import annotations

import os
import threading
import time
from typing import Any, Callable, Dict, List, Optional

from .._core.journal import Batch, Entry, Ledger
from ..exceptions import ConfigError

__all__ = ["Journal"]

SYNC_SECONDS = 1.0


class Journal:
    """An open journal: it belongs to one run at a time. Any thread may append."""

    def __init__(self, path: str, wanted: Batch, clock: Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._clock = clock
        self._lock = threading.Lock()
        self._broken: Optional[OSError] = None
        self._file = _opened(path)
        try:
            _claim(self._file, path)
            ledger = Ledger(repr(path))
            with os.fdopen(os.dup(self._file), "rb") as lines:
                whole = ledger.read(lines)
            self.batch = ledger.batch or wanted
            _check_same(self.batch, wanted, path)
            self.done: Dict[int, Entry] = ledger.done
            self.failures: Dict[int, int] = ledger.failures
            self.spent_cents = ledger.spent_cents
            self._begin(whole, new=ledger.batch is None)
        except BaseException:
            os.close(self._file)
            raise

    def _begin(self, whole: int, *, new: bool) -> None:
        """Cut off a torn last line, and make sure that the first one is on the disk."""
        try:
            if hasattr(os, "fchmod"):
                os.fchmod(self._file, 0o600)
            os.ftruncate(self._file, whole)
            if new:
                _write(self._file, self.batch.line())
            os.fsync(self._file)
            _sync_folder(self._path)
        except OSError as error:
            raise _unwritable(self._path, error) from None
        self._dirty = False
        self._synced = self._clock()

    def append(self, entry: Entry) -> None:
        """Write how an item ended."""
        line = entry.line()
        with self._lock:
            if self._broken is not None:
                # A disk that took a part of a line left a torn one: it must stay the last.
                raise _unwritable(self._path, self._broken)
            try:
                _write(self._file, line)
            except OSError as error:
                self._broken = error
                raise _unwritable(self._path, error) from None
            self._dirty = True

    @property
    def due(self) -> bool:
        """Whether lines wait for the disk since a second."""
        return self._dirty and self._clock() - self._synced >= SYNC_SECONDS

    def sync(self) -> None:
        """Force all lines to the disk."""
        self._dirty = False
        try:
            os.fsync(self._file)
        except OSError as error:
            raise _unwritable(self._path, error) from None
        self._synced = self._clock()

    def close(self) -> None:
        """Force all lines to the disk, and let another run have the journal."""
        try:
            if self._dirty:
                self.sync()
        finally:
            os.close(self._file)


def _opened(path: str) -> int:
    flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
    try:
        return os.open(path, flags, 0o600)
    except (OSError, ValueError) as error:
        raise _unwritable(path, error) from None


def _claim(file: int, path: str) -> None:
    """Two runs on one journal would both pay for what neither has done yet. Windows has no such lock."""
    try:
        import fcntl
    except ImportError:
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise ConfigError(f"the journal {path!r} is in use by another run: wait for its end, or stop it") from None
    except OSError as error:
        raise _unwritable(path, error) from None


def _check_same(found: Batch, wanted: Batch, path: str) -> None:
    differences: List[str] = found.differences(wanted)
    if differences:
        raise ConfigError(
            f"the journal {path!r} belongs to another batch: this one has {', '.join(differences)}; "
            "give the items and options that it was begun with, or another resume="
        )


def _write(file: int, line: bytes) -> None:
    rest = memoryview(line)
    while rest:
        rest = rest[os.write(file, rest) :]


def _sync_folder(path: str) -> None:
    """Make the name of a new file last, too, where folders can be synced."""
    if os.name != "posix":
        return
    folder = os.open(os.path.dirname(path) or ".", os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _unwritable(path: str, error: Any) -> ConfigError:
    why = getattr(error, "strerror", None) or error
    return ConfigError(f"the journal {path!r} cannot be written: {why}")
