"""The compliance scans of an agent: what is asked, and what each verdict leads to."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Any, Callable, List, Optional

from .._core.verdicts import blocked, verdict_of
from .._io import aio
from ..exceptions import DirectModeError
from ..types.agents import ScanVerdict

if TYPE_CHECKING:
    from .client import SmartflowClient

__all__ = ["AsyncScanner", "check_scannable"]

log = logging.getLogger("smartflow")
_NO_REVIEWER = " A person has to review it: give on_review= to the agent."


def check_scannable(client: SmartflowClient, name: str) -> None:
    """DirectModeError when scans are wanted and there is no gateway that does them."""
    if client.mode == "direct":
        raise DirectModeError(
            f"agent {name!r} scans its messages, and compliance scans need a Smartflow gateway, but the client is in "
            "direct mode. Give the client a gateway URL, or go without scans: SmartflowAgent(..., "
            "enable_compliance_scan=False), or chat(..., scan_input=False, scan_output=False)"
        )


class AsyncScanner:
    """Scans the texts of one turn; what must not go on is a ComplianceError."""

    def __init__(
        self,
        client: SmartflowClient,
        name: str,
        policy: str,
        user_id: Optional[str],
        org_id: Optional[str],
        on_review: Optional[Callable[[ScanVerdict], Any]],
        on_log: Optional[Callable[[ScanVerdict], Any]],
    ) -> None:
        self._client = client
        self._name = name
        self._policy = policy
        self._who = {"user_id": user_id, "org_id": org_id}
        self._on_review = on_review
        self._on_log = on_log
        self.verdicts: List[ScanVerdict] = []

    async def scan(self, stage: str, content: str) -> None:
        """Let a text pass, or raise. A text without any character has nothing to find."""
        if not content:
            return
        verdict = await self._verdict(stage, content)
        self.verdicts.append(verdict)
        if verdict.action == "Allow":
            return
        if verdict.action == "AllowAndLog":
            await self._noted(verdict)
        elif verdict.action == "Review" and self._on_review is not None:
            if await aio.invoke(self._on_review, verdict) is not True:
                raise blocked(verdict, self._name, " The review did not approve it.")
        else:
            raise blocked(verdict, self._name, _NO_REVIEWER if verdict.action == "Review" else "")

    async def _verdict(self, stage: str, content: str) -> ScanVerdict:
        calls: List[Any] = [
            partial(self._client.intelligent_scan, content, **self._who),
            partial(self._client.check_compliance, content, policy=self._policy),
        ]
        scan, rules = await aio.together(calls)
        return verdict_of(stage, content, self._policy, scan, rules)

    async def _noted(self, verdict: ScanVerdict) -> None:
        if self._on_log is not None:
            await aio.invoke(self._on_log, verdict)
            return
        log.warning(
            "agent %r: %s has findings of policy %s: %s (risk %.2f, scan %s)",
            self._name,
            verdict.stage,
            verdict.policy,
            ", ".join(verdict.violations),
            verdict.risk_score,
            verdict.scan_id,
        )
