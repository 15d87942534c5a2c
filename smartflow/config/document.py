"""Turns the YAML text of a configuration file into checked settings that know their lines and places."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, Iterator, Mapping, Optional, Tuple

import yaml

from .._core.secrets import redact
from ..exceptions import ConfigError
from .file import Entry
from .keys import ALIASES, GATEWAY_SETTINGS, SETTINGS, parse_text

__all__ = ["Document", "check_profile_name", "read_document"]

_PROFILE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")
_SIMPLE = ("str", "int", "float", "bool", "timestamp", "value")
_NULL = "tag:yaml.org,2002:null"


@dataclass(frozen=True)
class Document:
    """The settings of a text, and for whoever edits it, the nodes of each group (`""` is the top level)."""

    settings: Mapping[str, Entry] = field(default_factory=dict)
    profiles: Mapping[str, Mapping[str, Entry]] = field(default_factory=dict)
    default_profile: Optional[Entry] = None
    root: Any = None
    profiles_node: Any = None
    groups: Mapping[str, Any] = field(default_factory=dict)


def read_document(text: str, path: Path) -> Document:
    """The checked content of a configuration file's text; a ConfigError names file, line and cure."""
    root = _composed(text, path)
    if root is None:
        return Document()
    extra: Dict[str, Any] = {}
    settings: Dict[str, Entry] = {}
    for name, value, key in _pairs(root, path, "the file"):
        if name in ("profiles", "default_profile"):
            extra[name] = value
        else:
            settings[name] = _entry(name, value, key, path)
    profiles: Dict[str, Mapping[str, Entry]] = {}
    groups = {"": root}
    for name, value, key in _pairs(extra.get("profiles"), path, "profiles", known=None):
        check_profile_name(name, f"{path}:{_line(key)}")
        groups[name] = value
        profiles[name] = {
            inner: _entry(inner, node, at, path)
            for inner, node, at in _pairs(value, path, f"profile {name}", known=SETTINGS)
        }
    chosen = _default_profile(extra.get("default_profile"), profiles, path)
    return Document(settings, profiles, chosen, root, extra.get("profiles"), groups)


def check_profile_name(name: object, where: str) -> str:
    """The name of a profile."""
    if not isinstance(name, str) or not _PROFILE.fullmatch(name):
        raise ConfigError(f"{where}: a profile's name consists of at most 64 letters, digits, '-', '_' and '.'")
    return name


def _composed(text: str, path: Path) -> Any:
    # The pure loader on purpose: it gives the place of each value, and the document is small.
    loader: Any = None
    try:
        loader = yaml.SafeLoader(text)
        return loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        # Of an open quote or bracket the place where it opens is named, not the end of the file.
        unclosed = "end of stream" in (error.problem or "") or "'<stream end>'" in (error.problem or "")
        mark = (error.context_mark if unclosed else None) or error.problem_mark
        # What YAML quotes from the text may be a part of a key.
        problem = re.sub(r"'(?!<)[^']{3,}'|\"[^\"]{3,}\"", "***", error.problem or "it is not YAML")
        raise ConfigError(
            f"{path}:{mark.line + 1 if mark else 1} is not valid YAML ({problem}): correct the line, or move the "
            "file away and run `smartflow configure`"
        ) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise ConfigError(f"{path}:{line} contains a character that no YAML file may have: remove it") from None
    except RecursionError:
        raise ConfigError(f"{path} is nested too deeply: it is no configuration file") from None
    finally:
        if loader is not None:
            loader.dispose()


def _pairs(
    node: Any, path: Path, place: str, known: Optional[Tuple[str, ...]] = (*SETTINGS, "profiles", "default_profile")
) -> Iterator[Tuple[str, Any, Any]]:
    """The name, the value and the key's node of each entry of a mapping; `known` None allows any name."""
    if node is None or node.tag == _NULL:
        return
    if not isinstance(node, yaml.MappingNode):
        raise ConfigError(f"{path}:{_line(node)}: {place} must consist of lines such as 'name: value'")
    seen: Dict[str, int] = {}
    for key, value in node.value:
        name = key.value if isinstance(key, yaml.ScalarNode) else ""
        if known is not None:
            name = ALIASES.get(name, name)
            if name not in known:
                raise ConfigError(_unknown(name, f"{path}:{_line(key)}", place, known))
        if name in seen:
            raise ConfigError(
                f"{path}:{_line(key)}: {name} is given twice (first in line {seen[name]}): remove one of them"
            )
        seen[name] = _line(key)
        yield name, value, key


def _entry(name: str, node: Any, key: Any, path: Path) -> Entry:
    line = _line(key)
    shown = f"{name} ({path}:{line})"
    value = parse_text(name, _text(node, shown), shown)
    if value is None:
        raise ConfigError(f"{shown} is empty: give a value, or remove the line")
    return Entry(value, line)


def _text(node: Any, shown: str) -> str:
    """What was written, whatever YAML takes it for: a key may consist of digits and begin with zeros."""
    if node.tag == _NULL:
        raise ConfigError(f"{shown} is empty: give a value, or remove the line")
    if not isinstance(node, yaml.ScalarNode) or node.tag not in [f"tag:yaml.org,2002:{kind}" for kind in _SIMPLE]:
        raise ConfigError(f"{shown} must be a single value, not a list, a mapping or an object")
    return str(node.value)


def _default_profile(node: Any, profiles: Mapping[str, Any], path: Path) -> Optional[Entry]:
    if node is None:
        return None
    shown = f"default_profile ({path}:{_line(node)})"
    name = _text(node, shown).strip()
    if name not in profiles:
        known = ", ".join(sorted(profiles)) or "none"
        raise ConfigError(f"{shown} names no profile of the file: known are {known}")
    return Entry(name, _line(node))


def _unknown(name: str, where: str, place: str, known: Tuple[str, ...]) -> str:
    # A key of the file may be a misplaced secret: only what looks like a name is shown.
    shown = redact(name) if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_-]{0,40}", name) else "***"
    near = difflib.get_close_matches(name.lower().replace("-", "_"), [*known, *ALIASES], 1)
    listed = ", ".join([*GATEWAY_SETTINGS, "<provider>_api_key", "<provider>_base_url"])
    cure = f"did you mean {near[0]}?" if near else f"known are {listed}"
    return f"{where}: unknown key {shown!r} in {place}: {cure}"


def _line(node: Any) -> int:
    return int(node.start_mark.line) + 1
