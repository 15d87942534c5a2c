"""What is to be sent: one operation with its arguments, and the options that apply to it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Callable, Dict, Iterable, List, Mapping, Optional, Tuple
from urllib.parse import urlencode

from ..exceptions import ConfigError, ValidationError
from ..types.options import ResponseInfo, Timeouts
from .jsoncodec import encode
from .peer import GATEWAY, Peer
from .urls import Origin

__all__ = ["Call", "Options", "WireRequest", "check_header", "checked_headers"]

Header = Tuple[bytes, bytes]
# A wrong one of these would make the server misread where the request ends.
FRAMING = frozenset({"content-length", "transfer-encoding", "connection", "upgrade"})
IDEMPOTENT = frozenset({"GET", "HEAD", "PUT", "DELETE", "OPTIONS"})


@dataclass(frozen=True)
class Options:
    """How calls are carried out. A client has one; `with_options` makes another."""

    timeouts: Timeouts
    max_retries: int = 2
    headers: Mapping[str, str] = field(default_factory=dict)
    on_response: Optional[Callable[[ResponseInfo], None]] = None

    def merged(self, **changes: Any) -> Options:
        """A copy with these changes; headers are added to the ones there."""
        headers = changes.pop("headers", None)
        if headers:
            changes["headers"] = {**self.headers, **headers}
        return replace(self, **changes) if changes else self


class Call:
    """One operation at one origin: what the pipeline carries out."""

    __slots__ = (
        "body",
        "headers",
        "method",
        "operation",
        "origin",
        "params",
        "path",
        "peer",
        "stream",
        "transport_body",
    )

    def __init__(
        self,
        operation: str,
        origin: Origin,
        method: str,
        path: str,
        *,
        params: Optional[Mapping[str, Any]] = None,
        headers: Optional[Mapping[str, str]] = None,
        body: Any = None,
        transport_body: Any = None,
        stream: bool = False,
        peer: Peer = GATEWAY,
    ) -> None:
        self.operation = operation
        self.origin = origin
        self.method = method
        self.path = path
        self.params = params
        self.headers = headers
        self.body = body
        # An already encoded body with its headers (multipart), made by the session.
        self.transport_body = transport_body
        self.stream = stream
        # Who answers, for the words of errors.
        self.peer = peer

    @property
    def idempotent(self) -> bool:
        return self.method in IDEMPOTENT

    def to_wire(self, common: Iterable[Header], extra: Mapping[str, str]) -> WireRequest:
        """The request as bytes; bad values raise a ValidationError that names them."""
        headers: List[Header] = [(b"host", self.origin.netloc.encode("ascii")), *common]
        content: Any = b""
        if self.transport_body is not None:
            encoded_headers, content = self.transport_body
            headers += encoded_headers
        elif self.body is not None:
            content = encode(self.body)
            headers.append((b"content-type", b"application/json"))
            headers.append((b"content-length", b"%d" % len(content)))
        elif not self.idempotent:
            headers.append((b"content-length", b"0"))
        named = {**extra, **{name.lower(): value for name, value in (self.headers or {}).items()}}
        if named:
            replaced = {name.encode("ascii", "replace") for name in named}
            headers = [pair for pair in headers if pair[0] not in replaced]
            headers += [check_header(name, value) for name, value in named.items()]
        target = self.origin.path + self.path
        if not target.startswith("/"):
            target = "/" + target
        query = urlencode(list(_pairs(self.params))) if self.params else ""
        if query:
            target += ("&" if "?" in target else "?") + query
        return WireRequest(self.method, self.origin, target.encode("ascii"), headers, content)


def _pairs(params: Mapping[str, Any]) -> Iterable[Tuple[str, str]]:
    for name, value in params.items():
        for item in value if isinstance(value, (list, tuple)) else (value,):
            if item is None:
                continue
            text = ("true" if item else "false") if isinstance(item, bool) else str(item)
            try:
                (name + text).encode("utf-8")
            except UnicodeEncodeError:
                raise ValidationError(f"{name!a} contains a lone surrogate and cannot be sent", param=name) from None
            yield name, text


def check_header(name: str, value: object) -> Header:
    """A header as bytes; a ValidationError when it could not be sent, or would split the request."""
    if not isinstance(name, str):
        raise ValidationError(f"the name of a header must be a string, not {type(name).__name__}", param="headers")
    if not isinstance(value, str):
        raise ValidationError(f"header {name} must be a string, not {type(value).__name__}", param=name)
    if any((character < " " and character != "\t") or character == "\x7f" for character in value):
        raise ValidationError(f"header {name!r} must not contain line breaks or control characters", param=name)
    if value != value.strip():
        raise ValidationError(f"header {name!r} must not begin or end with blanks", param=name)
    if not name or not all((c.isalnum() and c.isascii()) or c in "!#$%&'*+-.^_`|~" for c in name):
        raise ValidationError(f"{name!r} is not the name of a header", param="headers")
    if name.lower() in FRAMING:
        raise ValidationError(f"header {name} is written by the client itself and cannot be given", param=name)
    try:
        return name.lower().encode("ascii"), value.encode("latin-1")
    except UnicodeEncodeError:
        raise ValidationError(
            f"header {name} contains characters that a header cannot carry; percent-encode them", param=name
        ) from None


def checked_headers(headers: Optional[Mapping[str, str]]) -> Dict[str, str]:
    """The headers of a client's options, names in lower case; a ConfigError names a wrong one."""
    checked: Dict[str, str] = {}
    for name, value in (headers or {}).items():
        try:
            check_header(name, value)
        except ValidationError as error:
            raise ConfigError(error.message) from None
        checked[name.lower()] = value
    return checked


class WireRequest:
    """A request as the transport sends it. `content` is bytes, or an iterable of bytes that can be iterated anew."""

    __slots__ = ("content", "headers", "method", "origin", "target")

    def __init__(self, method: str, origin: Origin, target: bytes, headers: List[Header], content: Any) -> None:
        self.method = method
        self.origin = origin
        self.target = target
        self.headers = headers
        self.content = content

    @property
    def url(self) -> str:
        return f"{self.origin.scheme}://{self.origin.netloc}{self.target.decode('ascii')}"
