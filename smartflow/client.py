"""The documented import path of the async client."""

from ._async.agent import SmartflowAgent
from ._async.client import SmartflowClient
from ._async.workflow import SmartflowWorkflow

__all__ = ["SmartflowAgent", "SmartflowClient", "SmartflowWorkflow"]
