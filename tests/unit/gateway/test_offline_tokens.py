"""What the offline provider's token counts must be."""

from __future__ import annotations

import pytest

from smartflow.gateway.offline import tokens
from smartflow.gateway.offline.errors import OfflineError


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("gpt-4o", "o200k_base"),
        ("gpt-4.1-mini", "o200k_base"),
        ("openai/gpt-5.4", "o200k_base"),
        ("claude-sonnet-4-6", "o200k_base"),
        ("gpt-4", "cl100k_base"),
        ("azure/gpt-4-turbo", "cl100k_base"),
        ("gpt-3.5-turbo", "cl100k_base"),
        ("text-embedding-3-small", "cl100k_base"),
    ],
)
def test_a_model_is_counted_with_its_encoding(model: str, name: str) -> None:
    assert tokens.encoding_name(model) == name


def test_token_ids_are_those_of_the_published_tables() -> None:
    assert tokens.encode("hello world", "gpt-4") == [15339, 1917]
    assert tokens.encode("hello world", "gpt-4o") == [24912, 2375]


def test_a_chat_counts_three_tokens_for_each_message_and_three_for_the_reply() -> None:
    assert tokens.count_messages([{"role": "user", "content": "hello world"}], None, "gpt-4") == 3 + 3 + 1 + 2


def test_tools_names_and_calls_cost_tokens() -> None:
    plain = [{"role": "user", "content": "hi"}]
    named = [{"role": "user", "content": "hi", "name": "bob"}]
    calling = [{"role": "user", "content": "hi", "tool_calls": [{"id": "x"}]}]
    base = tokens.count_messages(plain, None, "gpt-4o")
    assert tokens.count_messages(named, None, "gpt-4o") > base
    assert tokens.count_messages(calling, None, "gpt-4o") > base
    assert tokens.count_messages(plain, [{"type": "function"}], "gpt-4o") > base


@pytest.mark.parametrize(("detail", "cost"), [("low", 85), ("high", 765), (None, 765)])
def test_an_image_costs_a_fixed_number_of_tokens(detail: str | None, cost: int) -> None:
    image = {"type": "image_url", "image_url": {"url": "https://example.com/a.png", "detail": detail}}
    empty = tokens.count_messages([{"role": "user", "content": []}], None, "gpt-4o")
    assert tokens.count_messages([{"role": "user", "content": [image]}], None, "gpt-4o") == empty + cost


def test_special_token_text_counts_as_plain_text() -> None:
    assert tokens.count_text("<|endoftext|>", "gpt-4o") > 1


@pytest.mark.parametrize("text", ["a" * 1_000_000, " " * 1_000_000, "中" * 300_000, "!" * 500_000, "a b " * 300_000])
@pytest.mark.timeout(30)
def test_huge_texts_are_counted(text: str) -> None:
    assert 0 < tokens.count_text(text, "gpt-4") <= len(text) * 3


def test_lone_surrogates_are_counted() -> None:
    assert tokens.count_text("a\ud800b", "gpt-4o") == tokens.count_text("a\ufffdb", "gpt-4o")


def test_pieces_join_to_the_text_and_split_no_character() -> None:
    text = "🦄 is a unicorn, 猫 and 𒀀 are not <|endoftext|>"
    found = tokens.pieces(text, "gpt-4o")
    assert "".join(found) == text
    assert len(found) > 5
    assert not any("\ufffd" in piece for piece in found)


def test_a_cut_text_has_at_most_the_tokens_asked_for_and_no_broken_character() -> None:
    text = "🦄🦄🦄 and more"
    for limit in range(12):
        cut, was_cut = tokens.truncate(text, "gpt-4", limit)
        assert text.startswith(cut)
        assert tokens.count_text(cut, "gpt-4") <= limit
        assert was_cut == (cut != text)


def test_token_ids_read_back_as_text() -> None:
    assert tokens.decode(tokens.encode("hello world", "gpt-4"), "gpt-4") == "hello world"


@pytest.mark.parametrize("token", [-1, 10**9, 100_256])
def test_an_unknown_token_id_is_refused(token: int) -> None:
    with pytest.raises(OfflineError, match="token id"):
        tokens.decode([token], "gpt-4")
