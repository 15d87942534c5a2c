"""Makes a JSON value that satisfies a JSON schema: the same one every time, named after the properties it fills."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from smartflow.gateway.offline import schema_scalars
from smartflow.gateway.offline.errors import SchemaError
from smartflow.gateway.offline.reading import check_depth
from smartflow.gateway.offline.schema_check import (
    Document,
    Schema,
    as_schema,
    count,
    failure,
    item_schema,
    listed,
    mapped,
    names,
    property_schemas,
    same,
    type_names,
)
from smartflow.gateway.offline.schema_merge import flat

MAX_ITEMS = 1_000
_TRIES = 120
_LIMITS = (4, 8, 16, 32)
# A branch that uses these beyond what can be sampled is skipped for the next one; other errors are slips in the schema.
_COMBINING = ("$ref", "$dynamicRef", "allOf", "anyOf", "oneOf", "if")
_SKIPPED = ("pattern", "$ref", "$dynamicRef", "minLength", "minItems", "minProperties")
_HINTS = {
    "object": ("properties", "required", "additionalProperties", "minProperties", "maxProperties", "patternProperties"),
    "array": ("items", "prefixItems", "minItems", "maxItems", "contains", "uniqueItems"),
    "string": ("minLength", "maxLength", "pattern", "format"),
    "number": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
}


def sample(schema: Any, name: str = "value") -> Any:
    """A value that satisfies the schema; raises SchemaError naming the keyword that can't be met."""
    check_depth(schema)
    root = as_schema(schema)
    sampler = _Sampler(root)
    for limit in _LIMITS:
        # Growing limits find the flattest sample of a recursive schema before its size can explode.
        sampler.start(limit)
        try:
            for value in sampler.values(root, name, 0):
                return value
        except _OutOfBudget:
            break
        if not sampler.too_deep:
            break
    if sampler.failed is None and sampler.too_deep:
        raise SchemaError("$ref", "refers to itself without end; let one property on the way be optional or null")
    raise sampler.failed or SchemaError("schema", "is too large to find a sample for")


class _OutOfBudget(SchemaError):
    pass


class _Budgeted(Document):
    def spend(self) -> None:
        self.budget -= 1
        if self.budget < 0:
            raise _OutOfBudget("schema", "is too large to find a sample for")


class _Sampler:
    def __init__(self, root: Schema) -> None:
        self.root = root
        self.failed: SchemaError | None = None
        self.start(0)

    def start(self, limit: int) -> None:
        self.document = _Budgeted(self.root, 30_000)
        self.limit, self.too_deep = limit, False

    def blame(self, keyword: str) -> None:
        """Remembers the first keyword that stood in the way."""
        self.failed = self.failed or SchemaError(keyword, "can't be met together with the rest of the schema")

    def values(self, schema: Schema, name: str, depth: int) -> Iterator[Any]:
        """Values that satisfy the schema, the plainest first."""
        if depth > self.limit:
            self.too_deep = True
            return
        plain = islice(flat(schema, self.document), 64)
        option = None
        for option in sorted(plain, key=_is_container) if depth > 2 else plain:
            try:
                yield from self._fitting(option, schema, name, depth)
            except SchemaError as error:
                if isinstance(error, _OutOfBudget) or error.keyword not in _SKIPPED:
                    raise
                self.failed = self.failed or error
        if option is None:
            self.blame(next((key for key in _COMBINING if isinstance(schema, dict) and key in schema), "false"))

    def _fitting(self, option: dict[str, Any], schema: Schema, name: str, depth: int) -> Iterator[Any]:
        for value in islice(self._candidates(option, name, depth), _TRIES):
            keyword = failure(value, schema, self.document)
            if keyword is None:
                yield value
            else:
                self.blame(keyword)

    def _candidates(self, schema: dict[str, Any], name: str, depth: int) -> Iterator[Any]:
        if "const" in schema:
            yield schema["const"]
            return
        if "enum" in schema:
            if not listed(schema, "enum"):
                self.blame("enum")
            yield from schema["enum"]
            return
        examples = schema.get("examples")
        yield from examples if isinstance(examples, list) else ()
        if schema.get("default") is not None:
            yield schema["default"]
        for kind in _kinds(schema):
            if kind == "object":
                yield from self._objects(schema, depth)
            elif kind == "array":
                yield from self._arrays(schema, name, depth)
            else:
                yield from schema_scalars.values(kind, schema, name)

    def _arrays(self, schema: dict[str, Any], name: str, depth: int) -> Iterator[list[Any]]:
        least = max(count(schema, "minItems", 0), count(schema, "minContains", 1) if "contains" in schema else 0)
        if least > MAX_ITEMS:
            raise SchemaError("minItems", f"asks for {least} items; at most {MAX_ITEMS} are made")
        most = min(count(schema, "maxItems", MAX_ITEMS), MAX_ITEMS)
        items = schema["prefixItems"] if "prefixItems" in schema else schema.get("items")
        wished = len(items) if isinstance(items, list) else 1
        for size in dict.fromkeys((min(max(least, wished), most), least)):
            made = self._items(schema, size, name, depth)
            if made is not None:
                yield made

    def _items(self, schema: dict[str, Any], size: int, name: str, depth: int) -> list[Any] | None:
        made: list[Any] = []
        wanted = count(schema, "minContains", 1) if "contains" in schema else 0
        for at in range(size):
            inner = item_schema(schema, at)
            if at < wanted:
                inner = {"allOf": [inner, schema["contains"]]}
            found = self.values(inner, name, depth + 1)
            if schema.get("uniqueItems") is True:
                found = (value for value in found if not any(same(value, other) for other in made))
            value = next(found, self)
            if value is self:
                self.blame("uniqueItems" if "uniqueItems" in schema else "items")
                return None
            made.append(value)
        return made

    def _objects(self, schema: dict[str, Any], depth: int) -> Iterator[dict[str, Any]]:
        required = self._required(schema)
        made: dict[str, Any] = {}
        for name in required:
            if not self._add(made, name, schema, depth):
                if not self.too_deep:
                    self.blame("required")
                return
        fuller = dict(made)
        most = count(schema, "maxProperties", MAX_ITEMS)
        for name in mapped(schema, "properties"):
            if name not in made and len(fuller) < most and depth <= 3:
                self._add(fuller, name, schema, depth)
        for candidate in (fuller, made) if len(fuller) > len(made) else (made,):
            self._fill(candidate, schema, depth)
            yield {name: candidate[name] for name in [*mapped(schema, "properties"), *candidate] if name in candidate}

    def _required(self, schema: dict[str, Any]) -> list[str]:
        wanted = list(names(schema, "required"))
        dependent = mapped(schema, "dependentRequired")
        for name in wanted:  # grows while it is walked: a dependent property may ask for more
            wanted += [other for other in names(dependent, name) if other not in wanted]
        return wanted

    def _add(self, made: dict[str, Any], name: str, schema: dict[str, Any], depth: int) -> bool:
        inner = [found for _, found in property_schemas(schema, name)]
        only = inner[0] if len(inner) == 1 else {"allOf": inner}
        for value in self.values(only, name, depth + 1):
            made[name] = value
            return True
        return False

    def _fill(self, made: dict[str, Any], schema: dict[str, Any], depth: int) -> None:
        least = count(schema, "minProperties", 0)
        if least > MAX_ITEMS:
            raise SchemaError("minProperties", f"asks for {least} properties; at most {MAX_ITEMS} are made")
        if len(made) >= least:
            return
        spare = list(mapped(schema, "properties"))
        for pattern in mapped(schema, "patternProperties"):
            spare += islice(schema_scalars.strings({"pattern": pattern}, "key"), least)
        if "propertyNames" in schema:
            named = {"allOf": [{"type": "string"}, schema["propertyNames"]]}
            spare += islice(self.values(named, "key", depth + 1), least)
        spare += [f"key{at}" for at in range(1, least + 1)]
        for name in spare:
            if len(made) < least and name not in made:
                self._add(made, name, schema, depth)


def _is_container(schema: dict[str, Any]) -> bool:
    return _kinds(schema)[0] in ("object", "array")


def _kinds(schema: dict[str, Any]) -> list[str]:
    named = type_names(schema)
    if not named:
        hinted = [kind for kind, keywords in _HINTS.items() if any(keyword in schema for keyword in keywords)]
        named = list(dict.fromkeys([*hinted, "string", "integer", "boolean", "object", "array", "null"]))
    return sorted(named, key=lambda kind: kind == "null")
