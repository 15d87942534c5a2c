"""Secret keys of the gateway's own, each in a file beside the database: with a copy of the database alone nobody has them."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

KEY_BYTES = 32


class KeyFileError(ValueError):
    """A key file cannot be used; the message names it and the cure."""


def load_or_make(folder: Path | None, name: str, cure: str) -> bytes:
    """The key that a file of this folder holds, made (0600) when there is none; without a folder one for this process."""
    if folder is None:
        return secrets.token_bytes(KEY_BYTES)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / name
    try:
        handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        key = path.read_bytes()
        if len(key) != KEY_BYTES:
            raise KeyFileError(f"{path} must hold {KEY_BYTES} bytes{cure}") from None
        return key
    key = secrets.token_bytes(KEY_BYTES)
    with os.fdopen(handle, "wb") as file:
        file.write(key)
    return key
