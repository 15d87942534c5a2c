"""Base URLs: parsed and checked once, and the siblings of a gateway's proxy URL derived from it."""

from __future__ import annotations

import functools
import ipaddress
from typing import NamedTuple, Optional, Tuple
from urllib.parse import urlsplit

from ..exceptions import ConfigError

__all__ = ["Origin", "parse_base_url", "split_url"]

_DEFAULT_PORTS = {"http": 80, "https": 443}
_LOCAL_SUFFIXES = (".local", ".internal", ".localhost", ".lan", ".svc", ".test")


class Origin(NamedTuple):
    """Where a service listens."""

    scheme: str
    host: str
    port: int
    path: str = ""
    explicit_port: bool = False

    @property
    def netloc(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _DEFAULT_PORTS[self.scheme] and not self.explicit_port else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.netloc}{self.path}"

    def sibling(self, port: int) -> Origin:
        """The same host on another port; services of their own have no path prefix."""
        return Origin(self.scheme, self.host, port, "", True)

    @property
    def is_trusted_network(self) -> bool:
        """Whether plain http stays inside the machine or a private network, as far as the name tells."""
        try:
            address = ipaddress.ip_address(self.host.split("%")[0])
        except ValueError:
            # A bare number is an address, too, for most resolvers: 134744072 is 8.8.8.8.
            return self.host.endswith(_LOCAL_SUFFIXES) or ("." not in self.host and not self.host[0].isdigit())
        address = getattr(address, "ipv4_mapped", None) or address
        return address.is_loopback or address.is_private or address.is_link_local


def parse_base_url(value: object, name: str = "base_url") -> Origin:
    """The origin of a base URL; a ConfigError names what is wrong with it and the cure."""
    if not isinstance(value, str):
        raise ConfigError(f"{name} must be a string such as 'http://smartflow:7775', not {type(value).__name__}")
    text = value.strip()
    if not text:
        raise ConfigError(f"{name} is empty: give a URL such as 'http://smartflow:7775'")
    if "://" not in text:
        raise ConfigError(f"{name} {_shown(text)} has no scheme: write 'http://' or 'https://' before it")
    if any(character <= " " or character == "\x7f" for character in text):
        raise ConfigError(f"{name} {_shown(text)} contains blanks or line breaks")
    try:
        parts = urlsplit(text)
        port: Optional[int] = parts.port
        host = parts.hostname
    except ValueError as error:
        # The text of the error may repeat what stands before an @.
        why = "" if "@" in text else f": {error}"
        raise ConfigError(f"{name} {_shown(text)} is not a URL{why}") from None
    if parts.username is not None or parts.password is not None:
        raise ConfigError(f"{name} must not contain a user name or password: give the key as api_key")
    if parts.scheme not in _DEFAULT_PORTS:
        raise ConfigError(f"{name} {_shown(text)} must begin with http:// or https://")
    if not host:
        raise ConfigError(f"{name} {_shown(text)} has no host")
    if port == 0:
        raise ConfigError(f"{name} {_shown(text)} has port 0: give the port on which the gateway listens")
    if parts.query or parts.fragment or text.endswith(("?", "#")):
        raise ConfigError(f"{name} must not contain a query or a fragment: give only scheme, host, port and path")
    path = parts.path.rstrip("/")
    if path.endswith("/v1"):
        raise ConfigError(f"{name} must not end in /v1: use {_shown(text[: text.rindex('/v1')])}")
    if any(segment in (".", "..") for segment in path.split("/")) or any(c <= " " or c > "~" for c in path):
        raise ConfigError(f"{name} {_shown(text)} has a path that cannot be used")
    return Origin(parts.scheme, _ascii_host(host, name), port or _DEFAULT_PORTS[parts.scheme], path, port is not None)


@functools.lru_cache(maxsize=256)
def _origin(start: str) -> Origin:
    return parse_base_url(start)


def split_url(url: str) -> Tuple[Origin, str]:
    """The origin of an absolute URL that is percent-encoded, and its path with the query."""
    scheme, _, rest = url.partition("://")
    cut = min((rest.index(mark) for mark in "/?" if mark in rest), default=len(rest))
    return _origin(f"{scheme}://{rest[:cut]}"), rest[cut:]


def _ascii_host(host: str, name: str) -> str:
    try:
        text = host if host.isascii() else host.encode("idna").decode("ascii")
    except UnicodeError:
        raise ConfigError(f"{name} has a host name that cannot be written in ASCII") from None
    if not all(character.isalnum() or character in "-._~%:" for character in text):
        raise ConfigError(f"{name} has a host name with characters that no host name has")
    labels = text[:-1].split(".") if text.endswith(".") else text.split(".")
    if ":" not in text and not all(0 < len(label) < 64 for label in labels):
        raise ConfigError(f"{name} has a host name with an empty part, or with one of more than 63 characters")
    return text


def _shown(text: str) -> str:
    """The URL for a message, without anything before an @: that might be a password."""
    return repr(text.rsplit("@", 1)[-1][:200])
