"""The documented import path of the async client."""

from ._async.client import SmartflowClient

__all__ = ["SmartflowClient"]
