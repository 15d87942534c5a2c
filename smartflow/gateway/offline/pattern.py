"""Writes and matches strings for the simple core of regular expressions that JSON schemas use.

Literals, classes, groups, alternatives, quantifiers, \\d \\w \\s, and anchors at both ends. Matching follows
sets of positions instead of backtracking, so that no pattern can make it slow.
"""

from __future__ import annotations

import string
from dataclasses import dataclass
from functools import lru_cache

from smartflow.gateway.offline.errors import SchemaError

MAX_PATTERN = 1_000
MAX_REPEAT = 1_000
_DIGITS = frozenset(string.digits)
_WORDS = frozenset(string.ascii_letters + string.digits + "_")
_SPACES = frozenset(" \t\n\r\f\v")
_CLASSES = {"d": _DIGITS, "w": _WORDS, "s": _SPACES}
_CONTROLS = {"n": "\n", "t": "\t", "r": "\r", "f": "\f", "v": "\v", "0": "\0"}
_PREFERRED = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_-. " + string.punctuation


@dataclass(frozen=True)
class _Set:
    """One character in (or, when negated, outside) the ranges."""

    ranges: tuple[tuple[str, str], ...]
    negated: bool = False

    def has(self, char: str) -> bool:
        return any(low <= char <= high for low, high in self.ranges) is not self.negated


@dataclass(frozen=True)
class _Repeat:
    node: _Node
    low: int
    high: int | None


@dataclass(frozen=True)
class _Sequence:
    nodes: tuple[_Node, ...]


@dataclass(frozen=True)
class _Choice:
    options: tuple[_Node, ...]


_Node = _Set | _Repeat | _Sequence | _Choice


@dataclass(frozen=True)
class Pattern:
    """A parsed pattern, with whether it holds the text's start and end."""

    root: _Node
    from_start: bool
    to_end: bool

    def matches(self, text: str) -> bool:
        """Whether the pattern is found in the text, as JSON schema means it."""
        starts = {0} if self.from_start else set(range(len(text) + 1))
        ends = _ends(self.root, text, starts)
        return len(text) in ends if self.to_end else bool(ends)

    def sample(self, extra: int, choice: int = 0) -> str:
        """A string that the pattern matches; each open repeat runs `extra` times more than it must."""
        return _write(self.root, extra, choice)


@lru_cache(maxsize=256)
def parse(pattern: str) -> Pattern:
    """The parsed pattern; raises SchemaError for a construct outside the simple core."""
    if len(pattern) > MAX_PATTERN:
        raise SchemaError("pattern", f"is longer than {MAX_PATTERN} characters")
    from_start, to_end = pattern.startswith("^"), _ends_with_anchor(pattern)
    body = pattern[1 if from_start else 0 : -1 if to_end else None]
    parser = _Parser(body, pattern)
    root = parser.choice(0)
    if parser.at < len(body):
        raise parser.refuse("has an unmatched ')'")
    if isinstance(root, _Choice) and (from_start or to_end):
        raise parser.refuse("mixes an anchor with alternatives; put the alternatives into a group")
    return Pattern(root, from_start, to_end)


def _ends_with_anchor(pattern: str) -> bool:
    body = pattern[:-1]
    return pattern.endswith("$") and (len(body) - len(body.rstrip("\\"))) % 2 == 0


class _Parser:
    def __init__(self, body: str, pattern: str) -> None:
        self.body, self.pattern, self.at = body, pattern, 0

    def refuse(self, why: str) -> SchemaError:
        return SchemaError("pattern", f"{self.pattern!r} {why}")

    def peek(self) -> str:
        return self.body[self.at : self.at + 1]

    def take(self) -> str:
        if self.at >= len(self.body):
            raise self.refuse("ends too early")
        self.at += 1
        return self.body[self.at - 1]

    def choice(self, depth: int) -> _Node:
        if depth > 50:
            raise self.refuse("nests its groups too deeply")
        options = [self.sequence(depth)]
        while self.peek() == "|":
            self.take()
            options.append(self.sequence(depth))
        return options[0] if len(options) == 1 else _Choice(tuple(options))

    def sequence(self, depth: int) -> _Node:
        nodes: list[_Node] = []
        while self.peek() and self.peek() not in "|)":
            nodes.append(self.quantified(self.atom(depth)))
        return nodes[0] if len(nodes) == 1 else _Sequence(tuple(nodes))

    def atom(self, depth: int) -> _Node:
        char = self.take()
        if char == "(":
            return self.group(depth)
        if char == "[":
            return self.char_class()
        if char == ".":
            return _Set((("\n", "\n"), ("\r", "\r")), negated=True)
        if char == "\\":
            return self.escape()
        if char in "^$":
            raise self.refuse("has an anchor that isn't at its ends")
        if char in "*+?":
            raise self.refuse("has nothing to repeat")
        return _Set(((char, char),))

    def group(self, depth: int) -> _Node:
        if self.peek() == "?":
            self.take()
            if self.take() != ":":
                raise self.refuse("uses look-around, flags or named groups, which have no sample here")
        node = self.choice(depth + 1)
        if self.peek() != ")":
            raise self.refuse("has an unclosed '('")
        self.take()
        return node

    def escape(self) -> _Set:
        char = self.take()
        if char.lower() in _CLASSES:
            ranges = tuple((c, c) for c in sorted(_CLASSES[char.lower()]))
            return _Set(ranges, negated=char.isupper())
        literal = self.escaped_char(char)
        return _Set(((literal, literal),))

    def escaped_char(self, char: str) -> str:
        if char in "xu":
            digits = self.body[self.at : self.at + (2 if char == "x" else 4)]
            if len(digits) != (2 if char == "x" else 4) or not set(digits) <= set(string.hexdigits):
                raise self.refuse(f"has a bad \\{char} escape")
            self.at += len(digits)
            return chr(int(digits, 16))
        if char in _CONTROLS:
            return _CONTROLS[char]
        if char.isalnum():
            raise self.refuse(f"uses \\{char}, which has no sample here")
        return char

    def char_class(self) -> _Set:
        negated = self.peek() == "^"
        if negated:
            self.take()
        ranges: list[tuple[str, str]] = []
        while self.peek() != "]":
            low = self.class_item(ranges)
            if self.peek() == "-" and self.body[self.at + 1 : self.at + 2] not in ("]", "") and low:
                self.take()
                high = self.class_item(ranges)
                if not high or high < low:
                    raise self.refuse("has a bad range in a class")
                ranges.append((low, high))
            elif low:
                ranges.append((low, low))
        self.take()
        return _Set(tuple(ranges), negated)

    def class_item(self, ranges: list[tuple[str, str]]) -> str:
        """The next single character of a class, or "" after adding a whole class such as \\d."""
        char = self.take()
        if char != "\\":
            return char
        char = self.take()
        if char in _CLASSES:
            ranges.extend((c, c) for c in sorted(_CLASSES[char]))
            return ""
        return "\b" if char == "b" else self.escaped_char(char)

    def quantified(self, node: _Node) -> _Node:
        char = self.peek()
        if char == "" or char not in "*+?{":
            return node
        self.take()
        low, high = {"*": (0, None), "+": (1, None), "?": (0, 1)}.get(char) or self.counts()
        if self.peek() == "?":
            self.take()
        return _Repeat(node, low, high)

    def counts(self) -> tuple[int, int | None]:
        end = self.body.find("}", self.at)
        low, comma, high = self.body[self.at : end if end > 0 else self.at].partition(",")
        if not low.isdecimal() or (high and not high.isdecimal()):
            raise self.refuse("has a bad {m,n}")
        self.at = end + 1
        bounds = int(low[:5]), (int(high[:5]) if high else None) if comma else int(low[:5])
        if bounds[0] > MAX_REPEAT or (bounds[1] is not None and bounds[1] < bounds[0]):
            raise self.refuse(f"has a {{m,n}} that is inverted or asks for more than {MAX_REPEAT}")
        return bounds


def _write(node: _Node, extra: int, choice: int) -> str:
    if isinstance(node, _Set):
        fitting = [char for char in _PREFERRED if node.has(char)] or [low for low, _ in node.ranges if node.has(low)]
        if not fitting:
            raise SchemaError("pattern", "has a class without a printable character")
        return fitting[choice % len(fitting)]
    if isinstance(node, _Choice):
        return _write(node.options[choice % len(node.options)], extra, choice)
    if isinstance(node, _Sequence):
        return "".join(_write(inner, extra, choice) for inner in node.nodes)
    times = node.low + extra if node.high is None else min(node.low + extra, node.high)
    written = _write(node.node, extra if extra <= 1 else 0, choice) if times else ""
    if len(written) * times > 100_000:
        raise SchemaError("pattern", "asks for a string of more than 100000 characters")
    return written * times


def _ends(node: _Node, text: str, starts: set[int]) -> set[int]:
    if isinstance(node, _Set):
        return {at + 1 for at in starts if at < len(text) and node.has(text[at])}
    if isinstance(node, _Choice):
        return {end for option in node.options for end in _ends(option, text, starts)}
    if isinstance(node, _Sequence):
        for inner in node.nodes:
            starts = _ends(inner, text, starts)
        return starts
    for _ in range(node.low):
        starts = _ends(node.node, text, starts)
    reached, fresh, rounds = set(starts), starts, node.low
    while fresh and (node.high is None or rounds < node.high):
        fresh = _ends(node.node, text, fresh) - reached
        reached |= fresh
        rounds += 1
    return reached
