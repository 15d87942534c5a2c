"""The cache's first tier: answers in memory, found by the intent of a question or by the overlap of its words."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from smartflow.gateway.metacache.guard import veto
from smartflow.gateway.metacache.question import Question
from smartflow.gateway.metacache.reading import Reading

_NEAR_CANDIDATES = 8


@dataclass
class Kept:
    """An answer in memory; `reading` is None where only its digests are known."""

    row: Mapping[str, Any]
    reading: Reading | None = None

    def fresh(self, now: str, not_before: str) -> bool:
        """True when it may be given now."""
        return bool(self.row["expires_at"] > now and self.row["created_at"] >= not_before)


class Memory:
    """Bounded in entries and bytes; what was not used for the longest time goes first."""

    def __init__(self, max_entries: int, max_bytes: int) -> None:
        self._max_entries, self._max_bytes = max_entries, max_bytes
        self._kept: OrderedDict[str, Kept] = OrderedDict()
        self._bytes = 0
        self._by_intent: dict[str, str] = {}
        self._by_words: dict[str, list[str]] = {}

    def __len__(self) -> int:
        return len(self._kept)

    def put(self, row: Mapping[str, Any], reading: Reading | None) -> None:
        """Remember an answer that was read from the store."""
        self.forget(row["cache_key"])
        if not row["fingerprint"] or row["size_bytes"] > self._max_bytes:
            return
        self._kept[row["cache_key"]] = Kept(row, reading)
        self._bytes += row["size_bytes"]
        self._by_intent[row["fingerprint"]] = row["cache_key"]
        near = self._by_words.setdefault(row["plain"], [])
        near.append(row["cache_key"])
        del near[:-_NEAR_CANDIDATES]
        while len(self._kept) > self._max_entries or self._bytes > self._max_bytes:
            self.forget(next(iter(self._kept)))

    def forget(self, key: str) -> None:
        """Drop an answer, if it is there."""
        kept = self._kept.pop(key, None)
        if kept is None:
            return
        self._bytes -= kept.row["size_bytes"]
        if self._by_intent.get(kept.row["fingerprint"]) == key:
            del self._by_intent[kept.row["fingerprint"]]
        near = [other for other in self._by_words.get(kept.row["plain"], ()) if other != key]
        if near:
            self._by_words[kept.row["plain"]] = near
        else:
            self._by_words.pop(kept.row["plain"], None)

    def by_intent(self, question: Question, now: str, not_before: str) -> Mapping[str, Any] | None:
        """The answer to a question with the same intent."""
        return self._use(self._by_intent.get(question.fingerprint), now, not_before)

    def by_words(self, question: Question, now: str, not_before: str, overlap: float) -> Mapping[str, Any] | None:
        """The answer to the question that shares most words, at least the given share, and that the guard lets pass."""
        best: tuple[float, str] | None = None
        for key in self._by_words.get(question.plain, ()):
            kept = self._kept[key]
            if kept.reading is None or question.reading is None or not kept.fresh(now, not_before):
                continue
            shared = overlap_of(question.reading, kept.reading)
            if shared >= overlap and veto(question.reading, kept.reading) is None:
                best = max(best or (0.0, ""), (shared, key))
        return self._use(best[1], now, not_before) if best else None

    def _use(self, key: str | None, now: str, not_before: str) -> Mapping[str, Any] | None:
        kept = self._kept.get(key) if key else None
        if key is None or kept is None:
            return None
        if kept.row["expires_at"] <= now:
            self.forget(key)
            return None
        if not kept.fresh(now, not_before):
            return None
        self._kept.move_to_end(key)
        return kept.row


def overlap_of(first: Reading, second: Reading) -> float:
    """The share of words that two questions have in common, from 0 to 1."""
    one, two = Counter(first.intent), Counter(second.intent)
    total = (one | two).total()
    return (one & two).total() / total if total else 0.0
