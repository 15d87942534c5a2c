"""The documented import path of the sync client."""

from ._sync.client import SyncSmartflowClient

__all__ = ["SyncSmartflowClient"]
