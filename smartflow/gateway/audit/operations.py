"""The operations that read the audit log."""

from __future__ import annotations

from datetime import date
from typing import Any

from smartflow.gateway.contract import Call, operation
from smartflow.gateway.errors import bad_request

_DEFAULT_LIMIT = 100
_DEFAULT_DAYS = 30


@operation("getVasLogs")
async def get_vas_logs(call: Call) -> dict[str, Any]:
    """One page of audit rows, newest first."""
    query = call.query
    return call.gateway.audit.page(
        call.now,
        limit=query.get("limit") or _DEFAULT_LIMIT,
        offset=query.get("offset") or 0,
        provider=query.get("provider"),
        model=query.get("model"),
        days=query.get("days") or _DEFAULT_DAYS,
        key_id=_own_rows(call),
    )


@operation("getHybridLogs")
async def get_hybrid_logs(call: Call) -> dict[str, Any]:
    """The newest audit rows with their origin."""
    return call.gateway.audit.hybrid(call.query.get("limit") or _DEFAULT_LIMIT, _own_rows(call))


@operation("getHybridAnalytics")
async def get_hybrid_analytics(call: Call) -> dict[str, Any]:
    """The usage figures of a period."""
    start, end = _day(call, "start_date"), _day(call, "end_date")
    return call.gateway.audit.analytics(call.now.date(), start, end, _own_rows(call))


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
