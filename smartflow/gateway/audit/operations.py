"""The operations that read the audit log."""

from __future__ import annotations

import asyncio
from datetime import date, datetime, timedelta
from typing import Any

from smartflow_generated.server.management.models import VerifyChainRequest

from smartflow.gateway.audit.chain import Point
from smartflow.gateway.audit.engine import Cursor
from smartflow.gateway.audit.repo import Filters
from smartflow.gateway.clock import iso
from smartflow.gateway.contract import Call, operation
from smartflow.gateway.errors import bad_request

_DEFAULT_LIMIT = 100
_DEFAULT_DAYS = 30


@operation("getVasLogs")
async def get_vas_logs(call: Call) -> dict[str, Any]:
    """One page of audit rows, newest first."""
    query = call.query
    start, end = _day(call, "start_date"), _day(call, "end_date")
    days = query.get("days") or (None if start or end else _DEFAULT_DAYS)
    bounds = [f"{start.isoformat()}T00:00:00.000Z"] if start else []
    bounds += [iso(call.now - timedelta(days=days))] if days else []
    filters = Filters(
        since=max(bounds, default=None),
        until=f"{end.isoformat()}T24" if end else None,
        status_code=query.get("status"),
        key_id=_own_rows(call),
        **{name: query.get(name) for name in ("provider", "model", "user_id", "conversation_id")},
    )
    return await asyncio.to_thread(
        call.gateway.audit.page,
        filters,
        limit=query.get("limit") or _DEFAULT_LIMIT,
        offset=query.get("offset") or 0,
        cursor=Cursor.read(query["cursor"]) if query.get("cursor") else None,
    )


@operation("getHybridLogs")
async def get_hybrid_logs(call: Call) -> dict[str, Any]:
    """The newest audit rows with their origin."""
    return await asyncio.to_thread(
        call.gateway.audit.hybrid, call.query.get("limit") or _DEFAULT_LIMIT, _own_rows(call)
    )


@operation("getAuditLogs")
async def get_audit_logs(call: Call) -> dict[str, Any]:
    """Entries of the audit chain, highest number first."""
    query = call.query
    filters = Filters(since=_moment(call, "start"), until=_moment(call, "end"), user_id=query.get("actor"))
    return await asyncio.to_thread(
        call.gateway.audit.entries,
        filters,
        before_seq=query.get("before_seq"),
        limit=query.get("limit") or _DEFAULT_LIMIT,
    )


@operation("verifyAuditChain")
async def verify_audit_chain(call: Call) -> dict[str, Any]:
    """What a check of the audit chain finds."""
    asked = call.body or VerifyChainRequest()
    anchor = Point(asked.anchor.seq, asked.anchor.entry_hmac) if asked.anchor else None
    return await asyncio.to_thread(call.gateway.ledger.verify, asked.from_seq, asked.to_seq, anchor)


@operation("getHybridAnalytics")
async def get_hybrid_analytics(call: Call) -> dict[str, Any]:
    """The usage figures of a period."""
    start, end = _day(call, "start_date"), _day(call, "end_date")
    return await asyncio.to_thread(call.gateway.audit.analytics, call.now.date(), start, end, _own_rows(call))


def _own_rows(call: Call) -> str | None:
    """The key whose rows alone the caller may see; None for an admin, who sees all."""
    key = call.caller.key
    return key.key_id if key is not None and not key.admin else None


def _day(call: Call, name: str) -> date | None:
    text = call.query.get(name)
    try:
        return date.fromisoformat(text) if text is not None else None
    except ValueError:
        raise bad_request(f"{name} must be a day such as 2026-02-19", name) from None


def _moment(call: Call, name: str) -> str | None:
    text = call.query.get(name)
    try:
        return iso(datetime.fromisoformat(text.upper())) if text is not None else None
    except (ValueError, OverflowError):
        raise bad_request(f"{name} must be a moment such as 2026-02-19T10:00:00Z", name) from None
