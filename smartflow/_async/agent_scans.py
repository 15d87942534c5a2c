"""The compliance scans of agents and workflows: what is asked, and what each verdict leads to."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Optional

from .._core.verdicts import blocked, verdict_of
from .._io import aio
from ..exceptions import DirectModeError
from ..types.agents import ScanVerdict

if TYPE_CHECKING:
    from .client import SmartflowClient

__all__ = ["AsyncGate", "AsyncScanner", "check_scannable"]

log = logging.getLogger("smartflow")
Hook = Optional[Callable[[ScanVerdict], Any]]


def check_scannable(client: SmartflowClient, owner: str, cure: str) -> None:
    """DirectModeError when scans are wanted and there is no gateway that does them."""
    if client.mode == "direct":
        raise DirectModeError(
            f"{owner} wants compliance scans; these need a Smartflow gateway, but the client is in direct mode. "
            f"Give the client a gateway URL, or go without scans: {cure}",
            code="direct_mode",
        )


class AsyncGate:
    """Lets a text pass by its verdict, or raises; the hooks of the user decide on reviews and keep logs."""

    def __init__(self, owner: str, on_review: Hook, on_log: Hook) -> None:
        self._owner = owner
        self._on_review = on_review
        self._on_log = on_log

    async def let_pass(self, verdict: ScanVerdict) -> None:
        """Return when the text may go on; else a ComplianceError."""
        if verdict.action == "Allow":
            return
        if verdict.action == "AllowAndLog":
            await self._noted(verdict)
        elif verdict.action != "Review":
            raise blocked(verdict, self._owner)
        elif self._on_review is None:
            cure = f" A person has to review it: give on_review= to the {self._owner.partition(' ')[0]}."
            raise blocked(verdict, self._owner, cure)
        elif await aio.invoke(self._on_review, verdict) is not True:
            raise blocked(verdict, self._owner, " The review did not approve it.")

    async def _noted(self, verdict: ScanVerdict) -> None:
        if self._on_log is not None:
            await aio.invoke(self._on_log, verdict)
            return
        log.warning(
            "%s: %s has findings of policy %s: %s (risk %.2f, scan %s)",
            self._owner,
            verdict.stage,
            verdict.policy,
            ", ".join(verdict.violations),
            verdict.risk_score,
            verdict.scan_id,
        )


class AsyncScanner:
    """Scans the texts of one turn of an agent; what must not go on is a ComplianceError."""

    def __init__(
        self, client: SmartflowClient, gate: AsyncGate, policy: str, user_id: Optional[str], org_id: Optional[str]
    ) -> None:
        self._client = client
        self._gate = gate
        self._policy = policy
        self._who = {"user_id": user_id, "org_id": org_id}
        self.verdicts: List[ScanVerdict] = []

    async def scan(self, stage: str, content: str) -> None:
        """Let a text pass, or raise. A text without any character has nothing to find."""
        if not content:
            return
        # The instructions of a developer, or an old message, say nothing of how the user behaves now.
        who: Dict[str, Any] = {} if stage == "history" else self._who
        calls: List[Any] = [
            partial(self._client.intelligent_scan, content, **who),
            partial(self._client.check_compliance, content, policy=self._policy),
        ]
        scan, rules = await aio.together(calls)
        verdict = verdict_of(stage, content, self._policy, scan, rules)
        self.verdicts.append(verdict)
        await self._gate.let_pass(verdict)
