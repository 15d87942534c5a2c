"""Rows of the VAS audit log."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, List, Optional

from .base import Result

__all__ = ["ComplianceInfo", "MetacacheData", "ProviderMetrics", "VASLog"]


@dataclass(frozen=True)
class ComplianceInfo(Result):
    """What the compliance engine found in one logged call.

    Attributes:
        data_classification: The class of the data, for example `public` or `restricted`.
        compliance_score: 0 to 100; 100 is without findings.
        violations_details: One object per finding.
        regulatory_frameworks: The frameworks that the findings concern, for example `PCI-DSS`.
        has_violations: Whether anything was found; None where the log does not say.
        risk_level: `low`, `medium`, `high`, `critical`; None where the log does not say.
    """

    data_classification: str = ""
    compliance_score: float = 100.0
    violations_details: List[Any] = field(default_factory=list)
    regulatory_frameworks: List[str] = field(default_factory=list)
    has_violations: Optional[bool] = None
    violations: List[Any] = field(default_factory=list)
    pii_detected: List[str] = field(default_factory=list)
    risk_level: Optional[str] = None
    recommendations: List[str] = field(default_factory=list)
    redacted_content: Optional[str] = None


@dataclass(frozen=True)
class MetacacheData(Result):
    """What MetaCache did for one logged call.

    Attributes:
        hit: Whether the cache answered.
        query: The text that was looked up.
        tokens_saved: Tokens that the hit saved.
    """

    hit: bool = False
    query: str = ""
    tokens_saved: int = 0


@dataclass(frozen=True)
class ProviderMetrics(Result):
    """How the provider did in one logged call; `processing_time_ms` is in milliseconds."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    processing_time_ms: float = 0.0
    success: bool = True


@dataclass(frozen=True)
class VASLog(Result):
    """One row of the VAS audit log.

    Attributes:
        request_id: The id of the logged call; equals its response header `x-smartflow-request-id`.
        timestamp: ISO-8601, UTC.
        provider: The provider that answered.
        model: The model that answered; for a cache hit the requested one.
        model_provider: The provider's name only.
        tokens_used: Prompt and completion tokens together.
        cost: Estimated cost in US dollars.
        latency_ms: From end to end, in milliseconds.
        processing_time_ms: Total processing time in milliseconds.
        content_type: `chat`, `completion`, `image`, ...
        key_id: The id of the virtual key that made the call, never its text.
        user_id: The user, if one was named.
        conversation_id: The conversation, if one was named.
        conversation_stage: Where in its life the conversation is.
        routing_strategy: `direct`, `cache`, or the configured strategy.
        routing_reason: Why this provider, for example `provider:openai`.
        compliance_status: `compliant`, `violated`, or None.
        compliance_violations: A JSON list of violations, when violated.
        compliance: All that the compliance engine found.
        metacache: What MetaCache did.
        metrics: How the provider did.
        cached: Whether MetaCache answered.
        request_content: The request's text, where the gateway keeps it.
        response_content: The answer's text, where the gateway keeps it.
    """

    request_id: str = ""
    timestamp: str = ""
    provider: str = ""
    model: str = ""
    model_provider: str = ""
    tokens_used: int = 0
    cost: float = 0.0
    latency_ms: int = 0
    processing_time_ms: int = 0
    content_type: str = ""
    key_id: Optional[str] = None
    user_id: Optional[str] = None
    conversation_id: Optional[str] = None
    conversation_stage: Optional[str] = None
    routing_strategy: Optional[str] = None
    routing_reason: Optional[str] = None
    compliance_status: Optional[str] = None
    compliance_violations: Optional[str] = None
    compliance: ComplianceInfo = field(default_factory=ComplianceInfo)
    metacache: MetacacheData = field(default_factory=MetacacheData)
    metrics: ProviderMetrics = field(default_factory=ProviderMetrics)
    cached: bool = False
    request_content: Optional[str] = None
    response_content: Optional[str] = None

    @classmethod
    def from_wire(cls, data: Dict[str, Any]) -> VASLog:
        """A row; where it does not say whether the cache answered, `metacache.hit` does."""
        row = cls.from_dict(data, path="VASLog")
        if row.metacache.hit and data.get("cached") is None:
            row.__dict__["cached"] = True
        return row
