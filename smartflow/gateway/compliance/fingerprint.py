"""Keyed hashes of found values, so that feedback can be remembered without the value itself."""

from __future__ import annotations

import hmac
import os
import re
import secrets
from pathlib import Path

from smartflow.gateway.compliance.folding import fold

KEY_NAME = "compliance.key"
_KEY_BYTES = 32
_SEPARATORS = re.compile(r"[\W_]+")
_WHITESPACE = re.compile(r"\s+")


def load_key(folder: Path | None) -> bytes:
    """The key in this folder, made (0600) when there is none; without a folder one that lives as long as the process.

    The key lies beside the database, not in it: with a copy of the database alone nobody can try all possible numbers.
    Whoever loses the key loses what feedback has taught.
    """
    if folder is None:
        return secrets.token_bytes(_KEY_BYTES)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / KEY_NAME
    try:
        handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        key = path.read_bytes()
        if len(key) != _KEY_BYTES:
            raise ValueError(f"{path} must hold {_KEY_BYTES} bytes; remove it to start with a new key") from None
        return key
    key = secrets.token_bytes(_KEY_BYTES)
    with os.fdopen(handle, "wb") as file:
        file.write(key)
    return key


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
