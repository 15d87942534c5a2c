"""The shape of the route table, and how parameters, which arrive as text, become the JSON values of their schemas."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .base import Model

__all__ = ["Header", "Param", "Route", "convert"]

_INTEGER = re.compile(r"-?(0|[1-9][0-9]*)", re.ASCII)
_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?", re.ASCII)
_MOST_DIGITS = 400


@dataclass(frozen=True, slots=True)
class Param:
    """A path, query or header parameter: its wire name (headers in lower case), and its JSON Schema."""

    name: str
    required: bool
    schema: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Header:
    """A header of an answer."""

    required: bool
    schema: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Route:
    """One operation as the contract declares it. A model is None where the media type has no JSON schema."""

    operation_id: str
    method: str
    path: str
    service: str
    tag: str
    summary: str
    # Any one of these schemes lets the caller in; none are needed when it is empty.
    security: tuple[str, ...] = ()
    # The caller needs one of these roles too; any caller will do when it is empty.
    roles: tuple[str, ...] = ()
    request_bodies: Mapping[str, type[Model] | None] = field(default_factory=dict)
    body_required: bool = False
    path_params: tuple[Param, ...] = ()
    query_params: tuple[Param, ...] = ()
    header_params: tuple[Param, ...] = ()
    path_model: type[Model] | None = None
    query_model: type[Model] | None = None
    header_model: type[Model] | None = None
    responses: Mapping[int, Mapping[str, type[Model] | None]] = field(default_factory=dict)
    response_headers: Mapping[int, Mapping[str, Header]] = field(default_factory=dict)
    proposed: bool = False


def convert(params: Iterable[Param], pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """The declared parameters among `pairs` (headers with lower-case names) as JSON values, ready for the strict model.

    A text that is no value of its schema's type stays text, and so does a scalar that was given twice a list:
    the model then refuses it and names it.
    """
    given: dict[str, list[str]] = {}
    for name, text in pairs:
        given.setdefault(name, []).append(text)
    result: dict[str, Any] = {}
    for param in params:
        texts = given.get(param.name)
        if texts is None:
            continue
        kind = param.schema.get("type")
        if kind == "array":
            item = param.schema.get("items", {}).get("type")
            result[param.name] = [_value(item, text) for text in texts]
        else:
            values = [_value(kind, text) for text in texts]
            result[param.name] = values[0] if len(values) == 1 else values
    return result


def _value(kind: Any, text: str) -> Any:
    if kind == "boolean" and text in ("true", "false"):
        return text == "true"
    if len(text) > _MOST_DIGITS:
        return text
    if kind == "integer" and _INTEGER.fullmatch(text):
        return int(text)
    if kind == "number" and _NUMBER.fullmatch(text):
        return float(text)
    return text
