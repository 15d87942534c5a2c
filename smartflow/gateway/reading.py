"""Turns the bytes of a request into checked values: strict JSON, multipart forms, parameters; names the field that does not fit."""

from __future__ import annotations

import json
import math
from collections.abc import AsyncGenerator, Mapping
from functools import cache
from typing import Any
from urllib.parse import parse_qsl

from pydantic import ValidationError
from smartflow_generated.server.base import Model
from smartflow_generated.server.route import Param, Route, convert
from starlette.datastructures import Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from smartflow.gateway.contract import Form, FormFile
from smartflow.gateway.errors import GatewayError, bad_request

_MAX_DEPTH = 100
_MAX_FORM_FIELDS = 100


def parse_json(raw: bytes) -> dict[str, Any]:
    """The JSON object in the bytes; 400 for anything else, also for duplicate names, NaN, and too deep nesting."""
    try:
        value = json.loads(
            raw.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_no_constant, parse_float=_finite
        )
    except UnicodeDecodeError:
        raise bad_request("the body is not UTF-8", code="invalid_json") from None
    except RecursionError:
        raise _too_deep() from None
    except json.JSONDecodeError as error:
        raise bad_request(
            f"the body is not JSON: line {error.lineno}, column {error.colno}", code="invalid_json"
        ) from None
    except ValueError:
        raise bad_request("the body is not JSON: a number in it is too long", code="invalid_json") from None
    if not isinstance(value, dict):
        raise bad_request("the body must be a JSON object", code="invalid_json")
    _check_depth(value)
    if b"\\ud" in raw or b"\\uD" in raw:
        _check_text(raw)
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise bad_request("a member of the body's JSON is given twice", code="invalid_json")
    return result


def _no_constant(name: str) -> Any:
    raise bad_request(f"the body is not JSON: {name} is no JSON value", code="invalid_json")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise bad_request("a number in the body is too large", code="invalid_json")
    return number


def _check_depth(value: Any) -> None:
    level = [value]
    for _ in range(_MAX_DEPTH):
        level = [
            child
            for item in level
            for child in (item.values() if isinstance(item, dict) else item)
            if isinstance(child, (dict, list))
        ]
        if not level:
            return
    raise _too_deep()


def _too_deep() -> GatewayError:
    return bad_request(f"the body is nested deeper than {_MAX_DEPTH} levels", code="invalid_json")


def _check_text(raw: bytes) -> None:
    try:
        json.dumps(json.loads(raw), ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        raise bad_request("a text in the body holds half of a surrogate pair", code="invalid_json") from None


async def parse_form(raw: bytes, content_type: str) -> tuple[dict[str, list[str]], dict[str, FormFile]]:
    """The texts and the files of a multipart body."""

    async def pieces() -> AsyncGenerator[bytes, None]:
        yield raw
        yield b""

    headers = Headers({"content-type": content_type})
    parser = MultiPartParser(headers, pieces(), max_files=4, max_fields=_MAX_FORM_FIELDS, max_part_size=1024 * 1024)
    try:
        form = await parser.parse()
    except (MultiPartException, KeyError, ValueError):
        raise bad_request(
            "the body is no multipart form: check the boundary and the parts", code="invalid_form"
        ) from None
    texts: dict[str, list[str]] = {}
    files: dict[str, FormFile] = {}
    for name, value in form.multi_items():
        if isinstance(value, UploadFile):
            files[name] = FormFile(value.filename or "", value.content_type or "", await value.read())
        else:
            texts.setdefault(name, []).append(value)
    await form.close()
    return texts, files


async def read_form(raw: bytes, content_type: str, model: type[Model] | None) -> Form:
    """A multipart body, validated against the operation's model."""
    texts, files = await parse_form(raw, content_type)
    if model is None:
        return Form({name: values[0] for name, values in texts.items()}, files)
    known = form_params(model)
    pairs = [(name, text) for name, values in texts.items() for text in values]
    named = {param.name for param in known}
    unknown = {name: values[0] for name, values in texts.items() if name not in named}
    fields = {**unknown, **convert(known, pairs)}
    # A file stands in the contract as a binary string; its content is the handler's matter.
    check(model, {**fields, **dict.fromkeys(files, "")})
    for name in files:
        fields.pop(name, None)
    return Form(fields, files)


@cache
def form_params(model: type[Model]) -> tuple[Param, ...]:
    """The members of a form's model as parameters, so that their texts are converted alike."""
    schema = model.model_json_schema()
    required = schema.get("required", [])
    return tuple(Param(name, name in required, _plain(member)) for name, member in schema["properties"].items())


def _plain(member: Mapping[str, Any]) -> Mapping[str, Any]:
    if "anyOf" in member:
        typed = [option for option in member["anyOf"] if option.get("type") not in (None, "null")]
        return typed[0] if typed else {}
    return member


def read_parameters(
    route: Route, path: Mapping[str, str], query: bytes, headers: Mapping[str, str]
) -> tuple[dict[str, Any], ...]:
    """The path, query and header parameters of an operation, validated."""
    pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True, errors="replace")
    sources = (
        (route.path_params, route.path_model, path.items()),
        (route.query_params, route.query_model, pairs),
        (route.header_params, route.header_model, headers.items()),
    )
    found = []
    for params, model, given in sources:
        values = convert(params, given)
        if model is not None:
            check(model, values)
        found.append(values)
    return tuple(found)


def check(model: type[Model], value: Any) -> Any:
    """The validated model of a value; 400 that names the field when it does not fit."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        param, message = explain(error, value)
        raise bad_request(f"{param or 'the body'}: {message}", param or None) from None


def explain(error: ValidationError, value: Any) -> tuple[str, str]:
    """The dotted path of the field that does not fit, and what it should be; never what it was.

    In a union every branch complains. A branch whose constant does not match is not the one that was meant, so it is heard last.
    """
    problems = []
    for item in error.errors(include_url=False, include_input=False):
        path, branches = _real_path(item["loc"], value)
        problems.append((item, path, branches))
    wrong = {branches[-1] for item, _, branches in problems if branches and item["type"] in ("literal_error", "enum")}
    meant = [entry for entry in problems if not wrong.intersection(entry[2])]
    if meant:
        item, path, _ = max(meant, key=lambda entry: len(entry[1]))
    else:
        item, path, _ = next((entry for entry in problems if entry[0]["type"] == "literal_error"), problems[0])
    message = item["msg"]
    if item["type"] in ("union_tag_invalid", "union_tag_not_found"):
        # pydantic points at the whole object, and its message repeats what was given.
        path = [*path, item["ctx"]["discriminator"].strip("'")]
        message = (
            f"Input should be one of {item['ctx']['expected_tags']}"
            if "expected_tags" in item["ctx"]
            else "Field required"
        )
    return ".".join(str(part) for part in path), message


def _real_path(loc: tuple[int | str, ...], value: Any) -> tuple[list[int | str], list[tuple[int | str, ...]]]:
    """The parts of a location that exist in the value, and the prefixes that end in the name of a union's branch."""
    path: list[int | str] = []
    branches = []
    for position, part in enumerate(loc):
        last = position == len(loc) - 1
        if isinstance(value, list) and isinstance(part, int):
            path.append(part)
            value = value[part] if part < len(value) else None
        elif isinstance(value, dict) and (part in value or last):
            path.append(part)
            value = value.get(part)
        else:
            branches.append(loc[: position + 1])
    return path, branches
