"""Virtual keys."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, List, Optional

from .base import Result

__all__ = ["VirtualKey"]


@dataclass(frozen=True)
class VirtualKey(Result):
    """A virtual key, its limits, and what it has spent.

    Attributes:
        key_id: Its id, as audit rows name it; it opens nothing.
        name: What it is for.
        key: Its text, `sk-sf-...`: only in the answer of `create_virtual_key`, and not in the `repr`.
        admin: Whether it may manage keys and routing.
        status: `active`, `expired` or `revoked`.
        user_id: The user that it stands for.
        team_id: The team that it belongs to.
        budget_usd: The most that it may spend in one period, in US dollars; None without a budget.
        budget_period: `daily`, `weekly`, `monthly` or `lifetime`.
        spent_usd: Spent in this period, in US dollars; running calls count with what they may cost at most.
        remaining_usd: Left in this period, in US dollars; None without a budget.
        resets_at: When the next period begins, ISO-8601 UTC; None for a lifetime.
        rpm_limit: Requests a minute; None without a limit.
        tpm_limit: Tokens a minute; None without a limit.
        allowed_models: The models that it may call; None where all are allowed.
        compliance_mode: How strictly its calls are checked: `off`, `log`, `redact` or `block`; None asks for nothing.
        metadata: Texts of your own.
        created_at: ISO-8601 UTC.
        expires_at: When it ends, ISO-8601 UTC; None for never.
        revoked_at: When it was revoked, ISO-8601 UTC; None while it is not.
    """

    key_id: str = ""
    name: str = ""
    key: Optional[str] = field(default=None, repr=False)
    admin: bool = False
    # What the answer does not say must not pass as good.
    status: str = "unknown"
    user_id: Optional[str] = None
    team_id: Optional[str] = None
    budget_usd: Optional[float] = None
    budget_period: str = "lifetime"
    spent_usd: float = 0.0
    remaining_usd: Optional[float] = None
    resets_at: Optional[str] = None
    rpm_limit: Optional[int] = None
    tpm_limit: Optional[int] = None
    allowed_models: Optional[List[str]] = None
    compliance_mode: Optional[str] = None
    metadata: Dict[str, Any] = field(default_factory=dict)
    created_at: str = ""
    expires_at: Optional[str] = None
    revoked_at: Optional[str] = None
