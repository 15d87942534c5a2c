"""How much a file and a function may hold, and what must not stand in any of them."""

from __future__ import annotations

import ast
import re
from collections import Counter

import pytest

from tests.architecture.sources import Source, code_lines, docstring_lines, function_lines, sources

FILE_LINES = 400
FUNCTION_LINES = 40
CLIENT_LINES = 250
# Where the last door is: nothing may leave without an answer, whatever it was.
EDGES = ("smartflow/cli/main.py", "smartflow/gateway/edge.py", "smartflow/gateway/inference/stream.py")
# What a type checker cannot be told otherwise, by file: how often, and why.
IGNORED_TYPES = {
    "smartflow/_async/transport.py": (1, "a read-only view stands for the list of headers of h11"),
    "smartflow/_core/assemble.py": (1, "json's scanner is not in typeshed"),
    "smartflow/types/base.py": (3, "the fields of a dataclass are filled by name"),
    "scripts/unasync.py": (1, "tokenize-rt is not typed"),
}
COUNTED = [source for source in sources() if not source.name.startswith("scripts/templates")]


def names(found: list[Source]) -> list[str]:
    return [source.name for source in found]


def test_a_file_has_at_most_400_lines() -> None:
    long = {source.name: n for source in COUNTED if (n := len(source.text.splitlines())) > FILE_LINES}
    assert long == {}, "split them by duty"


def test_a_function_has_at_most_40_lines() -> None:
    """Neither its docstring nor its signature is counted: the constructor of the client has many documented arguments."""
    long = {
        f"{source.name}:{function.lineno} {function.name}": n
        for source in COUNTED
        for function in source.functions()
        if (n := function_lines(function)) > FUNCTION_LINES
    }
    assert long == {}, "give a part of it a name of its own"


def test_the_client_only_builds_and_closes() -> None:
    """Its lines without docstrings: users read those, and they must not be cut short."""
    (client,) = (source for source in sources("smartflow") if source.name == "smartflow/_async/client.py")
    assert code_lines(client) <= CLIENT_LINES


def test_only_the_edges_catch_everything() -> None:
    found = [
        f"{source.name}:{node.lineno}"
        for source in sources("smartflow", "scripts", "examples")
        if source.name not in EDGES
        for node in ast.walk(source.tree)
        if isinstance(node, ast.ExceptHandler) and _swallows_everything(node)
    ]
    assert found == []


def _swallows_everything(handler: ast.ExceptHandler) -> bool:
    """True for a handler of all errors, unless it only cleans up and raises the error again."""
    caught = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    broad = any(
        each is None or (isinstance(each, ast.Name) and each.id in ("Exception", "BaseException")) for each in caught
    )
    last = handler.body[-1]
    again = isinstance(last, ast.Raise) and (last.exc is None or isinstance(last.exc, ast.Name))
    return broad and not again


def test_every_module_says_what_it_is_for() -> None:
    silent = [source for source in COUNTED if source.text.strip() and docstring_lines(source.tree) == 0]
    assert names(silent) == []


def test_every_package_of_the_sdk_says_what_it_is_for() -> None:
    silent = [
        source for source in sources("smartflow") if source.name.endswith("/__init__.py") and not source.text.strip()
    ]
    assert names(silent) == []


def test_only_counted_types_are_ignored() -> None:
    found = Counter(
        source.name
        for source in sources("smartflow", "scripts", "examples")
        for line in source.text.splitlines()
        if re.search(r"#\s*type:\s*ignore", line)
    )
    assert dict(found) == {name: count for name, (count, _) in IGNORED_TYPES.items()}


def test_an_ignored_type_in_a_test_names_its_error() -> None:
    bare = [
        f"{source.name}:{number}"
        for source in sources("tests")
        for number, line in enumerate(source.text.splitlines(), 1)
        if re.search(r"#\s*type:\s*ignore(?!\[)", line) and "re.search" not in line
    ]
    assert bare == []


def test_nothing_is_left_for_later() -> None:
    word = re.compile(r"#.*\b(TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b")
    assert names([source for source in sources() if word.search(source.text)]) == []


@pytest.mark.parametrize("folder", ["smartflow", "scripts"])
def test_there_is_something_to_count(folder: str) -> None:
    assert len(sources(folder)) > 10
