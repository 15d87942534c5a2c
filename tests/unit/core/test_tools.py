"""Tools of agents: schemas from signatures, and arguments that a model wrote."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import Any, Dict, List, Literal, Optional, TypedDict

import pytest

from smartflow import ConfigError, ValidationError
from smartflow._core.tools import AgentTool, tools_of


class Unit(enum.Enum):
    CELSIUS = "celsius"
    KELVIN = "kelvin"


@dataclass
class Place:
    city: str
    tags: List[str] = field(default_factory=list)


class Range(TypedDict):
    low: float
    high: float


def forecast(
    place: Place,
    days: int = 1,
    unit: Unit = Unit.CELSIUS,
    kind: Literal["rain", "sun"] = "sun",
    between: Optional[Range] = None,
) -> Dict[str, Any]:
    """Tell the weather
    of the next days.

    Args:
        place: Where,
            with its tags.
        days (int): How many days.
    """
    return {"place": place, "days": days, "unit": unit, "kind": kind, "between": between}


def only(function: Any) -> AgentTool:
    (tool,) = tools_of([function]).values()
    return tool


def test_a_tool_is_described_by_its_signature_and_docstring() -> None:
    function = only(forecast).to_wire()["function"]
    assert function["name"] == "forecast"
    assert function["description"] == "Tell the weather of the next days."
    schema = function["parameters"]
    assert schema["required"] == ["place"]
    assert schema["additionalProperties"] is False
    assert schema["properties"]["place"] == {
        "type": "object",
        "properties": {"city": {"type": "string"}, "tags": {"type": "array", "items": {"type": "string"}}},
        "required": ["city"],
        "additionalProperties": False,
        "description": "Where, with its tags.",
    }
    assert schema["properties"]["days"] == {"type": "integer", "description": "How many days."}
    assert schema["properties"]["unit"] == {"enum": ["celsius", "kelvin"]}
    assert schema["properties"]["kind"] == {"enum": ["rain", "sun"]}
    assert schema["properties"]["between"]["anyOf"][1] == {"type": "null"}


def test_the_arguments_arrive_as_the_annotated_types() -> None:
    text = '{"place": {"city": "Paris", "tags": ["x"]}, "unit": "kelvin", "between": {"low": 1, "high": 2.5}}'
    arguments = only(forecast).arguments_of(text)
    assert arguments == {"place": Place("Paris", ["x"]), "unit": Unit.KELVIN, "between": {"low": 1.0, "high": 2.5}}
    assert forecast(**arguments)["days"] == 1


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("{", "no JSON"),
        ("[]", "must be an object"),
        ("{}", r"missing \['place'\]"),
        ('{"place": {"city": "Paris"}, "sky": 1}', r"unknown \['sky'\]"),
        ('{"place": {"city": 7}}', r"place\.city must be string, not int 7"),
        ('{"place": {"city": "Paris", "tags": ["a", null]}}', r"place\.tags\[1\] must be string, not null"),
        ('{"place": {}}', r"place: missing \['city'\]"),
        ('{"place": {"city": "Paris"}, "days": true}', "days must be integer"),
        ('{"place": {"city": "Paris"}, "unit": "rankine"}', "unit must be one of"),
        ('{"place": {"city": "Paris"}, "between": 3}', "between fits none of its types"),
    ],
)
def test_wrong_arguments_are_named(text: str, word: str) -> None:
    with pytest.raises(ValidationError, match=word):
        only(forecast).arguments_of(text)


def no_names(*args: str) -> str:
    return ""


def strange(value: complex) -> str:
    return ""


@pytest.mark.parametrize(
    ("tools", "word"),
    [
        ([forecast, forecast], "two tools are called 'forecast'"),
        ([no_names], "cannot be given by name"),
        ([strange], "parameter value"),
        ([lambda x: x], "must be a function with a name"),
        ([{"name": "x"}], "must be a function, or a dict"),
        ([42], "must be a function"),
    ],
)
def test_a_tool_that_cannot_work_is_refused(tools: List[Any], word: str) -> None:
    with pytest.raises(ConfigError, match=word):
        tools_of(tools)


def test_a_parameter_without_annotation_is_a_string() -> None:
    def look(word, limit: int = 3):  # type: ignore[no-untyped-def]
        return word

    assert only(look).parameters["properties"]["word"] == {"type": "string"}
    assert only(look).arguments_of('{"word": "tulip"}') == {"word": "tulip"}
