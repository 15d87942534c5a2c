"""Writes the configuration file: whole or not at all, and readable by its owner alone from the first byte on."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path
from typing import Any, Dict, Mapping, Optional

from .._core.secrets import Secret, reveal
from ..exceptions import ConfigError
from .document import check_profile_name, read_document
from .edit import Texts, changed_text, quoted
from .file import Entry, config_path, read_text
from .keys import ALIASES, SETTINGS, parse_text

__all__ = ["save"]


def save(changes: Mapping[str, object], profile: Optional[str] = None) -> Path:
    """The path of the configuration file, after the changes were written into it; a None removes a setting.

    All other settings stay, and comments too, unless the file is written in a style that is not edited in place (flow
    style, anchors): then it is written anew without comments.

    Args:
        changes: Settings by name; keys may be strings or `Secret`. `default_profile` may be changed as well.
        profile: The profile to change, which is created if need be; by default the settings outside of profiles.

    Raises:
        ConfigError: A value or a name is wrong, the file cannot be understood or not be written. It is then unchanged.
    """
    path = config_path()
    if profile is not None:
        check_profile_name(profile, "profile")
    group = profile or ""
    texts = {ALIASES.get(name, name): _text(name, value, group) for name, value in changes.items()}
    if len(texts) < len(changes):
        raise ConfigError("gateway_url and base_url are the same setting: give one of them")
    old = read_text(path)[0] or ""
    wanted = _present(old, path)
    target = wanted.setdefault(group, {})
    for name, text in texts.items():
        target.pop(name, None)
        if text is not None:
            target[name] = text
    new = changed_text(old, path, group, texts, wanted)
    # What is written must be understood by the next reader, for example a default_profile that exists.
    read_document(new, path)
    _replace(path, new.encode("utf-8"))
    return path


def _text(name: str, value: object, group: str) -> Optional[str]:
    """A value as it is written into the file, checked by the rules for reading it."""
    known = SETTINGS if group else (*SETTINGS, "default_profile")
    canonical = ALIASES.get(name, name)
    if canonical not in known:
        raise ConfigError(f"{name} is no setting of {'a profile' if group else 'the configuration file'}")
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (str, int, float, Secret)):
        raise ConfigError(f"{name} must be a string or a number, not {type(value).__name__}")
    text = reveal(value) if isinstance(value, Secret) else str(value)
    if canonical == "default_profile":
        return quoted(check_profile_name(text, name))
    parsed = parse_text(canonical, text, name)
    if parsed is None:
        raise ConfigError(f"{name} is empty: give a value, or None to remove it")
    return _yaml(parsed)


def _yaml(value: Any) -> str:
    if isinstance(value, (int, float)):
        return f"{value:f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
    return quoted(reveal(value))


def _present(old: str, path: Path) -> Texts:
    document = read_document(old, path)
    groups: Dict[str, Mapping[str, Entry]] = {"": document.settings, **document.profiles}
    texts = {group: {name: _yaml(entry.value) for name, entry in inner.items()} for group, inner in groups.items()}
    if document.default_profile is not None:
        texts[""]["default_profile"] = quoted(document.default_profile.value)
    return texts


def _replace(path: Path, data: bytes) -> None:
    # A link, as people who keep their settings in a repository have it, stays one.
    real = os.path.realpath(path)
    folder, name = os.path.split(real)
    temporary = os.path.join(folder, f".{name}.{secrets.token_hex(8)}.tmp")
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
        if os.path.exists(real) and not os.path.isfile(real):
            raise ConfigError(f"{path} is no regular file: name another one in SMARTFLOW_CONFIG")
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
        try:
            with open(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(handle)
            os.replace(temporary, real)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise
        _sync_folder(folder)
    except OSError as error:
        why = (error.strerror or "unknown error").lower()
        raise ConfigError(
            f"{path} cannot be written ({why}): correct the folder's permissions, or name another file in SMARTFLOW_CONFIG"
        ) from None


def _sync_folder(folder: str) -> None:
    """Make the new name last through a power cut, where folders can be synchronised."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
