"""The server side of one service: the schemas of its parameters, and the text of its route table."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from scripts.bundle import Operation, operations, resolve

__all__ = ["parameter_schemas", "routes_text"]

_LOCATIONS = {"path": "Path", "query": "Query", "header": "Headers"}


def parameter_schemas(document: dict[str, Any], service: str) -> dict[str, Any]:
    """One object schema for the parameters of each operation and place, so that they are validated like bodies."""
    schemas = {}
    for operation in operations(document, service):
        for location in _LOCATIONS:
            found = operation.located(location)
            if found:
                schemas[_model_name(operation, location)] = {
                    "type": "object",
                    "description": f"The {location} parameters of {operation.operation_id}.",
                    "required": [_wire_name(p) for p in found if p.get("required")],
                    "properties": {
                        _wire_name(p): {"description": p.get("description", ""), **p["schema"]} for p in found
                    },
                }
    return schemas


def routes_text(document: dict[str, Any], service: str) -> str:
    """The module that holds ROUTES, unformatted."""
    lines = [
        f'"""The route table of the {service} service."""',
        "from __future__ import annotations",
        "from ..route import Header, Param, Route",
        "from . import models",
        "ROUTES: tuple[Route, ...] = (",
    ]
    lines += [f"{_route(document, service, operation)}," for operation in operations(document, service)]
    return "\n".join([*lines, ")"]) + "\n"


def _route(document: dict[str, Any], service: str, operation: Operation) -> str:
    data = operation.data
    fields = {
        "operation_id": repr(operation.operation_id),
        "method": repr(operation.method),
        "path": repr(operation.path),
        "service": repr(service),
        "tag": repr(operation.tag),
        "summary": repr(data.get("summary", "")),
        "security": repr(tuple(name for need in data["security"] for name in need)),
    }
    roles = tuple(sorted({role for need in data["security"] for listed in need.values() for role in listed}))
    if roles:
        fields["roles"] = repr(roles)
    if "requestBody" in data:
        body = resolve(document, data["requestBody"])
        fields["request_bodies"] = _media(body)
        fields["body_required"] = repr(bool(body.get("required")))
    for location in _LOCATIONS:
        if operation.located(location):
            fields[f"{location}_params"] = _params(document, operation, location)
            fields[f"{location}_model"] = f"models.{_model_name(operation, location)}"
    responses = {code: resolve(document, response) for code, response in data["responses"].items()}
    fields["responses"] = _mapping((code, _media(response)) for code, response in responses.items())
    fields["response_headers"] = _mapping(
        (code, _headers(document, response)) for code, response in responses.items() if response.get("headers")
    )
    if data.get("x-status") == "proposed":
        fields["proposed"] = "True"
    return f"Route({', '.join(f'{name}={text}' for name, text in fields.items())},)"


def _mapping(pairs: Any) -> str:
    return "{" + ", ".join(f"{key}: {text}" for key, text in pairs) + ",}"


def _media(carrier: dict[str, Any]) -> str:
    pairs = []
    for media, content in carrier.get("content", {}).items():
        structured = media.endswith(("json", "form-data", "event-stream"))
        pairs.append((repr(media), f"models.{content['schema']['$ref'].split('/')[-1]}" if structured else "None"))
    return _mapping(pairs) if pairs else "{}"


def _params(document: dict[str, Any], operation: Operation, location: str) -> str:
    texts = [
        f"Param({_wire_name(p)!r}, {bool(p.get('required'))}, {_plain_schema(document, p['schema'])!r})"
        for p in operation.located(location)
    ]
    return f"({', '.join(texts)},)"


def _headers(document: dict[str, Any], response: dict[str, Any]) -> str:
    pairs = []
    for name, node in response["headers"].items():
        value = resolve(document, node)
        schema = _plain_schema(document, value["schema"])
        pairs.append((repr(name.lower()), f"Header({bool(value.get('required'))}, {schema!r})"))
    return _mapping(pairs)


def _plain_schema(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """A schema without references and without what only people read."""
    plain = deepcopy(resolve(document, schema))
    for key in ("description", "example", "examples"):
        plain.pop(key, None)
    if "items" in plain:
        plain["items"] = _plain_schema(document, plain["items"])
    return plain


def _model_name(operation: Operation, location: str) -> str:
    return operation.operation_id[0].upper() + operation.operation_id[1:] + _LOCATIONS[location]


def _wire_name(parameter: dict[str, Any]) -> str:
    """The name on the wire; header names have no case, so theirs is the lower one."""
    name: str = parameter["name"]
    return name.lower() if parameter["in"] == "header" else name
