"""The documented import path of the sync client."""

from ._sync.agent import SyncSmartflowAgent
from ._sync.client import SyncSmartflowClient
from ._sync.workflow import SyncSmartflowWorkflow

__all__ = ["SyncSmartflowAgent", "SyncSmartflowClient", "SyncSmartflowWorkflow"]
