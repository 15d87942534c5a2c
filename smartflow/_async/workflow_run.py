"""One run of a workflow: which step comes next, and what has happened so far."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Any, Dict, List, Mapping, NamedTuple, Optional, Tuple

from .._core.spending import Spending
from .._io import aio
from ..exceptions import SmartflowError
from ..types.agents import StepRecord, WorkflowResult, WorkflowStep
from .agent_scans import AsyncGate
from .workflow_steps import AsyncStepper, Outcome

if TYPE_CHECKING:
    from .client import SmartflowClient

__all__ = ["AsyncRun"]


class Done(NamedTuple):
    """What became of one step, and the records of its branches."""

    outcome: Outcome
    error: Optional[SmartflowError]
    record: StepRecord
    parts: List[StepRecord]


class Failed(Exception):
    """Branches of a parallel step failed; their records are kept."""

    def __init__(self, error: SmartflowError, parts: List[StepRecord]) -> None:
        super().__init__(str(error))
        self.error = error
        self.parts = parts


class AsyncRun:
    """One run: the variables, and what has happened so far."""

    def __init__(
        self,
        client: SmartflowClient,
        steps: Mapping[str, WorkflowStep],
        given: Dict[str, Any],
        gate: Optional[AsyncGate],
    ) -> None:
        self._client = client
        self._gate = gate
        self._steps = steps
        self._spending = Spending()
        self._started = time.perf_counter()
        self.context: Dict[str, Any] = given
        self._output: Any = None
        self.records: List[StepRecord] = []
        self.errors: List[str] = []
        self.exception: Optional[SmartflowError] = None

    async def follow(self, entry: str, limit: int) -> None:
        """Run steps from the entry on until one leads nowhere, one fails, or the limit is reached."""
        # Before the first step has an output, the input stands for it.
        self.context.setdefault("output", self.context.get("input"))
        current: Optional[str] = entry
        while current is not None:
            if len(self.records) >= limit:
                self._end(
                    SmartflowError(f"the run needs more than max_iterations={limit} steps", code="max_iterations")
                )
                return
            current = await self._advance(self._steps[current])

    async def _advance(self, step: WorkflowStep) -> Optional[str]:
        """Run one step; return the name of the next one."""
        done = await self._carried_out(step)
        self.records += [*done.parts, done.record]
        if done.error is not None:
            return self._failed(step, done.error)
        self._remember(step, done.outcome)
        return done.outcome.next_step or (step.next_steps[0] if step.next_steps else None)

    async def _carried_out(self, step: WorkflowStep) -> Done:
        """What became of one step. It counts for itself, since others may run at the same time."""
        stepper, began = AsyncStepper(self._client, self._gate), time.perf_counter()
        outcome = Outcome(None, becomes_output=False)
        parts: List[StepRecord] = []
        error: Optional[SmartflowError] = None
        try:
            if step.action == "parallel":
                outcome, parts = await self._side_by_side(step)
            else:
                outcome = await stepper.carry_out(step, self.context)
        except Failed as failed:
            error, parts = failed.error, failed.parts
        except SmartflowError as caught:
            error = caught
        spent = stepper.spending
        self._spending.add(spent.usage, spent.cost_cents)
        record = StepRecord(
            name=step.name,
            action=step.action,
            output=outcome.output,
            error=None if error is None else str(error),
            tokens=spent.usage.total_tokens,
            cost_cents=spent.cost_cents,
            duration_ms=(time.perf_counter() - began) * 1000,
        )
        return Done(outcome, error, record, parts)

    async def _side_by_side(self, step: WorkflowStep) -> Tuple[Outcome, List[StepRecord]]:
        """The outputs of all branches by name. All of them are awaited before a failure of one counts."""
        branches = [self._steps[name] for name in step.config["steps"]]
        limit = step.config.get("max_parallel", len(branches))
        results = await aio.settled([partial(self._carried_out, branch) for branch in branches], limit)
        for each in results:
            if isinstance(each, BaseException):
                raise each
        parts = [done.record for done in results]
        failures = [(branch.name, done.error) for branch, done in zip(branches, results) if done.error is not None]
        for branch, done in zip(branches, results):
            if done.error is None:
                self._remember(branch, done.outcome._replace(becomes_output=False))
        if len(failures) == 1:
            raise Failed(failures[0][1], parts)
        if failures:
            raise Failed(SmartflowError("; ".join(f"{name}: {error}" for name, error in failures)), parts)
        return Outcome({branch.name: done.outcome.output for branch, done in zip(branches, results)}), parts

    def _remember(self, step: WorkflowStep, outcome: Outcome) -> None:
        # A field of a result can be named with or without `output`: {check.risk_level}, {check.output.risk_level}.
        fields = outcome.output if isinstance(outcome.output, Mapping) else {}
        self.context[step.name] = {**fields, "output": outcome.output}
        if outcome.becomes_output:
            self._output = self.context["output"] = outcome.output

    def _failed(self, step: WorkflowStep, error: SmartflowError) -> Optional[str]:
        if step.on_error is None:
            self._end(error, f"step {step.name!r}: {error}")
        else:
            self.errors.append(f"step {step.name!r}: {error}")
            self.context["error"] = str(error)
        return step.on_error

    def _end(self, error: SmartflowError, words: Optional[str] = None) -> None:
        self.errors.append(words or str(error))
        self.exception = error

    def result(self) -> WorkflowResult:
        """How the run went."""
        spending = self._spending
        return WorkflowResult(
            success=self.exception is None,
            output=self._output,
            steps_executed=[record.name for record in self.records],
            errors=self.errors,
            total_tokens=spending.usage.total_tokens,
            total_cost_cents=spending.cost_cents,
            execution_time_ms=(time.perf_counter() - self._started) * 1000,
            records=self.records,
            exception=self.exception,
        )
