"""Layer three: how far a scan lies above what is usual for its user and its organization.

The baseline is made of the days before today, at most 90 of them, and is used once learning is complete. Three measures are
compared: violations and characters of a request, and requests of a day. Only more than usual counts, from three standard
deviations on. A baseline without spread is given a small one, so that the first difference is no alarm: a quarter of a
violation; 50 characters or a quarter of the mean; one request or the square root of the mean.
"""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import Final

from smartflow.gateway.compliance.correlation import Deviation
from smartflow.gateway.compliance.repo import ComplianceRepo, Daily, Scope

LEARNING_DAYS: Final = 14
MIN_SAMPLES: Final = 20
PROFILE_TTL_DAYS: Final = 90
LEAST_Z: Final = 3.0


def is_complete(days: int, samples: int) -> bool:
    """True when so many different days and scans make a baseline."""
    return days >= LEARNING_DAYS and samples >= MIN_SAMPLES


class Behavior:
    """Compares scans with baselines, and adds them."""

    def __init__(self, repo: ComplianceRepo) -> None:
        self._repo = repo

    def deviations(
        self, user_id: str | None, org_id: str | None, now: datetime, *, violations: int, characters: int
    ) -> list[Deviation]:
        """The measures of a scan that lie far above the baselines, the strongest first; an organization's are called `org_...`."""
        found: list[Deviation] = []
        for scope, name in _named(user_id, org_id):
            prefix = "" if scope == "user" else "org_"
            found += self._compare(scope, name, prefix, now, violations, characters)
        return sorted(found, key=lambda one: (-one.z_score, one.metric))

    def add(self, user_id: str | None, org_id: str | None, now: datetime, *, violations: int, characters: int) -> None:
        """Count a scan in the baselines of its user and organization."""
        for scope, name in _named(user_id, org_id):
            self._repo.add_daily(Daily(scope, name, now.date().isoformat(), violations, characters))

    def _compare(
        self, scope: Scope, name: str, prefix: str, now: datetime, violations: int, characters: int
    ) -> list[Deviation]:
        today = now.date()
        usual = self._repo.usual(scope, name, (today - timedelta(days=PROFILE_TTL_DAYS)).isoformat(), today.isoformat())
        if not is_complete(usual.days + (usual.today > 0), usual.requests + usual.today) or not usual.days:
            return []
        measures = (
            ("violations_per_request", violations, *_of(usual.violations, usual.violations_sq, usual.requests), 0.25),
            ("characters_per_request", characters, *_of(usual.characters, usual.characters_sq, usual.requests), 50.0),
            ("requests_per_day", usual.today + 1, *_of(usual.requests, usual.requests_sq, usual.days), 1.0),
        )
        found = []
        for metric, observed, mean, spread, least in measures:
            z = (observed - mean) / max(spread, least, _relative(metric, mean))
            if z >= LEAST_Z:
                found.append(Deviation(prefix + metric, mean, float(observed), z))
        return found


def _named(user_id: str | None, org_id: str | None) -> list[tuple[Scope, str]]:
    named: list[tuple[Scope, str]] = []
    if user_id:
        named.append(("user", user_id))
    if org_id:
        named.append(("org", org_id))
    return named


def _of(total: float, squares: float, number: int) -> tuple[float, float]:
    """Mean and sample standard deviation."""
    mean = total / number
    if number < 2:
        return mean, 0.0
    return mean, math.sqrt(max(0.0, (squares - number * mean * mean) / (number - 1)))


def _relative(metric: str, mean: float) -> float:
    if metric == "characters_per_request":
        return mean / 4
    return math.sqrt(mean) if metric == "requests_per_day" else 0.0
