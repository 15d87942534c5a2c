"""What a caller may say about how a call is carried out."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Mapping, NamedTuple, Optional, Union

from ..exceptions import ConfigError

__all__ = ["ResponseInfo", "Timeouts"]


@dataclass(frozen=True)
class Timeouts:
    """The limits of one call, in seconds; None means no limit.

    A plain number `t` as `timeout` stands for `Timeouts.simple(t)`.

    Attributes:
        connect: To open a connection, TLS included.
        first_byte: From the sent request to the first byte of the answer.
        idle: Between two pieces of an answer; for a stream, between two events (pings do not count).
        total: For the whole call, over all tries and pauses; for a stream, to its last event.
    """

    connect: Optional[float] = 5.0
    first_byte: Optional[float] = 60.0
    idle: Optional[float] = 60.0
    total: Optional[float] = 600.0

    def __post_init__(self) -> None:
        for field in fields(self):
            check_seconds(getattr(self, field.name), f"timeout.{field.name}")

    @classmethod
    def simple(cls, seconds: Optional[float]) -> Timeouts:
        """The limits that one number stands for: the total of a plain call; for a stream, first byte and idle."""
        if seconds is None:
            return cls(None, None, None, None)
        check_seconds(seconds, "timeout")
        return _Simple(min(5.0, seconds), seconds, seconds, seconds)

    def for_stream(self) -> Timeouts:
        """The limits of a streamed call."""
        return self


class _Simple(Timeouts):
    """A plain number: a stream may last longer than it in total, as long as it makes progress."""

    def for_stream(self) -> Timeouts:
        return Timeouts(self.connect, self.first_byte, self.idle, None)


def check_seconds(value: object, name: str) -> None:
    """Raise a ConfigError unless the value is None or a positive, finite number."""
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ConfigError(f"{name} must be a number of seconds or None, not {type(value).__name__}")
    if not math.isfinite(value) or value <= 0:
        raise ConfigError(f"{name} must be greater than 0 seconds, not {value}")


def as_timeouts(value: Union[Timeouts, float, None]) -> Timeouts:
    """The limits that the argument `timeout` stands for."""
    return value if isinstance(value, Timeouts) else Timeouts.simple(value)


class ResponseInfo(NamedTuple):
    """What the transport knows of one answered call; given to the `on_response` hook.

    Attributes:
        operation: The operationId, for example `createChatCompletion`.
        status_code: The HTTP status.
        request_id: The gateway's id of the call, or None.
        headers: The answer's headers, names in lower case.
        attempts: How many times the call was sent.
    """

    operation: str
    status_code: int
    request_id: Optional[str]
    headers: Mapping[str, str]
    attempts: int
