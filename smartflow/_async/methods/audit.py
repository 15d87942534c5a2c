"""The VAS audit log, and figures computed from it."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any, AsyncIterator, Dict, List, Optional, Union

from ..._core.check import check_int, check_text
from ..._core.wire import opt
from ..._io.files import open_lines
from ...exceptions import ValidationError
from .base import AsyncMethods, as_dict, rows_of

if TYPE_CHECKING:
    from smartflow_generated.shapes.bridge import HybridAnalytics

    from ...types.audit import VASLog

__all__ = ["AsyncAuditMethods"]

Day = Union[str, datetime.date]
_BEGINNING = datetime.date(1970, 1, 1)
_EXPORTED_AT_ONCE = 1000


class AsyncAuditMethods(AsyncMethods):
    """The audit methods of the client."""

    async def get_logs(
        self,
        limit: int = 100,
        offset: int = 0,
        provider: Optional[str] = None,
        model: Optional[str] = None,
        days: int = 30,
        user_id: Optional[str] = None,
        conversation_id: Optional[str] = None,
        status: Optional[int] = None,
        start_date: Optional[Day] = None,
        end_date: Optional[Day] = None,
    ) -> List[VASLog]:
        """Return rows of the VAS audit log, newest first.

        Rows that are written between two calls move what `offset` counts; `iter_logs` is not moved by them.

        Args:
            limit: At most this many rows, 1 to 10000.
            offset: How many of the newest rows to leave out.
            provider: Only rows of this provider.
            model: Only rows of this model.
            days: Only rows of the last so many days; not counted when a date is given.
            user_id: Only rows of this user.
            conversation_id: Only rows of this conversation.
            status: Only rows of calls that were answered with this HTTP status.
            start_date: Only rows of this day and later, as `2026-02-01` or a date, in UTC.
            end_date: Only rows of this day and earlier.

        Returns:
            The rows; an empty list after the last one.

        Raises:
            ValidationError: An argument is out of bounds.
            SmartflowError: Any other failure.

        Example:
            >>> for log in await sf.get_logs(limit=50, provider="openai", days=7):
            ...     print(log.timestamp, log.model, log.tokens_used, log.metacache.hit)

        Operation: getVasLogs
        """
        from smartflow_generated.management.api.vas import get_vas_logs as op

        from ...types.audit import VASLog
        from ...types.base import read_rows

        filters = _filters(provider, model, days, user_id, conversation_id, status, start_date, end_date)
        request = op.request(limit=check_int(limit, "limit", 1), offset=check_int(offset, "offset", 0), **filters)
        return await self._session.read(
            op.operation, request, lambda body, reply: read_rows(VASLog.from_wire, rows_of(body, "data"))
        )

    async def iter_logs(
        self,
        page_size: int = 100,
        provider: Optional[str] = None,
        model: Optional[str] = None,
        days: int = 30,
        limit: Optional[int] = None,
        user_id: Optional[str] = None,
        conversation_id: Optional[str] = None,
        status: Optional[int] = None,
        start_date: Optional[Day] = None,
        end_date: Optional[Day] = None,
    ) -> AsyncIterator[VASLog]:
        """Yield rows of the VAS audit log, newest first, fetching page after page as they are needed.

        Each row that was there at the first page comes once, whatever is written meanwhile.

        Args:
            page_size: Rows per page, 1 to 10000.
            provider: Only rows of this provider.
            model: Only rows of this model.
            days: Only rows of the last so many days; not counted when a date is given.
            limit: At most this many rows; all by default.
            user_id: Only rows of this user.
            conversation_id: Only rows of this conversation.
            status: Only rows of calls that were answered with this HTTP status.
            start_date: Only rows of this day and later, as `2026-02-01` or a date, in UTC.
            end_date: Only rows of this day and earlier.

        Raises:
            ValidationError: An argument is out of bounds.
            SmartflowError: Any other failure.

        Example:
            >>> async for log in sf.iter_logs(provider="openai"):
            ...     print(log.request_id)

        Operation: getVasLogs
        """
        from ...types.audit import VASLog

        filters = _filters(provider, model, days, user_id, conversation_id, status, start_date, end_date)
        left = None if limit is None else check_int(limit, "limit", 0)
        async for row in self._log_rows(check_int(page_size, "page_size", 1), filters, left):
            yield VASLog.from_wire(row)

    async def export_logs(
        self,
        file: Any,
        provider: Optional[str] = None,
        model: Optional[str] = None,
        days: Optional[int] = None,
        limit: Optional[int] = None,
        user_id: Optional[str] = None,
        conversation_id: Optional[str] = None,
        status: Optional[int] = None,
        start_date: Optional[Day] = None,
        end_date: Optional[Day] = None,
    ) -> int:
        """Return how many rows of the VAS audit log were written to a file as JSON Lines, newest first.

        Each line is one row with all that the gateway tells of it. A path gets its file, readable by its owner only, when the last row has
        come: a broken export leaves nothing behind.

        Args:
            file: A path, or an open file in text or binary mode; `iter_logs` yields the rows to a program instead.
            provider: Only rows of this provider.
            model: Only rows of this model.
            days: Only rows of the last so many days; all by default.
            limit: At most this many rows; all by default.
            user_id: Only rows of this user.
            conversation_id: Only rows of this conversation.
            status: Only rows of calls that were answered with this HTTP status.
            start_date: Only rows of this day and later, as `2026-02-01` or a date, in UTC.
            end_date: Only rows of this day and earlier.

        Returns:
            The number of rows.

        Raises:
            ValidationError: An argument is out of bounds, or the file cannot be written.
            SmartflowError: Any other failure.

        Example:
            >>> count = await sf.export_logs("audit.jsonl", provider="openai", start_date="2026-02-01")

        Operation: getVasLogs
        """
        filters = _filters(provider, model, days, user_id, conversation_id, status, start_date, end_date)
        if days is None and start_date is None and end_date is None:
            filters["start_date"] = _BEGINNING
        left = None if limit is None else check_int(limit, "limit", 0)
        count = 0
        with open_lines(file) as write:
            async for row in self._log_rows(_EXPORTED_AT_ONCE, filters, left):
                write(row)
                count += 1
        return count

    async def _log_rows(
        self, page_size: int, filters: Dict[str, Any], left: Optional[int]
    ) -> AsyncIterator[Dict[str, Any]]:
        from smartflow_generated.management.api.vas import get_vas_logs as op

        place: Dict[str, Any] = {}
        seen: set[str] = set()
        while left is None or left > 0:
            request = op.request(limit=page_size, **filters, **place)
            body = await self._session.read(op.operation, request, lambda body, reply: body)
            rows = rows_of(body, "data")
            fresh = [row for row in rows if as_dict(row).get("request_id") not in seen]
            for row in fresh[:left]:
                yield row
            left = None if left is None else left - len(fresh)
            cursor = body.get("next_cursor", "") if isinstance(body, dict) else ""
            if cursor is None or len(rows) < page_size:
                return
            if cursor:
                place = {"cursor": cursor}
            else:
                # A gateway without cursors: rows that were written meanwhile have moved the pages.
                place = {"offset": place.get("offset", 0) + len(rows)}
                seen = {row["request_id"] for row in rows if row.get("request_id")}

    async def get_logs_hybrid(self, limit: int = 100) -> List[Dict[str, Any]]:
        """Return rows of the audit logs of all instances, through the hybrid bridge, newest first.

        Args:
            limit: At most this many rows.

        Returns:
            Plain dicts with the fields of `VASLog`, and `instance_id` and `source`.

        Raises:
            ValidationError: The limit is out of bounds.
            SmartflowError: Any other failure.

        Example:
            >>> rows = await sf.get_logs_hybrid(limit=20)

        Operation: getHybridLogs
        """
        from smartflow_generated.bridge.api.logs import get_hybrid_logs as op

        request = op.request(limit=check_int(limit, "limit", 1))
        return await self._session.read(op.operation, request, lambda body, reply: rows_of(body, "logs"))

    async def get_analytics(self, start_date: Optional[Day] = None, end_date: Optional[Day] = None) -> HybridAnalytics:
        """Return calls, tokens, cost and cache figures of a range of days, by provider, model and day.

        Args:
            start_date: The first day, as `2026-02-01` or a date.
            end_date: The last day, included.

        Returns:
            A dict with totals, `by_provider`, `by_model` and `by_day`; cost in US dollars.

        Raises:
            ValidationError: A date cannot be read.
            SmartflowError: Any other failure.

        Example:
            >>> data = await sf.get_analytics("2026-02-01", "2026-02-19")
            >>> print(data["total_requests"])

        Operation: getHybridAnalytics
        """
        from smartflow_generated.bridge.api.analytics import get_hybrid_analytics as op

        request = op.request(start_date=opt(_day(start_date, "start_date")), end_date=opt(_day(end_date, "end_date")))
        result: HybridAnalytics = await self._session.read(op.operation, request, as_dict)
        return result


def _day(value: Optional[Day], name: str) -> Any:
    if value is None:
        return None
    if isinstance(value, datetime.date):
        return value.isoformat()[:10]
    try:
        return datetime.date.fromisoformat(check_text(value, name)).isoformat()
    except ValueError:
        raise ValidationError(f"{name} must be a day such as '2026-02-01', not {value!r}", param=name) from None


def _filters(
    provider: Optional[str],
    model: Optional[str],
    days: Optional[int],
    user_id: Optional[str],
    conversation_id: Optional[str],
    status: Optional[int],
    start_date: Optional[Day],
    end_date: Optional[Day],
) -> Dict[str, Any]:
    dated = start_date is not None or end_date is not None
    days = None if days is None else check_int(days, "days", 1)
    return {
        "provider": opt(provider),
        "model": opt(model),
        "days": opt(None if dated else days),
        "user_id": opt(user_id),
        "conversation_id": opt(conversation_id),
        "status": opt(None if status is None else check_int(status, "status", 100, 599)),
        "start_date": opt(_day(start_date, "start_date")),
        "end_date": opt(_day(end_date, "end_date")),
    }
