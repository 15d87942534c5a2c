"""The templates of workflows: `{input}`, `{output}`, `{step.output}`. One pass, so what is put in is never read again."""

from __future__ import annotations

import json
import re
from typing import Any, List, Mapping, Sequence

from ..exceptions import ValidationError

__all__ = ["as_text", "look_up", "render", "variables"]

_NAME = r"[A-Za-z_][\w-]*(?:\.[\w-]+)*"
# Only a name in braces is a variable: JSON in a prompt stays as it is. `{{name}}` stands for the text `{name}`.
_VARIABLE = re.compile(rf"\{{\{{({_NAME})\}}\}}|\{{({_NAME})\}}")


def variables(template: str) -> List[str]:
    """The variables of a template, each once, in order."""
    found = (match.group(2) for match in _VARIABLE.finditer(template))
    return list(dict.fromkeys(name for name in found if name))


def render(template: str, context: Mapping[str, Any]) -> str:
    """The template with the values of its variables; an unknown one is a ValidationError that names it and the cure."""

    def value_of(match: re.Match[str]) -> str:
        escaped, name = match.groups()
        return f"{{{escaped}}}" if escaped else as_text(look_up(name, context))

    return _VARIABLE.sub(value_of, template)


def look_up(path: str, context: Mapping[str, Any]) -> Any:
    """The value at `name.field.0.field`; names of objects and positions in lists."""
    value: Any = context
    for part in path.split("."):
        if isinstance(value, Mapping) and part in value:
            value = value[part]
        elif _is_position(part, value):
            value = value[int(part)]
        else:
            raise ValidationError(_unknown(path, part, value, context), param=path)
    return value


def as_text(value: Any) -> str:
    """How a value stands in a text: strings as they are, nothing for None, JSON for the rest."""
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value, ensure_ascii=False, default=str)


def _is_position(part: str, value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str) and part.isdecimal() and int(part) < len(value)


def _unknown(path: str, part: str, value: Any, context: Mapping[str, Any]) -> str:
    if value is context:
        known = ", ".join(sorted(str(name) for name in context)) or "none"
        return f"there is no variable {path!r}; known: {known}. To write it as text, double the braces: {{{{{path}}}}}"
    return f"{path!r} does not exist: there is no {part!r} in a value of type {type(value).__name__}"
