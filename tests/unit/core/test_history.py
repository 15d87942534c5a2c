"""What a long conversation forgets: whole turns, the oldest first, never its instructions and never its last turn."""

from __future__ import annotations

from typing import Any, Dict, List

from hypothesis import given
from hypothesis import strategies as st

from smartflow._core.history import trimmed

Turn = List[Dict[str, Any]]


def said(role: str, text: str = "x") -> Dict[str, Any]:
    return {"role": role, "content": text}


def turns(*texts: str) -> Turn:
    return [message for text in texts for message in (said("user", text), said("assistant", text))]


def test_a_conversation_within_the_limit_stays_whole() -> None:
    messages = [said("system"), *turns("a", "b")]
    assert trimmed(messages, limit=50, tokens=50) == messages
    assert trimmed(messages, limit=1000, tokens=0) == messages


def test_the_oldest_turns_go_and_the_instructions_stay() -> None:
    messages = [said("system"), *turns("a", "b", "c", "d")]
    assert trimmed(messages, limit=50, tokens=90) == [said("system"), *turns("c", "d")]


def test_the_last_turn_stays_even_when_it_is_too_long() -> None:
    assert trimmed([said("system"), *turns("a", "b" * 500)], limit=1, tokens=1000) == [
        said("system"),
        *turns("b" * 500),
    ]
    assert trimmed(turns("a" * 500), limit=1, tokens=1000) == turns("a" * 500)


def test_a_tools_result_goes_with_its_call() -> None:
    tool = [said("user"), said("assistant"), said("tool"), said("assistant")]
    assert trimmed([*tool, *tool, *turns("last")], limit=10, tokens=30) == turns("last")


one_turn = st.lists(st.sampled_from(["assistant", "tool"]), min_size=1, max_size=4).map(
    lambda roles: [said("user"), *(said(role) for role in roles)]
)


@given(st.lists(one_turn, min_size=1, max_size=6), st.integers(1, 200), st.integers(0, 200))
def test_what_stays_is_the_end_of_the_conversation_from_a_message_of_the_user_on(
    parts: List[Turn], limit: int, tokens: int
) -> None:
    messages = [said("system"), *(message for part in parts for message in part)]
    kept = trimmed(messages, limit, tokens)
    assert kept[0] == said("system")
    assert kept[1] == said("user")
    assert kept[1:] == messages[len(messages) - len(kept) + 1 :]
    assert len(kept) > len(parts[-1])
