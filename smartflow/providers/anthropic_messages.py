"""Translates the messages of an OpenAI chat request into those of Anthropic. What cannot be said there is refused."""

from __future__ import annotations

import json
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple, Union

from ..exceptions import ValidationError

__all__ = ["translated_messages"]

Block = Dict[str, Any]
_NATIVE = frozenset({"image", "document", "search_result", "tool_use", "tool_result", "thinking", "redacted_thinking"})


def translated_messages(messages: Any) -> Tuple[Union[str, List[Block], None], List[Dict[str, Any]]]:
    """The `system` prompt and the turns. Instructions from any place of the conversation go into `system`, in order."""
    if not isinstance(messages, Sequence) or isinstance(messages, (str, bytes)):
        raise ValidationError("messages must be a list of objects with role and content", param="messages")
    system: List[Block] = []
    turns: List[Dict[str, Any]] = []
    results: Optional[List[Block]] = None
    for position, message in enumerate(messages):
        where = f"messages[{position}]"
        if not isinstance(message, Mapping):
            raise ValidationError(f"{where} must be an object with role and content", param="messages")
        role = message.get("role")
        if role in ("tool", "function"):
            if results is None:
                results = []
                turns.append({"role": "user", "content": results})
            results.append(_result(message, where))
            continue
        if role in ("system", "developer"):
            system += _blocks(message.get("content"), where)
            continue
        results = None
        turns += _turn(role, message, where)
    return _joined(system), turns


def _turn(role: Any, message: Mapping[str, Any], where: str) -> List[Dict[str, Any]]:
    if role == "assistant":
        content = _assistant(message, where)
        # An empty turn says nothing, and Anthropic refuses it.
        return [{"role": "assistant", "content": content}] if content else []
    if role != "user":
        raise ValidationError(
            f"{where} has the role {role!r}; known are system, developer, user, assistant and tool", param="messages"
        )
    blocks = _blocks(message.get("content"), where)
    if not blocks:
        raise ValidationError(f"{where} is empty, which Anthropic refuses", param="messages")
    return [{"role": "user", "content": _short(blocks, message.get("content"))}]


def _assistant(message: Mapping[str, Any], where: str) -> Union[str, List[Block]]:
    blocks: List[Block] = [dict(block) for block in message.get("thinking_blocks") or ()]
    blocks += _blocks(message.get("content"), where)
    for index, call in enumerate(message.get("tool_calls") or ()):
        blocks.append(_tool_use(call, f"{where}.tool_calls[{index}]"))
    if message.get("refusal") and not blocks:
        blocks.append({"type": "text", "text": message["refusal"]})
    return _short(blocks, message.get("content"))


def _short(blocks: List[Block], content: Any) -> Union[str, List[Block]]:
    """A plain text stays a plain text."""
    return content if isinstance(content, str) and len(blocks) == 1 and blocks[0]["type"] == "text" else blocks


def _joined(system: List[Block]) -> Union[str, List[Block], None]:
    if not system:
        return None
    return system[0]["text"] if len(system) == 1 and set(system[0]) == {"type", "text"} else system


def _tool_use(call: Any, where: str) -> Block:
    function = call.get("function") if isinstance(call, Mapping) else None
    if not isinstance(function, Mapping) or not function.get("name"):
        raise ValidationError(f"{where} must be a function call with a name", param="messages")
    arguments = function.get("arguments")
    try:
        value = json.loads(arguments) if isinstance(arguments, str) and arguments.strip() else arguments or {}
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, Mapping):
        raise ValidationError(f"{where}: the arguments must be a JSON object", param="messages")
    return {"type": "tool_use", "id": call.get("id") or "", "name": function["name"], "input": dict(value)}


def _result(message: Mapping[str, Any], where: str) -> Block:
    identity = message.get("tool_call_id")
    if not identity:
        raise ValidationError(f"{where} needs the tool_call_id of the call that it answers", param="messages")
    content = message.get("content")
    found: Block = {"type": "tool_result", "tool_use_id": identity}
    found["content"] = content if isinstance(content, str) else _blocks(content, where)
    for name in ("is_error", "cache_control"):
        if message.get(name) is not None:
            found[name] = message[name]
    return found


def _blocks(content: Any, where: str) -> List[Block]:
    if content is None:
        return []
    if isinstance(content, str):
        return [{"type": "text", "text": content}] if content else []
    if not isinstance(content, Sequence):
        raise ValidationError(f"{where}.content must be a text or a list of parts", param="messages")
    blocks = [_part(part, f"{where}.content[{index}]") for index, part in enumerate(content)]
    return [block for block in blocks if block.get("type") != "text" or block.get("text")]


def _part(part: Any, where: str) -> Block:
    if isinstance(part, str):
        return {"type": "text", "text": part}
    kind = part.get("type") if isinstance(part, Mapping) else None
    if kind in ("text", "refusal"):
        block = {"type": "text", "text": part.get(kind)}
        if not isinstance(block["text"], str):
            raise ValidationError(f"{where} needs a text", param="messages")
    elif kind == "image_url":
        block = {"type": "image", "source": _image_source(part, where)}
    elif kind == "file":
        block = _document(part, where)
    elif kind in _NATIVE:
        return dict(part)
    else:
        raise ValidationError(f"{where}: Anthropic cannot take a part of type {kind!r}", param="messages")
    return {**block, "cache_control": part["cache_control"]} if part.get("cache_control") else block


def _image_source(part: Mapping[str, Any], where: str) -> Block:
    image = part.get("image_url")
    url = image.get("url") if isinstance(image, Mapping) else image
    if isinstance(url, str) and url.startswith("data:"):
        return _base64(url, where)
    if not isinstance(url, str) or not url.startswith(("http://", "https://")):
        raise ValidationError(f"{where}: image_url must be a data:, http: or https: URL", param="messages")
    return {"type": "url", "url": url}


def _document(part: Mapping[str, Any], where: str) -> Block:
    file = part.get("file")
    data = file.get("file_data") if isinstance(file, Mapping) else None
    if not isinstance(data, str) or not data.startswith("data:"):
        raise ValidationError(
            f"{where}: for Anthropic a file must be given as file_data, a data: URL", param="messages"
        )
    title = {"title": file["filename"]} if isinstance(file, Mapping) and file.get("filename") else {}
    return {"type": "document", "source": _base64(data, where), **title}


def _base64(url: str, where: str) -> Block:
    head, comma, data = url[5:].partition(",")
    media_type, *options = head.split(";")
    if not comma or not media_type or "base64" not in options:
        raise ValidationError(f"{where}: a data: URL must be data:TYPE;base64,DATA", param="messages")
    return {"type": "base64", "media_type": media_type, "data": data}
