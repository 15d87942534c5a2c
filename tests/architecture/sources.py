"""The hand-written Python files of the repository, and what is counted in them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple, Union

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("smartflow", "scripts", "tests", "examples")
GENERATED = (ROOT / "smartflow" / "_sync", ROOT / "tests" / "api" / "_sync")
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
Function = Union[ast.FunctionDef, ast.AsyncFunctionDef]


class Source(NamedTuple):
    """One file: its path from the root of the repository, its text and its syntax tree."""

    name: str
    text: str
    tree: ast.Module

    def functions(self) -> Iterator[Function]:
        return (node for node in ast.walk(self.tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)))


@cache
def sources(*folders: str, generated: bool = False) -> tuple[Source, ...]:
    """Every Python file below these folders (all of them by default); the sync twins only when they are asked for."""
    paths = (path for folder in folders or FOLDERS for path in sorted((ROOT / folder).rglob("*.py")))
    return tuple(
        Source(path.relative_to(ROOT).as_posix(), text, ast.parse(text))
        for path in paths
        if generated or not any(tree in path.parents for tree in GENERATED)
        for text in (path.read_text("utf-8"),)
    )


def docstring_lines(node: ast.AST) -> int:
    """How many lines the docstring of a module, a class or a function takes."""
    if not isinstance(node, DOCUMENTED) or not node.body:
        return 0
    first = node.body[0]
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
        return (first.end_lineno or first.lineno) - first.lineno + 1
    return 0


def function_lines(function: Function) -> int:
    """The lines of a function's body, its docstrings and those of functions in it not counted."""
    documented = sum(docstring_lines(node) for node in ast.walk(function))
    return (function.end_lineno or function.lineno) - function.body[0].lineno + 1 - documented


def code_lines(source: Source) -> int:
    """The lines of a file without those of its docstrings."""
    documented = sum(docstring_lines(node) for node in ast.walk(source.tree))
    return len(source.text.splitlines()) - documented
