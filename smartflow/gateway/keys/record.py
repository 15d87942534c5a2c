"""A virtual key as the gateway knows it, the text that only its owner knows, and the calendar of budgets."""

from __future__ import annotations

import hashlib
import hmac
import math
import re
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

PREFIX = "sk-sf-"
_KEY = re.compile(r"sk-sf-[0-9a-f]{48}", re.ASCII)
_RANDOM_BYTES = 24
NANO = 1_000_000_000
"""Billionths of a US dollar in a dollar."""
DAILY, WEEKLY, MONTHLY, LIFETIME = "daily", "weekly", "monthly", "lifetime"
ACTIVE, EXPIRED, REVOKED = "active", "expired", "revoked"


@dataclass(frozen=True)
class VirtualKey:
    """One key without its text. Times are ISO-8601 UTC texts; `allowed_models` is None where all models are allowed."""

    key_id: str
    key_hash: str = field(repr=False)
    name: str
    created_at: str
    admin: bool = False
    user_id: str | None = None
    team_id: str | None = None
    budget_nano: int | None = None
    budget_period: str = LIFETIME
    rpm_limit: int | None = None
    tpm_limit: int | None = None
    allowed_models: tuple[str, ...] | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    expires_at: str | None = None
    revoked_at: str | None = None
    compliance_mode: str | None = None

    def status(self, now: str) -> str:
        """`active`, `expired` or `revoked` at a moment."""
        if self.revoked_at is not None:
            return REVOKED
        return EXPIRED if self.expires_at is not None and self.expires_at <= now else ACTIVE

    def may_call(self, provider: str, model: str) -> bool:
        """Whether a model at a provider is among the allowed ones.

        A rule with a slash is compared with `provider/model`, one without with the model's own name; a star stands for any rest.
        """
        if self.allowed_models is None:
            return True
        full = f"{provider}/{model}"
        return any(_fits(rule, full if "/" in rule else model) for rule in self.allowed_models)


def _fits(rule: str, name: str) -> bool:
    return name.startswith(rule[:-1]) if rule.endswith("*") else name == rule


def new_text() -> str:
    """The text of a new key."""
    return PREFIX + secrets.token_hex(_RANDOM_BYTES)


def is_key(text: str) -> bool:
    """True for a text of the form of a virtual key."""
    return _KEY.fullmatch(text) is not None


def hash_of(text: str) -> str:
    """What is kept of a key's text."""
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def same_hash(one: str, other: str) -> bool:
    """Compares two hashes in a time that tells nothing about where they differ."""
    return hmac.compare_digest(one, other)


def nano(usd: float) -> int:
    """US dollars as whole billionths, rounded up: what cost something is never counted as free."""
    exact = usd * NANO
    nearest = round(exact)
    return nearest if abs(exact - nearest) < 1e-3 else math.ceil(exact)


def dollars(billionths: int) -> float:
    """Whole billionths as US dollars."""
    return billionths / NANO


def period_start(period: str, now: datetime) -> str:
    """The first day (UTC) of the budget period that `now` lies in; empty for a lifetime."""
    day = now.astimezone(UTC)
    if period == LIFETIME:
        return ""
    if period == WEEKLY:
        day -= timedelta(days=day.weekday())
    elif period == MONTHLY:
        day = day.replace(day=1)
    return day.date().isoformat()


def period_end(period: str, now: datetime) -> datetime | None:
    """The midnight (UTC) at which the next period begins; None for a lifetime."""
    if period == LIFETIME:
        return None
    start = datetime.fromisoformat(period_start(period, now)).replace(tzinfo=UTC)
    if period == MONTHLY:
        # 32 days after the first lie in the next month, whatever the month.
        return (start + timedelta(days=32)).replace(day=1)
    return start + timedelta(days=7 if period == WEEKLY else 1)
