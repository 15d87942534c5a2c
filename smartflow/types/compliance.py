"""Results of compliance scans and of the learning engine. What is needed for a verdict must be there: nothing fails open."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, List, Mapping, Optional

from ..exceptions import ResponseValidationError
from .base import Result

__all__ = [
    "ComplianceResult",
    "IntelligentScanResult",
    "LearningStatus",
    "LearningSummary",
    "MLStats",
    "OrgBaseline",
    "PersistenceStats",
]

_NEEDED: Mapping[str, Any] = {"required": True}
ACTIONS = ("Allow", "AllowAndLog", "Review", "Block")


def risk_level_of(score: float) -> str:
    """The word for a risk score of 0 to 1."""
    if score < 0.25:
        return "low"
    if score < 0.5:
        return "medium"
    return "high" if score < 0.75 else "critical"


def _check_range(score: float, name: str, most: float, data: Any) -> None:
    """A score outside its scale, or one that is no number, is on neither side of a threshold: it is no verdict."""
    if not 0 <= score <= most:
        raise ResponseValidationError(f"the scan answer has a {name} of {score}, not of 0 to {most:g}", body=data)


@dataclass(frozen=True)
class ComplianceResult(Result):
    """The verdict of a rule-based scan.

    Attributes:
        has_violations: Whether the policy is violated.
        compliance_score: 0 to 100; 100 is without findings.
        violations: The kinds of violation, in words.
        pii_detected: The kinds of personal data found.
        risk_level: `low`, `medium`, `high` or `critical`.
        recommendations: What to do about the findings.
        redacted_content: The text with placeholders such as `[EMAIL]`, or None when the gateway sent none.
        risk_score: 0 to 1.
        recommended_action: What the policy wants done: `Allow`, `AllowAndLog`, `Review` or `Block`; None when the
            gateway does not say.
    """

    has_violations: bool = field(default=True, metadata=_NEEDED)
    compliance_score: float = 0.0
    violations: List[str] = field(default_factory=list)
    pii_detected: List[str] = field(default_factory=list)
    risk_level: str = "critical"
    recommendations: List[str] = field(default_factory=list)
    redacted_content: Optional[str] = None
    risk_score: float = 1.0
    recommended_action: Optional[str] = None

    @classmethod
    def from_wire(cls, data: Mapping[str, Any], reply: Any = None) -> ComplianceResult:
        """The verdict; an answer without one is a ResponseValidationError, never "compliant"."""
        if not isinstance(data, dict):
            raise ResponseValidationError("the scan answer is not an object", body=data)
        prepared: Dict[str, Any] = dict(data)
        compliant = prepared.pop("compliant", None)
        if prepared.get("has_violations") is None and isinstance(compliant, bool):
            prepared["has_violations"] = not compliant
        if isinstance(compliant, bool) and prepared.get("has_violations") is compliant:
            raise ResponseValidationError("the scan answer contradicts itself: compliant and has_violations", body=data)
        if prepared.get("risk_score") is None and prepared.get("compliance_score") is None:
            raise ResponseValidationError("the scan answer has neither risk_score nor compliance_score", body=data)
        result = cls.from_dict(prepared, reply)
        values = result.__dict__
        if prepared.get("risk_score") is None:
            values["risk_score"] = 1.0 - result.compliance_score / 100.0
        elif prepared.get("compliance_score") is None:
            values["compliance_score"] = 100.0 - 100.0 * result.risk_score
        _check_range(result.risk_score, "risk_score", 1.0, data)
        _check_range(result.compliance_score, "compliance_score", 100.0, data)
        if prepared.get("risk_level") is None:
            values["risk_level"] = risk_level_of(result.risk_score)
        return result


@dataclass(frozen=True)
class IntelligentScanResult(Result):
    """The verdict of the three-layer scan.

    Attributes:
        has_violations: Whether anything was found.
        risk_score: 0 to 1.
        recommended_action: `Allow`, `AllowAndLog`, `Review` or `Block`.
        explanation: The reasons in words; never repeats what was found.
        regex_violations: Findings of the rules: objects with `violation_type`, `severity`, ...
        ml_violations: Findings of the semantic layer.
        behavior_deviations: Deviations from the user's or the organisation's baseline.
        processing_time_us: Duration of the scan in microseconds.
        scan_id: The id for `submit_compliance_feedback()`, or None.
    """

    has_violations: bool = field(default=True, metadata=_NEEDED)
    risk_score: float = field(default=1.0, metadata=_NEEDED)
    recommended_action: str = field(default="Block", metadata=_NEEDED)
    explanation: str = ""
    regex_violations: List[Dict[str, Any]] = field(default_factory=list)
    ml_violations: List[Dict[str, Any]] = field(default_factory=list)
    behavior_deviations: List[Dict[str, Any]] = field(default_factory=list)
    processing_time_us: int = 0
    scan_id: Optional[str] = None

    @classmethod
    def from_wire(cls, data: Mapping[str, Any], reply: Any = None) -> IntelligentScanResult:
        """The verdict; an answer without one, or with a score that is none, is a ResponseValidationError."""
        result = cls.from_dict(data, reply)
        _check_range(result.risk_score, "risk_score", 1.0, data)
        return result

    @property
    def risk_level(self) -> str:
        """`low`, `medium`, `high` or `critical`, from the risk score."""
        return risk_level_of(self.risk_score)

    @property
    def is_blocked(self) -> bool:
        """Whether the text must not go on: the action is `Block`, or one that this SDK does not know."""
        return self.recommended_action == "Block" or self.recommended_action not in ACTIONS


@dataclass(frozen=True)
class LearningSummary(Result):
    """Progress of adaptive learning over all users.

    Attributes:
        total_users: Users that were seen.
        users_learning_complete: Users with a complete baseline.
        users_in_learning: Users still in the learning period.
        average_progress_percent: 0 to 100.
        config_learning_days: Length of the learning period in days.
        config_min_samples: Calls that a baseline needs.
    """

    total_users: int = 0
    users_learning_complete: int = 0
    users_in_learning: int = 0
    average_progress_percent: float = 0.0
    config_learning_days: int = 14
    config_min_samples: int = 20


@dataclass(frozen=True)
class LearningStatus(Result):
    """Progress of adaptive learning for one user; `progress_percent` is 0 to 100."""

    user_id: str = ""
    org_id: Optional[str] = None
    days_tracked: int = 0
    total_requests: int = 0
    learning_complete: bool = False
    learning_period_days: int = 14
    progress_percent: float = 0.0


@dataclass(frozen=True)
class MLStats(Result):
    """What the compliance engine knows; `average_confidence` is 0 to 1."""

    total_patterns: int = 0
    builtin_patterns: int = 0
    learned_patterns: int = 0
    patterns_by_category: Dict[str, int] = field(default_factory=dict)
    average_confidence: float = 0.0


@dataclass(frozen=True)
class OrgBaseline(Result):
    """The normal behaviour of an organisation; `violation_rate` is a fraction of 0 to 1."""

    org_id: str = ""
    user_count: int = 0
    total_requests: int = 0
    avg_requests_per_user_day: float = 0.0
    violation_rate: float = 0.0
    top_violation_types: List[str] = field(default_factory=list)
    learning_complete: bool = False


@dataclass(frozen=True)
class PersistenceStats(Result):
    """What of the compliance engine's knowledge is stored; `profile_ttl_days` in days."""

    enabled: bool = False
    user_profiles_stored: int = 0
    org_baselines_stored: int = 0
    learned_patterns_stored: int = 0
    profile_ttl_days: int = 90
