"""The rules of the audit log: what a row holds, how it is shown, and the figures that rows add up to."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

from smartflow.gateway.audit.record import AuditRecord
from smartflow.gateway.audit.repo import AuditRepo
from smartflow.gateway.clock import iso
from smartflow.gateway.errors import bad_request

CACHE_HIT_LATENCY_MS = 5
"""The documented latency of a cache hit; the time really spent is in `processing_time_ms`."""
CONTENT_LIMIT = 20_000
"""Characters of a request or an answer that a row keeps."""
_CUT_MARGIN = 500
INSTANCE_ID = "local"
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


class AuditEngine:
    """Writes audit rows and reads them back in the contract's shape.

    Texts are kept only after `redact` has gone over them; without a redactor no text is kept.
    """

    def __init__(self, repo: AuditRepo, redact: Callable[[str], str] | None = None) -> None:
        self._repo = repo
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
        self._repo.insert(row)

    def _clean(self, text: str | None) -> str | None:
        if not text or self._redact is None:
            return None
        redacted = self._redact(text[: 2 * CONTENT_LIMIT])
        if len(text) > 2 * CONTENT_LIMIT:
            # A number that the cut went through is not recognised, so the text around the cut is not kept.
            redacted = redacted[:-_CUT_MARGIN]
        return redacted[:CONTENT_LIMIT]

    def page(
        self,
        now: datetime,
        *,
        limit: int,
        offset: int,
        provider: str | None,
        model: str | None,
        days: int,
        key_id: str | None = None,
    ) -> dict[str, Any]:
        """One page of rows, newest first, with the number of all matching rows; with `key_id` only those of one key."""
        since = iso(now - timedelta(days=days))
        total, rows = self._repo.page(
            since=since, provider=provider, model=model, limit=limit, offset=offset, key_id=key_id
        )
        return {"data": [show(row) for row in rows], "total": total, "limit": limit, "offset": offset}

    def hybrid(self, limit: int, key_id: str | None = None) -> dict[str, Any]:
        """The newest rows with the instance and the store that they come from."""
        _, rows = self._repo.page(since="", provider=None, model=None, limit=limit, offset=0, key_id=key_id)
        return {"logs": [{**show(row), "instance_id": INSTANCE_ID, "source": _SOURCE} for row in rows]}

    def analytics(self, today: date, start: date | None, end: date | None, key_id: str | None = None) -> dict[str, Any]:
        """The figures of the days from `start` to `end`, both included, in UTC."""
        last = end or today
        if start is not None and start > last:
            raise bad_request("start_date must not be after end_date", "start_date")
        first = start.isoformat() if start else self._repo.first_day(key_id)
        since, until = first or "", f"{last.isoformat()}T24"
        totals = self._repo.totals(since, until, key_id=key_id)
        return {
            "start_date": first,
            "end_date": last.isoformat(),
            "total_requests": totals["requests"],
            "total_tokens": totals["tokens"],
            "total_cost": totals["cost"],
            "cache_hit_rate": share(totals["hits"], totals["requests"]),
            "by_provider": self._usage("provider", since, until, key_id),
            "by_model": self._usage("model", since, until, key_id),
            "by_day": [
                {"date": row["name"], "requests": row["requests"], "tokens": row["tokens"], "cost": row["cost"]}
                for row in self._repo.grouped("day", since, until, key_id)
            ],
        }

    def _usage(self, by: str, since: str, until: str, key_id: str | None) -> dict[str, Any]:
        names = ("requests", "tokens", "cost", "avg_latency_ms", "errors")
        rows = self._repo.grouped(by, since, until, key_id)
        # Calls without a model (scans, chatbot questions) count in the totals but are no model.
        return {row["name"]: {name: row[name] for name in names} for row in rows if row["name"]}

    def totals(self, since: datetime, until: datetime | None = None, provider: str | None = None) -> dict[str, Any]:
        """Sums over a span of time."""
        return self._repo.totals(iso(since), iso(until) if until else None, provider)

    def by_provider(self, since: datetime, until: datetime | None = None) -> list[dict[str, Any]]:
        """Sums of each provider over a span of time."""
        return self._repo.grouped("provider", iso(since), iso(until) if until else None)


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
