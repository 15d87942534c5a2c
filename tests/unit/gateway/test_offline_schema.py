"""What the schema samples of the offline provider must satisfy, judged by the jsonschema library."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker  # type: ignore[import-untyped]

from smartflow.gateway.offline.errors import SchemaError
from smartflow.gateway.offline.pattern import parse
from smartflow.gateway.offline.schema_check import Document, failure
from smartflow.gateway.offline.schema_sample import sample

LINKED = {
    "$ref": "#/$defs/node",
    "$defs": {
        "node": {
            "type": "object",
            "properties": {"v": {"type": "integer"}, "next": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]}},
            "required": ["v", "next"],
            "additionalProperties": False,
        }
    },
}
TREE = {
    "$ref": "#/$defs/tree",
    "$defs": {
        "tree": {
            "anyOf": [
                {
                    "type": "object",
                    "properties": {"left": {"$ref": "#/$defs/tree"}, "right": {"$ref": "#/$defs/tree"}},
                    "required": ["left", "right"],
                },
                {"type": "object", "properties": {"leaf": {"type": "integer"}}, "required": ["leaf"]},
            ]
        }
    },
}
SATISFIABLE: list[Any] = [
    True,
    {},
    {"type": ["null", "string"]},
    {"type": "null"},
    {"const": {"a": [1, None]}},
    {"enum": [3, "x"], "type": "string"},
    {"type": "integer", "minimum": -5, "maximum": -3},
    {"type": "integer", "multipleOf": 7, "minimum": 100},
    {"type": "integer", "multipleOf": 1.5, "exclusiveMinimum": 3},
    {"type": "integer", "maximum": -10, "multipleOf": 3},
    {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
    {"type": "number", "multipleOf": 0.1, "minimum": 0.25},
    {"type": "number", "minimum": 1e300},
    {"type": "string", "maxLength": 1},
    {"type": "string", "minLength": 50, "maxLength": 50},
    {"type": "string", "pattern": r"^[A-Z]{3}-\d{4}$"},
    {"type": "string", "pattern": r"^\w+@\w+\.com$", "minLength": 30},
    {"type": "string", "pattern": r"^(?:red|green)(,(red|green))*$", "minLength": 10},
    {"type": "string", "pattern": "needle", "minLength": 20},
    {"type": "string", "format": "date-time"},
    {"type": "string", "format": "date"},
    {"type": "string", "format": "email", "minLength": 30},
    {"type": "string", "format": "email", "maxLength": 6},
    {"type": "string", "format": "uuid"},
    {"type": "string", "format": "uri", "minLength": 40},
    {"type": "array", "items": {"type": "boolean"}, "minItems": 2, "uniqueItems": True},
    {"type": "array", "items": {"type": "string", "maxLength": 1}, "minItems": 20, "uniqueItems": True},
    {"type": "array", "prefixItems": [{"type": "integer"}, {"type": "string"}], "items": False},
    {"type": "array", "contains": {"const": 5}, "items": {"type": "integer"}, "minItems": 3},
    {"type": "array", "maxItems": 0},
    {"type": "object", "minProperties": 3},
    {"type": "object", "maxProperties": 1, "properties": {"a": {}, "b": {}}},
    {
        "type": "object",
        "patternProperties": {r"^x_\d+$": {"type": "integer"}},
        "additionalProperties": False,
        "minProperties": 2,
    },
    {"type": "object", "propertyNames": {"pattern": "^[a-c]$"}, "minProperties": 3},
    {"type": "object", "dependentRequired": {"a": ["b"]}, "required": ["a"]},
    {"type": "object", "properties": {"a": {"type": "string"}, "b": False}},
    {
        "allOf": [
            {"properties": {"a": {"minimum": 3}}, "required": ["a"]},
            {"properties": {"a": {"maximum": 3, "type": "integer"}}},
        ]
    },
    {"oneOf": [{"type": "integer"}, {"type": "integer", "minimum": 10}]},
    {"anyOf": [{"type": "string", "pattern": "(?=x)y"}, {"type": "integer"}]},
    {"not": {"type": "string"}},
    {
        "type": "object",
        "properties": {"k": {"enum": ["a", "b"]}, "x": {"type": "integer"}},
        "required": ["k"],
        "if": {"properties": {"k": {"const": "a"}}},
        "then": {"required": ["x"]},
    },
    LINKED,
    TREE,
]
UNSATISFIABLE: list[tuple[Any, str]] = [
    (False, "false"),
    ({"type": "integer", "minimum": 5, "maximum": 4}, "maximum"),
    ({"type": "string", "minLength": 5, "maxLength": 2}, "maxLength"),
    ({"enum": []}, "enum"),
    ({"enum": [1], "type": "string"}, "type"),
    ({"allOf": [{"type": "string"}, {"type": "integer"}]}, "allOf"),
    ({"type": "array", "items": {"type": "boolean"}, "minItems": 3, "uniqueItems": True}, "uniqueItems"),
    ({"type": "object", "properties": {"a": {"$ref": "#"}}, "required": ["a"]}, "$ref"),
    ({"$ref": "#"}, "$ref"),
]
REFUSED: list[tuple[Any, str]] = [
    ([], "schema"),
    ({"type": "strin"}, "type"),
    ({"$ref": "https://example.com/x"}, "$ref"),
    ({"$ref": "#/$defs/missing"}, "$ref"),
    ({"type": "string", "pattern": "(?=a)b"}, "pattern"),
    ({"type": "string", "pattern": "(" * 80}, "pattern"),
    ({"type": "array", "minItems": 10**9}, "minItems"),
    ({"type": "string", "minLength": 10**9}, "minLength"),
    ({"type": "integer", "multipleOf": 0}, "multipleOf"),
    ({"type": "integer", "minimum": "x"}, "minimum"),
    ({"type": "number", "minimum": float("nan")}, "minimum"),
    ({"type": "object", "required": [{}]}, "required"),
]


def assert_satisfies(value: Any, schema: Any) -> None:
    Draft202012Validator(schema, format_checker=FormatChecker()).validate(value)


@pytest.mark.parametrize("schema", SATISFIABLE, ids=lambda schema: json.dumps(schema)[:60])
def test_a_sample_satisfies_its_schema(schema: Any) -> None:
    assert_satisfies(sample(schema), schema)


@pytest.mark.parametrize(("schema", "keyword"), UNSATISFIABLE, ids=lambda value: str(value)[:40])
def test_an_unsatisfiable_schema_is_refused_with_the_keyword(schema: Any, keyword: str) -> None:
    with pytest.raises(SchemaError) as caught:
        sample(schema)
    assert caught.value.keyword == keyword


@pytest.mark.parametrize(("schema", "keyword"), REFUSED, ids=lambda value: str(value)[:40])
def test_a_malformed_or_unsupported_schema_is_refused_with_the_keyword(schema: Any, keyword: str) -> None:
    with pytest.raises(SchemaError, match=".") as caught:
        sample(schema)
    assert caught.value.keyword == keyword


def test_a_sample_fills_optional_properties_and_names_them() -> None:
    schema = {"type": "object", "properties": {"home_town": {"type": "string"}, "days": {"type": "integer"}}}
    assert sample(schema) == {"home_town": "offline home town", "days": 1}


def test_an_example_of_the_author_is_preferred_when_it_fits() -> None:
    assert sample({"type": "string", "examples": [5, "Paris"], "default": "Rome"}) == "Paris"


def test_an_optional_property_that_cannot_be_sampled_is_left_out() -> None:
    assert sample(
        {"type": "object", "properties": {"a": {"pattern": "(?=x)", "type": "string"}, "b": {"const": 1}}}
    ) == {"b": 1}


def test_a_schema_that_multiplies_its_references_is_refused_soon() -> None:
    chain = {f"a{at}": {"allOf": [{"$ref": f"#/$defs/a{at + 1}"}] * 2} for at in range(60)}
    with pytest.raises(SchemaError):
        sample({"$ref": "#/$defs/a0", "$defs": {**chain, "a60": {"type": "string"}}})


def test_a_default_against_a_catastrophic_pattern_is_judged_without_backtracking() -> None:
    schema = {"type": "string", "pattern": "^(a+)+$", "default": "a" * 60 + "!"}
    assert set(sample(schema)) == {"a"}


def test_a_schema_nested_too_deeply_is_refused() -> None:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(3_000):
        schema = {"type": "array", "items": schema}
    with pytest.raises(ValueError, match="nested deeper"):
        sample(schema)


_SCALARS = st.one_of(
    st.builds(
        lambda low, width, step: {"type": "integer", "minimum": low, "maximum": low + width * step, "multipleOf": step},
        st.integers(-1000, 1000),
        st.integers(1, 5),
        st.integers(1, 50),
    ),
    st.builds(
        lambda low, width: {"type": "number", "exclusiveMinimum": low, "maximum": low + width},
        st.integers(-9, 9),
        st.floats(0.01, 9),
    ),
    st.builds(
        lambda low, more: {"type": "string", "minLength": low, "maxLength": low + more},
        st.integers(0, 40),
        st.integers(0, 9),
    ),
    st.sampled_from(["date", "date-time", "email", "uuid", "uri"]).map(lambda name: {"type": "string", "format": name}),
    st.lists(st.integers(), min_size=1, max_size=4).map(lambda values: {"enum": values}),
    st.just({"type": "boolean"}),
    st.just({"type": "null"}),
)


def _nested(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    names = st.sampled_from(["a", "b", "name", "id"])
    members = st.dictionaries(names, inner, max_size=3)
    return st.one_of(
        st.builds(lambda item, least: {"type": "array", "items": item, "minItems": least}, inner, st.integers(0, 3)),
        st.builds(
            lambda found, closed: {
                "type": "object",
                "properties": found,
                "required": sorted(found)[:2],
                "additionalProperties": closed,
            },
            members,
            st.booleans(),
        ),
        st.lists(inner, min_size=1, max_size=3).map(lambda options: {"anyOf": options}),
        inner.map(lambda schema: {"allOf": [schema, {"description": "same"}]}),
        inner.map(
            lambda schema: {"$ref": "#/$defs/x", "$defs": {"x": schema}} if "$ref" not in json.dumps(schema) else schema
        ),
    )


@settings(max_examples=150, deadline=None, derandomize=True, database=None)
@given(
    st.recursive(_SCALARS, _nested, max_leaves=8).filter(
        lambda schema: '"$ref"' not in json.dumps(schema) or "$ref" in schema
    )
)
def test_any_satisfiable_schema_gets_a_sample_that_satisfies_it(schema: Any) -> None:
    assert_satisfies(sample(schema), schema)


@settings(max_examples=200, deadline=None, derandomize=True, database=None)
@given(_SCALARS, st.one_of(st.none(), st.booleans(), st.integers(-1000, 1000), st.floats(-9, 9), st.text(max_size=50)))
def test_the_check_agrees_with_jsonschema(schema: dict[str, Any], value: Any) -> None:
    schema = {key: inner for key, inner in schema.items() if key != "format"}
    ours = failure(value, schema, Document(schema)) is None
    assert ours == Draft202012Validator(schema).is_valid(value)


@pytest.mark.parametrize(
    ("pattern", "yes", "no"),
    [
        (r"^a{2,3}$", "aaa", "aaaa"),
        (r"b+c?", "xxbx", "ac"),
        (r"^[^a-c\d]$", "z", "b"),
        (r"^(x|yz)*\$$", "xyzx$", "xy$"),
        (r"^\x41\u0042[-_]$", "AB-", "ABC"),
    ],
)
def test_a_pattern_matches_as_regular_expressions_do(pattern: str, yes: str, no: str) -> None:
    parsed = parse(pattern)
    assert parsed.matches(yes)
    assert not parsed.matches(no)
    assert parsed.matches(parsed.sample(1))
