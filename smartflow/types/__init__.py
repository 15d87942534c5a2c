"""What methods return and take, besides plain Python values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._lazy import lazy

if TYPE_CHECKING:
    from .agents import AgentResult, ScanVerdict, StepRecord, ToolCall, WorkflowResult, WorkflowStep
    from .audit import ComplianceInfo, MetacacheData, ProviderMetrics, VASLog
    from .batch import BatchItem, BatchResult, BatchSummary
    from .chat import AIChunk, AIResponse, Usage
    from .compliance import (
        ComplianceResult,
        IntelligentScanResult,
        LearningStatus,
        LearningSummary,
        MLStats,
        OrgBaseline,
        PersistenceStats,
    )
    from .keys import VirtualKey
    from .options import ResponseInfo, Timeouts
    from .system import CacheStats, ProviderHealth, SystemHealth

__all__ = [
    "AIChunk",
    "AIResponse",
    "AgentResult",
    "BatchItem",
    "BatchResult",
    "BatchSummary",
    "CacheStats",
    "ComplianceInfo",
    "ComplianceResult",
    "IntelligentScanResult",
    "LearningStatus",
    "LearningSummary",
    "MLStats",
    "MetacacheData",
    "OrgBaseline",
    "PersistenceStats",
    "ProviderHealth",
    "ProviderMetrics",
    "ResponseInfo",
    "ScanVerdict",
    "StepRecord",
    "SystemHealth",
    "Timeouts",
    "ToolCall",
    "Usage",
    "VASLog",
    "VirtualKey",
    "WorkflowResult",
    "WorkflowStep",
]

# A result class costs a millisecond to make: each is made when it is first needed.
__getattr__, __dir__ = lazy(
    __name__,
    globals(),
    {
        "agents": ("AgentResult", "ScanVerdict", "StepRecord", "ToolCall", "WorkflowResult", "WorkflowStep"),
        "audit": ("ComplianceInfo", "MetacacheData", "ProviderMetrics", "VASLog"),
        "batch": ("BatchItem", "BatchResult", "BatchSummary"),
        "chat": ("AIChunk", "AIResponse", "Usage"),
        "compliance": (
            "ComplianceResult",
            "IntelligentScanResult",
            "LearningStatus",
            "LearningSummary",
            "MLStats",
            "OrgBaseline",
            "PersistenceStats",
        ),
        "keys": ("VirtualKey",),
        "options": ("ResponseInfo", "Timeouts"),
        "system": ("CacheStats", "ProviderHealth", "SystemHealth"),
    },
)
