"""The lines of a batch's journal: the first says what batch it is, each further one how an item ended."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any, Dict, Iterable, List, Mapping, Optional

from ..exceptions import ConfigError
from ..types.chat import Usage

__all__ = ["BEGINNING", "Batch", "Entry", "Ledger", "digest", "plain"]

VERSION = 1
# Every journal starts with these bytes: a file that does not is none, and is left alone.
BEGINNING = b'{"smartflow_batch":'


def plain(value: Any, what: str) -> Any:
    """The value as it will come out of a journal; a ConfigError when JSON cannot hold it."""
    try:
        return json.loads(_line(value))
    except (TypeError, ValueError, RecursionError) as error:
        raise ConfigError(
            f"{what} cannot be kept in the journal of resume=, which holds JSON: {error}; "
            "use plain dicts, lists, strings and numbers, for example result.to_dict()"
        ) from None


def digest(value: Any, what: str) -> str:
    """What tells this value from others, without showing it."""
    try:
        text = json.dumps(value, sort_keys=True, allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError) as error:
        raise ConfigError(f"{what} must be JSON values where resume= is given: {error}") from None
    return hashlib.sha256(text.encode("ascii")).hexdigest()[:32]


def _line(value: Any) -> str:
    return json.dumps(value, allow_nan=False, separators=(",", ":"))


@dataclass(frozen=True)
class Batch:
    """Which batch a journal belongs to: a number of its own, its items, and the options that shape the answers."""

    id: str
    method: str
    total: int
    items: str
    options: Mapping[str, str]

    def line(self) -> bytes:
        """The first line of the journal."""
        named = {"id": self.id, "method": self.method, "total": self.total, "items": self.items}
        return (_line({"smartflow_batch": VERSION, **named, "options": dict(self.options)}) + "\n").encode("ascii")

    def differences(self, other: Batch) -> List[str]:
        """What is not the same in another batch, in words."""
        found = [f"another method ({other.method}, not {self.method})"] if self.method != other.method else []
        if self.total != other.total:
            found.append(f"{other.total} items, not {self.total}")
        elif self.items != other.items:
            found.append("other items")
        names = sorted({*self.options, *other.options})
        changed = [name for name in names if self.options.get(name) != other.options.get(name)]
        return found + [f"another {name}" for name in changed]


@dataclass(frozen=True)
class Entry:
    """The end of one item: with a result, or with an error that somebody answered."""

    index: int
    result: Any = None
    error: Optional[str] = None
    usage: Usage = field(default_factory=Usage)
    cost_cents: float = 0.0
    calls: int = 0
    cached: int = 0

    def line(self) -> bytes:
        """The entry as a line of the journal."""
        spent = {"usage": self.usage.to_dict(), "cost_cents": self.cost_cents}
        counts = {"calls": self.calls, "cached": self.cached}
        ended = {"result": self.result} if self.error is None else {"error": self.error}
        return (_line({"item": self.index, **ended, **spent, **counts}) + "\n").encode("ascii")


class Ledger:
    """What the lines of a journal say together."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._lines = 0
        self.batch: Optional[Batch] = None
        self.done: Dict[int, Entry] = {}
        # How often an item failed for good; each failure that was answered takes a new idempotency key.
        self.failures: Dict[int, int] = {}
        self.spent_cents = 0.0

    def read(self, lines: Iterable[bytes]) -> int:
        """Take the lines in; returns how many bytes of them are whole. A torn last line is left out."""
        whole = 0
        for line in lines:
            if not line.endswith(b"\n"):
                if self.batch is None and not BEGINNING.startswith(line[: len(BEGINNING)]):
                    raise self._no_journal()
                break
            self._lines += 1
            self._take(line)
            whole += len(line)
        return whole

    def _take(self, line: bytes) -> None:
        if self.batch is None:
            if not line.startswith(BEGINNING):
                raise self._no_journal()
            self.batch = self._understood(_batch, line)
            return
        entry = self._understood(_entry, line)
        if not 0 <= entry.index < self.batch.total:
            raise self._damaged(f"it has no item {entry.index}")
        self.spent_cents += entry.cost_cents
        if entry.error is None:
            self.done.setdefault(entry.index, entry)
        else:
            self.failures[entry.index] = self.failures.get(entry.index, 0) + 1

    def _understood(self, read: Any, line: bytes) -> Any:
        try:
            return read(json.loads(line))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise self._damaged(f"{type(error).__name__}: {error}") from None

    def _no_journal(self) -> ConfigError:
        return ConfigError(f"{self._name} is not the journal of a batch: give resume= a path of its own")

    def _damaged(self, why: str) -> ConfigError:
        return ConfigError(
            f"line {self._lines} of the journal {self._name} is damaged ({why}): remove that line if its item may be "
            "paid again, or start anew with another resume="
        )


def _batch(data: Mapping[str, Any]) -> Batch:
    if data["smartflow_batch"] != VERSION:
        raise ValueError(f"version {data['smartflow_batch']} is not known, only {VERSION}")
    return Batch(str(data["id"]), data["method"], int(data["total"]), data["items"], dict(data["options"]))


def _entry(data: Mapping[str, Any]) -> Entry:
    error = None if "result" in data else str(data["error"])
    usage = Usage(**{name: int(number) for name, number in data["usage"].items()})
    counts = {"calls": int(data["calls"]), "cached": int(data["cached"])}
    return Entry(int(data["item"]), data.get("result"), error, usage, float(data["cost_cents"]), **counts)
