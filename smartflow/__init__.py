"""The Smartflow SDK: the public names, loaded when they are first used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._lazy import lazy
from ._version import __version__

if TYPE_CHECKING:
    from ._async.client import SmartflowClient
    from ._async.stream import AsyncChatStream
    from ._sync.client import SyncSmartflowClient
    from ._sync.stream import SyncChatStream
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
        AIChunk,
        AIResponse,
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
        SystemHealth,
        Timeouts,
        Usage,
        VASLog,
        VirtualKey,
    )

# `ConnectionError` and `TimeoutError` are documented names of the package, but `import *` must not replace the builtins.
__all__ = [
    "AIChunk",
    "AIResponse",
    "AsyncChatStream",
    "AuthenticationError",
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
    "SmartflowClient",
    "SmartflowError",
    "StreamInterruptedError",
    "SyncChatStream",
    "SyncSmartflowClient",
    "SystemHealth",
    "Timeouts",
    "Usage",
    "VASLog",
    "ValidationError",
    "VirtualKey",
    "__version__",
    "configure",
    "status",
]

_HOMES = {
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
        "SystemHealth",
        "Timeouts",
        "Usage",
        "VASLog",
        "VirtualKey",
    ),
}

__getattr__, __dir__ = lazy(__name__, globals(), _HOMES)
