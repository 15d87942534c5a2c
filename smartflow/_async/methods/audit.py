"""The VAS audit log, and figures computed from it."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any, AsyncIterator, Dict, List, Optional, Union

from ..._core.check import check_int, check_text
from ..._core.wire import opt
from ...exceptions import ValidationError
from .base import AsyncMethods, as_dict, rows_of

if TYPE_CHECKING:
    from smartflow_generated.shapes.bridge import HybridAnalytics

    from ...types.audit import VASLog

__all__ = ["AsyncAuditMethods"]

Day = Union[str, datetime.date]


class AsyncAuditMethods(AsyncMethods):
    """The audit methods of the client."""

    async def get_logs(
        self,
        limit: int = 100,
        offset: int = 0,
        provider: Optional[str] = None,
        model: Optional[str] = None,
        days: int = 30,
    ) -> List[VASLog]:
        """Return rows of the VAS audit log, newest first.

        Args:
            limit: At most this many rows, 1 to 10000.
            offset: How many of the newest rows to leave out.
            provider: Only rows of this provider.
            model: Only rows of this model.
            days: Only rows of the last so many days.

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

        request = op.request(
            limit=check_int(limit, "limit", 1),
            offset=check_int(offset, "offset", 0),
            provider=opt(provider),
            model=opt(model),
            days=check_int(days, "days", 1),
        )
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
    ) -> AsyncIterator[VASLog]:
        """Yield rows of the VAS audit log, newest first, fetching page after page as they are needed.

        Rows that are written meanwhile move the pages; a row that was yielded is not yielded again.

        Args:
            page_size: Rows per page, 1 to 10000.
            provider: Only rows of this provider.
            model: Only rows of this model.
            days: Only rows of the last so many days.
            limit: At most this many rows; all by default.

        Raises:
            ValidationError: An argument is out of bounds.
            SmartflowError: Any other failure.

        Example:
            >>> async for log in sf.iter_logs(provider="openai"):
            ...     print(log.request_id)

        Operation: getVasLogs
        """
        left = None if limit is None else check_int(limit, "limit", 0)
        offset = 0
        seen: set[str] = set()
        while left is None or left > 0:
            page = await self.get_logs(page_size, offset, provider, model, days)
            for row in page:
                if row.request_id in seen:
                    continue
                if left is not None:
                    if left == 0:
                        return
                    left -= 1
                yield row
            if len(page) < page_size:
                return
            seen = {row.request_id for row in page if row.request_id}
            offset += len(page)

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
