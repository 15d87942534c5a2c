"""Tools of an agent: a Python function, told to the model by its signature and docstring."""

from __future__ import annotations

import inspect
import json
import re
from dataclasses import dataclass, field
from typing import Any, Callable, Dict, Mapping, Optional, Sequence, get_type_hints

from ..exceptions import ConfigError, ValidationError
from .schemas import fit, schema_of
from .templates import as_text

__all__ = ["AgentTool", "tools_of"]

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_ARGUMENT = re.compile(r"^(\s+)(\w+)\s*(?:\([^)]*\))?:\s*(.*)$")


@dataclass(frozen=True)
class AgentTool:
    """What the model is told of a tool, and the function behind it; None for a tool that is only described."""

    name: str
    description: str
    parameters: Dict[str, Any]
    function: Optional[Callable[..., Any]] = None
    hints: Mapping[str, Any] = field(default_factory=dict)

    def to_wire(self) -> Dict[str, Any]:
        """The tool as a chat request lists it."""
        function = {"name": self.name, "description": self.description, "parameters": self.parameters}
        return {"type": "function", "function": function}

    def arguments_of(self, text: Any) -> Dict[str, Any]:
        """The arguments of a call, read from the JSON text that a model wrote."""
        try:
            given = json.loads(text or "{}")
        except (TypeError, ValueError) as error:
            raise ValidationError(f"the arguments of {self.name} are no JSON: {error}") from None
        if not isinstance(given, dict):
            raise ValidationError(f"the arguments of {self.name} must be an object, not {type(given).__name__}")
        unknown = [name for name in given if name not in self.hints]
        missing = [name for name in self.parameters.get("required", ()) if name not in given]
        if unknown or missing:
            raise ValidationError(f"{self.name}: missing {missing}, unknown {unknown}; takes {list(self.hints)}")
        return {name: fit(self.hints[name], value, name) for name, value in given.items()}

    @staticmethod
    def text_of(result: Any) -> str:
        """What the model is told of a result."""
        return as_text(result)


def tools_of(tools: Optional[Sequence[Any]]) -> Dict[str, AgentTool]:
    """The tools by name; a ConfigError says what is wrong with one."""
    found: Dict[str, AgentTool] = {}
    for each in tools or ():
        tool = _described(each) if isinstance(each, Mapping) else _of_function(each)
        if tool.name in found:
            raise ConfigError(f"two tools are called {tool.name!r}: the model could not tell them apart")
        found[tool.name] = tool
    return found


def _described(tool: Mapping[str, Any]) -> AgentTool:
    """A tool in the wire's own shape. The model is told of it, but there is nothing to run."""
    function = tool.get("function")
    if not isinstance(function, Mapping) or not isinstance(function.get("name"), str):
        raise ConfigError("a tool must be a function, or a dict {'type': 'function', 'function': {'name': ...}}")
    parameters = dict(function.get("parameters") or {"type": "object", "properties": {}})
    return AgentTool(function["name"], str(function.get("description") or ""), parameters)


def _of_function(function: Any) -> AgentTool:
    name = getattr(function, "__name__", "")
    if not callable(function) or not _NAME.fullmatch(name):
        raise ConfigError(f"a tool must be a function with a name of letters, digits, _ and -, not {function!r}")
    try:
        # Functions that were made in a running program may name types that only stood there.
        hints = get_type_hints(function)
        signature = inspect.signature(function)
    except (NameError, TypeError, ValueError) as error:
        raise ConfigError(f"the signature of tool {name} cannot be read: {error}") from None
    text = inspect.getdoc(function) or ""
    described = _arguments_in(text)
    properties: Dict[str, Any] = {}
    for each in signature.parameters.values():
        if each.kind in (each.VAR_POSITIONAL, each.VAR_KEYWORD, each.POSITIONAL_ONLY):
            raise ConfigError(f"tool {name}: parameter {each} cannot be given by name, and models give all by name")
        try:
            properties[each.name] = schema_of(hints.get(each.name, str))
        except ValidationError as error:
            raise ConfigError(f"tool {name}, parameter {each.name}: {error.message}") from None
        if each.name in described:
            properties[each.name]["description"] = described[each.name]
    required = [each.name for each in signature.parameters.values() if each.default is each.empty]
    parameters = {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
    kinds = {each: hints.get(each, str) for each in properties}
    return AgentTool(name, text.split("\n\n")[0].replace("\n", " "), parameters, function, kinds)


def _arguments_in(text: str) -> Dict[str, str]:
    """The descriptions of the arguments, from the `Args:` section of a docstring."""
    found: Dict[str, str] = {}
    lines = text.splitlines()
    start = next((at for at, line in enumerate(lines) if line.strip() in ("Args:", "Arguments:")), len(lines))
    indent, last = None, ""
    for line in lines[start + 1 :]:
        if line.strip() and not line.startswith(" "):
            break
        match = _ARGUMENT.match(line)
        if match and indent in (None, match.group(1)):
            indent, last = match.group(1), match.group(2)
            found[last] = match.group(3)
        elif last and line.strip():
            found[last] = f"{found[last]} {line.strip()}"
    return found
