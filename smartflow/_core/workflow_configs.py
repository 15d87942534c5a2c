"""What each action of a workflow takes in its config, and what is wrong with one."""

from __future__ import annotations

import math
from typing import Any, Callable, Dict, Iterator, Mapping, Tuple

from ..types.agents import WorkflowStep

__all__ = ["ACTIONS", "TEMPLATES", "problems_of_config"]

# The keys of each action's config: the needed ones, then the others.
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
TEMPLATES = ("prompt", "system_prompt", "content", "input", "message")


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _is_whole(value: Any, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def _are_cases(value: Any) -> bool:
    return isinstance(value, Mapping) and all(isinstance(each, str) for pair in value.items() for each in pair)


_TEXT: Tuple[Callable[[Any], bool], str] = (lambda value: isinstance(value, str), "a string")
_NAME: Tuple[Callable[[Any], bool], str] = (lambda value: isinstance(value, str) and bool(value), "a string, not empty")
# What the value of a key must be, and how that is said.
_VALUES: Dict[str, Tuple[Callable[[Any], bool], str]] = {
    **dict.fromkeys(TEMPLATES, _TEXT),
    **dict.fromkeys(("model", "policy", "field"), _NAME),
    "temperature": (
        lambda value: value is None or (_is_number(value) and 0 <= value <= 2),
        "a number from 0 to 2, or None",
    ),
    "max_tokens": (lambda value: value is None or _is_whole(value, 1), "a whole number of at least 1, or None"),
    "timeout": (lambda value: _is_number(value) and value > 0, "a number of seconds greater than 0"),
    "retries": (lambda value: _is_whole(value, 0), "a whole number of at least 0"),
    "on_violation": (lambda value: value in ("fail", "continue"), "'fail' or 'continue'"),
    "cases": (_are_cases, "a dict of strings, each with the name of a step"),
    "default": (lambda value: value is None or isinstance(value, str), "the name of a step"),
    "function": (callable, "something that can be called"),
    "seconds": (lambda value: _is_number(value) and value >= 0, "a number of seconds of at least 0"),
    "max_parallel": (lambda value: _is_whole(value, 1), "a whole number of at least 1"),
}


def problems_of_config(step: WorkflowStep, kinds: Mapping[str, type]) -> Iterator[str]:
    """The problems in words; `kinds` are the classes whose objects can be a step."""
    needed, optional = ACTIONS[step.action]
    known = (*needed, *optional)
    yield from (f"config needs {name!r}" for name in needed if name not in step.config)
    for name, value in step.config.items():
        if name not in known:
            yield f"config has {name!r}; {step.action} knows {', '.join(known)}"
        elif name in kinds:
            if not isinstance(value, kinds[name]):
                yield f"config {name!r} must be a {kinds[name].__name__}, not {type(value).__name__}"
        elif name in _VALUES and not _VALUES[name][0](value):
            yield f"config {name!r} must be {_VALUES[name][1]}, not {value!r:.80}"
