"""How tests look at what a call left behind."""

from __future__ import annotations

from typing import Optional

from smartflow import SmartflowClient, VASLog


async def row_of(sf: SmartflowClient, request_id: Optional[str]) -> VASLog:
    """The audit row of one call."""
    assert request_id
    rows = [row for row in await sf.get_logs(limit=1000) if row.request_id == request_id]
    assert len(rows) == 1
    return rows[0]
