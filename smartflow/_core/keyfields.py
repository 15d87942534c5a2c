"""The members of a virtual key as they travel."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Dict, Sequence

from ..exceptions import ValidationError

__all__ = ["CLEARABLE", "key_fields"]

CLEARABLE = (
    "allowed_models", "budget_usd", "compliance_mode", "expires_at", "rpm_limit", "team_id", "tpm_limit", "user_id",
)  # fmt: skip
"""What can be taken away from a key."""


def key_fields(clear: Sequence[str] = (), **given: Any) -> Any:
    """The members that are given, and null for those to take away."""
    if isinstance(clear, str):
        raise ValidationError(f"clear must be a list of names, such as [{clear!r}]", param="clear")
    found: Dict[str, Any] = {name: _sent(name, value) for name, value in given.items() if value is not None}
    for name in clear:
        if name not in CLEARABLE:
            raise ValidationError(f"clear knows {', '.join(CLEARABLE)}, not {name!r}", param="clear")
        if name in found:
            raise ValidationError(f"{name} cannot be both set and cleared", param=name)
        found[name] = None
    if not found:
        raise ValidationError("nothing is to be changed: give at least one limit, or clear one")
    return found


def _sent(name: str, value: Any) -> Any:
    if name == "allowed_models":
        if isinstance(value, str):
            raise ValidationError(f"allowed_models must be a list of models, such as [{value!r}]", param=name)
        return list(value)
    if name == "expires_at" and isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValidationError("expires_at needs a time zone: use datetime.now(timezone.utc) + ...", param=name)
        return value.isoformat()
    return dict(value) if name == "metadata" else value
