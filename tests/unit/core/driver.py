"""Drives `exchange()` by hand: scripted replies, a clock that only the test moves, and a fixed source of chance."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple, Union

from smartflow._core.call import Call, Options, WireRequest
from smartflow._core.errors import Reply
from smartflow._core.exchange import Environment, Read, Send, Step, exchange
from smartflow._core.retry import RetryBudget
from smartflow._core.secrets import Secret
from smartflow._core.urls import Origin
from smartflow.types.options import Timeouts

START = datetime(2026, 1, 1, tzinfo=timezone.utc)
ORIGIN = Origin("http", "gateway", 7775)
KEY = "vk-canary-0123456789"


class FakeReply(Reply):
    """An answer whose body is there when it is read; `breaks` is raised instead of a body."""

    def __init__(
        self,
        status: int = 200,
        content: bytes = b"{}",
        headers: Optional[Mapping[str, str]] = None,
        breaks: Optional[Exception] = None,
    ) -> None:
        self.status = status
        self.headers = dict(headers or {})
        self.content = b""
        self.arriving = content
        self.breaks = breaks


Outcome = Union[FakeReply, Exception]


@dataclass
class Driver:
    """Answers every step of one call, and remembers them."""

    outcomes: Sequence[Outcome]
    budget: RetryBudget = field(default_factory=RetryBudget)
    chance: float = 1.0
    # What each try costs in seconds, before its outcome is known.
    seconds: float = 0.0
    secrets: Tuple[Secret, ...] = (Secret(KEY),)
    time: float = 0.0
    ids: int = 0
    steps: List[Step] = field(default_factory=list)

    def environment(self) -> Environment:
        return Environment(
            common_headers=((b"authorization", b"Bearer " + KEY.encode()),),
            secrets=self.secrets,
            budget=self.budget,
            clock=lambda: self.time,
            now=lambda: START + timedelta(seconds=self.time),
            random=lambda: self.chance,
            new_id=self._new_id,
        )

    def run(self, call: Optional[Call] = None, options: Optional[Options] = None) -> Any:
        """The reply that the call ends with; raises what it raises."""
        flow = exchange(call or get(), options or Options(Timeouts()), self.environment())
        waiting = list(self.outcomes)
        step = next(flow)
        while True:
            self.steps.append(step)
            failure: Optional[Exception] = None
            result: Any = None
            if isinstance(step, Send):
                self.time += self.seconds
                outcome = waiting.pop(0)
                failure, result = (outcome, None) if isinstance(outcome, Exception) else (None, outcome)
            elif isinstance(step, Read):
                failure = step.reply.breaks
                if failure is None:
                    step.reply.content = step.reply.arriving
            else:
                self.time += step.seconds
            try:
                step = flow.send(result) if failure is None else flow.throw(failure)
            except StopIteration as stop:
                assert not waiting, "the call ended before it used all its outcomes"
                return stop.value

    @property
    def kinds(self) -> List[str]:
        return [type(step).__name__ for step in self.steps]

    @property
    def pauses(self) -> List[float]:
        return [step[0] for step in self.steps if not isinstance(step, (Send, Read))]

    @property
    def requests(self) -> List[WireRequest]:
        return [step.request for step in self.steps if isinstance(step, Send)]

    @property
    def tries(self) -> int:
        return len(self.requests)

    def _new_id(self, call: Call) -> str:
        self.ids += 1
        return f"id-{self.ids}"


def get(**parts: Any) -> Call:
    """A call that may be repeated."""
    return Call("getThing", ORIGIN, "GET", "/thing", **parts)


def post(**parts: Any) -> Call:
    """A call that has an effect."""
    return Call("makeThing", ORIGIN, "POST", "/things", **{"body": {"a": 1}, **parts})


def headers_of(request: WireRequest) -> Dict[str, str]:
    """The headers as text; a repeated one is an error."""
    found: Dict[str, str] = {}
    for name, value in request.headers:
        assert name.decode() not in found
        found[name.decode()] = value.decode("latin-1")
    return found


def options(total: Optional[float] = 600.0, **changes: Any) -> Options:
    """Options with this total limit and no other."""
    return Options(Timeouts(None, None, None, total), **changes)
