"""What is wrong with a workflow, found before it runs: all problems at once."""

from __future__ import annotations

from typing import Any, Dict, FrozenSet, Iterator, List, Mapping, Optional, Set

from ..types.agents import WorkflowStep
from .templates import variables

__all__ = ["ACTIONS", "problems_of", "targets_of"]

# The keys of each action's config, the needed ones first.
ACTIONS: Mapping[str, Any] = {
    "chat": ((), ("prompt", "model", "temperature", "max_tokens", "system_prompt", "timeout", "retries")),
    "compliance_check": ((), ("content", "policy", "on_violation", "timeout", "retries")),
    "condition": (("cases",), ("field", "default")),
    "function": (("function",), ("input",)),
    "agent": (("agent",), ("message",)),
    "workflow": (("workflow",), ("input",)),
    "parallel": (("steps",), ("max_parallel",)),
    "wait": (("seconds",), ()),
}
_TEMPLATES = ("prompt", "system_prompt", "content", "input", "message")
_MAPPINGS = ("cases",)


def targets_of(step: WorkflowStep) -> List[str]:
    """All steps that can come after this one."""
    config = step.config if isinstance(step.config, Mapping) else {}
    found: List[Any] = list(step.next_steps)
    if step.action == "condition":
        cases = config.get("cases")
        found += [*(cases.values() if isinstance(cases, Mapping) else ()), config.get("default")]
    return [each for each in (*found, *branches_of(step), step.on_error) if each]


def branches_of(step: WorkflowStep) -> List[Any]:
    """The steps that a parallel step runs side by side."""
    branches = step.config.get("steps") if step.action == "parallel" else ()
    return list(branches) if isinstance(branches, (list, tuple)) else []


def problems_of(steps: Mapping[str, WorkflowStep], entry: Optional[str], given: Optional[FrozenSet[str]]) -> List[str]:
    """The problems in words, each with its step; `given` are the variables of the input, None when not known yet."""
    if entry is None or entry not in steps:
        return ["the workflow has no entry step: add one with add_step()"]
    found: List[str] = []
    for step in steps.values():
        found += [f"step {step.name!r}: {problem}" for problem in _of_step(step, steps, given)]
    reached = _reached(steps, entry)
    found += [f"step {name!r} is never reached from {entry!r}" for name in steps if name not in reached]
    endless = reached - _ending(steps) if not found else set()
    if endless:
        found.append(f"the steps {', '.join(sorted(endless))} lead to one another only: none of them can end the run")
    return found


def _of_step(step: WorkflowStep, steps: Mapping[str, WorkflowStep], given: Optional[FrozenSet[str]]) -> Iterator[str]:
    if step.action not in ACTIONS:
        yield f"there is no action {step.action!r}; actions: {', '.join(ACTIONS)}"
        return
    needed, optional = ACTIONS[step.action]
    known = (*needed, *optional)
    yield from (f"config needs {name!r}" for name in needed if name not in step.config)
    yield from (
        f"config has {name!r}; {step.action} knows {', '.join(known)}" for name in step.config if name not in known
    )
    yield from (
        f"config {name!r} must be a dict" for name in _MAPPINGS if not isinstance(step.config.get(name, {}), Mapping)
    )
    if step.action == "parallel":
        yield from _of_branches(step, steps)
    if step.action == "condition":
        if step.next_steps:
            yield "a condition goes on by its cases and default, not by next_steps"
    elif len(step.next_steps) > 1:
        yield f"it can go on to one step only, not to {', '.join(step.next_steps)}: branch with a condition"
    yield from (f"leads to {name!r}, which is no step" for name in targets_of(step) if name not in steps)
    if given is not None:
        yield from _unknown_variables(step, steps, given)


def _of_branches(step: WorkflowStep, steps: Mapping[str, WorkflowStep]) -> Iterator[str]:
    names = branches_of(step)
    if not names or len(set(names)) < len(names):
        yield "config 'steps' must be a list of different steps"
    limit = step.config.get("max_parallel", 1)
    if not isinstance(limit, int) or isinstance(limit, bool) or limit < 1:
        yield "config 'max_parallel' must be a whole number of at least 1"
    for branch in (steps[name] for name in names if name in steps):
        if branch.action in ("parallel", "condition"):
            yield f"its branch {branch.name!r} is a {branch.action}, which cannot run beside others"
        if branch.next_steps or branch.on_error:
            yield f"its branch {branch.name!r} must have no next_steps and no on_error: only the parallel step goes on"


def _unknown_variables(step: WorkflowStep, steps: Mapping[str, WorkflowStep], given: FrozenSet[str]) -> Iterator[str]:
    known = {*given, *steps, "output", "error"}
    texts = [step.config[name] for name in _TEMPLATES if isinstance(step.config.get(name), str)]
    wanted: Dict[str, None] = dict.fromkeys(name for text in texts for name in variables(text))
    if step.action == "condition":
        wanted[str(step.config.get("field", "output"))] = None
    for name in wanted:
        if name.split(".")[0] not in known:
            yield f"there is no variable {name!r}; known: {', '.join(sorted(known))}"


def _reached(steps: Mapping[str, WorkflowStep], entry: str) -> Set[str]:
    seen: Set[str] = set()
    waiting = [entry]
    while waiting:
        name = waiting.pop()
        if name in steps and name not in seen:
            seen.add(name)
            waiting += targets_of(steps[name])
    return seen


def _ending(steps: Mapping[str, WorkflowStep]) -> Set[str]:
    """The steps from which an end can be reached."""
    ends = {step.name for step in steps.values() if step.action != "condition" and not step.next_steps}
    while True:
        more = {step.name for step in steps.values() if step.name not in ends and ends.intersection(targets_of(step))}
        if not more:
            return ends
        ends |= more
