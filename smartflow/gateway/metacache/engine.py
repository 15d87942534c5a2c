"""The rules of MetaCache: four phases, and the first hit wins.

1. `fingerprint`: the same intent, in memory (L1).
2. `near_miss`: nearly the same words, in memory (L1).
3. `exact`: the same request by its SHA-256 key, in the store (L3).
4. `semantic`: the nearest question by the cosine of its vector, in the store (L2).

All but the third stay within one scope (see `question.py`), and no similarity counts where the guard says no. Not kept are errors, cut
streams, answers that were cut off or filtered, answers that ask for a tool run (the caller acts on them, so each is asked anew), audio and
images. Entries hold answers as they were given, not redacted, because they are given again; of the question they hold digests and a vector.
"""

from __future__ import annotations

import json
from array import array
from collections import OrderedDict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from smartflow.gateway.clock import iso
from smartflow.gateway.metacache.directives import CachePolicy
from smartflow.gateway.metacache.embedder import cosine, make_embedder
from smartflow.gateway.metacache.memory import Memory
from smartflow.gateway.metacache.prices import cost_usd, prices_as_of
from smartflow.gateway.metacache.question import Question
from smartflow.gateway.metacache.reading import Reading
from smartflow.gateway.metacache.repo import CacheRepo
from smartflow.gateway.metacache.settings import CacheSettings

PHASES = ("fingerprint", "near_miss", "exact", "semantic")
_TIERS = {"fingerprint": "L1", "near_miss": "L1", "exact": "L3", "semantic": "L2"}
_NEIGHBOURS = 16


@dataclass(frozen=True)
class Hit:
    """A cached answer, how it was found, and what giving it again saves."""

    key: str
    phase: str
    body: dict[str, Any]
    model: str
    prompt_tokens: int
    completion_tokens: int

    @property
    def tier(self) -> str:
        """L1, L2 or L3."""
        return _TIERS[self.phase]

    @property
    def kind(self) -> str:
        """`semantic` for the semantic phase, else `exact`."""
        return "semantic" if self.phase == "semantic" else "exact"

    @property
    def tokens_saved(self) -> int:
        """Tokens that need not be bought again."""
        return self.prompt_tokens + self.completion_tokens

    @property
    def cost_saved_cents(self) -> float:
        """The estimated price of the saved tokens in US cents."""
        return round(cost_usd(self.model, self.prompt_tokens, self.completion_tokens) * 100, 6)


class CacheEngine:
    """Finds, keeps and counts cached answers."""

    def __init__(self, repo: CacheRepo, settings: CacheSettings | None = None) -> None:
        self._repo = repo
        self.settings = settings or CacheSettings()
        self._embedder = make_embedder(self.settings.embedder)
        self._memory = Memory(self.settings.memory_entries, self.settings.memory_bytes)
        self._seen = repo.last_seq()
        # Readings of answers that are being kept: they enter memory with the row, so a write that is rolled back is never served.
        self._readings: OrderedDict[str, Reading] = OrderedDict()

    def find(
        self, question: Question, now: datetime, max_age: int | None = None, phases: Collection[str] = PHASES
    ) -> Hit | None:
        """The answer to a question, or None. Nothing is counted yet: see `record_hit` and `record_miss`.

        `phases` limits the search, so that each phase can be measured alone; the order is always that of `PHASES`.
        """
        self._catch_up()
        limits = iso(now), iso(now - timedelta(seconds=min(max_age, 10**9))) if max_age is not None else ""
        for phase in PHASES:
            row = self._search(phase, question, limits) if phase in phases else None
            if row is not None:
                return Hit(
                    row["cache_key"], phase, json.loads(row["body"]), row["model"], row["prompt_tokens"], row["completion_tokens"]
                )  # fmt: skip
        return None

    def _search(self, phase: str, question: Question, limits: tuple[str, str]) -> Mapping[str, Any] | None:
        if phase == "exact":
            row = self._repo.find(question.key, *limits)
            if row is not None:
                self._memory.put(row, question.reading)
            return row
        if not question.scope:
            return None
        if phase == "fingerprint":
            return self._memory.by_intent(question, *limits)
        if phase == "near_miss":
            return self._memory.by_words(question, *limits, self.settings.overlap)
        return self._nearest(question, limits)

    def _nearest(self, question: Question, limits: tuple[str, str]) -> Mapping[str, Any] | None:
        # The digest of the meaning is the guard's own: what it keeps apart is never compared.
        rows = self._repo.near(question.meaning, self._embedder.name, *limits, _NEIGHBOURS)
        if not rows:
            return None
        mine = self._vector(question)
        scored = [(cosine(mine, _unpacked(row["vector"])), row["seq"], row) for row in rows]
        score, _, row = max(scored, key=lambda item: item[:2])
        return row if score >= self.settings.similarity - 1e-6 else None

    def _vector(self, question: Question) -> array[float]:
        return self._embedder.embed(question.reading.meaning if question.reading else ())

    def _catch_up(self) -> None:
        """Take what was committed since the last look, here or by another process, into memory."""
        for row in self._repo.after(self._seen, self.settings.memory_entries):
            self._seen = row["seq"]
            self._memory.put(row, self._readings.pop(row["cache_key"], None))

    def record_hit(self, hit: Hit, now: datetime) -> None:
        """Count a hit and its savings inside the current transaction."""
        self._repo.add(f"{hit.phase}_hits")
        self._repo.add("tokens_saved", hit.tokens_saved)
        self._repo.add("cost_saved_cents", hit.cost_saved_cents)
        self._repo.touch(hit.key, iso(now))

    def record_miss(self) -> None:
        """Count a miss inside the current transaction."""
        self._repo.add("misses")

    def save(
        self,
        question: Question,
        policy: CachePolicy,
        provider: str,
        model: str,
        body: Mapping[str, Any],
        tokens: tuple[int, int],
        now: datetime,
    ) -> None:
        """Keep an answer inside the current transaction, and make room when the cache is full."""
        text = json.dumps(body, ensure_ascii=False)
        size = len(text.encode("utf-8", "surrogatepass"))
        if size > self.settings.max_entry_bytes:
            return
        near = self._digests(question)
        self._repo.save({
            "cache_key": question.key, "operation": question.operation, "provider": provider, "model": model, "body": text,
            "size_bytes": size, "prompt_tokens": tokens[0], "completion_tokens": tokens[1], "created_at": iso(now),
            "expires_at": iso(now + self._lifetime(question, policy)), "used_at": iso(now), **near,
        })  # fmt: skip
        self._make_room(now)

    def _digests(self, question: Question) -> dict[str, Any]:
        if not question.scope or question.reading is None:
            return {}
        self._readings[question.key] = question.reading
        while len(self._readings) > self.settings.memory_entries:
            self._readings.popitem(last=False)
        return {
            "fingerprint": question.fingerprint, "plain": question.plain, "meaning": question.meaning,
            "embedder": self._embedder.name, "vector": self._vector(question).tobytes(),
        }  # fmt: skip

    def _lifetime(self, question: Question, policy: CachePolicy) -> timedelta:
        if policy.ttl is not None:
            return timedelta(seconds=policy.ttl)
        limit = self.settings.timely_ttl_seconds if question.timely else self.settings.ttl_seconds
        return timedelta(seconds=min(limit, self.settings.ttl_seconds))

    def _make_room(self, now: datetime) -> None:
        if not self._is_full():
            return
        self._repo.drop_expired(iso(now))
        while self._is_full():
            key = self._repo.drop_oldest()
            if key is None:
                return
            self._memory.forget(key)
            self._repo.add("evictions")

    def _is_full(self) -> bool:
        entries, size = self._repo.size()
        return entries > self.settings.max_entries or size > self.settings.max_bytes

    def stats(self, now: datetime) -> dict[str, Any]:
        """The counters in the contract's shape."""
        counters = self._repo.counters()
        phases = {phase: int(counters.get(f"{phase}_hits", 0)) for phase in PHASES}
        hits, misses = sum(phases.values()), int(counters.get("misses", 0))
        entries, size = self._repo.live(iso(now))
        return {
            "hits": hits,
            "misses": misses,
            "hit_rate": hits / (hits + misses) if hits + misses else 0.0,
            "l1_hits": phases["fingerprint"] + phases["near_miss"],
            "l2_hits": phases["semantic"],
            "l3_hits": phases["exact"],
            "tokens_saved": int(counters.get("tokens_saved", 0)),
            "cost_saved_cents": round(counters.get("cost_saved_cents", 0.0), 6),
            "entries": entries,
            "exact_matches": hits - phases["semantic"],
            "semantic_matches": phases["semantic"],
            "phases": phases,
            "size_bytes": size,
            "evictions": int(counters.get("evictions", 0)),
            "prices_as_of": prices_as_of(),
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


def _unpacked(vector: bytes | None) -> array[float]:
    numbers = array("f")
    numbers.frombytes(vector or b"")
    return numbers
