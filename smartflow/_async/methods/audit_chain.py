"""The audit log as a chain: its entries, and the check that none was changed."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any, AsyncIterator, List, Mapping, Optional, Union

from ..._core.check import check_int, check_text
from ..._core.wire import opt
from ...exceptions import ResponseValidationError, ValidationError
from .base import AsyncMethods, rows_of, unwrapped

if TYPE_CHECKING:
    from smartflow_generated.shapes.management import AuditEntry, ChainPoint, ChainVerification

__all__ = ["AsyncAuditChainMethods"]

Moment = Union[str, datetime.date]
_PAGE = 1000


class AsyncAuditChainMethods(AsyncMethods):
    """The methods of the audit chain."""

    async def get_audit_logs(
        self,
        limit: int = 100,
        start: Optional[Moment] = None,
        end: Optional[Moment] = None,
        actor: Optional[str] = None,
        before_seq: Optional[int] = None,
    ) -> List[AuditEntry]:
        """Return entries of the audit chain, highest number first. Where the gateway has keys, this needs an admin key.

        Args:
            limit: At most this many entries, 1 to 10000.
            start: Only entries of this moment and later: a date, a datetime, or either as ISO-8601 text; without a zone it is UTC.
            end: Only entries before this moment; a day is included.
            actor: Only entries of this user.
            before_seq: Only entries with a lower number; the lowest of a page gives the next page.

        Returns:
            Dicts with `seq`, `prev_hash`, `payload` (what the log keeps of the call), `entry_hmac` and `key_id`.

        Raises:
            ValidationError: An argument is out of bounds.
            SmartflowError: Any other failure.

        Example:
            >>> for entry in await sf.get_audit_logs(limit=20):
            ...     print(entry["seq"], entry["payload"]["request_id"], entry["entry_hmac"])

        Operation: getAuditLogs
        """
        from smartflow_generated.management.api.audit import get_audit_logs as op

        request = op.request(
            limit=check_int(limit, "limit", 1),
            start=opt(_moment(start, "start", 0)),
            end=opt(_moment(end, "end", 1)),
            actor=opt(actor),
            before_seq=opt(None if before_seq is None else check_int(before_seq, "before_seq", 1)),
        )
        return await self._session.read(op.operation, request, lambda body, reply: rows_of(body, "logs"))

    async def iter_audit_logs(
        self, start: Optional[Moment] = None, end: Optional[Moment] = None, actor: Optional[str] = None
    ) -> AsyncIterator[AuditEntry]:
        """Yield entries of the audit chain, highest number first, fetching page after page as they are needed.

        Args:
            start: Only entries of this moment and later, as in `get_audit_logs`.
            end: Only entries before this moment; a day is included.
            actor: Only entries of this user.

        Raises:
            ValidationError: A moment cannot be read.
            SmartflowError: Any other failure.

        Example:
            >>> numbers = [entry["seq"] async for entry in sf.iter_audit_logs(actor="support_agent_42")]

        Operation: getAuditLogs
        """
        before = None
        while True:
            page = await self.get_audit_logs(_PAGE, start, end, actor, before)
            for entry in page:
                yield entry
            if len(page) < _PAGE:
                return
            before = page[-1]["seq"]
            if before <= 1:
                return

    async def verify_audit_chain(
        self,
        from_seq: Optional[int] = None,
        to_seq: Optional[int] = None,
        anchor: Optional[Union[ChainPoint, Mapping[str, Any]]] = None,
    ) -> ChainVerification:
        """Return what a check of the audit chain finds: whether an entry was changed, removed, added or moved, and which is the first.

        Where the gateway has keys, this needs an admin key. A million entries take the gateway about a minute: give `with_options(timeout=...)` enough, or check a part at a time.

        Args:
            from_seq: The first entry to check; the oldest that is kept by default.
            to_seq: The last entry to check; the newest by default.
            anchor: `head` of an earlier check, kept outside of the gateway; the chain must still have that entry.

        Returns:
            A dict with `valid`, `first_bad_seq`, `problem`, the findings, `entries_checked`, and `head`, the newest entry.

        Raises:
            ValidationError: An argument is out of bounds, or the anchor is older than what retention has kept.
            SmartflowError: Any other failure.

        Example:
            >>> result = await sf.verify_audit_chain()
            >>> print(result["valid"], result["first_bad_seq"], result["problem"])

        Operation: verifyAuditChain
        """
        from smartflow_generated.management.api.audit import verify_audit_chain as op

        body: Any = {}
        if from_seq is not None:
            body["from_seq"] = check_int(from_seq, "from_seq", 1)
        if to_seq is not None:
            body["to_seq"] = check_int(to_seq, "to_seq", 1)
        if anchor is not None:
            body["anchor"] = _point(anchor)
        result: ChainVerification = await self._session.read(op.operation, op.request(body=body), _verdict)
        return result


def _verdict(body: Any, reply: Any) -> Any:
    result = unwrapped(body)
    # An answer without a verdict must not pass for a good one.
    if not isinstance(result.get("valid"), bool):
        raise ResponseValidationError("the answer has no verdict: `valid` is missing or no truth value", body=body)
    return result


def _point(anchor: Any) -> Any:
    if not isinstance(anchor, Mapping):
        raise ValidationError(f"anchor must be a dict, not {type(anchor).__name__}", param="anchor")
    seq = check_int(anchor.get("seq"), "anchor.seq", 1)
    return {"seq": seq, "entry_hmac": check_text(anchor.get("entry_hmac"), "anchor.entry_hmac")}


def _moment(value: Optional[Moment], name: str, after_days: int) -> Optional[datetime.datetime]:
    """A moment with its zone; a day is its beginning, or the beginning of a day after it."""
    if value is None:
        return None
    try:
        if isinstance(value, str):
            # Before Python 3.11 `fromisoformat` does not read the Z.
            text = value[:-1] + "+00:00" if value[-1:] in "Zz" else value
            value = datetime.date.fromisoformat(text) if len(text) == 10 else datetime.datetime.fromisoformat(text)
        if not isinstance(value, datetime.datetime):
            value = datetime.datetime(value.year, value.month, value.day) + datetime.timedelta(days=after_days)
    except (AttributeError, OverflowError, TypeError, ValueError):
        wanted = "a moment such as '2026-02-01' or '2026-02-01T12:00:00Z'"
        raise ValidationError(f"{name} must be {wanted}, not {value!r}", param=name) from None
    return value if value.tzinfo is not None else value.replace(tzinfo=datetime.timezone.utc)
