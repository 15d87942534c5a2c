"""What agents and workflows give back, and what they hand to the hooks of their users."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, List, Optional

from ..exceptions import SmartflowError
from .chat import Usage

__all__ = ["AgentResult", "ScanVerdict", "StepRecord", "ToolCall", "WorkflowResult", "WorkflowStep"]


@dataclass(frozen=True)
class ScanVerdict:
    """What the compliance scans say about one text; of the two scans of an agent the stricter one decides.

    Attributes:
        stage: `input` for what the user says, `output` for what the model says, `tool` for what a tool returned,
            `history` for the system prompt and for a history that was set, `check` for the
            text of a workflow's `compliance_check`.
        action: `Allow`, `AllowAndLog`, `Review` or `Block`.
        violations: The kinds of violation, each once.
        risk_score: 0 to 1, the higher one of the two scans.
        explanation: The reasons in words; never repeats what was found.
        policy: The policy that was applied.
        scan_id: The id for `submit_compliance_feedback()`, or None.
        content: The text itself, for a reviewer; not shown in the repr.
    """

    stage: str
    action: str
    violations: List[str]
    risk_score: float
    explanation: str
    policy: str
    scan_id: Optional[str] = None
    content: str = field(default="", repr=False)


@dataclass(frozen=True)
class ToolCall:
    """One call of a tool by a model.

    Attributes:
        name: The tool.
        arguments: What it was called with.
        output: What the model was told: the result as text, or the error.
        error: The error in words, or None.
    """

    name: str
    arguments: Dict[str, Any]
    output: str
    error: Optional[str] = None


@dataclass(frozen=True)
class AgentResult:
    """One finished turn of an agent.

    Attributes:
        content: The text of the answer.
        output: The answer as a value of the `output_type` that was asked for; without one, the text.
        usage: Tokens of all calls of the turn together.
        cost_cents: Estimated cost of these calls in US cents, as far as the gateway told.
        turns: How many calls of the model it took.
        tool_calls: The tools that were called, in order.
        scans: The verdicts of the scans, in order.
    """

    content: str
    usage: Usage = field(default_factory=Usage)
    cost_cents: float = 0.0
    turns: int = 1
    tool_calls: List[ToolCall] = field(default_factory=list)
    scans: List[ScanVerdict] = field(default_factory=list)
    output: Any = None


@dataclass(frozen=True)
class WorkflowStep:
    """One step of a workflow, as `add_step()` takes it."""

    name: str
    action: str
    config: Dict[str, Any] = field(default_factory=dict)
    next_steps: List[str] = field(default_factory=list)
    on_error: Optional[str] = None

    def to_dict(self) -> Dict[str, Any]:
        """A plain dict of the arguments of `add_step()`."""
        return {
            "name": self.name,
            "action": self.action,
            "config": self.config,
            "next_steps": list(self.next_steps),
            "on_error": self.on_error,
        }


@dataclass(frozen=True)
class StepRecord:
    """One execution of one step.

    Attributes:
        name: The step.
        action: What it does.
        output: What it gave, or None when it failed.
        error: Why it failed, in words, or None.
        tokens: Tokens that it used.
        cost_cents: Estimated cost in US cents, as far as the gateway told.
        duration_ms: Milliseconds that it took.
    """

    name: str
    action: str
    output: Any = None
    error: Optional[str] = None
    tokens: int = 0
    cost_cents: float = 0.0
    duration_ms: float = 0.0


@dataclass(frozen=True)
class WorkflowResult:
    """The outcome of a run of a workflow.

    Attributes:
        success: Whether the run came to a regular end. An error that an `on_error` step took over does not spoil it.
        output: The latest `{output}`; None when no step gave one.
        steps_executed: Names of the steps that were run, in order, a failed one included.
        errors: What went wrong, in words; also what an `on_error` step took over.
        total_tokens: Tokens of all steps together.
        total_cost_cents: Estimated cost in US cents, as far as the gateway told.
        execution_time_ms: Milliseconds of the whole run.
        records: One record per executed step, in order.
        exception: The error that ended the run, or None.
    """

    success: bool
    output: Any
    steps_executed: List[str] = field(default_factory=list)
    errors: List[str] = field(default_factory=list)
    total_tokens: int = 0
    total_cost_cents: float = 0.0
    execution_time_ms: float = 0.0
    records: List[StepRecord] = field(default_factory=list)
    exception: Optional[SmartflowError] = None
