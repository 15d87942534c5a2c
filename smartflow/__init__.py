"""The Smartflow SDK: the public names, loaded when they are first used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._lazy import lazy
from ._version import __version__

if TYPE_CHECKING:
    from ._async.agent import SmartflowAgent
    from ._async.batch import AsyncBatch
    from ._async.client import SmartflowClient
    from ._async.stream import AsyncChatStream
    from ._async.workflow import SmartflowWorkflow
    from ._sync.agent import SyncSmartflowAgent
    from ._sync.batch import SyncBatch
    from ._sync.client import SyncSmartflowClient
    from ._sync.stream import SyncChatStream
    from ._sync.workflow import SyncSmartflowWorkflow
    from .cli.configure import configure
    from .cli.status import status
    from .exceptions import (
        AuthenticationError,
        BudgetExceededError,
        CacheError,
        ComplianceError,
        ConfigError,
        DirectModeError,
        NotFoundError,
        ProviderError,
        RateLimitError,
        ResponseValidationError,
        SmartflowError,
        StreamInterruptedError,
        ValidationError,
    )
    from .exceptions import ConnectionError as ConnectionError
    from .exceptions import TimeoutError as TimeoutError
    from .types import (
        AgentResult,
        AIChunk,
        AIResponse,
        BatchItem,
        BatchResult,
        BatchSummary,
        CacheStats,
        ComplianceInfo,
        ComplianceResult,
        IntelligentScanResult,
        LearningStatus,
        LearningSummary,
        MetacacheData,
        MLStats,
        OrgBaseline,
        PersistenceStats,
        ProviderHealth,
        ProviderMetrics,
        ResponseInfo,
        ScanVerdict,
        StepRecord,
        SystemHealth,
        Timeouts,
        ToolCall,
        Usage,
        VASLog,
        VirtualKey,
        WorkflowResult,
        WorkflowStep,
    )

# `ConnectionError` and `TimeoutError` are documented names of the package, but `import *` must not replace the builtins.
__all__ = [
    "AIChunk",
    "AIResponse",
    "AgentResult",
    "AsyncBatch",
    "AsyncChatStream",
    "AuthenticationError",
    "BatchItem",
    "BatchResult",
    "BatchSummary",
    "BudgetExceededError",
    "CacheError",
    "CacheStats",
    "ComplianceError",
    "ComplianceInfo",
    "ComplianceResult",
    "ConfigError",
    "DirectModeError",
    "IntelligentScanResult",
    "LearningStatus",
    "LearningSummary",
    "MLStats",
    "MetacacheData",
    "NotFoundError",
    "OrgBaseline",
    "PersistenceStats",
    "ProviderError",
    "ProviderHealth",
    "ProviderMetrics",
    "RateLimitError",
    "ResponseInfo",
    "ResponseValidationError",
    "ScanVerdict",
    "SmartflowAgent",
    "SmartflowClient",
    "SmartflowError",
    "SmartflowWorkflow",
    "StepRecord",
    "StreamInterruptedError",
    "SyncBatch",
    "SyncChatStream",
    "SyncSmartflowAgent",
    "SyncSmartflowClient",
    "SyncSmartflowWorkflow",
    "SystemHealth",
    "Timeouts",
    "ToolCall",
    "Usage",
    "VASLog",
    "ValidationError",
    "VirtualKey",
    "WorkflowResult",
    "WorkflowStep",
    "__version__",
    "configure",
    "status",
]

_HOMES = {
    "_async.agent": ("SmartflowAgent",),
    "_async.batch": ("AsyncBatch",),
    "_async.workflow": ("SmartflowWorkflow",),
    "_sync.agent": ("SyncSmartflowAgent",),
    "_sync.batch": ("SyncBatch",),
    "_sync.workflow": ("SyncSmartflowWorkflow",),
    "_async.client": ("SmartflowClient",),
    "_async.stream": ("AsyncChatStream",),
    "_sync.client": ("SyncSmartflowClient",),
    "_sync.stream": ("SyncChatStream",),
    "cli.configure": ("configure",),
    "cli.status": ("status",),
    "exceptions": (
        "AuthenticationError",
        "BudgetExceededError",
        "CacheError",
        "ComplianceError",
        "ConfigError",
        "ConnectionError",
        "DirectModeError",
        "NotFoundError",
        "ProviderError",
        "RateLimitError",
        "ResponseValidationError",
        "SmartflowError",
        "StreamInterruptedError",
        "TimeoutError",
        "ValidationError",
    ),
    "types": (
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
    ),
}

__getattr__, __dir__ = lazy(__name__, globals(), _HOMES)
