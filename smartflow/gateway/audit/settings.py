"""What the operator may set about the audit log."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

AUDIT_KEY_VARIABLE = "SMARTFLOW_AUDIT_KEY"
_MOST_DAYS = 36_500
_LEAST_KEY = 32


@dataclass(frozen=True)
class AuditSettings:
    """How long rows stay in the hot tier and at all (None = for ever), and the text that the chain's key is made of, if one is given."""

    hot_days: int = 7
    retention_days: int | None = None
    key: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        for option, days in (("--audit-hot-days", self.hot_days), ("--audit-retention-days", self.retention_days)):
            if days is not None and not 1 <= days <= _MOST_DAYS:
                raise ValueError(f"{option} must be from 1 to {_MOST_DAYS} days, not {days}")
        if self.key is not None and len(self.key) < _LEAST_KEY:
            raise ValueError(f"{AUDIT_KEY_VARIABLE} must have at least {_LEAST_KEY} characters")

    @property
    def hot_for(self) -> timedelta:
        """How long rows stay in the hot tier."""
        return timedelta(days=min(self.hot_days, self.retention_days or self.hot_days))

    @property
    def keep_for(self) -> timedelta | None:
        """How long rows stay at all."""
        return None if self.retention_days is None else timedelta(days=self.retention_days)


def add_audit_options(parser: argparse.ArgumentParser) -> None:
    """Declare the audit log's options of `smartflow serve`."""
    group = parser.add_argument_group("audit log")
    group.add_argument("--audit-hot-days", type=int, default=AuditSettings.hot_days, metavar="DAYS",
                       help="move audit rows into the archive after so many days (default: %(default)s)")  # fmt: skip
    group.add_argument("--audit-retention-days", type=int, metavar="DAYS",
                       help="remove audit rows after so many days (default: never)")  # fmt: skip


def read_audit_options(given: argparse.Namespace, environment: Mapping[str, str] = os.environ) -> AuditSettings:
    """The settings of a command line; ValueError names what cannot be used."""
    key = environment.get(AUDIT_KEY_VARIABLE) or None
    return AuditSettings(given.audit_hot_days, given.audit_retention_days, key)
