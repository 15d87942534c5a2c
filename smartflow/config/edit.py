"""Changes the text of a configuration file: in place where that is safe, so that comments stay, else written anew."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Tuple

from ..exceptions import ConfigError
from .document import Document, read_document
from .keys import ALIASES, SETTINGS

__all__ = ["Texts", "changed_text", "quoted"]

Texts = Dict[str, Dict[str, str]]
"""The settings as YAML texts: by group (`""` is the top level, others are profiles), then by name."""

Cut = Tuple[int, int, str]


def quoted(text: str) -> str:
    """A YAML scalar that reads back as exactly this text, whatever stands in it."""
    pieces = []
    for character in text:
        if character in '"\\':
            pieces.append(f"\\{character}")
        elif " " <= character <= "~":
            pieces.append(character)
        else:
            code = ord(character)
            pieces.append(f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}")
    return f'"{"".join(pieces)}"'


def changed_text(old: str, path: Path, group: str, changes: Mapping[str, Optional[str]], wanted: Texts) -> str:
    """The new text of the file, which says what is wanted; `changes` of one group lead from the old text to it."""
    document = read_document(old, path)
    new = _edited(old, document, group, changes)
    if new is not None and _says(new, path, wanted):
        return new
    # A style of YAML that is not edited in place: comments go, settings stay.
    return _written(wanted)


def _says(text: str, path: Path, wanted: Texts) -> bool:
    try:
        found, expected = (_values(read_document(each, path)) for each in (text, _written(wanted)))
    except ConfigError:
        return False
    return bool(found == expected)


def _values(document: Document) -> Any:
    groups = {"": document.settings, **document.profiles}
    values = {name: {key: entry.value for key, entry in group.items()} for name, group in groups.items()}
    return values, document.default_profile.value if document.default_profile else None


def _written(wanted: Texts) -> str:
    top = dict(wanted.get("", {}))
    order = [*(name for name in ("default_profile", *SETTINGS) if name in top)]
    lines = [f"{name}: {top[name]}" for name in order]
    profiles = [name for name in wanted if name]
    if profiles:
        lines.append("profiles:")
    for profile in profiles:
        lines.append(f"  {quoted(profile)}:" if wanted[profile] else f"  {quoted(profile)}: {{}}")
        lines += [f"    {name}: {wanted[profile][name]}" for name in SETTINGS if name in wanted[profile]]
    return "".join(f"{line}\n" for line in lines)


def _edited(old: str, document: Document, group: str, changes: Mapping[str, Optional[str]]) -> Optional[str]:
    """The text with the changes made in place, or None where that is not possible."""
    node = document.groups.get(group)
    nodes = {} if node is None else {ALIASES.get(key.value, key.value): (key, value) for key, value in node.value or ()}
    cuts: List[Cut] = []
    added = []
    for name, text in changes.items():
        if name in nodes:
            key, value = nodes[name]
            if text is None:
                cuts.append((_line_start(old, key.start_mark.index), _line_end(old, value.end_mark.index), ""))
            else:
                cuts.append((value.start_mark.index, value.end_mark.index, text))
        elif text is not None:
            added.append(f"{name}: {text}")
    if added:
        place = _place(old, document, group, added)
        if place is None:
            return None
        cuts.append(place)
    for start, end, text in sorted(cuts, reverse=True):
        old = old[:start] + text + old[end:]
    return old


def _place(old: str, document: Document, group: str, added: List[str]) -> Optional[Cut]:
    """Where new settings go, and as which text."""
    node = document.groups.get(group)
    if not group:
        return _insertion(old, len(old), "", added)
    if node is not None:
        if not node.value:
            return None
        at = _line_end(old, node.value[-1][1].end_mark.index)
        return _insertion(old, at, " " * node.value[0][0].start_mark.column, added)
    others = document.profiles_node.value if document.profiles_node is not None else ()
    if others:
        indent = " " * others[0][0].start_mark.column
        last = others[-1][1]
        inner = last.value[-1][1] if last.value and isinstance(last.value, list) else last
        at = _line_end(old, inner.end_mark.index)
        return _insertion(old, at, indent, [f"{quoted(group)}:", *(f"  {line}" for line in added)])
    if document.profiles_node is not None:
        return None
    return _insertion(old, len(old), "", ["profiles:", f"  {quoted(group)}:", *(f"    {line}" for line in added)])


def _insertion(old: str, at: int, indent: str, lines: List[str]) -> Cut:
    before = "\n" if at and old[at - 1] != "\n" else ""
    return at, at, before + "".join(f"{indent}{line}\n" for line in lines)


def _line_start(text: str, index: int) -> int:
    return text.rfind("\n", 0, index) + 1


def _line_end(text: str, index: int) -> int:
    """Behind the line break of the line that the character before `index` stands in."""
    if index and text[index - 1] == "\n":
        return index
    found = text.find("\n", index)
    return len(text) if found < 0 else found + 1
