"""The gateway's logger, and how an unexpected exception is logged: by kind and place, never with its text."""

from __future__ import annotations

import logging
import traceback

logger = logging.getLogger("smartflow.gateway")


def log_failure(request_id: str, error: BaseException) -> None:
    """Log an unexpected exception. Its message is left out: it may hold the text of a request."""
    frames = "".join(traceback.format_tb(error.__traceback__))
    logger.error("%s failed with %s\n%s", request_id, type(error).__qualname__, frames)
