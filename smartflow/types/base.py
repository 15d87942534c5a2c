"""How result classes are read from JSON: leniently in what they accept, in one pass, and never with a wrong type."""

from __future__ import annotations

import gc
import math
from dataclasses import MISSING, fields
from types import MappingProxyType
from typing import (
    Any,
    Callable,
    ClassVar,
    Dict,
    List,
    Mapping,
    NamedTuple,
    Optional,
    Set,
    Tuple,
    Type,
    TypeVar,
    Union,
    get_type_hints,
)
from typing import get_args as _args
from typing import get_origin as _origin

from ..exceptions import ResponseValidationError

__all__ = ["Result", "meta_of", "read_rows"]

R = TypeVar("R", bound="Result")
MAX_LOOKS = 64
_EMPTY: Mapping[str, Any] = MappingProxyType({})


class _Field(NamedTuple):
    """How one attribute is read: values of the `expected` type pass, `convert` takes others, `absent` null or none."""

    name: str
    expected: Any
    convert: Optional[Callable[[Any, str], Any]]
    absent: Optional[Callable[[Mapping[str, Any], str], Any]]


class _Plan:
    """How one class is read. Rows of a page look alike, so the fields that need work are found once per look."""

    __slots__ = ("fields", "known", "names", "work")

    def __init__(self, fields: List[_Field], known: Set[str]) -> None:
        self.fields = fields
        self.names = [field.name for field in fields]
        self.known = frozenset(known)
        self.work: Dict[Tuple[type, ...], List[_Field]] = {}

    def work_for(self, kinds: Tuple[type, ...]) -> List[_Field]:
        """The fields that need work where the values have these types."""
        work = [
            field
            for field, kind in zip(self.fields, kinds)
            if kind is not field.expected
            and (field.absent is not None if kind is type(None) else field.convert is not None)
        ]
        if len(self.work) < MAX_LOOKS:
            self.work[kinds] = work
        return work


class _Meta(NamedTuple):
    """What is known of the HTTP answer that a result came with."""

    headers: Mapping[str, str]
    request_id: Optional[str]


class Result:
    """Base of all result classes.

    Fields that the gateway sends and this SDK does not know are kept in `extra`. A field that is missing or null has
    its default. `headers` (names in lower case) and `request_id` are those of the HTTP answer.
    """

    _extra: ClassVar[Mapping[str, Any]] = _EMPTY
    _meta: ClassVar[_Meta] = _Meta(_EMPTY, None)
    _plan: ClassVar[Optional[_Plan]] = None

    @property
    def extra(self) -> Mapping[str, Any]:
        """Fields of the answer that have no attribute here."""
        return self._extra

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers of the HTTP answer, names in lower case; empty for a part of a larger answer."""
        return self._meta.headers

    @property
    def request_id(self) -> Optional[str]:
        """The gateway's id of the call, as in the response header `x-smartflow-request-id`."""
        return self._meta.request_id

    @classmethod
    def from_dict(cls: Type[R], data: Any, reply: Any = None, path: str = "") -> R:
        """The result that a decoded JSON object describes; ResponseValidationError names the place that does not fit."""
        if type(data) is not dict:
            raise _unfit(path or cls.__name__, "an object", data)
        plan: _Plan = cls.__dict__.get("_plan") or _make_plan(cls)
        result = object.__new__(cls)
        values = result.__dict__
        if plan.known.issuperset(data):
            values.update(data)
        else:
            values.update((name, data[name]) for name in plan.known if name in data)
            values["_extra"] = MappingProxyType({name: data[name] for name in data if name not in plan.known})
        kinds = tuple(map(type, map(data.get, plan.names)))
        work = plan.work.get(kinds)
        for name, _, convert, absent in plan.work_for(kinds) if work is None else work:
            value = values.get(name)
            if value is not None:
                values[name] = convert(value, name)  # type: ignore[misc]
            else:
                values[name] = absent(data, path or cls.__name__)  # type: ignore[misc]
        if reply is not None:
            values["_meta"] = meta_of(reply)
        return result

    def to_dict(self) -> Dict[str, Any]:
        """A plain dict of the fields, and of what is in `extra`; ready for `json.dumps`."""
        found = {field.name: _plain(self.__dict__.get(field.name, field.default)) for field in fields(self)}  # type: ignore[arg-type]
        return {**self._extra, **found}

    def __getstate__(self) -> Dict[str, Any]:
        """For pickle and copy, which do not know read-only mappings."""
        return {name: dict(value) if name == "_extra" else value for name, value in self.__dict__.items()}

    def __setstate__(self, state: Dict[str, Any]) -> None:
        self.__dict__.update(state)
        if "_extra" in state:
            self.__dict__["_extra"] = MappingProxyType(state["_extra"])


def meta_of(reply: Any) -> _Meta:
    """The HTTP facts of a reply."""
    headers = reply.headers
    return _Meta(headers, headers.get("x-smartflow-request-id") or headers.get("x-request-id"))


def read_rows(read: Callable[[Any], R], rows: List[Any]) -> List[R]:
    """All rows, read one by one. They contain no cycles, so the collector need not look for some in their midst."""
    collecting = gc.isenabled() and len(rows) > 100
    if collecting:
        gc.disable()
    try:
        return [read(row) for row in rows]
    finally:
        if collecting:
            gc.enable()


def _plain(value: Any) -> Any:
    if isinstance(value, Result):
        return value.to_dict()
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return value


def _make_plan(cls: Type[Any]) -> _Plan:
    hints = get_type_hints(cls)
    found: List[_Field] = []
    known: Set[str] = set()
    for field in fields(cls):
        aliases = tuple(field.metadata.get("aliases", ()))
        expected, convert = _converter(hints[field.name])
        found.append(_Field(field.name, expected, convert, _absent(field, aliases, convert)))
        known.update((field.name, *aliases))
    plan = _Plan(found, known)
    cls._plan = plan
    return plan


def _absent(
    field: Any, aliases: Tuple[str, ...], convert: Optional[Callable[[Any, str], Any]]
) -> Optional[Callable[[Mapping[str, Any], str], Any]]:
    """What gives a missing or null field its value: an older name's value, or the default; None where None will do."""
    required = bool(field.metadata.get("required"))
    default, make = field.default, field.default_factory
    if not aliases and not required:
        if make is MISSING:
            return None if default is None else lambda data, path: default
        return lambda data, path: make()

    def value_for(data: Mapping[str, Any], path: str) -> Any:
        for alias in aliases:
            value = data.get(alias)
            if value is not None:
                return value if convert is None else convert(value, field.name)
        if required:
            raise _unfit(f"{path}.{field.name}", "a value", None)
        return default if make is MISSING else make()

    return value_for


def _unfit(path: str, wanted: str, value: Any) -> ResponseValidationError:
    found = "nothing" if value is None else type(value).__name__
    return ResponseValidationError(f"the answer does not fit: {path} should be {wanted}, not {found}", body=value)


def _converter(hint: Any) -> Tuple[Any, Optional[Callable[[Any, str], Any]]]:
    """The type that needs no work, and what turns other JSON values into the annotated type; None passes any value."""
    if _origin(hint) is Union:
        inner = [arm for arm in _args(hint) if arm is not type(None)]
        return _converter(inner[0]) if len(inner) == 1 else (None, None)
    if isinstance(hint, type) and issubclass(hint, Result):
        return None, lambda value, path, read=hint.from_dict: read(value, None, path)
    if hint in _SCALARS:
        return hint, _SCALARS[hint]
    origin = _origin(hint)
    if origin is list:
        convert = _converter(_args(hint)[0])[1]
        return (list, _list_of(None)) if convert is None else (None, _list_of(convert))
    if origin is dict:
        return dict, _dict
    return None, None


def _list_of(convert: Optional[Callable[[Any, str], Any]]) -> Callable[[Any, str], Any]:
    def read(value: Any, path: str) -> Any:
        if type(value) is not list:
            raise _unfit(path, "a list", value)
        return value if convert is None else [convert(item, path) for item in value]

    return read


def _dict(value: Any, path: str) -> Any:
    if type(value) is not dict:
        raise _unfit(path, "an object", value)
    return value


def _str(value: Any, path: str) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return str(value)
    raise _unfit(path, "a string", value)


def _int(value: Any, path: str) -> int:
    if type(value) is int:
        return value
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20:
        # Not by way of a float, which loses digits above 2**53.
        return int(value)
    number = _float(value, path)
    return round(number)


def _float(value: Any, path: str) -> float:
    if type(value) is float or type(value) is int:
        try:
            number = float(value)
        except OverflowError:
            raise _unfit(path, "a finite number", value) from None
    elif isinstance(value, str):
        try:
            number = float(value)
        except ValueError:
            raise _unfit(path, "a number", value) from None
    else:
        raise _unfit(path, "a number", value)
    if not math.isfinite(number):
        raise _unfit(path, "a finite number", value)
    return number


def _bool(value: Any, path: str) -> bool:
    if type(value) is bool:
        return value
    raise _unfit(path, "true or false", value)


_SCALARS: Dict[Any, Callable[[Any, str], Any]] = {str: _str, int: _int, float: _float, bool: _bool}
