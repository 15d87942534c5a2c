"""What each kind of workflow step does."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Dict, List, Mapping, NamedTuple, Optional, Tuple

from .._core.conditions import matching_case
from .._core.defaults import TEMPERATURE
from .._core.spending import Spending
from .._core.templates import as_text, look_up, render
from .._core.verdicts import verdict_of_rules
from .._io import aio
from ..exceptions import SmartflowError, ValidationError
from ..types.agents import WorkflowStep
from .agent_scans import AsyncGate

if TYPE_CHECKING:
    from .client import SmartflowClient

__all__ = ["AsyncStepper", "Outcome"]


class Outcome(NamedTuple):
    """What a step gave; whether later steps see it as `{output}`; and where it leads, when it chooses itself."""

    output: Any
    becomes_output: bool = True
    next_step: Optional[str] = None


class AsyncStepper:
    """Carries out steps with one client, and counts what they use. Without a gate nothing is checked."""

    def __init__(self, client: SmartflowClient, gate: Optional[AsyncGate]) -> None:
        self._client = client
        self._gate = gate
        self.spending = Spending()

    async def carry_out(self, step: WorkflowStep, context: Mapping[str, Any]) -> Outcome:
        """What the step gives; a SmartflowError when it fails."""
        actions = {
            "chat": self._chat,
            "compliance_check": self._compliance_check,
            "condition": self._condition,
            "function": self._function,
            "agent": self._agent,
            "workflow": self._workflow,
            "wait": self._wait,
        }
        return await actions[step.action](step, context)

    async def _chat(self, step: WorkflowStep, context: Mapping[str, Any]) -> Outcome:
        config = step.config
        messages: List[Dict[str, Any]] = []
        if config.get("system_prompt") is not None:
            messages.append({"role": "system", "content": render(config["system_prompt"], context)})
        messages.append({"role": "user", "content": render(config.get("prompt", "{input}"), context)})
        answer = await self._client_of(step).chat_completions(
            messages,
            model=config.get("model", "gpt-4o"),
            temperature=config.get("temperature", TEMPERATURE),
            max_tokens=config.get("max_tokens"),
        )
        self.spending.add_answer(answer)
        return Outcome(answer.content)

    async def _compliance_check(self, step: WorkflowStep, context: Mapping[str, Any]) -> Outcome:
        if self._gate is None:
            return Outcome(None, becomes_output=False)
        content = render(step.config.get("content", "{output}"), context)
        policy = step.config.get("policy", "enterprise_standard")
        result = await self._client_of(step).check_compliance(content, policy=policy)
        verdict = verdict_of_rules("check", content, policy, result)
        if step.config.get("on_violation", "fail") != "continue":
            await self._gate.let_pass(verdict)
        checked = {**result.to_dict(), "recommended_action": verdict.action}
        return Outcome(checked, becomes_output=False)

    async def _condition(self, step: WorkflowStep, context: Mapping[str, Any]) -> Outcome:
        cases: Mapping[str, str] = step.config["cases"]
        field = step.config.get("field", "output")
        value = look_up(field, context)
        case = matching_case(value, cases)
        target = step.config.get("default") if case is None else cases[case]
        if target is None:
            raise ValidationError(
                f"{field} is {as_text(value)[:80]!r}, which fits none of the cases {', '.join(cases)} (or several), "
                "and there is no default"
            )
        return Outcome(case, becomes_output=False, next_step=target)

    async def _function(self, step: WorkflowStep, context: Mapping[str, Any]) -> Outcome:
        """The function gets the rendered `input`, or a copy of all variables when there is none."""
        config = step.config
        given = render(config["input"], context) if "input" in config else dict(context)
        (result,) = await aio.settled([partial(aio.invoke, config["function"], given)], 1)
        if isinstance(result, SmartflowError) or (
            isinstance(result, BaseException) and not isinstance(result, Exception)
        ):
            raise result
        if isinstance(result, Exception):
            raise SmartflowError(f"{type(result).__name__}: {result}", code="function_failed") from result
        return Outcome(result)

    async def _agent(self, step: WorkflowStep, context: Mapping[str, Any]) -> Outcome:
        message = render(step.config.get("message", "{output}"), context)
        result = await step.config["agent"]._run(message, True, True, self.spending)
        return Outcome(result.content)

    async def _workflow(self, step: WorkflowStep, context: Mapping[str, Any]) -> Outcome:
        result = await step.config["workflow"].execute(render(step.config.get("input", "{output}"), context))
        self.spending.usage_of_others(result.total_tokens, result.total_cost_cents)
        if not result.success:
            raise result.exception or SmartflowError("; ".join(result.errors))
        return Outcome(result.output)

    async def _wait(self, step: WorkflowStep, context: Mapping[str, Any]) -> Outcome:
        await aio.sleep(step.config["seconds"])
        return Outcome(None, becomes_output=False)

    def _client_of(self, step: WorkflowStep) -> SmartflowClient:
        options: Tuple[str, ...] = tuple(name for name in ("timeout", "retries") if name in step.config)
        if not options:
            return self._client
        changes: Dict[str, Any] = {{"retries": "max_retries"}.get(name, name): step.config[name] for name in options}
        return self._client.with_options(**changes)
