"""The rules of MetaCache.

An answer is found again when operation, tenant, provider, model and every parameter of the request are equal. Not kept are errors,
cut streams, answers that were cut off or filtered, answers that ask for a tool run (the caller acts on them, so each is asked anew),
audio and images. Entries hold answers as they were given, not redacted, because they are given again: the database file belongs
to its user alone, and `no-store` keeps an answer out of it. `stream` and `stream_options` are no part of the key: a streamed and a plain call share one entry.
"""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from smartflow.gateway.clock import iso
from smartflow.gateway.metacache.prices import cost_usd
from smartflow.gateway.metacache.repo import CacheRepo

_TTL = timedelta(hours=24)
_MAX_ENTRIES = 10_000
_MAX_BYTES = 64 * 1024 * 1024
_MAX_ENTRY_BYTES = 4 * 1024 * 1024
_MEMORY_ENTRIES = 256
# They change how an answer travels or is accounted for, not the answer.
_NOT_IN_KEY = frozenset(
    {"stream", "stream_options", "user", "metadata", "store", "safety_identifier", "prompt_cache_key"}
)


@dataclass(frozen=True)
class CachePolicy:
    """What the caller's Cache-Control allows."""

    read: bool = True
    write: bool = True


@dataclass(frozen=True)
class Hit:
    """A cached answer and what giving it again saves."""

    key: str
    tier: str
    body: dict[str, Any]
    model: str
    prompt_tokens: int
    completion_tokens: int

    @property
    def tokens_saved(self) -> int:
        """Tokens that need not be bought again."""
        return self.prompt_tokens + self.completion_tokens

    @property
    def cost_saved_cents(self) -> float:
        """The estimated price of the saved tokens in US cents."""
        return round(cost_usd(self.model, self.prompt_tokens, self.completion_tokens) * 100, 6)


def cache_policy(cache_control: str | None) -> CachePolicy:
    """The policy that a Cache-Control header asks for; without one everything is allowed."""
    words = {word.strip().lower() for word in (cache_control or "").split(",")}
    return CachePolicy(read="no-cache" not in words and "no-store" not in words, write="no-store" not in words)


def cache_key(operation: str, tenant: str, provider: str, model: str, request: Mapping[str, Any]) -> str:
    """The SHA-256 of all that decides the answer."""
    parameters = {name: value for name, value in request.items() if name not in _NOT_IN_KEY and name != "model"}
    text = json.dumps([operation, tenant, provider, model, parameters], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


class CacheEngine:
    """Finds, keeps and counts cached answers: L1 in memory in front of L3 in the store."""

    def __init__(self, repo: CacheRepo) -> None:
        self._repo = repo
        self._memory: OrderedDict[str, tuple[str, Hit]] = OrderedDict()

    def find(self, key: str, now: datetime) -> Hit | None:
        """The answer kept under a key, or None. Nothing is counted yet: see `record_hit` and `record_miss`."""
        moment = iso(now)
        remembered = self._memory.get(key)
        if remembered and remembered[0] > moment:
            self._memory.move_to_end(key)
            return remembered[1]
        row = self._repo.find(key, moment)
        if row is None:
            self._memory.pop(key, None)
            return None
        facts = (json.loads(row["body"]), row["model"], row["prompt_tokens"], row["completion_tokens"])
        # Only what was read back from the store enters memory, so a write that is rolled back is never served.
        self._memory[key] = (row["expires_at"], Hit(key, "L1", *facts))
        while len(self._memory) > _MEMORY_ENTRIES:
            self._memory.popitem(last=False)
        return Hit(key, "L3", *facts)

    def record_hit(self, hit: Hit, now: datetime) -> None:
        """Count a hit and its savings inside the current transaction."""
        self._repo.count(f"{hit.tier.lower()}_hits", hit.tokens_saved, hit.cost_saved_cents)
        self._repo.touch(hit.key, iso(now))

    def record_miss(self) -> None:
        """Count a miss inside the current transaction."""
        self._repo.count("misses")

    def save(
        self,
        key: str,
        operation: str,
        provider: str,
        model: str,
        body: Mapping[str, Any],
        tokens: tuple[int, int],
        now: datetime,
    ) -> None:
        """Keep an answer inside the current transaction, and make room when the cache is full."""
        text = json.dumps(body, ensure_ascii=False)
        size = len(text.encode("utf-8", "surrogatepass"))
        if size > _MAX_ENTRY_BYTES:
            return
        self._memory.pop(key, None)
        self._repo.save({
            "cache_key": key, "operation": operation, "provider": provider, "model": model, "body": text, "size_bytes": size,
            "prompt_tokens": tokens[0], "completion_tokens": tokens[1],
            "created_at": iso(now), "expires_at": iso(now + _TTL), "used_at": iso(now),
        })  # fmt: skip
        self._make_room(now)

    def _make_room(self, now: datetime) -> None:
        entries, size = self._repo.size()
        if entries <= _MAX_ENTRIES and size <= _MAX_BYTES:
            return
        self._memory.clear()
        self._repo.drop_expired(iso(now))
        while (counts := self._repo.size()) and (counts[0] > _MAX_ENTRIES or counts[1] > _MAX_BYTES):
            self._repo.drop_oldest()

    def stats(self, now: datetime) -> dict[str, Any]:
        """The counters in the contract's shape."""
        counters = self._repo.counters()
        exact, semantic = counters["l1_hits"] + counters["l3_hits"], counters["l2_hits"]
        lookups = exact + semantic + counters["misses"]
        return {
            "hits": exact + semantic,
            "misses": counters["misses"],
            "hit_rate": (exact + semantic) / lookups if lookups else 0.0,
            **{name: counters[name] for name in ("l1_hits", "l2_hits", "l3_hits", "tokens_saved")},
            "cost_saved_cents": round(counters["cost_saved_cents"], 6),
            "entries": self._repo.live_entries(iso(now)),
            "exact_matches": exact,
            "semantic_matches": semantic,
        }


def may_cache(answer: Mapping[str, Any]) -> bool:
    """False for a chat answer or a message that was cut off, filtered, or that asks for a tool run."""
    if "stop_reason" in answer:
        return answer["stop_reason"] in ("end_turn", "stop_sequence")
    choices = answer.get("choices")
    if not isinstance(choices, list):
        return True
    return bool(choices) and all(
        choice.get("finish_reason") == "stop" and not (choice.get("message") or {}).get("tool_calls")
        for choice in choices
    )
