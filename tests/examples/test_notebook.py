"""The notebook is a valid one, and its cells run one after the other, as in a kernel: in one namespace, within a running loop."""

from __future__ import annotations

import ast
import asyncio
import inspect
import json
import re
from typing import Any

import pytest

from .conftest import ROOT

NOTEBOOK = json.loads((ROOT / "examples" / "notebook.ipynb").read_text("utf-8"))
KEYS = {
    "markdown": {"cell_type", "id", "metadata", "source"},
    "code": {"cell_type", "execution_count", "id", "metadata", "outputs", "source"},
}


async def run_cell(source: str, names: dict[str, Any]) -> Any:
    """What a kernel does with a cell: top-level `await` works, and the value of a last expression is shown."""
    tree = ast.parse(source)
    parts: list[Any] = [tree]
    if isinstance(tree.body[-1], ast.Expr):
        parts.append(ast.Expression(tree.body[-1].value))
        tree.body.pop()
    value = None
    for part in parts:
        mode = "eval" if isinstance(part, ast.Expression) else "exec"
        code = compile(part, "<cell>", mode, flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        value = eval(code, names)  # noqa: S307 - our own notebook
        value = await value if inspect.isawaitable(value) else value
    return value


def test_the_notebook_has_the_form_of_format_4_5() -> None:
    assert (NOTEBOOK["nbformat"], NOTEBOOK["nbformat_minor"]) == (4, 5)
    assert set(NOTEBOOK) == {"cells", "metadata", "nbformat", "nbformat_minor"}
    assert NOTEBOOK["metadata"]["kernelspec"]["name"] == "python3"
    ids = [cell["id"] for cell in NOTEBOOK["cells"]]
    assert all(re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", each) for each in ids) and len(set(ids)) == len(ids)
    for cell in NOTEBOOK["cells"]:
        assert set(cell) == KEYS[cell["cell_type"]]
        # Nothing of anybody's machine is in it.
        assert (cell.get("outputs", []), cell.get("execution_count")) == ([], None)
        assert all(line.endswith("\n") for line in cell["source"][:-1])


def test_its_cells_run_and_show_what_they_say(
    documented_gateway: str, no_settings: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SMARTFLOW_GATEWAY_URL", documented_gateway)
    names: dict[str, Any] = {"__name__": "__main__"}
    shown: dict[str, Any] = {}

    async def run_all() -> None:
        for cell in NOTEBOOK["cells"]:
            if cell["cell_type"] == "code":
                value = await run_cell("".join(cell["source"]), names)
                printed = capsys.readouterr().out
                shown[cell["id"]] = printed if value is None else value

    asyncio.run(run_all())
    assert shown["make"].startswith('gateway\n[offline gpt-4o-mini] You wrote: "What is a notebook?"')
    assert "Tell me a story about a robot" in shown["await"]
    assert re.findall(r"Name a (\w+) -> [1-9]\d* tokens", shown["map"]) == ["fruit", "tree", "river"]
    assert re.fullmatch(r"3 of 3, [1-9]\d* tokens, \d\.\d{4} cents", shown["summary"])
    assert "How do I read a file?" in shown["talk"] and "blocked: ['credit_card', 'payment_data']" in shown["talk"]
    assert re.fullmatch(r"\d+ hits, [1-9]\d* misses\n", shown["stats"])
