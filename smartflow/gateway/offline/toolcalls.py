"""Decides which of a request's tools the offline provider calls, and with which arguments."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from smartflow.gateway.offline.errors import OfflineError, SchemaError
from smartflow.gateway.offline.reading import clean, messages_of, text_of, to_json
from smartflow.gateway.offline.schema_sample import sample
from smartflow.gateway.offline.words import TOOL_STOPWORDS, name_words, stem, terms, words


@dataclass(frozen=True)
class ToolCall:
    """One call: the tool's name and its arguments as JSON text."""

    name: str
    arguments: str


@dataclass(frozen=True)
class _Tool:
    name: str
    description: str
    parameters: Any


def calls(request: dict[str, Any]) -> list[ToolCall]:
    """The calls to answer with, none when the answer should be text."""
    tools = _tools(request)
    messages = messages_of(request)
    # After a result comes a final answer, even when a call is required: otherwise an agent's loop would never end.
    if messages[-1]["role"] in ("tool", "function"):
        return []
    mode, allowed = _choice(request.get("tool_choice"), tools)
    if mode == "none" or not allowed:
        if mode == "required":
            raise OfflineError(
                "tool_choice requires a tool, but tools lists none that can be called", param="tool_choice"
            )
        return []
    chosen = _matching(allowed, last_user_text(messages)) or (allowed[:1] if mode == "required" else [])
    if request.get("parallel_tool_calls") is False:
        chosen = chosen[:1]
    order = [tool.name for tool in tools]
    return [_call(tool) for tool in sorted(chosen, key=lambda tool: order.index(tool.name))]


def last_user_text(messages: list[dict[str, Any]]) -> str:
    """The text of the last user message, empty when there is none."""
    return next((text_of(message.get("content")) for message in reversed(messages) if message["role"] == "user"), "")


def _tools(request: dict[str, Any]) -> list[_Tool]:
    listed = request.get("tools")
    if listed is None:
        return []
    if not isinstance(listed, list):
        raise OfflineError("tools must be a list", param="tools")
    found = []
    for tool in listed:
        function = tool.get("function") if isinstance(tool, dict) else None
        if isinstance(tool, dict) and tool.get("type", "function") != "function":
            continue  # tools that the vendor runs itself can't be called here
        if not isinstance(function, dict) or not isinstance(function.get("name"), str) or not function["name"]:
            raise OfflineError(
                "each tool must be {type: function, function: {name, description, parameters}}", param="tools"
            )
        description = function.get("description")
        found.append(
            _Tool(
                clean(function["name"]), description if isinstance(description, str) else "", function.get("parameters")
            )
        )
    return found


def _choice(choice: Any, tools: list[_Tool]) -> tuple[str, list[_Tool]]:
    if choice is None or choice in ("auto", "none", "required"):
        return choice or "auto", tools
    if (
        isinstance(choice, dict)
        and choice.get("type") == "allowed_tools"
        and isinstance(choice.get("allowed_tools"), dict)
    ):
        rules = choice["allowed_tools"]
        listed = rules.get("tools")
        names = [_function_name(entry) for entry in listed] if isinstance(listed, list) else []
        return "required" if rules.get("mode") == "required" else "auto", [tool for tool in tools if tool.name in names]
    name = _function_name(choice)
    if name is None:
        raise OfflineError(
            "tool_choice must be auto, none, required or {type: function, function: {name}}", param="tool_choice"
        )
    named = [tool for tool in tools if tool.name == name]
    if not named:
        raise OfflineError(f"tool_choice names {clean(name)[:100]!r}, which isn't in tools", param="tool_choice")
    return "required", named


def _function_name(entry: Any) -> str | None:
    function = entry.get("function") if isinstance(entry, dict) else None
    name = function.get("name") if isinstance(function, dict) else None
    return name if isinstance(name, str) else None


def _matching(tools: list[_Tool], text: str) -> list[_Tool]:
    """The tools that the text names or shares a distinctive word with, the best match first."""
    spoken = " ".join(words(text))
    said = {stem(word) for word in words(text) if word not in TOOL_STOPWORDS and (len(word) > 3 or not word.isascii())}
    vocabularies = [_vocabulary(tool) for tool in tools]
    common = Counter(word for vocabulary in vocabularies for word in vocabulary)
    scores: dict[int, int] = {}
    for at, (tool, vocabulary) in enumerate(zip(tools, vocabularies, strict=True)):
        # A word that every tool knows tells nothing about which one is meant.
        shared = {word for word in vocabulary & said if common[word] < len(tools) or len(tools) == 1}
        name = " ".join(name_words(tool.name))
        named = bool(name) and (tool.name.casefold() in text.casefold() or f" {name} " in f" {spoken} ")
        scores[at] = 100 * named + len(shared) + 2 * len(shared & {stem(word) for word in name_words(tool.name)})
    named_ones = [at for at, score in scores.items() if score >= 100]
    best = named_ones or [at for at, score in scores.items() if score]
    return [tools[at] for at in sorted(best, key=lambda at: -scores[at])]


def _vocabulary(tool: _Tool) -> set[str]:
    named = {stem(word) for word in name_words(tool.name) if word not in TOOL_STOPWORDS}
    return named | {word for word in terms(tool.description, TOOL_STOPWORDS) if len(word) > 2}


def _call(tool: _Tool) -> ToolCall:
    parameters = {} if tool.parameters is None else tool.parameters
    if not isinstance(parameters, dict) or parameters.get("type", "object") != "object":
        raise OfflineError(f"the parameters of tool {tool.name!r} must be a schema of type object", param="tools")
    try:
        arguments = sample({**parameters, "type": "object"}, tool.name)
    except SchemaError as error:
        raise OfflineError(f"the parameters of tool {tool.name!r} have no sample: {error}", param="tools") from error
    return ToolCall(tool.name, to_json(arguments))
