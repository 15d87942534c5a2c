"""Reads the configuration file; one that exists but cannot be understood is an error with its line, never ignored."""

from __future__ import annotations

import os
import stat
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, Mapping, NamedTuple, Optional, Set

from ..exceptions import ConfigError
from .keys import is_secret

__all__ = ["ConfigFile", "Entry", "config_path", "load_file", "read_text", "stated"]

VARIABLE = "SMARTFLOW_CONFIG"
MAX_BYTES = 1_000_000
_warned: Set[str] = set()


class Entry(NamedTuple):
    """One setting of the file: its value (a secret as `Secret`), and its line, from 1."""

    value: Any
    line: int


@dataclass(frozen=True)
class ConfigFile:
    """What the configuration file says; empty when there is none. Its repr shows no secret."""

    path: Path
    exists: bool = False
    settings: Mapping[str, Entry] = field(default_factory=dict)
    profiles: Mapping[str, Mapping[str, Entry]] = field(default_factory=dict)
    default_profile: Optional[Entry] = None


def config_path() -> Path:
    """The path of the configuration file: `SMARTFLOW_CONFIG`, else `~/.smartflow/config.yaml`. It need not exist."""
    named = os.environ.get(VARIABLE)
    if named is None:
        return Path(os.path.expanduser("~/.smartflow/config.yaml"))
    if not named.strip():
        raise ConfigError(f"{VARIABLE} is empty: name a file, or unset it")
    return Path(os.path.expanduser(named))


def stated() -> bool:
    """Whether the path was named by `SMARTFLOW_CONFIG`: then the file is missed when it is not there."""
    return VARIABLE in os.environ


def load_file(path: Optional[Path] = None) -> ConfigFile:
    """The content of the configuration file, checked; a ConfigError names file, line and cure."""
    path = config_path() if path is None else path
    text, mode = read_text(path)
    if text is None:
        return ConfigFile(path)
    if not text.strip():
        return ConfigFile(path, True)
    from .document import read_document

    document = read_document(text, path)
    groups: Dict[str, Mapping[str, Entry]] = {"": document.settings, **document.profiles}
    holds_key = any(is_secret(name) for group in groups.values() for name in group)
    if holds_key and mode & 0o077 and os.name == "posix":
        _warn_once(path)
    return ConfigFile(path, True, document.settings, document.profiles, document.default_profile)


def read_text(path: Path) -> Any:
    """The text of the file and its mode, or (None, 0) if there is no file."""
    try:
        # A pipe must not block the program until somebody writes into it.
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    except FileNotFoundError:
        return None, 0
    except (OSError, ValueError) as error:
        raise ConfigError(_unreadable(path, error)) from None
    try:
        with open(handle, "rb") as file:
            mode = os.fstat(handle).st_mode
            if not stat.S_ISREG(mode) and str(path) != os.devnull:
                raise ConfigError(f"{path} is no regular file: put the settings in a file, or name one in {VARIABLE}")
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ConfigError(_unreadable(path, error)) from None
    if len(data) > MAX_BYTES:
        raise ConfigError(f"{path} has more than {MAX_BYTES} bytes: it is no configuration file")
    try:
        return data.decode("utf-8-sig"), mode
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{path}:{line} is not UTF-8: save the file as UTF-8") from None


def _unreadable(path: Path, error: Exception) -> str:
    why = (getattr(error, "strerror", None) or "not a path").lower()
    return f"{path} cannot be read ({why}): correct it, or name another file in {VARIABLE}"


def _warn_once(path: Path) -> None:
    if str(path) in _warned:
        return
    _warned.add(str(path))
    warnings.warn(f"{path} holds a key and others may read it: run chmod 600 {path}", UserWarning, stacklevel=2)
