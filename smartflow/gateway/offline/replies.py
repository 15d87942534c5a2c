"""Writes what the offline provider says: always labelled, and always about the request it answers."""

from __future__ import annotations

import hashlib
from typing import Any

from smartflow.gateway.offline import media
from smartflow.gateway.offline.errors import OfflineError
from smartflow.gateway.offline.reading import messages_of, shorten, text_of, to_json
from smartflow.gateway.offline.schema_sample import sample
from smartflow.gateway.offline.toolcalls import last_user_text

_ECHO = 200


def reply_text(request: dict[str, Any], model: str, index: int = 0, number: int = 1) -> str:
    """The text of one choice: prose, or JSON when the request's `response_format` asks for it."""
    wanted = _format(request)
    if wanted == "json_schema":
        return to_json(sample(_asked_schema(request["response_format"]), "answer"))
    facts = _facts(request, model, index, number)
    return to_json(facts) if wanted == "json_object" else _prose(facts)


def _format(request: dict[str, Any]) -> str:
    asked = request.get("response_format")
    if asked is None:
        return "text"
    kind = asked.get("type") if isinstance(asked, dict) else None
    if kind not in ("text", "json_object", "json_schema"):
        raise OfflineError("response_format.type must be text, json_object or json_schema", param="response_format")
    return str(kind)


def _asked_schema(asked: dict[str, Any]) -> Any:
    described = asked.get("json_schema")
    if not isinstance(described, dict) or "schema" not in described:
        raise OfflineError(
            "response_format of type json_schema needs json_schema: {name, schema}", param="response_format"
        )
    return described["schema"]


def _facts(request: dict[str, Any], model: str, index: int, number: int) -> dict[str, Any]:
    messages = messages_of(request)
    facts: dict[str, Any] = {"offline": True, "model": model}
    if number > 1:
        facts["choice"] = f"{index + 1} of {number}"
    results = _tool_results(messages)
    if results:
        facts["tool_results"] = results
    facts["you_wrote"] = echo(last_user_text(messages))
    facts["messages"] = len(messages)
    system = "\n".join(text_of(each.get("content")) for each in messages if each["role"] in ("system", "developer"))
    if system:
        facts["system_prompt"] = echo(system, 60)
    media_seen = media.seen(messages)
    if media_seen:
        facts["media"] = media_seen
    return facts


def _prose(facts: dict[str, Any]) -> str:
    choice = f", choice {facts['choice']}" if "choice" in facts else ""
    said = [f"[offline {facts['model']}{choice}]"]
    said += ['The tool {tool} answered: "{content}".'.format(**result) for result in facts.get("tool_results", [])]
    wrote, system = facts["you_wrote"], facts.get("system_prompt")
    said.append(f'You wrote: "{wrote}".' if wrote else "You wrote no text.")
    noticed = [f"{facts['messages']} message{'s' if facts['messages'] > 1 else ''}"]
    if system:
        noticed.append(f'the system prompt "{system}"')
    noticed += facts.get("media", [])
    said.append(f"I see {', '.join(noticed)}.")
    said.append("No provider key is set, so this reply was made without a model.")
    return " ".join(said)


def _tool_results(messages: list[dict[str, Any]]) -> list[dict[str, str]]:
    """The results at the end of the conversation, oldest first, each with the name of its tool."""
    trailing: list[dict[str, Any]] = []
    for message in reversed(messages):
        if message["role"] not in ("tool", "function"):
            break
        trailing.insert(0, message)
    names = _called_names(messages) if trailing else {}
    return [
        {
            "tool": shorten(str(names.get(str(each.get("tool_call_id"))) or each.get("name") or "result"), 64),
            "content": echo(text_of(each.get("content"))),
        }
        for each in trailing
    ]


def _called_names(messages: list[dict[str, Any]]) -> dict[str, Any]:
    listed = (message.get("tool_calls") for message in messages)
    made = [call for calls in listed if isinstance(calls, list) for call in calls if isinstance(call, dict)]
    functions = {str(call.get("id")): call.get("function") for call in made}
    return {known: function.get("name") for known, function in functions.items() if isinstance(function, dict)}


def echo(text: str, limit: int = _ECHO) -> str:
    """The text on one line; a long one is cut and gets its size and fingerprint, so that no two texts read the same."""
    short = shorten(text, limit)
    if not short.endswith("…"):
        return short
    mark = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:8]
    return f"{short} ({len(text)} characters, fingerprint {mark})"
