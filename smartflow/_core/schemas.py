"""JSON schemas of Python types, and JSON values read as these types."""

from __future__ import annotations

import collections.abc
import dataclasses
import enum
import sys
from typing import Any, Dict, List, Literal, Mapping, Sequence, Tuple, Union, get_args, get_origin, get_type_hints

from ..exceptions import ValidationError

__all__ = ["fit", "schema_of"]

_SCALARS: Dict[Any, str] = {str: "string", int: "integer", float: "number", bool: "boolean", type(None): "null"}
_LISTS = (list, tuple, set, frozenset, Sequence)
_UNIONS: Tuple[Any, ...] = (Union,)
if sys.version_info >= (3, 10):
    import types

    _UNIONS = (Union, types.UnionType)


def schema_of(hint: Any, inside: Tuple[Any, ...] = ()) -> Dict[str, Any]:
    """The schema of values of a type; a type that JSON has no values for is a ValidationError."""
    if hint is Any or hint is object:
        return {}
    if hint in _SCALARS:
        return {"type": _SCALARS[hint]}
    if isinstance(hint, type) and hasattr(hint, "model_json_schema"):
        found: Dict[str, Any] = hint.model_json_schema()
        return found
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return {"enum": [member.value for member in hint]}
    if _is_record(hint):
        if hint in inside:
            raise ValidationError(f"{hint.__name__} contains itself, which a tool's schema cannot say")
        return _record_schema(hint, (*inside, hint))
    return _generic_schema(hint, inside)


def _generic_schema(hint: Any, inside: Tuple[Any, ...]) -> Dict[str, Any]:
    origin, args = get_origin(hint), get_args(hint)
    if origin is Literal:
        return {"enum": list(args)}
    if origin in _UNIONS:
        return {"anyOf": [schema_of(arm, inside) for arm in args]}
    if hint in _LISTS or origin in _LISTS or origin is collections.abc.Sequence:
        items = [arm for arm in args if arm is not Ellipsis]
        return {"type": "array", "items": schema_of(items[0], inside)} if items else {"type": "array"}
    if hint is dict or origin in (dict, collections.abc.Mapping):
        return {"type": "object", "additionalProperties": schema_of(args[1], inside)} if args else {"type": "object"}
    raise ValidationError(f"{hint!r} has no JSON schema: use str, int, float, bool, list, dict, Literal or a dataclass")


def _is_record(hint: Any) -> bool:
    return isinstance(hint, type) and (dataclasses.is_dataclass(hint) or _is_typed_dict(hint))


def _is_typed_dict(hint: Any) -> bool:
    """By its look: the ones of typing and of typing_extensions are not the same."""
    return issubclass(hint, dict) and hasattr(hint, "__required_keys__")


def _fields(hint: Any) -> Dict[str, Tuple[Any, bool]]:
    """The fields of a dataclass or a TypedDict: the type of each, and whether it must be there."""
    hints = get_type_hints(hint)
    if dataclasses.is_dataclass(hint):
        absent = dataclasses.MISSING
        return {
            each.name: (hints[each.name], each.default is absent and each.default_factory is absent)
            for each in dataclasses.fields(hint)
            if each.init
        }
    needed = hint.__required_keys__
    return {name: (_unmarked(each), name in needed) for name, each in hints.items()}


def _unmarked(hint: Any) -> Any:
    """Without `Required` and `NotRequired`, which get_type_hints() leaves before Python 3.11."""
    return get_args(hint)[0] if getattr(get_origin(hint), "_name", "") in ("Required", "NotRequired") else hint


def _record_schema(hint: Any, inside: Tuple[Any, ...]) -> Dict[str, Any]:
    fields = _fields(hint)
    return {
        "type": "object",
        "properties": {name: schema_of(each, inside) for name, (each, _) in fields.items()},
        "required": [name for name, (_, needed) in fields.items() if needed],
        "additionalProperties": False,
    }


def fit(hint: Any, value: Any, path: str) -> Any:
    """The value as one of this type; a ValidationError names the place that does not fit."""
    if hint is Any or hint is object:
        return value
    if hint in _SCALARS:
        return _scalar(hint, value, path)
    if isinstance(hint, type) and hasattr(hint, "model_validate"):
        return _validated(hint, value, path)
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return _member(hint, value, path)
    if _is_record(hint):
        return _record(hint, value, path)
    return _generic(hint, value, path)


def _scalar(hint: Any, value: Any, path: str) -> Any:
    if hint is float and type(value) is int:
        return float(value)
    if type(value) is not hint:
        raise _unfit(path, _SCALARS[hint], value)
    return value


def _validated(hint: Any, value: Any, path: str) -> Any:
    try:
        return hint.model_validate(value)
    except ValueError as error:
        raise ValidationError(f"{path} is no {hint.__name__}: {error}", param=path) from None


def _member(hint: Any, value: Any, path: str) -> Any:
    try:
        return hint(value)
    except ValueError:
        raise _unfit(path, f"one of {[member.value for member in hint]}", value) from None


def _record(hint: Any, value: Any, path: str) -> Any:
    if not isinstance(value, Mapping):
        raise _unfit(path, "an object", value)
    fields = _fields(hint)
    missing = [name for name, (_, needed) in fields.items() if needed and name not in value]
    unknown = [str(name) for name in value if name not in fields]
    if missing or unknown:
        raise ValidationError(f"{path}: missing {missing}, unknown {unknown}; fields: {list(fields)}", param=path)
    found = {name: fit(fields[name][0], item, f"{path}.{name}") for name, item in value.items()}
    return hint(**found)


def _generic(hint: Any, value: Any, path: str) -> Any:
    origin, args = get_origin(hint), get_args(hint)
    if origin is Literal:
        if value not in args:
            raise _unfit(path, f"one of {list(args)}", value)
        return value
    if origin in _UNIONS:
        return _one_of(args, value, path)
    if hint is dict or origin in (dict, collections.abc.Mapping):
        if not isinstance(value, dict):
            raise _unfit(path, "an object", value)
        return {key: fit(args[1], item, f"{path}.{key}") for key, item in value.items()} if args else value
    if not isinstance(value, list):
        raise _unfit(path, "a list", value)
    items: List[Any] = [fit(args[0], item, f"{path}[{at}]") for at, item in enumerate(value)] if args else value
    made = origin or hint
    return made(items) if made in (tuple, set, frozenset) else items


def _one_of(arms: Sequence[Any], value: Any, path: str) -> Any:
    problems = []
    for arm in arms:
        try:
            return fit(arm, value, path)
        except ValidationError as error:
            problems.append(error.message)
    raise ValidationError(f"{path} fits none of its types: {'; '.join(problems)}", param=path)


def _unfit(path: str, wanted: str, value: Any) -> ValidationError:
    found = "null" if value is None else f"{type(value).__name__} {value!r:.80}"
    return ValidationError(f"{path} must be {wanted}, not {found}", param=path)
