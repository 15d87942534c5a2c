"""What every generated module shares: UNSET, files, operations and the small conversions between them and the wire."""

from __future__ import annotations

import sys
from enum import Enum
from typing import (
    IO,
    TYPE_CHECKING,
    Any,
    BinaryIO,
    Callable,
    Dict,
    Generic,
    List,
    Literal,
    Mapping,
    Optional,
    Tuple,
    TypedDict,
    TypeVar,
    Union,
)
from urllib.parse import quote

if TYPE_CHECKING:
    import datetime

    from typing_extensions import ParamSpec

    P = ParamSpec("P")
else:
    # Python 3.9 has no ParamSpec; at run time any type variable serves.
    P = TypeVar("P")

T = TypeVar("T")

__all__ = [
    "UNSET",
    "File",
    "FileTypes",
    "OpenEnum",
    "Operation",
    "RequestArgs",
    "RequestFiles",
    "UnexpectedContent",
    "UnexpectedStatus",
    "Unset",
    "decode",
    "form_parts",
    "header_text",
    "json_body",
    "parse_datetime",
    "path_segment",
    "query_value",
]


class Unset:
    """The type of UNSET, which stands for "not given" where None is a value of its own."""

    __slots__ = ()

    def __bool__(self) -> Literal[False]:
        return False

    def __repr__(self) -> str:
        return "UNSET"

    def __reduce__(self) -> str:
        return "UNSET"


UNSET = Unset()

FileContent = Union[IO[bytes], bytes, str]
FileTypes = Union[
    Tuple[Optional[str], FileContent, Optional[str]],
    Tuple[Optional[str], FileContent, Optional[str], Mapping[str, str]],
]
RequestFiles = List[Tuple[str, FileTypes]]


class File:
    """A file of a form: its bytes, and the name and media type that the server is told."""

    __slots__ = ("file_name", "mime_type", "payload")

    def __init__(self, payload: BinaryIO, file_name: Optional[str] = None, mime_type: Optional[str] = None) -> None:
        self.payload = payload
        self.file_name = file_name
        self.mime_type = mime_type

    def to_tuple(self) -> FileTypes:
        """The form in which httpx takes a file."""
        return self.file_name, self.payload, self.mime_type


class OpenEnum(str, Enum):
    """Known values as members; a value that is not known passes as a member whose name and value are the string."""

    @classmethod
    def _missing_(cls, value: object) -> Optional[OpenEnum]:
        if not isinstance(value, str):
            return None
        member = str.__new__(cls, value)
        member._name_ = value
        member._value_ = value
        return member

    def __str__(self) -> str:
        return str(self.value)


class _Target(TypedDict):
    method: str
    url: str


class RequestArgs(_Target, total=False):
    """One request, without its origin: `url` is an encoded path. Only what was given is there."""

    params: Dict[str, Any]
    headers: Dict[str, str]
    json: Any
    data: Dict[str, Any]
    files: RequestFiles
    content: Any


class UnexpectedStatus(Exception):
    """The server answered with a status that is no success of this operation; `content` holds the body."""

    def __init__(self, status_code: int, content: bytes) -> None:
        super().__init__(f"the server answered {status_code}; `content` holds the {len(content)} bytes of the body")
        self.status_code = status_code
        self.content = content


class UnexpectedContent(Exception):
    """The status was a success, but the body is not what the contract promises; `content` holds it."""

    def __init__(self, status_code: int, content: bytes, reason: str) -> None:
        super().__init__(f"the body of a {status_code} does not follow the contract: {reason}")
        self.status_code = status_code
        self.content = content


class Operation(Generic[P, T]):
    """One operation of the contract: a pure function that makes its request, and one that reads its answer."""

    __slots__ = ("method", "operation_id", "parse", "path", "request", "service")

    def __init__(
        self,
        operation_id: str,
        method: str,
        path: str,
        service: str,
        request: Callable[P, RequestArgs],
        parse: Callable[[int, bytes], T],
    ) -> None:
        self.operation_id = operation_id
        self.method = method
        self.path = path
        self.service = service
        self.request = request
        self.parse = parse

    def __repr__(self) -> str:
        return f"<Operation {self.operation_id}: {self.method} {self.path} of {self.service}>"


def path_segment(name: str, value: object) -> str:
    """A path argument, percent-encoded; a ValueError for one that would name another path."""
    text = str(query_value(value))
    if text in ("", ".", ".."):
        raise ValueError(f"{name} must not be {text!r}: it is one segment of the path")
    return quote(text, safe="")


def query_value(value: Any) -> Any:
    """A query value as text, number or boolean; a list stays a list, so that its key is repeated."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, (list, tuple)):
        return [query_value(item) for item in value]
    to_text = getattr(value, "isoformat", None)
    return value if to_text is None else to_text()


def header_text(value: Any) -> str:
    """A header value as text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return ",".join(header_text(item) for item in value)
    return str(query_value(value))


def json_body(body: Any) -> Any:
    """What is sent as JSON: a mapping as it is, a model as the mapping that it stands for."""
    to_dict = None if isinstance(body, dict) else getattr(body, "to_dict", None)
    return body if to_dict is None else to_dict()


def form_parts(body: Any) -> RequestFiles:
    """The parts of a form, from a model or a mapping: plain values become fields, everything else stays a file."""
    if hasattr(body, "to_multipart"):
        parts: RequestFiles = body.to_multipart()
        return parts
    return [
        (name, _part(value))
        for name, values in body.items()
        for value in (values if isinstance(values, list) else [values])
        if value is not UNSET
    ]


def _part(value: Any) -> Any:
    if isinstance(value, File):
        return value.to_tuple()
    if isinstance(value, (str, int, float)):
        return None, header_text(value).encode("utf-8")
    return value


def decode(construct: Callable[[Any], T], status_code: int, content: bytes) -> T:
    """The JSON body as `construct` builds it; UnexpectedContent when it cannot."""
    import json

    try:
        return construct(json.loads(content))
    except KeyError as error:
        raise UnexpectedContent(status_code, content, f"{error} is missing") from error
    except (AttributeError, TypeError, ValueError) as error:
        raise UnexpectedContent(status_code, content, str(error)) from error


def parse_datetime(text: str) -> datetime.datetime:
    """The moment that an RFC 3339 text names."""
    if sys.version_info >= (3, 11):
        import datetime

        return datetime.datetime.fromisoformat(text)
    from dateutil.parser import isoparse

    return isoparse(text)
