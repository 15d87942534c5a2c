"""Templates and conditions of workflows: one pass, nested fields, and words that mean the same."""

from __future__ import annotations

from typing import Any, Dict, Optional

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartflow import ValidationError
from smartflow._core.conditions import matching_case
from smartflow._core.templates import render, variables

CONTEXT: Dict[str, Any] = {
    "input": "tulips",
    "step-1": {"output": {"items": ["a", {"n": 2}]}},
    "none": None,
    "flag": True,
}


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("Say {input}!", "Say tulips!"),
        ("{input}{input}", "tulipstulips"),
        ("{step-1.output.items.1.n}", "2"),
        ("{step-1.output.items.0}", "a"),
        ("{step-1.output.items}", '["a", {"n": 2}]'),
        ("[{none}] {flag}", "[] true"),
        ('{"a": {"b": 1}} {} { input } {0}', '{"a": {"b": 1}} {} { input } {0}'),
        ("{{input}} {{unknown}}", "{input} {unknown}"),
        ("", ""),
    ],
)
def test_a_template_is_filled(template: str, text: str) -> None:
    assert render(template, CONTEXT) == text


@given(st.text(alphabet="{}inputoe.xd "))
def test_what_is_put_in_is_never_read_again(data: str) -> None:
    assert render("<{input}|{other}>", {"input": data, "other": data, "output": "SECRET"}) == f"<{data}|{data}>"


@pytest.mark.parametrize("template", ["{unknown}", "{input.field}", "{step-1.output.items.2}", "{none.x}"])
def test_an_unknown_variable_is_named(template: str) -> None:
    with pytest.raises(ValidationError, match=template[1:-1]):
        render(template, CONTEXT)


def test_the_error_for_an_unknown_variable_names_the_known_ones_and_the_cure() -> None:
    with pytest.raises(ValidationError, match=r"known: flag, input, none, step-1.*\{\{json\}\}"):
        render("Answer as {json}", CONTEXT)


def test_the_variables_of_a_template_are_listed_once() -> None:
    assert variables("{b} {a.x} {b} {{c}} {'d'}") == ["b", "a.x"]


CASES = {"billing": 1, "Technical Support": 2, "true": 3}


@pytest.mark.parametrize(
    ("value", "case"),
    [
        ("billing", "billing"),
        (" Billing.\n", "billing"),
        ("**BILLING**", "billing"),
        ("technical  support", "Technical Support"),
        ("This is a billing question.", "billing"),
        ("billing or technical support", None),
        ("rebilling", None),
        ("weather", None),
        ("", None),
        (None, None),
        (True, "true"),
    ],
)
def test_a_value_finds_its_case(value: Any, case: Optional[str]) -> None:
    assert matching_case(value, CASES) == case


def test_an_equal_case_wins_over_one_that_differs_in_form() -> None:
    assert matching_case("A", {"a": 1, "A": 2}) == "A"


def test_a_case_without_words_is_in_no_text() -> None:
    assert matching_case("anything", {"?": 1, "": 2}) is None
