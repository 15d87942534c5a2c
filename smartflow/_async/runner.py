"""Carries out what the pipeline asks for: the only driver of `exchange()` in the client."""

from __future__ import annotations

from typing import Any, Generator

from .._core.errors import TransportFailure
from .._core.exchange import Read, Send, Step
from .._core.limits import LimitReached
from .._io import aio
from ..exceptions import SmartflowError

__all__ = ["run"]


async def run(flow: Generator[Step, Any, Any], transport: Any) -> Any:
    """Drive a flow to its end and return its result; what the transport cannot do is thrown into the flow."""
    result: Any = None
    failure: Any = None
    reply: Any = None
    try:
        while True:
            try:
                step = flow.send(result) if failure is None else flow.throw(failure)
            except StopIteration as stop:
                reply = None
                return stop.value
            result = failure = None
            try:
                if isinstance(step, Send):
                    result = reply = await transport.send(step.request, step.limits)
                elif isinstance(step, Read):
                    await step.reply.aread(step.limits)
                else:
                    await aio.sleep(step.seconds)
            except (TransportFailure, LimitReached, SmartflowError) as error:
                failure = error
    finally:
        if reply is not None:
            await reply.aclose()
