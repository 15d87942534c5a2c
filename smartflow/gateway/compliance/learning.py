"""What scans and feedback teach: verdicts on values, violation patterns, and the baselines of users and organizations.

A baseline is complete after scans on 14 different days (UTC) and 20 scans in all; its progress is the lesser share.
Feedback on a scan sets the verdict on every value found in it, for that kind of data and that organization: a false
positive is not found again, a confirmed one is found with half the doubt that was left. A confirmed scan also makes a
violation pattern of every sentence in which something was found; where a pattern was wrong, the sentence is kept as harmless.
"""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime, timedelta
from statistics import fmean
from typing import Any

from smartflow.gateway.clock import iso
from smartflow.gateway.compliance import semantics
from smartflow.gateway.compliance.behavior import LEARNING_DAYS, MIN_SAMPLES, PROFILE_TTL_DAYS, is_complete
from smartflow.gateway.compliance.detectors import RULES
from smartflow.gateway.compliance.repo import ComplianceRepo, Pattern, Profile
from smartflow.gateway.errors import not_found

_TOP_KINDS = 5


def _progress(profile: Profile) -> float:
    """How far a baseline is, from 0 to 100 percent."""
    return round(100 * min(profile.days / LEARNING_DAYS, profile.requests / MIN_SAMPLES, 1.0), 2)


def _is_complete(profile: Profile) -> bool:
    return is_complete(profile.days, profile.requests)


def _violation_rate(profile: Profile) -> float:
    return round(profile.violating / profile.requests, 4)


class Learning:
    """Learned patterns and baselines. `persistent` tells whether they outlive the process."""

    def __init__(self, repo: ComplianceRepo, *, persistent: bool) -> None:
        self._repo = repo
        self._persistent = persistent
        self._forgot_on: date | None = None
        self.generation = 0
        """Rises whenever feedback has changed what is known."""

    def feedback(self, scan_id: str, is_false_positive: bool, user_id: str | None, now: datetime) -> dict[str, Any]:
        """The answer of submitFeedback; the same verdict a second time changes nothing. 404 for an unknown scan.

        The notes of a feedback are not kept, because they tend to repeat the value.
        """
        if not self._repo.scan_exists(scan_id):
            raise not_found(
                "there is no scan with this scan_id, or it is no longer kept; scan the text again and use the new id"
            )
        updated = 0
        with self._repo.transaction():
            if self._repo.feedback(scan_id) is not is_false_positive:
                self._repo.set_feedback(scan_id, is_false_positive, user_id, iso(now))
                updated = self._learn(scan_id, is_false_positive, iso(now))
                updated += self._learn_patterns(scan_id, is_false_positive, iso(now))
        self.generation += 1
        return {"status": "accepted", "scan_id": scan_id, "updated_patterns": updated}

    def _learn(self, scan_id: str, is_false_positive: bool, now: str) -> int:
        values = self._repo.fingerprints(scan_id)
        known = self._repo.patterns(value["fingerprint"] for value in values)
        for value in values:
            fingerprint, kind, confidence = value["fingerprint"], value["kind"], value["confidence"]
            if is_false_positive:
                pattern = Pattern(fingerprint, kind, "suppressed", confidence)
            else:
                earlier = known.get(fingerprint)
                so_far = max(confidence, earlier.confidence) if earlier else confidence
                pattern = Pattern(fingerprint, kind, "confirmed", 1 - (1 - so_far) / 2)
            self._repo.set_pattern(pattern, now)
        return len(values)

    def _learn_patterns(self, scan_id: str, is_false_positive: bool, now: str) -> int:
        updated = 0
        for sketch in self._repo.sketches(scan_id):
            if is_false_positive and sketch["by_rule"]:
                # The value is known to be harmless; a sentence like it may hold another one.
                updated += self._repo.drop_exemplar(scan_id, sketch["place"])
            else:
                category = None if is_false_positive else sketch["category"]
                self._repo.set_exemplar(scan_id, sketch, category, now)
                updated += 1
        return updated

    def pattern_stats(self) -> dict[str, Any]:
        """The answer of getMlStats: rules, violation patterns and what was learned, by kind or category.

        The mean confidence is that of the rules and the learned values; how sure a violation pattern is depends on the text.
        """
        values, exemplars = self._repo.all_patterns(), self._repo.exemplars_by_category()
        patterns = semantics.builtin_categories()
        names = Counter([*(rule.kind for rule in RULES), *(value.kind for value in values), *patterns])
        for category, number in exemplars.items():
            names[category or "harmless"] += number
        confidences = [*(rule.confidence for rule in RULES), *(value.confidence for value in values)]
        learned = len(values) + sum(exemplars.values())
        return {
            "total_patterns": len(RULES) + len(patterns) + learned,
            "builtin_patterns": len(RULES) + len(patterns),
            "learned_patterns": learned,
            "patterns_by_category": dict(sorted(names.items())),
            "average_confidence": round(fmean(confidences), 4),
        }

    def user_status(self, user_id: str) -> dict[str, Any]:
        """The answer of getLearningStatus; 404 for a user of whom no scan is kept."""
        profile = self._repo.user(user_id)
        if profile is None:
            raise not_found("no scan of this user was seen; scan a text with this user_id first")
        return {
            "user_id": user_id,
            "org_id": profile.org_id,
            "days_tracked": profile.days,
            "total_requests": profile.requests,
            "learning_complete": _is_complete(profile),
            "learning_period_days": LEARNING_DAYS,
            "progress_percent": _progress(profile),
        }

    def summary(self) -> dict[str, Any]:
        """The answer of getLearningSummary."""
        users = self._repo.users()
        complete = sum(map(_is_complete, users))
        return {
            "total_users": len(users),
            "users_learning_complete": complete,
            "users_in_learning": len(users) - complete,
            "average_progress_percent": round(fmean(map(_progress, users)), 2) if users else 0.0,
            "config_learning_days": LEARNING_DAYS,
            "config_min_samples": MIN_SAMPLES,
        }

    def org_summary(self) -> dict[str, Any]:
        """The answer of getOrgSummary."""
        orgs = self._repo.orgs()
        return {
            "total_orgs": len(orgs),
            "orgs_learning_complete": sum(map(_is_complete, orgs)),
            "total_users": self._repo.users_of_orgs(),
            "total_requests": sum(org.requests for org in orgs),
            "average_violation_rate": round(fmean(map(_violation_rate, orgs)), 4) if orgs else 0.0,
        }

    def org_baseline(self, org_id: str) -> dict[str, Any]:
        """The answer of getOrgBaseline; 404 for an organization of which no scan is kept."""
        org = self._repo.org(org_id)
        if org is None:
            raise not_found("no scan of this organization was seen; scan a text with this org_id first")
        return {
            "org_id": org_id,
            "user_count": org.users,
            "total_requests": org.requests,
            "avg_requests_per_user_day": round(org.user_requests / org.user_days, 4) if org.user_days else 0.0,
            "violation_rate": _violation_rate(org),
            "top_violation_types": self._repo.top_kinds(org_id, _TOP_KINDS),
            "learning_complete": _is_complete(org),
        }

    def persistence(self) -> dict[str, Any]:
        """The answer of getPersistenceStats; the counts are those of the store, in memory or not."""
        profiles, baselines, patterns = self._stored()
        return {
            "enabled": self._persistent,
            "user_profiles_stored": profiles,
            "org_baselines_stored": baselines,
            "learned_patterns_stored": patterns,
            "profile_ttl_days": PROFILE_TTL_DAYS,
        }

    def save(self, now: datetime) -> dict[str, Any]:
        """The answer of saveComplianceData. Scans and feedback are committed as they happen; expired profiles go."""
        self._repo.forget(iso(now - timedelta(days=PROFILE_TTL_DAYS)))
        profiles, baselines, patterns = self._stored()
        return {
            "status": "saved",
            "user_profiles": profiles,
            "org_baselines": baselines,
            "learned_patterns": patterns,
            "timestamp": iso(now),
        }

    def forget_old(self, now: datetime) -> None:
        """Drop expired profiles, once a day."""
        if self._forgot_on != now.date():
            self._repo.forget(iso(now - timedelta(days=PROFILE_TTL_DAYS)))
            self._forgot_on = now.date()

    def _stored(self) -> tuple[int, int, int]:
        return len(self._repo.users()), len(self._repo.orgs()), self._learned()

    def _learned(self) -> int:
        return len(self._repo.all_patterns()) + sum(self._repo.exemplars_by_category().values())
