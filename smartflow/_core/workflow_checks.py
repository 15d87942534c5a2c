"""What is wrong with a workflow, found before it runs: all problems at once."""

from __future__ import annotations

from typing import Any, Dict, FrozenSet, Iterator, List, Mapping, Optional, Set

from ..types.agents import WorkflowStep
from .templates import variables
from .workflow_configs import ACTIONS, TEMPLATES, problems_of_config

__all__ = ["problems_of", "targets_of"]


def targets_of(step: WorkflowStep) -> List[str]:
    """All that stands where the name of a step that comes after this one belongs."""
    config = step.config if isinstance(step.config, Mapping) else {}
    found: List[Any] = list(step.next_steps)
    if step.action == "condition":
        cases = config.get("cases")
        found += [*(cases.values() if isinstance(cases, Mapping) else ()), config.get("default")]
    return [each for each in (*found, *branches_of(step), step.on_error) if each is not None]


def branches_of(step: WorkflowStep) -> List[Any]:
    """The steps that a parallel step runs side by side."""
    branches = step.config.get("steps") if step.action == "parallel" else ()
    return list(branches) if isinstance(branches, (list, tuple)) else []


def problems_of(
    steps: Mapping[str, WorkflowStep],
    entry: Optional[str],
    given: Optional[FrozenSet[str]],
    kinds: Mapping[str, type],
) -> List[str]:
    """The problems in words, each with its step.

    `given` are the variables of the input, None when not known yet; `kinds` the classes whose objects can be a step.
    """
    if entry is None or entry not in steps:
        return ["the workflow has no entry step: add one with add_step()"]
    found: List[str] = []
    for step in steps.values():
        found += [f"step {step.name!r}: {problem}" for problem in _of_step(step, steps, given, kinds)]
    reached = _reached(steps, entry)
    found += [f"step {name!r} is never reached from {entry!r}" for name in steps if name not in reached]
    endless = reached - _ending(steps) if not found else set()
    if endless:
        found.append(f"the steps {', '.join(sorted(endless))} lead to one another only: none of them can end the run")
    return found


def _of_step(
    step: WorkflowStep,
    steps: Mapping[str, WorkflowStep],
    given: Optional[FrozenSet[str]],
    kinds: Mapping[str, type],
) -> Iterator[str]:
    if step.action not in ACTIONS:
        yield f"there is no action {step.action!r}; actions: {', '.join(ACTIONS)}"
        return
    yield from problems_of_config(step, kinds)
    if step.action == "parallel":
        yield from _of_branches(step, steps)
    if step.action == "condition":
        if step.next_steps:
            yield "a condition goes on by its cases and default, not by next_steps"
    elif len(step.next_steps) > 1:
        yield f"it can go on to one step only, not to {', '.join(step.next_steps)}: branch with a condition"
    names = list(steps)
    yield from (f"leads to {name!r}, which is no step" for name in targets_of(step) if name not in names)
    if given is not None:
        yield from _unknown_variables(step, steps, given)


def _of_branches(step: WorkflowStep, steps: Mapping[str, WorkflowStep]) -> Iterator[str]:
    names = branches_of(step)
    if not names or any(name in names[:at] for at, name in enumerate(names)):
        yield "config 'steps' must be a list of different steps"
    for branch in (step for step in steps.values() if step.name in names):
        if branch.action in ("parallel", "condition"):
            yield f"its branch {branch.name!r} is a {branch.action}, which cannot run beside others"
        if branch.next_steps or branch.on_error:
            yield f"its branch {branch.name!r} must have no next_steps and no on_error: only the parallel step goes on"


def _unknown_variables(step: WorkflowStep, steps: Mapping[str, WorkflowStep], given: FrozenSet[str]) -> Iterator[str]:
    known = {*given, *steps, "output", "error"}
    texts = [step.config[name] for name in TEMPLATES if isinstance(step.config.get(name), str)]
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
        if isinstance(name, str) and name in steps and name not in seen:
            seen.add(name)
            waiting += targets_of(steps[name])
    return seen


def _ending(steps: Mapping[str, WorkflowStep]) -> Set[str]:
    """The steps from which an end can be reached."""
    ends = {step.name for step in steps.values() if step.action != "condition" and not step.next_steps}
    while True:
        more = {
            step.name
            for step in steps.values()
            if step.name not in ends and any(each in ends for each in targets_of(step))
        }
        if not more:
            return ends
        ends |= more
