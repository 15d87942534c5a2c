"""Translates an Anthropic messages request into the chat request that the offline answers are made from."""

from __future__ import annotations

from typing import Any

from smartflow.gateway.offline.errors import OfflineError
from smartflow.gateway.offline.reading import messages_of, parts, text_of, to_json

DEFAULT_MODEL = "claude-sonnet-4-6"
_CHOICES = {"auto": "auto", "any": "required", "none": "none"}


def to_chat(request: dict[str, Any]) -> dict[str, Any]:
    """The chat request that says the same; members with another meaning are left out."""
    messages = [translated for message in messages_of(request) for translated in _message(message)]
    system = request.get("system")
    if system:
        messages.insert(0, {"role": "system", "content": text_of(system)})
    chat: dict[str, Any] = {"model": request.get("model") or DEFAULT_MODEL, "messages": messages}
    for ours, theirs in (("max_tokens", "max_tokens"), ("stop_sequences", "stop")):
        if request.get(ours) is not None:
            chat[theirs] = request[ours]
    return {**chat, **_tools(request), **_format(request)}


def _message(message: dict[str, Any]) -> list[dict[str, Any]]:
    results: list[dict[str, Any]] = []
    content: list[dict[str, Any]] = []
    calls: list[dict[str, Any]] = []
    for block in parts(message.get("content")):
        kind = block.get("type")
        if kind == "tool_result":
            results.append(
                {"role": "tool", "tool_call_id": block.get("tool_use_id"), "content": _plain(block.get("content"))}
            )
        elif kind == "tool_use":
            function = {"name": block.get("name"), "arguments": to_json(block.get("input"))}
            calls.append({"id": block.get("id"), "type": "function", "function": function})
        elif kind == "image":
            content.append(_image(block))
        elif kind in ("text", "document"):
            content.append(block)
    told: list[dict[str, Any]] = []
    if content or calls or not results:
        told.append({"role": message["role"], "content": content, **({"tool_calls": calls} if calls else {})})
    # Results last, whatever text stands beside them: the answer to a result is final.
    return told + results


def _plain(content: Any) -> str:
    return text_of(content) or (to_json(content) if content else "")


def _image(block: dict[str, Any]) -> dict[str, Any]:
    source = block.get("source")
    if not isinstance(source, dict):
        raise OfflineError(
            "an image block needs a source: {type, media_type, data} or {type: url, url}", param="messages"
        )
    url = source.get("url") or source.get("file_id")
    if url is None:
        url = f"data:{source.get('media_type')};base64,{source.get('data')}"
    return {"type": "image_url", "image_url": {"url": url}}


def _tools(request: dict[str, Any]) -> dict[str, Any]:
    tools = request.get("tools")
    if tools is None:
        return {}
    if not isinstance(tools, list) or not all(isinstance(tool, dict) for tool in tools):
        raise OfflineError("tools must be a list of objects", param="tools")
    chat: dict[str, Any] = {"tools": [_tool(tool) for tool in tools if tool.get("type", "custom") == "custom"]}
    choice = request.get("tool_choice")
    if choice is None:
        return chat
    kind = choice.get("type") if isinstance(choice, dict) else None
    if kind == "tool":
        chat["tool_choice"] = {"type": "function", "function": {"name": choice.get("name")}}
    elif isinstance(kind, str) and kind in _CHOICES:
        chat["tool_choice"] = _CHOICES[kind]
    else:
        raise OfflineError("tool_choice.type must be auto, any, tool or none", param="tool_choice")
    if choice.get("disable_parallel_tool_use") is True:
        chat["parallel_tool_calls"] = False
    return chat


def _tool(tool: dict[str, Any]) -> dict[str, Any]:
    if not isinstance(tool.get("name"), str) or "input_schema" not in tool:
        raise OfflineError("each tool needs a name and an input_schema", param="tools")
    function = {"name": tool["name"], "description": tool.get("description"), "parameters": tool["input_schema"]}
    return {"type": "function", "function": function}


def _format(request: dict[str, Any]) -> dict[str, Any]:
    config = request.get("output_config")
    wanted = config.get("format") if isinstance(config, dict) else None
    if not isinstance(wanted, dict) or wanted.get("type") != "json_schema":
        return {}
    schema = {"name": "answer", "schema": wanted.get("schema")}
    return {"response_format": {"type": "json_schema", "json_schema": schema}}
