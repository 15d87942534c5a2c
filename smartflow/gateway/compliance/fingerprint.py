"""Keyed hashes of found values, so that feedback can be remembered without the value itself."""

from __future__ import annotations

import hmac
import re
from pathlib import Path

from smartflow.gateway.compliance.folding import fold
from smartflow.gateway.keyfile import load_or_make

KEY_NAME = "compliance.key"
_SEPARATORS = re.compile(r"[\W_]+")
_WHITESPACE = re.compile(r"\s+")


def load_key(folder: Path | None) -> bytes:
    """The key in this folder, or one for this process: without it nobody can try all possible numbers.

    Whoever loses the key loses what feedback has taught.
    """
    return load_or_make(folder, KEY_NAME, "; remove it to start with a new key")


class Fingerprints:
    """Makes the keyed hash of a value; equal values in another spelling (`555-0100`, `555 0100`) have equal hashes."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def __repr__(self) -> str:
        return "Fingerprints(***)"

    def of(self, org_id: str | None, kind: str, value: str) -> str:
        """The hash of this value of this kind within one organization, as hexadecimal digits."""
        message = "\0".join((org_id or "", kind, _normal(kind, value)))
        return hmac.digest(self._key, message.encode("utf-8", "surrogatepass"), "sha256").hex()

    def feature(self, org_id: str | None, name: str) -> str:
        """The hash of a word of a text within one organization, short, because a vector holds many."""
        message = f"{org_id or ''}\0word\0{name}"
        return hmac.digest(self._key, message.encode("utf-8", "surrogatepass"), "sha256").hex()[:16]


def _normal(kind: str, value: str) -> str:
    folded = fold(value).text
    if kind == "api_key":  # the case of a secret matters
        return _WHITESPACE.sub("", folded)
    if kind in ("email", "ip_address"):
        return folded.casefold()
    plain = _SEPARATORS.sub("", folded).casefold()
    if kind != "phone":
        return plain
    plain = plain.removeprefix("00")
    return plain[1:] if len(plain) == 11 and plain.startswith("1") else plain
