"""Answers questions about the gateway from its own rows, by a small grammar: a topic, a provider, and a span of time.

It understands words, not sentences. A question that names no topic is answered with the list of what it can say.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from smartflow.gateway.clock import iso
from smartflow.providers.table import PREFIXES

if TYPE_CHECKING:
    from smartflow.gateway.core import Gateway

_WORD = re.compile(r"[a-z0-9_']+")
_LAST = re.compile(r"\b(?:last|past)\s+(\d{1,4})?\s*(minute|hour|day|week)s?\b")
_UNITS = {
    "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(days=7),
}
_LONGEST = timedelta(days=3650)


@dataclass(frozen=True)
class Answer:
    """What the chatbot says, which topic it understood, and the figures behind it."""

    text: str
    intent: str | None
    data: dict[str, Any] | None


@dataclass(frozen=True)
class Span:
    """A span of time and how it is called."""

    name: str
    since: datetime
    until: datetime


class Chatbot:
    """Answers questions about cache, cost, errors, latency, providers, calls and health."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        # The first topic with a word of the question wins; the narrower topics come first.
        self._topics: tuple[tuple[str, frozenset[str], Callable[[Span, str | None], Answer]], ...] = (
            ("cache_stats", _words("cache cached caching metacache hit hits"), self._cache),
            (
                "cost_analysis",
                _words("cost costs spend spent spending price money dollars cents pay paid bill expensive"),
                self._cost,
            ),
            ("errors", _words("error errors fail failed failing failure failures problem problems"), self._errors),
            ("latency", _words("latency slow slowest fast fastest speed quick milliseconds"), self._latency),
            ("health", _words("health healthy status up uptime state alive running"), self._health),
            ("providers", _words("provider providers vendor vendors routing route override"), self._providers),
            ("log_count", _words("log logs request requests call calls many count traffic usage tokens"), self._count),
        )

    def answer(self, question: str, now: datetime) -> Answer:
        """The answer to a question."""
        text = question.lower()
        words = set(_WORD.findall(text))
        provider = next((PREFIXES[word] for word in _WORD.findall(text) if word in PREFIXES), None)
        for _, triggers, reply in self._topics:
            if words & triggers:
                return reply(span(text, now), provider)
        return Answer(
            "I did not understand the question. I can tell about: cache statistics, cost, errors, latency, providers, the number "
            "of calls, and health; for today, yesterday, this week, or the last N minutes, hours, days or weeks.",
            None,
            {"topics": [name for name, _, _ in self._topics]},
        )

    def _cache(self, when: Span, provider: str | None) -> Answer:
        totals = self._gateway.audit.totals(when.since, when.until, provider)
        entries = self._gateway.cache.stats(when.until)["entries"]
        hits, lookups = totals["hits"], totals["lookups"]
        data = {"hits": hits, "misses": lookups - hits, "hit_rate": hits / lookups if lookups else 0.0,
                "tokens_saved": totals["tokens_saved"], "entries": entries}  # fmt: skip
        text = f"Cache, {when.name}: {hits} hits in {lookups} look-ups ({data['hit_rate']:.1%}), {totals['tokens_saved']} tokens saved."
        return Answer(f"{text} It holds {entries} answers now.", "cache_stats", {**data, **_told(when, provider)})

    def _cost(self, when: Span, provider: str | None) -> Answer:
        totals = self._gateway.audit.totals(when.since, when.until, provider)
        who = f" on {provider}" if provider else ""
        text = f"Cost{who}, {when.name}: ${totals['cost']:.4f} (estimated) for {totals['tokens']} tokens in {totals['requests']} calls."
        data = {"cost_usd": totals["cost"], "tokens": totals["tokens"], "requests": totals["requests"]}
        return Answer(text, "cost_analysis", {**data, **_told(when, provider)})

    def _errors(self, when: Span, provider: str | None) -> Answer:
        rows = self._rows(when, provider)
        failed = {row["name"]: row["errors"] for row in rows if row["errors"]}
        if not failed:
            return Answer(f"No errors, {when.name}.", "errors", {"errors": {}, "total": 0, **_told(when, provider)})
        worst = max(failed, key=lambda name: failed[name])
        listed = ", ".join(f"{name} {count}" for name, count in sorted(failed.items(), key=lambda item: -item[1]))
        text = f"Errors, {when.name}: {sum(failed.values())} in all ({listed}). {worst} had the most."
        return Answer(
            text, "errors", {"errors": failed, "total": sum(failed.values()), "worst": worst, **_told(when, provider)}
        )

    def _latency(self, when: Span, provider: str | None) -> Answer:
        means = {row["name"]: round(row["avg_latency_ms"], 1) for row in self._rows(when, provider)}
        if not means:
            return Answer(
                f"No calls, {when.name}, so there is no latency to tell.",
                "latency",
                {"avg_latency_ms": {}, **_told(when, provider)},
            )
        listed = ", ".join(f"{name} {mean} ms" for name, mean in sorted(means.items(), key=lambda item: -item[1]))
        return Answer(
            f"Mean latency, {when.name}: {listed}.", "latency", {"avg_latency_ms": means, **_told(when, provider)}
        )

    def _health(self, when: Span, provider: str | None) -> Answer:
        states = {row["provider"]: row["status"] for row in self._gateway.routing.health()}
        bad = sorted(name for name, state in states.items() if state != "healthy")
        uptime = self._gateway.uptime_seconds
        text = f"The gateway has been up for {uptime} s. " + (
            f"Not healthy: {', '.join(bad)}." if bad else "All called providers are healthy."
        )
        return Answer(text, "health", {"uptime_seconds": uptime, "providers": states})

    def _providers(self, when: Span, provider: str | None) -> Answer:
        status = self._gateway.routing.status(when.until)
        calls = {row["name"]: row["requests"] for row in self._rows(when, provider)}
        listed = (
            ", ".join(f"{name} {count}" for name, count in sorted(calls.items(), key=lambda item: -item[1])) or "none"
        )
        text = (
            f"Calls by provider, {when.name}: {listed}. A model without a provider goes to {status['active_provider']}."
        )
        return Answer(
            text,
            "providers",
            {"requests": calls, "active_provider": status["active_provider"], **_told(when, provider)},
        )

    def _count(self, when: Span, provider: str | None) -> Answer:
        totals = self._gateway.audit.totals(when.since, when.until, provider)
        text = f"{totals['requests']} calls with {totals['tokens']} tokens, {when.name}; {totals['errors']} of them failed."
        return Answer(
            text, "log_count", {name: totals[name] for name in ("requests", "tokens", "errors")} | _told(when, provider)
        )

    def _rows(self, when: Span, provider: str | None) -> list[dict[str, Any]]:
        rows = self._gateway.audit.by_provider(when.since, when.until)
        return [row for row in rows if provider in (None, row["name"])]


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _told(when: Span, provider: str | None) -> dict[str, Any]:
    return {"period": when.name, "since": iso(when.since), "until": iso(when.until), "provider": provider}


def span(text: str, now: datetime) -> Span:
    """The span of time that a question in lower case names; all time without one."""
    midnight = datetime.combine(now.date(), time.min, now.tzinfo)
    # A row of this very moment belongs to the span.
    end = now + timedelta(milliseconds=1)
    if "yesterday" in text:
        return Span("yesterday", midnight - timedelta(days=1), midnight)
    if "today" in text:
        return Span("today", midnight, end)
    if "this week" in text:
        return Span("this week", midnight - timedelta(days=now.weekday()), end)
    if "this month" in text:
        return Span("this month", midnight.replace(day=1), end)
    found = _LAST.search(text)
    if found:
        number = int(found[1] or 1)
        length = min(number * _UNITS[found[2]], _LONGEST)
        return Span(f"the last {number} {found[2]}{'s' if number != 1 else ''}", now - length, end)
    return Span("in all time", now - _LONGEST, end)
