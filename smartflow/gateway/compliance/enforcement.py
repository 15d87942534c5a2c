"""What the proxy does about sensitive text: checks a call's request before the provider sees it, and the answer after.

The mode is the strictest of what the gateway's configuration, the caller's key and the request's header ask for: nobody can
weaken what another has asked. `off` only notes in the audit row what the default policy finds in the request. `log` notes
what is found in request and answer. `redact` puts placeholders in place of what is found, and refuses what it cannot
replace when the policy would block it. `block` refuses what the policy blocks. Layers two and three look at requests;
answers are checked by the rules, whole or as they stream.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

from smartflow.gateway.audit.record import AuditRecord
from smartflow.gateway.compliance.assessment import Assessment
from smartflow.gateway.compliance.correlation import merge_facts
from smartflow.gateway.compliance.policies import DEFAULT_POLICY
from smartflow.gateway.compliance.settings import MODES, ComplianceSettings
from smartflow.gateway.compliance.streams import StreamCheck
from smartflow.gateway.compliance.texts import Texts
from smartflow.gateway.errors import GatewayError, bad_request

if TYPE_CHECKING:
    from smartflow.gateway.compliance.engine import ComplianceEngine
    from smartflow.gateway.contract import Call

MODE_HEADER, POLICY_HEADER = "x-smartflow-compliance", "x-smartflow-compliance-policy"
_LONG_TEXT = 20_000


def strictest(*asked: str | None) -> str:
    """The strictest of some modes; None asks for nothing. An unknown word is an error, never `off`."""
    return MODES[max((MODES.index(mode) for mode in map(check_mode, filter(None, asked))), default=0)]


def check_mode(value: str) -> str:
    """The mode of this name; ValueError names the known ones."""
    if value not in MODES:
        raise ValueError(f"there is no compliance mode {value!r}; known are {', '.join(MODES)}")
    return value


class Enforcement:
    """Makes the guard of each call."""

    def __init__(self, compliance: ComplianceEngine, settings: ComplianceSettings) -> None:
        self._compliance = compliance
        self._settings = settings
        compliance.policies.require(settings.policy)

    def guard(self, call: Call) -> Guard:
        """The guard of a call, in the strictest mode that configuration, key (`call.compliance_mode`) and header ask for.

        The header may name a policy only where neither configuration nor key asks for a check: another policy could be a laxer one.
        """
        enforced = strictest(self._settings.mode, call.compliance_mode)
        mode = strictest(enforced, call.headers.get(MODE_HEADER))
        policy = call.headers.get(POLICY_HEADER)
        fixed = self._settings.policy or DEFAULT_POLICY
        if policy is not None and enforced != "off" and policy != fixed:
            raise bad_request(
                f"this gateway checks the call under the policy {fixed}; leave the header out",
                POLICY_HEADER,
                "policy_is_fixed",
            )
        name = self._compliance.policies.get(policy or self._settings.policy).name
        return Guard(self._compliance, call, mode, name)


class Guard:
    """Checks the request and the answer of one call, and notes in its audit row what came of it."""

    def __init__(self, compliance: ComplianceEngine, call: Call, mode: str, policy: str) -> None:
        self.mode = mode
        self.policy = policy
        self._compliance = compliance
        self._call = call
        self._facts: dict[str, Any] = {"mode": mode, "policy": policy, "request": None, "answer": None}

    @property
    def outcome(self) -> str | None:
        """`redacted` or `allowed`, as the response header tells it; None in the mode `off`."""
        if self.mode == "off":
            return None
        return "redacted" if "redacted" in (self._facts["request"], self._facts["answer"]) else "allowed"

    async def request(self, request: dict[str, Any], prompt: str) -> dict[str, Any]:
        """The request as the provider may see it; 403 when the policy refuses it. `prompt` is what the audit row tells of it."""
        audit = self._call.audit
        audit.request_content = prompt
        if self.mode == "off":
            self._note(audit, await _in_thread(prompt, lambda: self._compliance.screen(prompt)))
            return request
        texts = Texts(request)
        user, now = audit.user_id or self._call.user_id, self._call.now
        seen = await _in_thread(
            texts.text, lambda: self._compliance.inspect(texts.text, self.policy, user_id=user, now=now)
        )
        self._note(audit, seen)
        scan_id = self._compliance.remember(seen, now, user, None)["scan_id"] if texts.text else None
        self._facts.update(recommended_action=seen.action, scan_id=scan_id, unread_parts=texts.unread)
        # In a conversation a list of numbers is data of a tool, not a text in another form.
        if texts.has_token_ids and "messages" not in request and self.mode in ("redact", "block"):
            self._settle("request", "blocked")
            raise bad_request(
                "token ids cannot be checked for compliance; send the input as text", "input", "unreadable_input"
            )
        shown: dict[str, Any] = self._decide(request, texts, seen, "request")
        return shown

    async def answer(self, body: Any) -> Any:
        """The answer as the caller may see it: the same object when nothing had to be changed; 403 when it is refused."""
        if self.mode == "off" or not body:
            return body
        if isinstance(body, bytes):
            said = body.decode("utf-8", "replace")
            shown = await self.answer(said)
            return body if shown is said else shown.encode("utf-8")
        texts = Texts(body)
        seen = await _in_thread(texts.text, lambda: self._compliance.screen(texts.text, self.policy))
        self._note(self._call.audit, seen)
        shown = self._decide(body, texts, seen, "answer")
        return shown if shown is body else _without_logprobs(shown)

    def stream(self, items: AsyncIterator[dict[str, Any]]) -> AsyncIterator[dict[str, Any]]:
        """A stream's chunks or events as the caller may see them; raises 403 in mid-stream before refused text is sent."""
        if self.mode == "off":
            return items
        return StreamCheck(self, holds=self.mode != "log").run(items)

    def screen_part(self, text: str) -> Assessment:
        """What the rules find in a part of an answer."""
        return self._compliance.screen(text, self.policy)

    def settle_stream(self, seen: Assessment, *, changed: bool) -> None:
        """Note what a whole or broken stream came to."""
        self._note(self._call.audit, seen)
        blocked = self._facts["answer"] == "blocked"
        self._settle("answer", "blocked" if blocked else "redacted" if changed else "allowed")

    @property
    def changed_answer(self) -> bool:
        """True when the caller saw another answer than the provider gave: such an answer is not cached."""
        return self._facts["answer"] in ("redacted", "blocked")

    def _decide(self, value: Any, texts: Texts, seen: Assessment, direction: str) -> Any:
        refused = seen.residual if self.mode == "redact" else seen
        if self.mode in ("redact", "block") and refused.action == "Block":
            raise self.refusal(refused, direction)
        if self.mode == "redact" and seen.findings:
            self._settle(direction, "redacted")
            if isinstance(value, str):
                return seen.redacted
            return texts.redacted(seen.findings)
        self._settle(direction, "allowed")
        return value

    def refusal(self, seen: Assessment, direction: str) -> GatewayError:
        """The 403 that names what was found and never repeats it."""
        self._settle(direction, "blocked")
        return GatewayError(
            403,
            "compliance_violation",
            "compliance_blocked",
            f"the {direction} was blocked by the compliance policy {seen.policy.name}: {seen.explanation}",
            violations=seen.violations,
            risk_score=seen.risk_score,
            details={"direction": direction, "policy": seen.policy.name, "scan_id": self._facts.get("scan_id")},
        )

    def _settle(self, direction: str, what: str) -> None:
        self._facts[direction] = what
        self._call.audit.compliance = {**self._call.audit.compliance, "enforcement": dict(self._facts)}

    def _note(self, audit: AuditRecord, seen: Assessment) -> None:
        audit.compliance = merge_facts(audit.compliance, seen.audit_facts())
        violated = audit.compliance_status == "violated" or seen.has_violations
        audit.compliance_status = "violated" if violated else "compliant"


async def _in_thread(text: str, work: Any) -> Assessment:
    """A long text is scanned in a thread, so that other calls go on meanwhile."""
    seen: Assessment = await asyncio.to_thread(work) if len(text) > _LONG_TEXT else work()
    return seen


def _without_logprobs(body: Any) -> Any:
    """Token by token they would tell what was redacted."""
    if isinstance(body, dict) and isinstance(body.get("choices"), list):
        return {
            **body,
            "choices": [{**choice, "logprobs": None} if "logprobs" in choice else choice for choice in body["choices"]],
        }
    return body
