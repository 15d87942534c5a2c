"""The workflow: named steps that lead to one another, and their run from the entry to an end."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Dict, FrozenSet, List, Mapping, Optional, Sequence, Union

from .._core.check import check_int, check_text
from .._core.workflow_checks import problems_of
from ..exceptions import SmartflowError, ValidationError
from ..types.agents import StepRecord, WorkflowResult, WorkflowStep
from .workflow_steps import AsyncStepper, Outcome

if TYPE_CHECKING:
    from typing_extensions import Self

    from .client import SmartflowClient

__all__ = ["SmartflowWorkflow"]


class SmartflowWorkflow:
    """Steps that are run one after the other, with branches. One workflow can be run many times, also at once.

    Args:
        client: The client that makes the calls; it stays yours to close.
        name: The workflow's name, in errors.

    Example:
        >>> workflow = SmartflowWorkflow(sf, name="Translate")
        >>> _ = workflow.add_step("translate", action="chat", config={"prompt": "Say in French: {input}"})
        >>> result = await workflow.execute({"input": "Good morning"})
        >>> print(result.success, result.steps_executed)
        True ['translate']
    """

    def __init__(self, client: SmartflowClient, name: str = "SmartflowWorkflow") -> None:
        self.client: SmartflowClient = client
        self.name: str = check_text(name, "name")
        self.steps: Dict[str, WorkflowStep] = {}
        self.entry_step: Optional[str] = None

    def add_step(
        self,
        name: str,
        action: str,
        config: Optional[Mapping[str, Any]] = None,
        next_steps: Optional[Sequence[str]] = None,
        on_error: Optional[str] = None,
    ) -> Self:
        """Add a step; the first one is the entry. Return the workflow, so that calls can be chained.

        Args:
            name: The step's name, by which others lead to it and read its output: `{name.output}`.
            action: `chat`, `compliance_check`, `condition`, `function`, `agent`, `workflow` or `wait`.
            config: What the action needs; docs/workflows.md lists it.
            next_steps: The step that follows, as a list of one; without it the run ends here.
            on_error: The step that takes over when this one fails; it sees the reason as `{error}`.

        Raises:
            ValidationError: There is a step of that name, or an argument has a wrong type.

        Example:
            >>> workflow = SmartflowWorkflow(sf).add_step("greet", "chat", {"prompt": "Greet {input}"})
            >>> print(workflow.entry_step)
            greet
        """
        if check_text(name, "name") in self.steps:
            raise ValidationError(f"there is a step {name!r} already", param="name")
        if name in ("input", "output", "error") or not name.replace("-", "_").isidentifier():
            raise ValidationError(f"a step cannot be called {name!r}: use letters, digits, _ and -", param="name")
        if isinstance(next_steps, str):
            raise ValidationError(f"next_steps must be a list: [{next_steps!r}]", param="next_steps")
        if config is not None and not isinstance(config, Mapping):
            raise ValidationError(f"config must be a dict, not {type(config).__name__}", param="config")
        step = WorkflowStep(name, check_text(action, "action"), dict(config or {}), list(next_steps or ()), on_error)
        self.steps[name] = step
        if self.entry_step is None:
            self.entry_step = name
        return self

    def set_entry(self, step_name: str) -> Self:
        """Let runs begin with this step. Return the workflow.

        Raises:
            ValidationError: There is no step of that name.
        """
        if step_name not in self.steps:
            known = ", ".join(self.steps) or "none"
            raise ValidationError(f"there is no step {step_name!r}; steps: {known}", param="step_name")
        self.entry_step = step_name
        return self

    def validate(self, variables: Optional[Sequence[str]] = None) -> List[str]:
        """Return all problems of the workflow in words; an empty list when it can be run.

        Args:
            variables: Names of the input's variables; without them the templates' variables are not checked.

        Example:
            >>> SmartflowWorkflow(sf).add_step("a", "chat", next_steps=["b"]).validate()
            ["step 'a': leads to 'b', which is no step"]
        """
        given: Optional[FrozenSet[str]] = None if variables is None else frozenset(variables)
        return problems_of(self.steps, self.entry_step, given)

    async def execute(self, input_data: Union[str, Mapping[str, Any]], max_iterations: int = 100) -> WorkflowResult:
        """Run the workflow, and return how it went. A step that fails is told in the result, not raised.

        The workflow is validated first; when it has problems no step is run, and `errors` lists all of them.

        Args:
            input_data: The variables that templates can use, such as `{"input": "some text"}`; a string is `input`.
            max_iterations: How many steps the run may take; a run that needs more has failed.

        Returns:
            A `WorkflowResult`. Its `exception` is the error that ended the run, with `violations`, `status_code`, ...

        Raises:
            ValidationError: The input is neither a string nor a dict.

        Example:
            >>> workflow = SmartflowWorkflow(sf).add_step("answer", "chat", {"prompt": "{input}"})
            >>> result = await workflow.execute("What is REST?")
            >>> print(result.success, result.output, result.total_tokens)
        """
        check_int(max_iterations, "max_iterations", 1)
        run = AsyncRun(self.name, dict(self.steps), AsyncStepper(self.client), _variables_of(input_data))
        problems = self.validate(list(run.context))
        if problems:
            run.errors += problems
            run.exception = ValidationError(f"workflow {self.name!r} cannot be run: {'; '.join(problems)}")
        else:
            await run.follow(str(self.entry_step), max_iterations)
        return run.result()


def _variables_of(data: Any) -> Dict[str, Any]:
    if isinstance(data, str):
        return {"input": data}
    if not isinstance(data, Mapping):
        raise ValidationError(
            f"input_data must be a dict of variables or a string, not {type(data).__name__}", param="input_data"
        )
    return dict(data)


class AsyncRun:
    """One run: the variables, and what has happened so far."""

    def __init__(
        self, name: str, steps: Mapping[str, WorkflowStep], stepper: AsyncStepper, given: Dict[str, Any]
    ) -> None:
        self._name = name
        self._steps = steps
        self._stepper = stepper
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
        spending = self._stepper.spending
        tokens, cost, began = spending.usage.total_tokens, spending.cost_cents, time.perf_counter()
        outcome, error = Outcome(None, becomes_output=False), None
        try:
            outcome = await self._stepper.carry_out(step, self.context)
        except SmartflowError as caught:
            error = caught
        self.records.append(
            StepRecord(
                name=step.name,
                action=step.action,
                output=outcome.output,
                error=None if error is None else str(error),
                tokens=spending.usage.total_tokens - tokens,
                cost_cents=spending.cost_cents - cost,
                duration_ms=(time.perf_counter() - began) * 1000,
            )
        )
        if error is not None:
            return self._failed(step, error)
        self._remember(step, outcome)
        return outcome.next_step or (step.next_steps[0] if step.next_steps else None)

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
        spending = self._stepper.spending
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
