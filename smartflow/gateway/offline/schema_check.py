"""Tells whether a JSON value satisfies a JSON schema (draft 2020-12), and which keyword fails when it doesn't."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, datetime
from fractions import Fraction
from math import inf
from operator import ge, gt, le, lt
from typing import Any
from urllib.parse import unquote
from uuid import UUID

from smartflow.gateway.offline.errors import SchemaError
from smartflow.gateway.offline.pattern import parse
from smartflow.gateway.offline.reading import shorten

Schema = dict[str, Any] | bool


class Document:
    """A root schema and the work that may still be spent on it, so that no schema can keep the gateway busy."""

    def __init__(self, root: Schema, budget: int = 100_000) -> None:
        self.root = root
        self.budget = budget

    def spend(self) -> None:
        """Counts one step; raises SchemaError when the budget is used up."""
        self.budget -= 1
        if self.budget < 0:
            raise SchemaError("schema", "is too large or too ambiguous to find a sample for")


def resolve(ref: Any, document: Document) -> Schema:
    """The schema that a local reference points at; raises SchemaError for a foreign or dangling one."""
    if not isinstance(ref, str) or not (ref == "#" or ref.startswith("#/")):
        raise SchemaError("$ref", f"{ref!r} isn't a local reference of the form '#/$defs/NAME'")
    node: Any = document.root
    for step in ref[2:].split("/") if len(ref) > 1 else []:
        step = unquote(step).replace("~1", "/").replace("~0", "~")
        if isinstance(node, list) and step.isdecimal() and int(step[:6]) < len(node):
            node = node[int(step[:6])]
        elif isinstance(node, dict) and step in node:
            node = node[step]
        else:
            raise SchemaError("$ref", f"{ref!r} points at nothing")
    return as_schema(node)


def as_schema(node: Any) -> Schema:
    """The node itself; raises SchemaError unless it is an object or a boolean."""
    if not isinstance(node, (dict, bool)):
        raise SchemaError("schema", f"must be an object or a boolean, not {type(node).__name__}")
    return node


def number(value: Any, keyword: str) -> Fraction:
    """The exact value of a numeric keyword; raises SchemaError for anything else."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not -inf < value < inf:
        raise SchemaError(keyword, "must be a finite number")
    return Fraction(value) if isinstance(value, int) else Fraction(repr(value))


def count(schema: dict[str, Any], keyword: str, default: int) -> int:
    """The whole number of a size keyword, or the default; raises SchemaError for a negative or odd one."""
    found = number(schema.get(keyword, default), keyword)
    if found < 0 or found.denominator != 1:
        raise SchemaError(keyword, "must be a whole number of at least 0")
    return int(found)


def listed(schema: dict[str, Any], keyword: str) -> list[Any]:
    """The list under the keyword, empty when absent; raises SchemaError for anything else."""
    found = schema.get(keyword, [])
    if not isinstance(found, list):
        raise SchemaError(keyword, "must be a list")
    return found


def mapped(schema: dict[str, Any], keyword: str) -> dict[str, Any]:
    """The object under the keyword, empty when absent; raises SchemaError for anything else."""
    found = schema.get(keyword, {})
    if not isinstance(found, dict):
        raise SchemaError(keyword, "must be an object")
    return found


def names(schema: dict[str, Any], keyword: str) -> list[str]:
    """The property names listed under the keyword; raises SchemaError for anything else."""
    found = listed(schema, keyword)
    if not all(isinstance(name, str) for name in found):
        raise SchemaError(keyword, "must list property names")
    return found


def type_names(schema: dict[str, Any]) -> list[str]:
    """The type names the schema allows, empty when it doesn't say; raises SchemaError for an unknown one."""
    types = schema.get("type", [])
    found = [types] if isinstance(types, str) else types
    known = ("object", "array", "string", "integer", "number", "boolean", "null")
    if not isinstance(found, list) or any(name not in known for name in found):
        raise SchemaError("type", f"{shorten(repr(types), 80)} isn't one of {', '.join(known)}")
    return found


def same(one: Any, other: Any) -> bool:
    """Whether two JSON values are equal; true and 1 are not, 1 and 1.0 are."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(isinstance(one, bool) == isinstance(other, bool) and one == other)


def failure(value: Any, schema: Schema, document: Document, depth: int = 0) -> str | None:
    """The keyword that the value doesn't satisfy, or None when it satisfies all."""
    document.spend()
    if isinstance(schema, bool):
        return None if schema else "false"
    if depth > 100:
        raise SchemaError("$ref", "refers to itself without end")
    return next(_failures(value, schema, document, depth + 1), None)


def _failures(value: Any, schema: dict[str, Any], document: Document, depth: int) -> Iterator[str]:
    types = type_names(schema)
    if types and not any(_is(value, name) for name in types):
        yield "type"
    if "enum" in schema and not any(same(value, member) for member in listed(schema, "enum")):
        yield "enum"
    if "const" in schema and not same(value, schema["const"]):
        yield "const"
    if isinstance(value, str):
        yield from _string(value, schema)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        yield from _number(value, schema)
    elif isinstance(value, list):
        yield from _array(value, schema, document, depth)
    elif isinstance(value, dict):
        yield from _object(value, schema, document, depth)
    yield from _combined(value, schema, document, depth)


def _is(value: Any, name: str) -> bool:
    if name == "null":
        return value is None
    if name == "integer":
        return not isinstance(value, bool) and (
            isinstance(value, int) or (isinstance(value, float) and value.is_integer())
        )
    python: dict[str, Any] = {"object": dict, "array": list, "string": str, "number": (int, float), "boolean": bool}
    return isinstance(value, python[name]) and (name == "boolean" or not isinstance(value, bool))


def _string(value: str, schema: dict[str, Any]) -> Iterator[str]:
    if len(value) < count(schema, "minLength", 0):
        yield "minLength"
    if "maxLength" in schema and len(value) > count(schema, "maxLength", 0):
        yield "maxLength"
    if "pattern" in schema:
        if not isinstance(schema["pattern"], str):
            raise SchemaError("pattern", "must be a string")
        if not parse(schema["pattern"]).matches(value):
            yield "pattern"
    if not _has_format(value, schema.get("format")):
        yield "format"


def _has_format(value: str, name: Any) -> bool:
    try:
        if name == "date-time":
            return datetime.fromisoformat(value).tzinfo is not None and value[10:11] in "Tt"
        if name == "date":
            return bool(date.fromisoformat(value)) and len(value) == 10
        if name == "uuid":
            return str(UUID(value)) == value.lower()
    except ValueError:
        return False
    if name == "email":
        return re.fullmatch(r"[^@\s]+@[^@\s]+", value) is not None
    return name not in ("uri", "url") or re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s]+", value) is not None


_BOUNDS = {"minimum": lt, "maximum": gt, "exclusiveMinimum": le, "exclusiveMaximum": ge}


def _number(value: int | float, schema: dict[str, Any]) -> Iterator[str]:
    exact = number(value, "number")
    for keyword, fails in _BOUNDS.items():
        if keyword in schema and fails(exact, number(schema[keyword], keyword)):
            yield keyword
    if "multipleOf" in schema:
        step = number(schema["multipleOf"], "multipleOf")
        if step <= 0:
            raise SchemaError("multipleOf", "must be greater than 0")
        if (exact / step).denominator != 1:
            yield "multipleOf"


def _array(value: list[Any], schema: dict[str, Any], document: Document, depth: int) -> Iterator[str]:
    if len(value) < count(schema, "minItems", 0):
        yield "minItems"
    if "maxItems" in schema and len(value) > count(schema, "maxItems", 0):
        yield "maxItems"
    if schema.get("uniqueItems") is True and any(same(a, b) for at, a in enumerate(value) for b in value[:at]):
        yield "uniqueItems"
    for at, item in enumerate(value):
        if failure(item, item_schema(schema, at), document, depth):
            yield "items"
    if "contains" in schema:
        wanted = as_schema(schema["contains"])
        found = sum(1 for item in value if failure(item, wanted, document, depth) is None)
        if found < count(schema, "minContains", 1) or (
            "maxContains" in schema and found > count(schema, "maxContains", 0)
        ):
            yield "contains"


def item_schema(schema: dict[str, Any], at: int) -> Schema:
    """The schema of the array's item at the position; a list under `items` is read as `prefixItems`."""
    items = schema.get("items", True)
    prefix, rest = (
        (items, schema.get("additionalItems", True))
        if isinstance(items, list)
        else (listed(schema, "prefixItems"), items)
    )
    return as_schema(prefix[at] if at < len(prefix) else rest)


def _object(value: dict[str, Any], schema: dict[str, Any], document: Document, depth: int) -> Iterator[str]:
    if any(name not in value for name in names(schema, "required")):
        yield "required"
    if len(value) < count(schema, "minProperties", 0):
        yield "minProperties"
    if "maxProperties" in schema and len(value) > count(schema, "maxProperties", 0):
        yield "maxProperties"
    for name, member in value.items():
        for keyword, inner in property_schemas(schema, name):
            if failure(member, inner, document, depth):
                yield keyword
        if "propertyNames" in schema and failure(name, as_schema(schema["propertyNames"]), document, depth):
            yield "propertyNames"
    for name, others in mapped(schema, "dependentRequired").items():
        if name in value and any(other not in value for other in names({name: others}, name)):
            yield "dependentRequired"
    for name, inner in mapped(schema, "dependentSchemas").items():
        if name in value and failure(value, as_schema(inner), document, depth):
            yield "dependentSchemas"


def property_schemas(schema: dict[str, Any], name: str) -> list[tuple[str, Schema]]:
    """The schemas that a property of this name must satisfy, each with the keyword it stands under."""
    found = []
    if name in mapped(schema, "properties"):
        found.append(("properties", as_schema(schema["properties"][name])))
    for pattern, inner in mapped(schema, "patternProperties").items():
        if parse(pattern).matches(name):
            found.append(("patternProperties", as_schema(inner)))
    return found or [("additionalProperties", as_schema(schema.get("additionalProperties", True)))]


def _combined(value: Any, schema: dict[str, Any], document: Document, depth: int) -> Iterator[str]:
    def fits(inner: Any) -> bool:
        return failure(value, as_schema(inner), document, depth) is None

    for ref in ("$ref", "$dynamicRef"):
        if ref in schema and not fits(resolve(schema[ref], document)):
            yield ref
    if not all(map(fits, listed(schema, "allOf"))):
        yield "allOf"
    if "anyOf" in schema and not any(map(fits, listed(schema, "anyOf"))):
        yield "anyOf"
    if "oneOf" in schema and sum(map(fits, listed(schema, "oneOf"))) != 1:
        yield "oneOf"
    if "not" in schema and fits(schema["not"]):
        yield "not"
    if "if" in schema:
        branch = "then" if fits(schema["if"]) else "else"
        if not fits(schema.get(branch, True)):
            yield branch
