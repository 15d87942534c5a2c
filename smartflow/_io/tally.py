"""What a client without a gateway can count itself: calls, and the tokens that providers report."""

from __future__ import annotations

import threading
from typing import Any, Dict, List

__all__ = ["CountedReader", "Tally"]

_NAMES = {
    "prompt_tokens": ("prompt_tokens", "input_tokens"),
    "completion_tokens": ("completion_tokens", "output_tokens"),
    "provider_cached_tokens": ("cached_tokens", "cache_read_input_tokens"),
}


class Tally:
    """Counts of one client and its copies; any thread may add to them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests = 0
        self._errors = 0
        self._tokens = dict.fromkeys(_NAMES, 0)

    def answered(self) -> None:
        """A provider has accepted a call."""
        with self._lock:
            self._requests += 1

    def failed(self) -> None:
        """A call has failed for good."""
        with self._lock:
            self._requests += 1
            self._errors += 1

    def used(self, answer: Any) -> None:
        """An answer has come; its token counts are added."""
        self.add(tokens_of(answer.get("usage") if isinstance(answer, dict) else None))

    def add(self, tokens: Dict[str, int]) -> None:
        """Add token counts."""
        with self._lock:
            for name, number in tokens.items():
                self._tokens[name] += number

    def as_cache_stats(self) -> Dict[str, Any]:
        """The counts in the shape of the cache's statistics: without a cache every call is a miss."""
        with self._lock:
            tokens = dict(self._tokens)
            total = tokens["prompt_tokens"] + tokens["completion_tokens"]
            counts = {"requests": self._requests, "errors": self._errors, **tokens, "total_tokens": total}
            return {"hits": 0, "misses": self._requests - self._errors, "hit_rate": 0.0, "source": "client", **counts}


def tokens_of(usage: Any) -> Dict[str, int]:
    """The counts of a usage object, under our names."""
    found = dict.fromkeys(_NAMES, 0)
    if isinstance(usage, dict):
        details = usage.get("prompt_tokens_details")
        known = {**(details if isinstance(details, dict) else {}), **usage}
        for name, spellings in _NAMES.items():
            numbers = [known[word] for word in spellings if type(known.get(word)) is int]
            found[name] = numbers[0] if numbers else 0
    return found


class CountedReader:
    """A reader of a stream that adds the tokens it hears of to a tally; providers repeat them with growing numbers."""

    def __init__(self, reader: Any, tally: Tally) -> None:
        self._reader = reader
        self._tally = tally
        self._counted = dict.fromkeys(_NAMES, 0)

    @property
    def finished(self) -> bool:
        return bool(self._reader.finished)

    @property
    def closed(self) -> bool:
        return bool(self._reader.closed)

    def read(self, event_name: str, data: bytes) -> List[Dict[str, Any]]:
        """The chunks that an event stands for."""
        chunks: List[Dict[str, Any]] = self._reader.read(event_name, data)
        for chunk in chunks:
            if chunk.get("usage"):
                now = tokens_of(chunk["usage"])
                self._tally.add({name: max(0, now[name] - self._counted[name]) for name in now})
                self._counted = {name: max(now[name], self._counted[name]) for name in now}
        return chunks
