"""The workflow: named steps that lead to one another, and their run from the entry to an end."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Callable, Dict, FrozenSet, List, Mapping, Optional, Sequence, Union

from .._core.check import check_flag, check_hook, check_int, check_text
from .._core.workflow_checks import problems_of
from ..exceptions import SmartflowError, ValidationError
from ..types.agents import ScanVerdict, WorkflowResult, WorkflowStep
from .agent import SmartflowAgent
from .agent_scans import AsyncGate, check_scannable
from .workflow_run import AsyncRun

if TYPE_CHECKING:
    from typing_extensions import Self

    from .client import SmartflowClient

__all__ = ["SmartflowWorkflow"]

MAX_DEPTH = 16
# How many workflows run one another, above the code that runs now.
_DEPTH: ContextVar[int] = ContextVar("depth", default=0)


class SmartflowWorkflow:
    """Steps that are run one after the other, with branches. One workflow can be run many times, also at once.

    Args:
        client: The client that makes the calls; it stays yours to close.
        name: The workflow's name, in errors.
        enable_compliance_scan: False skips all `compliance_check` steps. Without a gateway (direct mode) nothing can be
            checked, so there `execute()` of a workflow with such a step is a DirectModeError.
        on_review: Called with a `ScanVerdict` for each text that a person has to review; True lets it pass.
        on_log: Called with a `ScanVerdict` for each text that passes but is to be logged; by default a warning of the
            logger `smartflow`, without the text.

    Example:
        >>> workflow = SmartflowWorkflow(sf, name="Translate")
        >>> _ = workflow.add_step("translate", action="chat", config={"prompt": "Say in French: {input}"})
        >>> result = await workflow.execute({"input": "Good morning"})
        >>> print(result.success, result.steps_executed)
        True ['translate']
    """

    def __init__(
        self,
        client: SmartflowClient,
        name: str = "SmartflowWorkflow",
        *,
        enable_compliance_scan: bool = True,
        on_review: Optional[Callable[[ScanVerdict], Any]] = None,
        on_log: Optional[Callable[[ScanVerdict], Any]] = None,
    ) -> None:
        self.client: SmartflowClient = client
        self.name: str = check_text(name, "name")
        self.enable_compliance_scan: bool = check_flag(enable_compliance_scan, "enable_compliance_scan")
        self.on_review: Optional[Callable[[ScanVerdict], Any]] = check_hook(on_review, "on_review")
        self.on_log: Optional[Callable[[ScanVerdict], Any]] = check_hook(on_log, "on_log")
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
            action: `chat`, `compliance_check`, `condition`, `function`, `agent`, `workflow`, `parallel` or `wait`.
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
        return problems_of(self.steps, self.entry_step, given, {"agent": SmartflowAgent, "workflow": SmartflowWorkflow})

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
            DirectModeError: A step checks compliance, and the client has no gateway.

        Example:
            >>> workflow = SmartflowWorkflow(sf).add_step("answer", "chat", {"prompt": "{input}"})
            >>> result = await workflow.execute("What is REST?")
            >>> print(result.success, result.output, result.total_tokens)
        """
        check_int(max_iterations, "max_iterations", 1)
        run = AsyncRun(self.client, dict(self.steps), _variables_of(input_data), self._gate())
        problems = self.validate(list(run.context))
        if problems:
            run.errors += problems
            run.exception = ValidationError(f"workflow {self.name!r} cannot be run: {'; '.join(problems)}")
            return run.result()
        depth = _DEPTH.get() + 1
        if depth > MAX_DEPTH:
            raise SmartflowError(
                f"workflow {self.name!r} is nested {depth} deep: does it run itself?", code="max_depth"
            )
        before = _DEPTH.set(depth)
        try:
            await run.follow(str(self.entry_step), max_iterations)
        finally:
            _DEPTH.reset(before)
        return run.result()

    def _gate(self) -> Optional[AsyncGate]:
        """What the checked texts have to pass; None when the caller wants no checks."""
        if not self.enable_compliance_scan:
            return None
        owner = f"workflow {self.name!r}"
        if any(step.action == "compliance_check" for step in self.steps.values()):
            check_scannable(self.client, owner, "SmartflowWorkflow(..., enable_compliance_scan=False)")
        return AsyncGate(owner, self.on_review, self.on_log)


def _variables_of(data: Any) -> Dict[str, Any]:
    if isinstance(data, str):
        return {"input": data}
    if not isinstance(data, Mapping):
        raise ValidationError(
            f"input_data must be a dict of variables or a string, not {type(data).__name__}", param="input_data"
        )
    odd = [name for name in data if not isinstance(name, str)]
    if odd:
        raise ValidationError(f"input_data must have strings as names, not {odd[0]!r}", param="input_data")
    return dict(data)
