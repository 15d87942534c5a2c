"""What the calls of one item of a batch use, wherever in the item's code they are made, and the keys that they carry."""

from __future__ import annotations

import hashlib
import uuid
from contextvars import ContextVar
from typing import Any, Dict, Mapping, Optional

from .._core.call import Call
from .._core.jsoncodec import encode
from .._core.spending import Spending, told_cost_cents
from ..types.chat import Usage
from .tally import tokens_of

__all__ = ["CURRENT", "Meter", "heard", "idempotency_key"]


class Meter:
    """Counts for one item. `key` is None where nothing has to be the same after a kill."""

    def __init__(self, key: Optional[uuid.UUID] = None) -> None:
        self._key = key
        self._made: Dict[str, int] = {}
        self.spending = Spending()
        self.calls = 0
        self.cached = 0
        # Answers that count tokens, but do not tell a cost.
        self.untold = 0

    def heard(self, body: Any, headers: Mapping[str, str], streamed: bool) -> None:
        """An answer has come; those without a usage cost nothing that anybody counts."""
        usage = body.get("usage") if isinstance(body, dict) else None
        if not isinstance(usage, dict):
            return
        hit = headers.get("x-smartflow-cache") == "hit"
        # The headers of a stream were sent before anybody knew what it would cost.
        cost = None if streamed and not hit else told_cost_cents(headers)
        self.calls += 1
        self.cached += hit
        self.untold += cost is None
        self.spending.add(_usage(usage), cost or 0.0)

    def key_for(self, call: Call) -> str:
        """The same for the same call of the same item in every run: a gateway then answers with what was paid before."""
        if self._key is None:
            return str(uuid.uuid4())
        hashed = hashlib.sha256(f"{call.method} {call.path} ".encode())
        if call.body is not None:
            hashed.update(encode(call.body))
        what = hashed.hexdigest()
        # Two equal calls of one item are two calls.
        self._made[what] = self._made.get(what, 0) + 1
        return str(uuid.uuid5(self._key, f"{what} {self._made[what]}"))


CURRENT: ContextVar[Optional[Meter]] = ContextVar("smartflow_item", default=None)


def heard(body: Any, headers: Mapping[str, str], *, streamed: bool = False) -> None:
    """Count an answer for the item that the caller is at, if it is at one."""
    meter = CURRENT.get()
    if meter is not None:
        meter.heard(body, headers, streamed)


def idempotency_key(call: Call) -> str:
    """The key of a call, the same for all its tries."""
    meter = CURRENT.get()
    return str(uuid.uuid4()) if meter is None else meter.key_for(call)


def _usage(usage: Dict[str, Any]) -> Usage:
    tokens = tokens_of(usage)
    prompt, completion = tokens["prompt_tokens"], tokens["completion_tokens"]
    total = usage.get("total_tokens")
    return Usage(
        prompt, completion, total if type(total) is int else prompt + completion, tokens["provider_cached_tokens"]
    )
