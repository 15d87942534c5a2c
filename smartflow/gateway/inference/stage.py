"""How far a conversation is, read from the messages of a request: `conversation_stage` of the audit log."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

GREETING, OPENING, FOLLOW_UP, ANALYSIS, CLOSING = "greeting", "opening", "follow_up", "analysis", "closing"
_MOST_WORDS = 4
"""A longer text says more than hello or goodbye."""
_HELLO = frozenset(
    "hello hi hey greetings hallo servus moin bonjour salut hola buenas ciao salve olá oi good guten".split()
)
_GOODBYE = frozenset(
    "bye goodbye thanks thank thx cheers danke tschüss merci adieu gracias adiós grazie obrigado obrigada".split()
)
_DAYTIME = frozenset("morning afternoon evening day tag morgen abend".split())
_WORD = re.compile(r"[^\W\d_]+")


def stage_of(request: Mapping[str, Any]) -> str | None:
    """The stage of a chat or message request; None where there is no conversation."""
    messages = request.get("messages")
    turns = [each for each in messages if isinstance(each, Mapping)] if isinstance(messages, list) else []
    asked = [each for each in turns if each.get("role") == "user" and not _is_result(each)]
    if not asked:
        return None
    last = turns[-1]
    if last.get("role") in ("tool", "function") or _is_result(last):
        return ANALYSIS
    words = _words(asked[-1])
    if words and len(words) <= _MOST_WORDS:
        if len(asked) > 1 and words[0] in _GOODBYE:
            return CLOSING
        if len(asked) == 1 and _greets(words):
            return GREETING
    return OPENING if len(asked) == 1 else FOLLOW_UP


def _greets(words: list[str]) -> bool:
    return words[0] in _HELLO and (words[0] not in ("good", "guten") or (len(words) > 1 and words[1] in _DAYTIME))


def _is_result(message: Mapping[str, Any]) -> bool:
    """Anthropic's tool results come in the name of the user."""
    content = message.get("content")
    parts = content if isinstance(content, list) else []
    return any(isinstance(part, Mapping) and part.get("type") == "tool_result" for part in parts)


def _words(message: Mapping[str, Any]) -> list[str]:
    content = message.get("content")
    if isinstance(content, list):
        content = " ".join(str(part.get("text") or "") for part in content if isinstance(part, Mapping))
    # Its beginning tells how long it is.
    return _WORD.findall(content[:200].lower()) if isinstance(content, str) else []
