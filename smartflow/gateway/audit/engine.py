"""The rules of the audit log: what a row holds, how it is shown, and the figures that rows add up to."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from smartflow.gateway.audit.chain import payload_of
from smartflow.gateway.audit.ledger import Ledger
from smartflow.gateway.audit.record import AuditRecord
from smartflow.gateway.audit.repo import AuditRepo, Filters
from smartflow.gateway.clock import iso
from smartflow.gateway.errors import bad_request

CACHE_HIT_LATENCY_MS = 5
"""The documented latency of a cache hit; the time really spent is in `processing_time_ms`."""
CONTENT_LIMIT = 20_000
"""Characters of a request or an answer that a row keeps."""
_CUT_MARGIN = 500
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
INSTANCE_ID = "local"
MOST_COUNTED = 10_000
"""Pages tell the number of all matching rows up to here: counting more would cost more than the page."""
_SOURCE = "sqlite"
_NO_FINDS: dict[str, Any] = {
    "data_classification": "public",
    "compliance_score": 100.0,
    "violations_details": [],
    "regulatory_frameworks": [],
    "has_violations": False,
    "violations": [],
    "pii_detected": [],
    "risk_level": "low",
    "recommendations": [],
    "redacted_content": None,
}


@dataclass(frozen=True)
class Cursor:
    """A place among the rows that were there, up to the number `as_of`, when the first page was read."""

    as_of: int
    since: str
    after: tuple[str, int] | None = None

    @classmethod
    def read(cls, text: str) -> Cursor:
        """The place that a cursor of the contract names; every text of its form names one."""
        as_of, since, timestamp, seq = (int(part) for part in text.split("-"))
        return cls(
            as_of, iso(_EPOCH + timedelta(milliseconds=since)), (iso(_EPOCH + timedelta(milliseconds=timestamp)), seq)
        )

    def at(self, row: dict[str, Any]) -> Cursor:
        """The place behind a row."""
        return replace(self, after=(row["timestamp"], row["seq"]))

    def __str__(self) -> str:
        timestamp, seq = self.after or ("", 0)
        return f"{self.as_of}-{_milliseconds(self.since)}-{_milliseconds(timestamp)}-{seq}"


def _milliseconds(moment: str) -> int:
    return max(0, round((datetime.fromisoformat(moment) - _EPOCH) / timedelta(milliseconds=1))) if moment else 0


class AuditEngine:
    """Writes audit rows and reads them back in the contract's shape.

    Texts are kept only after `redact` has gone over them; without a redactor no text is kept.
    """

    def __init__(self, repo: AuditRepo, ledger: Ledger, redact: Callable[[str], str] | None = None) -> None:
        self._repo = repo
        self._ledger = ledger
        self._redact = redact

    def write(self, record: AuditRecord, elapsed_ms: int) -> None:
        """Write the row of a call that took `elapsed_ms` inside the current transaction."""
        processing = elapsed_ms if record.processing_time_ms is None else record.processing_time_ms
        latency = elapsed_ms if record.latency_ms is None else record.latency_ms
        # The three texts are often the same one; redacting is the dearest step of a call.
        clean = {
            text: self._clean(text) for text in {record.cache_query, record.request_content, record.response_content}
        }
        row = {
            **vars(record),
            "day": record.timestamp[:10],
            "model_provider": record.model_provider or record.provider,
            "tokens_used": record.tokens_used,
            "cost": float(record.cost),
            "latency_ms": CACHE_HIT_LATENCY_MS if record.cached else latency,
            "processing_time_ms": processing,
            "cached": int(record.cached),
            "cache_looked_up": int(record.cache_looked_up),
            "cache_query": clean[record.cache_query] or "",
            "success": int(record.success),
            "compliance": json.dumps(record.compliance, ensure_ascii=False),
            "request_content": clean[record.request_content],
            "response_content": clean[record.response_content],
        }
        self._ledger.append(row)

    def _clean(self, text: str | None) -> str | None:
        if not text or self._redact is None:
            return None
        redacted = self._redact(text[: 2 * CONTENT_LIMIT])
        if len(text) > 2 * CONTENT_LIMIT:
            # A number that the cut went through is not recognised, so the text around the cut is not kept.
            redacted = redacted[:-_CUT_MARGIN]
        return redacted[:CONTENT_LIMIT]

    def page(self, filters: Filters, *, limit: int, offset: int = 0, cursor: Cursor | None = None) -> dict[str, Any]:
        """One page of rows, newest first. It reads one moment on a connection of its own: call it in a thread."""
        with self._repo.snapshot() as reads:
            last = reads.last()
            place = cursor or Cursor(last["seq"] if last else 0, filters.since or "")
            filters = replace(filters, since=place.since or None)
            rows = reads.page(filters, limit=limit + 1, offset=offset, as_of=place.as_of, after=place.after)
            total = reads.count(filters, MOST_COUNTED + 1) if cursor is None else None
        more = len(rows) > limit
        return {
            "data": [show(row) for row in rows[:limit]],
            "total": None if total is None or total > MOST_COUNTED else total,
            "limit": limit,
            "offset": offset,
            "next_cursor": str(place.at(rows[limit - 1])) if more else None,
        }

    def hybrid(self, limit: int, key_id: str | None = None) -> dict[str, Any]:
        """The newest rows with the instance and the store that they come from."""
        rows = self.page(Filters(key_id=key_id), limit=limit)["data"]
        return {"logs": [{**row, "instance_id": INSTANCE_ID, "source": _SOURCE} for row in rows]}

    def entries(self, filters: Filters, *, before_seq: int | None, limit: int) -> dict[str, Any]:
        """Entries of the chain, highest number first."""
        with self._repo.snapshot() as reads:
            rows = reads.entries(filters, before_seq, limit)
        return {"logs": [_entry(row) for row in rows]}

    def analytics(self, today: date, start: date | None, end: date | None, key_id: str | None = None) -> dict[str, Any]:
        """The figures of the days from `start` to `end`, both included, in UTC; with `key_id` only those of one key."""
        last = end or today
        if start is not None and start > last:
            raise bad_request("start_date must not be after end_date", "start_date")
        with self._repo.snapshot() as reads:
            first = start.isoformat() if start else reads.first_day(Filters(key_id=key_id))
            filters = Filters(first, f"{last.isoformat()}T24", key_id=key_id)
            totals = reads.totals(filters)
            providers, models, days = (reads.grouped(by, filters) for by in ("provider", "model", "day"))
        return {
            "start_date": first,
            "end_date": last.isoformat(),
            "total_requests": totals["requests"],
            "total_tokens": totals["tokens"],
            "total_cost": totals["cost"],
            "cache_hit_rate": share(totals["hits"], totals["requests"]),
            "by_provider": _usage(providers),
            "by_model": _usage(models),
            "by_day": [
                {"date": row["name"], "requests": row["requests"], "tokens": row["tokens"], "cost": row["cost"]}
                for row in days
            ],
        }

    def totals(self, since: datetime, until: datetime | None = None, provider: str | None = None) -> dict[str, Any]:
        """Sums over a span of time."""
        return self._repo.totals(Filters(iso(since), iso(until) if until else None, provider))

    def by_provider(self, since: datetime, until: datetime | None = None) -> list[dict[str, Any]]:
        """Sums of each provider over a span of time."""
        return self._repo.grouped("provider", Filters(iso(since), iso(until) if until else None))


def _usage(rows: list[dict[str, Any]]) -> dict[str, Any]:
    names = ("requests", "tokens", "cost", "avg_latency_ms", "errors")
    # Calls without a model (scans, chatbot questions) count in the totals but are no model.
    return {row["name"]: {name: row[name] for name in names} for row in rows if row["name"]}


def _entry(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "seq": row["seq"],
        "prev_hash": row["prev_hash"],
        "payload": payload_of(row),
        "entry_hmac": row["entry_hmac"],
        "key_id": row["signing_key_id"],
    }


def show(row: dict[str, Any]) -> dict[str, Any]:
    """A stored row as a VASLog of the contract."""
    compliance = {**_NO_FINDS, **json.loads(row["compliance"])}
    violated = row["compliance_status"] == "violated"
    plain = (
        "request_id", "timestamp", "provider", "model", "model_provider", "tokens_used", "cost", "latency_ms",
        "processing_time_ms", "content_type", "key_id", "user_id", "conversation_id", "conversation_stage", "routing_strategy",
        "routing_reason", "compliance_status", "request_content", "response_content",
    )  # fmt: skip
    return {
        **{name: row[name] for name in plain},
        "compliance_violations": json.dumps(compliance["violations_details"]) if violated else None,
        "compliance": compliance,
        "metacache": {"hit": bool(row["cached"]), "query": row["cache_query"], "tokens_saved": row["tokens_saved"]},
        "metrics": {
            "prompt_tokens": row["prompt_tokens"],
            "completion_tokens": row["completion_tokens"],
            "processing_time_ms": row["provider_time_ms"],
            "success": bool(row["success"]),
        },
        "cached": bool(row["cached"]),
        "operation": row["operation"],
        "status_code": row["status_code"],
        "error_code": row["error_code"],
    }


def share(part: float, whole: float) -> float:
    """A fraction from 0 to 1; 0 of nothing is 0."""
    return part / whole if whole else 0.0
