"""Turns a schema with references and combinations into plain schemas, one for each way to satisfy it."""

from __future__ import annotations

from collections.abc import Iterator
from math import lcm
from typing import Any

from smartflow.gateway.offline.schema_check import (
    Document,
    Schema,
    as_schema,
    listed,
    names,
    number,
    resolve,
    type_names,
)

_COMBINING = ("$ref", "$dynamicRef", "allOf", "anyOf", "oneOf", "if", "then", "else")
_LARGER = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties", "minContains")
_SMALLER = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties", "maxContains")
_BOTH = ("items", "additionalProperties", "contains", "propertyNames")


def flat(schema: Schema, document: Document, hops: int = 0) -> Iterator[dict[str, Any]]:
    """The plain schemas (no references, no combinations) whose values may satisfy the schema, first listed first."""
    document.spend()
    if schema is False or hops > 40:
        return
    if schema is True:
        yield {}
        return
    base = {keyword: value for keyword, value in schema.items() if keyword not in _COMBINING}
    yield from _expand(base, _choices(schema, document), document, hops + 1)


def _choices(schema: dict[str, Any], document: Document) -> list[list[Schema]]:
    choices: list[list[Schema]] = []
    for keyword in ("$ref", "$dynamicRef"):
        if keyword in schema:
            choices.append([resolve(schema[keyword], document)])
    choices += [[as_schema(member)] for member in listed(schema, "allOf")]
    for keyword in ("anyOf", "oneOf"):
        if keyword in schema:
            choices.append([as_schema(member) for member in listed(schema, keyword)])
    if "if" in schema:
        met: Schema = {"allOf": [as_schema(schema["if"]), as_schema(schema.get("then", True))]}
        choices.append([met, as_schema(schema.get("else", True))])
    return choices


def _expand(
    base: dict[str, Any], choices: list[list[Schema]], document: Document, hops: int
) -> Iterator[dict[str, Any]]:
    if not choices:
        yield base
        return
    for option in choices[0]:
        for plain in flat(option, document, hops):
            merged = merge(base, plain)
            if merged is not None:
                yield from _expand(merged, choices[1:], document, hops)


def merge(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any] | None:
    """A schema for the values that satisfy both, or None when their types exclude each other."""
    merged = {**other, **one}
    types = _common_types(type_names(one), type_names(other))
    if types is None:
        return None
    if types:
        merged["type"] = types
    for keyword in one.keys() & other.keys():
        mine, theirs = one[keyword], other[keyword]
        if keyword in _LARGER:
            merged[keyword] = max(mine, theirs, key=lambda value: number(value, keyword))
        elif keyword in _SMALLER:
            merged[keyword] = min(mine, theirs, key=lambda value: number(value, keyword))
        elif keyword == "multipleOf":
            merged[keyword] = _common_multiple(mine, theirs)
        elif keyword == "enum":
            merged[keyword] = [member for member in listed(one, keyword) if member in listed(other, keyword)]
        elif keyword == "required":
            merged[keyword] = list(dict.fromkeys([*names(one, keyword), *names(other, keyword)]))
        elif keyword in _BOTH:
            merged[keyword] = {"allOf": [mine, theirs]}
        elif keyword in ("properties", "patternProperties") and isinstance(mine, dict) and isinstance(theirs, dict):
            merged[keyword] = {
                **theirs,
                **mine,
                **{name: {"allOf": [mine[name], theirs[name]]} for name in mine.keys() & theirs.keys()},
            }
    return merged


def _common_types(one: list[str], other: list[str]) -> list[str] | None:
    if not one or not other:
        return one or other
    common = [name for name in one if name in other or (name == "integer" and "number" in other)]
    common += [name for name in other if name == "integer" and "number" in one and name not in one]
    return common or None


def _common_multiple(one: Any, other: Any) -> Any:
    mine, theirs = number(one, "multipleOf"), number(other, "multipleOf")
    below = mine.denominator * theirs.denominator
    common = lcm(mine.numerator * theirs.denominator, theirs.numerator * mine.denominator)
    return common // below if common % below == 0 else common / below
