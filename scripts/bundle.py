"""Reads the contract: one self-contained document per service, with what it uses of common.yaml copied in."""

from __future__ import annotations

import re
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

__all__ = ["COMMON", "SERVICES", "ContractError", "Operation", "bundle", "load", "operations", "resolve"]

COMMON = "common.yaml"
SERVICES = ("proxy", "management", "compliance", "bridge", "policy")
METHODS = ("get", "put", "post", "delete", "options", "head", "patch")

_REFERENCE = re.compile(r"(?:common\.yaml)?#/components/([A-Za-z]+)/([A-Za-z0-9._-]+)")
_SNAKE = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_CAMEL = re.compile(r"[a-z][a-z0-9]*([A-Z][a-z0-9]*)*")


class ContractError(Exception):
    """The documents in openapi/ cannot be generated from; the message names the place."""


class _Loader(yaml.SafeLoader):
    """Leaves times as text: the contract's examples are JSON."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


@dataclass(frozen=True)
class Operation:
    """One operation of a bundled document, with its parameters resolved."""

    operation_id: str
    method: str
    path: str
    tag: str
    data: dict[str, Any]
    parameters: tuple[dict[str, Any], ...]

    def located(self, location: str) -> list[dict[str, Any]]:
        return [parameter for parameter in self.parameters if parameter["in"] == location]


def load(path: Path) -> dict[str, Any]:
    """The document at `path`."""
    try:
        document = yaml.load(path.read_text("utf-8"), _Loader)
    except yaml.YAMLError as error:
        raise ContractError(f"{path.name} is not YAML: {error}") from None
    if not isinstance(document, dict):
        raise ContractError(f"{path.name} must be a mapping")
    return document


def bundle(document: dict[str, Any], common: dict[str, Any], name: str) -> dict[str, Any]:
    """A copy of `document` in which every reference is a local one."""
    result = deepcopy(document)
    components: dict[str, dict[str, Any]] = result.setdefault("components", {})
    shared: dict[str, dict[str, Any]] = common["components"]
    _drop_imports(components)
    # The scheme names of `security` are references too, although they are not written as such.
    pending = {("securitySchemes", scheme) for scheme in shared.get("securitySchemes", {})}
    pending |= _localize(result, name)
    copied: set[tuple[str, str]] = set()
    while pending:
        kind, key = pending.pop()
        if (kind, key) in copied:
            continue
        if key in components.get(kind, {}):
            raise ContractError(f"{name} and {COMMON} both define {kind}/{key}: rename one of them")
        if key not in shared.get(kind, {}):
            raise ContractError(f"{name} refers to {COMMON}#/components/{kind}/{key}, which does not exist")
        copied.add((kind, key))
        pending |= {(inner, other) for _, inner, other in _references(shared[kind][key], COMMON)}
    for kind, key in sorted(copied):
        components.setdefault(kind, {})[key] = deepcopy(shared[kind][key])
    for _, kind, key in _references(result, name):
        if key not in components.get(kind, {}):
            raise ContractError(f"{name} refers to #/components/{kind}/{key}, which does not exist")
    return result


def _drop_imports(components: dict[str, dict[str, Any]]) -> None:
    """A component that only names its namesake in common.yaml gives way to it."""
    for kind, pieces in components.items():
        for key in [key for key, piece in pieces.items() if piece.get("$ref") == f"{COMMON}#/components/{kind}/{key}"]:
            del pieces[key]


def _localize(document: dict[str, Any], name: str) -> set[tuple[str, str]]:
    """Make every reference local, and return those that pointed into common.yaml."""
    found = set()
    for node, kind, key in _references(document, name):
        if node["$ref"].startswith(COMMON):
            found.add((kind, key))
            node["$ref"] = node["$ref"].removeprefix(COMMON)
    return found


def _references(node: Any, name: str) -> Iterator[tuple[dict[str, Any], str, str]]:
    if isinstance(node, dict):
        reference = node.get("$ref")
        if isinstance(reference, str):
            match = _REFERENCE.fullmatch(reference)
            if not match:
                raise ContractError(
                    f"{name}: $ref {reference!r} is not of the form [common.yaml]#/components/KIND/NAME"
                )
            yield node, match[1], match[2]
        for key, value in node.items():
            # An example is data: a member `$ref` in it refers to nothing.
            if key not in ("example", "examples"):
                yield from _references(value, name)
    elif isinstance(node, list):
        for value in node:
            yield from _references(value, name)


def resolve(document: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    """What a node stands for, references followed."""
    while "$ref" in node:
        _, _, kind, key = node["$ref"].split("/")
        node = document["components"][kind][key]
    return node


def operations(document: dict[str, Any], name: str) -> list[Operation]:
    """The operations of a bundled document, in its order; a ContractError for what cannot be generated."""
    found = []
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                found.append(_operation(document, name, path, method, item))
    ids = [operation.operation_id for operation in found]
    for operation_id in ids:
        if ids.count(operation_id) > 1:
            raise ContractError(f"{name}: the operationId {operation_id} is used twice")
    return found


def _operation(document: dict[str, Any], name: str, path: str, method: str, item: dict[str, Any]) -> Operation:
    data = item[method]
    where = f"{name}: {method.upper()} {path}"
    parameters = [resolve(document, node) for node in [*data.get("parameters", []), *item.get("parameters", [])]]
    tags = data.get("tags", [])
    problems = [
        (not _CAMEL.fullmatch(data.get("operationId", "")), "needs an operationId in plain camelCase"),
        (len(tags) != 1, "needs exactly one tag"),
        ("security" not in data, "needs its own `security`"),
        (any(len(need) != 1 for need in data.get("security", [])), "must name one scheme in each item of `security`"),
        (
            any(p["in"] == "path" and not _SNAKE.fullmatch(p["name"]) for p in parameters),
            "has a path id not in snake_case",
        ),
        (any("schema" not in p for p in parameters), "has a parameter without a schema"),
        (any(p["in"] == "cookie" for p in parameters), "has a cookie parameter, which is not supported"),
        (any(not code.isdigit() for code in data["responses"]), "has a status that is not a number"),
        (_anonymous(document, data), "has a JSON body or answer that is not a named component"),
    ]
    for wrong, problem in problems:
        if wrong:
            raise ContractError(f"{where} {problem}")
    body = resolve(document, data["requestBody"]) if "requestBody" in data else {}
    if len(body.get("content", {})) > 1:
        raise ContractError(f"{where} accepts more than one media type, which is not supported")
    return Operation(data["operationId"], method.upper(), path, tags[0], data, tuple(parameters))


def _anonymous(document: dict[str, Any], data: dict[str, Any]) -> bool:
    carriers = [*data["responses"].values(), *([data["requestBody"]] if "requestBody" in data else [])]
    for carrier in carriers:
        for media, content in resolve(document, carrier).get("content", {}).items():
            if media.endswith(("json", "form-data", "event-stream")) and "$ref" not in content.get("schema", {}):
                return True
    return False
