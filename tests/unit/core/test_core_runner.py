"""The driver of the pipeline: what a transport does reaches the flow, and no reply is left open."""

from __future__ import annotations

import asyncio
from typing import Any, Generator, List, Union

import pytest

from smartflow._async.runner import run
from smartflow._core.errors import TransportFailure
from smartflow._core.exchange import Read, Send, Step, exchange
from smartflow._core.limits import LimitReached
from smartflow._sync.runner import run as run_sync
from smartflow.exceptions import ProviderError, ResponseValidationError
from tests.unit.core.driver import Driver, FakeReply, get, options, post


class OpenReply(FakeReply):
    """A reply that knows whether it was closed."""

    closed = 0

    def read(self, limits: Any) -> None:
        if self.breaks is not None:
            raise self.breaks
        self.content = self.arriving

    def close(self) -> None:
        self.closed += 1

    async def aread(self, limits: Any) -> None:
        self.read(limits)

    async def aclose(self) -> None:
        self.close()


class FakeTransport:
    """Gives out what it was given, in order."""

    def __init__(self, *outcomes: Union[OpenReply, BaseException]) -> None:
        self.outcomes = list(outcomes)

    async def send(self, request: Any, limits: Any) -> OpenReply:
        outcome = self.outcomes.pop(0)
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome


class SyncTransport(FakeTransport):
    """The same without a loop."""

    def send(self, request: Any, limits: Any) -> OpenReply:  # type: ignore[override]
        outcome = self.outcomes.pop(0)
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome


def carry_out(mode: str, flow: Generator[Step, Any, Any], *outcomes: Union[OpenReply, BaseException]) -> Any:
    if mode == "async":
        return asyncio.run(run(flow, FakeTransport(*outcomes)))
    return run_sync(flow, SyncTransport(*outcomes))


def flow_of(call: Any = None, **changes: Any) -> Generator[Step, Any, Any]:
    return exchange(call or get(), options(**changes), Driver([], chance=0.0).environment())


both = pytest.mark.parametrize("mode", ["async", "sync"])


@both
def test_a_reply_comes_back_read(mode: str) -> None:
    reply = OpenReply(200, b"[1]")
    assert carry_out(mode, flow_of(), reply).content == b"[1]"


@both
def test_a_streams_reply_is_handed_out_open(mode: str) -> None:
    reply = OpenReply(200)
    assert carry_out(mode, flow_of(post(stream=True)), reply) is reply
    assert reply.closed == 0


@both
def test_a_failure_of_the_transport_is_thrown_into_the_flow(mode: str) -> None:
    reply = carry_out(mode, flow_of(), TransportFailure("refused", sent=False), OpenReply(503), OpenReply(200, b"ok"))
    assert reply.content == b"ok"


@both
@pytest.mark.parametrize(
    "breaks", [TransportFailure("reset", sent=True), LimitReached("idle"), ResponseValidationError("bad gzip")]
)
def test_an_error_body_that_breaks_off_keeps_the_status_and_closes_the_reply(mode: str, breaks: Exception) -> None:
    reply = OpenReply(502, breaks=breaks)
    with pytest.raises(ProviderError):
        carry_out(mode, flow_of(max_retries=0), reply)
    assert reply.closed == 1


@both
def test_a_flow_that_fails_closes_the_reply(mode: str) -> None:
    def fail(_: Any) -> None:
        raise KeyError("hook")

    reply = OpenReply(200)
    with pytest.raises(KeyError):
        carry_out(mode, flow_of(post(stream=True), on_response=fail), reply)
    assert reply.closed == 1


@both
@pytest.mark.parametrize("breaks", [RuntimeError("bug"), KeyboardInterrupt(), SystemExit()])
def test_what_nobody_expects_closes_the_reply(mode: str, breaks: Any) -> None:
    reply = OpenReply(200, breaks=breaks)
    with pytest.raises(type(breaks)):
        carry_out(mode, flow_of(), reply)
    assert reply.closed == 1


async def test_a_cancelled_read_closes_the_reply() -> None:
    class Silent(OpenReply):
        async def aread(self, limits: Any) -> None:
            await asyncio.Event().wait()

    reply = Silent(200)
    task = asyncio.create_task(run(flow_of(), FakeTransport(reply)))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert reply.closed == 1


@both
def test_the_results_of_the_steps_reach_the_flow_in_order(mode: str) -> None:
    seen: List[Any] = []
    reply = OpenReply(200, b"x")

    def flow() -> Generator[Step, Any, str]:
        seen.append((yield Send(None, None)))  # type: ignore[arg-type]
        seen.append((yield Read(reply, None)))  # type: ignore[arg-type]
        return "done"

    assert carry_out(mode, flow(), reply) == "done"
    assert seen == [reply, None]
