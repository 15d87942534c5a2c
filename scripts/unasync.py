"""Turns the async sources into their sync twins, by the rules in unasync.toml."""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tokenize_rt import Token, src_to_tokens, tokens_to_src  # type: ignore[import-untyped]

from scripts.tree import format_tree, header

__all__ = ["RULES", "TREES", "RuleError", "Rules", "Tree", "convert", "fingerprint"]

RULES = Path(__file__).with_name("unasync.toml")
_TEXT_KINDS = ("STRING", "COMMENT", "FSTRING_MIDDLE")
_ASYNC_CLASS = re.compile(r"(_?)Async(?=[A-Z])")
_KEYWORDS = re.compile(r"\bawait\s+(?=[\w(`])|\basync\s+(?=(?:with|for|def)\b)")


class RuleError(Exception):
    """The rules do not fit the sources."""


@dataclass(frozen=True)
class Tree:
    """An async tree, and where its twin lives."""

    source: str
    target: str


TREES = (Tree("smartflow/_async", "smartflow/_sync"), Tree("tests/api/_async", "tests/api/_sync"))


class Rules:
    """The replacements, and how often each of them was used."""

    def __init__(self, path: Path = RULES) -> None:
        data = tomllib.loads(path.read_text("utf-8"))
        self._words: dict[str, str] = {**data["dotted"], **data["names"], **data["planned"]}
        self._planned = set(data["planned"])
        self._dotted: dict[str, str] = data["dotted"]
        self._phrases: dict[str, str] = data["phrases"]
        self._dropped = [re.compile(line) for line in data["dropped"]["lines"]]
        self.used: Counter[str] = Counter()
        longest_first = sorted(self._words, key=len, reverse=True)
        words = "|".join(re.escape(word) for word in longest_first)
        self._word = re.compile(rf"(?<!\w)(?:{words}|_?Async[A-Z]\w*)(?!\w)")

    def unused(self) -> list[str]:
        known = [*self._words, *self._phrases, *(line.pattern for line in self._dropped)]
        return [rule for rule in known if not self.used[rule] and rule not in self._planned]

    def python(self, source: str) -> str:
        """The sync twin of a module's source, unformatted."""
        kept = "".join(line for line in source.splitlines(keepends=True) if not self._is_dropped(line.strip()))
        tokens = self._join_dotted(_without_awaitable(src_to_tokens(kept)))
        return str(tokens_to_src(self._tokens(tokens)))

    def word(self, word: str) -> str:
        """What one word becomes."""
        if word in self._words:
            self.used[word] += 1
            return self._words[word]
        match = _ASYNC_CLASS.match(word)
        return f"{match[1]}Sync{word[match.end() :]}" if match else word

    def text(self, text: str) -> str:
        """What a comment or a string becomes."""
        for phrase, replacement in self._phrases.items():
            self.used[phrase] += text.count(phrase)
            text = text.replace(phrase, replacement)
        return self._word.sub(lambda match: self.word(match[0]), _KEYWORDS.sub("", text))

    def _is_dropped(self, line: str) -> bool:
        for pattern in self._dropped:
            if pattern.fullmatch(line):
                self.used[pattern.pattern] += 1
                return True
        return False

    def _join_dotted(self, tokens: list[Token]) -> list[Token]:
        """The tokens, with each dotted name that has a rule made one of them."""
        result: list[Token] = []
        position = 0
        while position < len(tokens):
            joined = "".join(token.src for token in tokens[position : position + 3])
            after_dot = bool(result) and result[-1].src == "."
            if joined in self._dotted and not after_dot:
                result.append(tokens[position]._replace(src=joined))
                position += 3
            else:
                result.append(tokens[position])
                position += 1
        return result

    def _tokens(self, tokens: Iterable[Token]) -> Iterable[Token]:
        after_keyword = False
        for token in tokens:
            if after_keyword and token.name == "UNIMPORTANT_WS":
                continue
            after_keyword = token.name in ("NAME", "ASYNC", "AWAIT") and token.src in ("async", "await")
            if after_keyword:
                continue
            if token.name == "NAME":
                token = token._replace(src=self.word(token.src))
            elif token.name in _TEXT_KINDS:
                token = token._replace(src=self.text(token.src))
            yield token


def _without_awaitable(tokens: list[Token]) -> list[Token]:
    """The tokens with `Awaitable[X]` made `X`: what is awaited there is returned here."""
    result: list[Token] = []
    depths: list[int] = []
    depth = 0
    for position, token in enumerate(tokens):
        opens = token.src == "[" and position > 0 and tokens[position - 1].src == "Awaitable"
        depth += (token.src == "[") - (token.src == "]")
        if opens:
            depths.append(depth)
            result.pop()
        elif depths and token.src == "]" and depth == depths[-1] - 1:
            depths.pop()
        else:
            result.append(token)
    return result


def fingerprint(source: bytes) -> str:
    """What identifies a source together with the rules that turn it."""
    rules = RULES.read_bytes() + Path(__file__).read_bytes()
    return hashlib.sha256(source + rules).hexdigest()[:16]


def convert(root: Path, target: Path, rules: Rules | None = None) -> None:
    """Write the twin of every tree below `target`; a RuleError when a rule fits nothing in complete sources."""
    rules = rules or Rules()
    complete = True
    for tree in TREES:
        sources = [path for path in sorted((root / tree.source).rglob("*")) if "__pycache__" not in path.parts]
        (target / tree.target).mkdir(parents=True, exist_ok=True)
        complete &= any(path.suffix == ".py" and path.name != "__init__.py" for path in sources)
        for path in sources:
            if path.is_file():
                _convert_file(path, root, tree, target, rules)
        format_tree(target / tree.target)
        _add_headers(root, tree, target)
    if complete and rules.unused():
        raise RuleError(f"{RULES.name} has rules that match nothing, remove them: {', '.join(rules.unused())}")


def _convert_file(path: Path, root: Path, tree: Tree, target: Path, rules: Rules) -> None:
    place = path.relative_to(root / tree.source)
    if path.suffix != ".py":
        raise RuleError(f"{path.relative_to(root)} is no Python file: keep data outside of {tree.source}")
    output = target / tree.target / place.with_name(rules.word(place.stem) + place.suffix)
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(rules.python(path.read_text("utf-8")), "utf-8")


def _add_headers(root: Path, tree: Tree, target: Path) -> None:
    names = Rules()
    for path in sorted((root / tree.source).rglob("*.py")):
        place = path.relative_to(root / tree.source)
        output = target / tree.target / place.with_name(names.word(place.stem) + place.suffix)
        line = header(f"{tree.source}/{place.as_posix()}", f"scripts/unasync.py, {fingerprint(path.read_bytes())}")
        output.write_text(line + output.read_text("utf-8"), "utf-8")
