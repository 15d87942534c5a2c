"""Anthropic's Messages format: OpenAI chat requests in, `chat.completion` answers out.

Instructions become `system`, tool messages become `tool_result` blocks, a wanted JSON answer becomes a forced tool.
What Anthropic has no word for is refused by name, unless leaving it out changes no answer.
"""

from __future__ import annotations

from typing import Any, Dict, Mapping, Optional

from ..exceptions import ValidationError
from .anthropic_messages import translated_messages
from .anthropic_reply import ANSWER_TOOL, AnthropicEvents, AnthropicStream, completion
from .dialect import Dialect, ProviderCall, StreamReader, Target, as_list, key_text, secrets

__all__ = ["ANTHROPIC_VERSION", "DEFAULT_MAX_TOKENS", "AnthropicDialect"]

ANTHROPIC_VERSION = "2023-06-01"
DEFAULT_MAX_TOKENS = 4096
"""Anthropic requires a limit: this one is sent when the caller gives none; what thinking may use is added to it."""

_MAX_TEMPERATURE = 1.0
# Translated below, or only about how OpenAI keeps and schedules a request: none of these is sent as it is.
_CONSUMED = frozenset({
    "model", "messages", "max_tokens", "max_completion_tokens", "temperature", "stop", "tools", "tool_choice", "user",
    "parallel_tool_calls", "response_format", "stream_options", "n", "metadata", "seed", "store", "service_tier",
    "prompt_cache_key", "prompt_cache_retention", "safety_identifier", "modalities", "reasoning_effort",
})  # fmt: skip
_REFUSED = (
    "audio", "frequency_penalty", "function_call", "functions", "logit_bias", "logprobs", "prediction",
    "presence_penalty", "top_logprobs", "verbosity", "web_search_options",
)  # fmt: skip


class AnthropicDialect(Dialect):
    """The Messages API of Anthropic."""

    def chat(self, body: Mapping[str, Any], target: Target) -> ProviderCall:
        return ProviderCall(
            "POST",
            f"{target.base_url}/v1/messages",
            _headers(target),
            json=to_anthropic(body, target.model),
            secrets=secrets(target),
        )

    def read_chat(self, answer: Any, body: Mapping[str, Any], *, created: int = 0) -> Dict[str, Any]:
        found = self._object(answer)
        as_list(self.spec, found, "content")
        return completion(self.spec, found, wants_json=_wanted_schema(body) is not None, created=created)

    def stream(self, body: Mapping[str, Any], *, created: int = 0) -> StreamReader:
        options = body.get("stream_options")
        usage = bool(isinstance(options, Mapping) and options.get("include_usage"))
        return AnthropicStream(self.spec, wants_json=_wanted_schema(body) is not None, usage=usage, created=created)

    def message(self, body: Mapping[str, Any], target: Target) -> ProviderCall:
        """The call for a request that is in Anthropic's own format already."""
        asked = {**body, "model": target.model}
        return ProviderCall(
            "POST", f"{target.base_url}/v1/messages", _headers(target), json=asked, secrets=secrets(target)
        )

    def message_stream(self) -> StreamReader:
        """A reader for the stream that answers such a request: the events stay as they are."""
        return AnthropicEvents(self.spec)

    def models(self, target: Target) -> ProviderCall:
        url = f"{target.base_url}/v1/models?limit=1000"
        return ProviderCall("GET", url, _headers(target), secrets=secrets(target))

    def read_models(self, answer: Any) -> Dict[str, Any]:
        listed = as_list(self.spec, self._object(answer), "data")
        entries = [each for each in listed if isinstance(each, dict) and isinstance(each.get("id"), str)]
        return {
            "object": "list",
            "data": [{**each, "object": "model", "owned_by": self.spec.name} for each in entries],
        }


def _headers(target: Target) -> Dict[str, str]:
    key = {"x-api-key": key_text(target)} if target.key else {}
    return {"anthropic-version": ANTHROPIC_VERSION, **key}


def to_anthropic(body: Mapping[str, Any], model: str) -> Dict[str, Any]:
    """The Messages request that says the same as an OpenAI chat request; members that OpenAI does not know are kept."""
    _refuse(body)
    system, messages = translated_messages(body.get("messages"))
    request: Dict[str, Any] = {"model": model, "max_tokens": _limit(body), "messages": messages}
    if system is not None:
        request["system"] = system
    request.update({name: value for name, value in body.items() if name not in _CONSUMED | set(_REFUSED)})
    # No thinking together with a temperature: Anthropic takes only its own default then.
    if body.get("temperature") is not None and not _thinks(body):
        request["temperature"] = min(body["temperature"], _MAX_TEMPERATURE)
    if body.get("stop"):
        request["stop_sequences"] = [body["stop"]] if isinstance(body["stop"], str) else list(body["stop"])
    if body.get("user"):
        request["metadata"] = {"user_id": body["user"]}
    request.update(_tools(body))
    return {name: value for name, value in request.items() if value is not None}


def _refuse(body: Mapping[str, Any]) -> None:
    for name in _REFUSED:
        if body.get(name):
            raise ValidationError(f"Anthropic has no {name}: leave it out for Claude models", param=name)
    if body.get("n") not in (None, 1):
        raise ValidationError("Anthropic gives one answer to a call: n must be 1", param="n")
    if body.get("reasoning_effort") not in (None, "none"):
        raise ValidationError(
            "Claude models take thinking={'type': 'enabled', 'budget_tokens': ...} instead of reasoning_effort",
            param="reasoning_effort",
        )
    if list(body.get("modalities") or ["text"]) != ["text"]:
        raise ValidationError("Claude models answer with text only", param="modalities")


def _thinks(body: Mapping[str, Any]) -> bool:
    thinking = body.get("thinking")
    return isinstance(thinking, Mapping) and thinking.get("type") != "disabled"


def _limit(body: Mapping[str, Any]) -> int:
    for name in ("max_completion_tokens", "max_tokens"):
        if body.get(name) is not None:
            return int(body[name])
    budget = body["thinking"].get("budget_tokens") if _thinks(body) else None
    return DEFAULT_MAX_TOKENS + (budget if isinstance(budget, int) else 0)


def _wanted_schema(body: Mapping[str, Any]) -> Optional[Dict[str, Any]]:
    """The JSON schema that the answer must have; None when a text is wanted."""
    wanted = body.get("response_format")
    kind = wanted.get("type") if isinstance(wanted, Mapping) else None
    if wanted is None or kind == "text":
        return None
    if kind == "json_object":
        return {"type": "object"}
    found = wanted.get("json_schema") if isinstance(wanted, Mapping) else None
    schema = found.get("schema") if isinstance(found, Mapping) else None
    if kind != "json_schema" or not isinstance(schema, Mapping) or schema.get("type") != "object":
        raise ValidationError(
            "for Anthropic response_format must be text, json_object, or json_schema with a schema of type object",
            param="response_format",
        )
    return dict(schema)


def _tools(body: Mapping[str, Any]) -> Dict[str, Any]:
    schema, tools = _wanted_schema(body), body.get("tools")
    if schema is None:
        found: Dict[str, Any] = {"tools": [_tool(tool, index) for index, tool in enumerate(tools)]} if tools else {}
        choice = _choice(body, bool(tools))
        return {**found, "tool_choice": choice} if choice else found
    if tools or _thinks(body):
        raise ValidationError(
            "for Anthropic response_format is a forced tool, so it cannot be combined with tools or thinking",
            param="response_format",
        )
    told = (body["response_format"].get("json_schema") or {}).get("description")
    described = told or "Gives the answer. Call it once, with the whole answer as its input."
    tool = {"name": ANSWER_TOOL, "description": described, "input_schema": schema}
    return {"tools": [tool], "tool_choice": {"type": "tool", "name": ANSWER_TOOL, "disable_parallel_tool_use": True}}


def _tool(tool: Any, index: int) -> Dict[str, Any]:
    if isinstance(tool, Mapping) and tool.get("type", "function") != "function":
        # Anthropic's own tools, such as web search, have a type of their own.
        return dict(tool)
    function = tool.get("function") if isinstance(tool, Mapping) else None
    if not isinstance(function, Mapping) or not function.get("name"):
        raise ValidationError(f"tools[{index}] must have a function with a name", param="tools")
    found = {
        "name": function["name"],
        "input_schema": function.get("parameters") or {"type": "object", "properties": {}},
    }
    if function.get("description") is not None:
        found["description"] = function["description"]
    if function.get("strict"):
        found["strict"] = True
    if tool.get("cache_control"):
        found["cache_control"] = tool["cache_control"]
    return found


_CHOICES = {"auto": "auto", "required": "any", "none": "none"}


def _choice(body: Mapping[str, Any], has_tools: bool) -> Optional[Dict[str, Any]]:
    wanted = body.get("tool_choice")
    named = wanted.get("function") if isinstance(wanted, Mapping) else None
    if not has_tools:
        if wanted in (None, "auto", "none"):
            return None
        raise ValidationError("tool_choice needs tools to choose from", param="tool_choice")
    choice: Optional[Dict[str, Any]] = None
    if isinstance(wanted, str) and wanted in _CHOICES:
        choice = {"type": _CHOICES[wanted]}
    elif isinstance(named, Mapping) and named.get("name"):
        choice = {"type": "tool", "name": named["name"]}
    elif wanted is not None:
        raise ValidationError("tool_choice must be auto, required, none or one function", param="tool_choice")
    if body.get("parallel_tool_calls") is False and wanted != "none":
        choice = {**(choice or {"type": "auto"}), "disable_parallel_tool_use": True}
    return choice
