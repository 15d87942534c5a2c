"""Which messages of a long conversation are kept."""

from __future__ import annotations

import json
from typing import Any, Dict, List, Mapping, Sequence

__all__ = ["LETTERS_PER_TOKEN", "letters_of", "trimmed"]

LETTERS_PER_TOKEN = 4
_INSTRUCTIONS = ("system", "developer")


def trimmed(messages: Sequence[Dict[str, Any]], limit: int, tokens: int) -> List[Dict[str, Any]]:
    """The messages without their oldest turns, so that about `limit` tokens stay.

    Whole turns go, from one message of the user to the next, so that no tool's result loses its call. Instructions and
    the last turn always stay.

    Args:
        messages: The conversation.
        limit: Tokens to keep at most.
        tokens: What the provider counted for all messages; 0 when it did not say, then four letters are a token.
    """
    sizes = [letters_of(message) for message in messages]
    whole = sum(sizes)
    allowed = limit * whole / tokens if tokens > 0 else float(limit * LETTERS_PER_TOKEN)
    if whole <= allowed:
        return list(messages)
    first = next((at for at, message in enumerate(messages) if message["role"] not in _INSTRUCTIONS), len(messages))
    starts = [at for at, message in enumerate(messages) if message["role"] == "user" and at > first]
    fixed = sum(sizes[:first])
    kept = next((at for at in starts if fixed + sum(sizes[at:]) <= allowed), starts[-1] if starts else first)
    return [*messages[:first], *messages[kept:]]


def letters_of(message: Mapping[str, Any]) -> int:
    """Letters of a message as it is sent; they tell how its tokens compare with those of the others."""
    return len(json.dumps(message, ensure_ascii=False, default=str))
