"""A secret shows itself only where it is revealed, and the redactor lets none through."""

from __future__ import annotations

import copy
import json
import pickle
import traceback
from typing import Any, List

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartflow._core.secrets import Secret, redact, redact_value, reveal

SECRET = Secret("hunter2-hunter2")
plain = st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="*"), min_size=1, max_size=20)


def test_a_secret_does_not_print_itself() -> None:
    shown = [str(SECRET), repr(SECRET), f"{SECRET}", f"{SECRET:>20}", f"{SECRET!r}", f"{[SECRET]}", "%s" % SECRET]  # noqa: UP031
    assert not any("hunter2" in text for text in shown)


def test_a_secret_shows_nothing_in_a_traceback_or_in_json() -> None:
    with pytest.raises(TypeError) as caught:
        json.dumps({"key": SECRET})
    assert "hunter2" not in "".join(traceback.format_exception(None, caught.value, None))


@pytest.mark.parametrize("move", [pickle.dumps, copy.copy, copy.deepcopy])
def test_a_secret_is_not_pickled(move: Any) -> None:
    with pytest.raises(TypeError, match="not pickled"):
        move(SECRET)


def test_revealing_gives_the_text() -> None:
    assert reveal(SECRET) == reveal("hunter2-hunter2") == "hunter2-hunter2"


def test_secrets_are_equal_by_their_text_and_only_to_secrets() -> None:
    assert Secret("a") == Secret("a") != Secret("b")
    assert len({Secret("a"), Secret("a"), Secret("b")}) == 2
    assert Secret("a") != "a"
    assert not Secret("")


@given(st.lists(plain, min_size=1, max_size=4), st.text(max_size=20))
def test_no_secret_survives_in_a_text(secrets: List[str], between: str) -> None:
    text = between.replace("*", "").join(["", *secrets, ""])
    shown = redact(text, [Secret(secret) for secret in secrets])
    assert not any(secret in shown for secret in secrets)


def test_a_secret_that_begins_with_another_leaves_nothing_behind() -> None:
    assert redact("<abc-long-tail>", [Secret("abc"), Secret("abc-long-tail")]) == "<***>"


def test_an_empty_secret_changes_nothing() -> None:
    assert redact("text", [Secret("")]) == "text"


@pytest.mark.parametrize(
    "text",
    [
        "risk-free",
        "task-list sk-short",
        "a bearer of news",
        "http://host:7775/path",
        "user@example.com",
        "ask-for-help-now",
    ],
)
def test_plain_words_are_left_alone(text: str) -> None:
    assert redact(text) == text


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=10),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
        max_leaves=10,
    )
)
def test_a_value_without_secrets_is_copied_as_it_is(value: Any) -> None:
    assert redact_value(value, [SECRET]) == value


def test_names_and_values_of_any_depth_are_redacted() -> None:
    value = {"a": [{"hunter2-hunter2": "x hunter2-hunter2"}, 1, None]}
    assert redact_value(value, [SECRET]) == {"a": [{"***": "x ***"}, 1, None]}
    assert value == {"a": [{"hunter2-hunter2": "x hunter2-hunter2"}, 1, None]}
