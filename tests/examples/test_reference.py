"""Every code block of the SDK reference has a counterpart of ours that runs: reference.toml is the table."""

from __future__ import annotations

import ast
import inspect
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import tomllib

from smartflow import SmartflowClient, SyncSmartflowClient

from .conftest import ROOT, Run, gateway_on_documented_ports
from .test_notebook import NOTEBOOK

HERE = Path(__file__).parent
TABLE = tomllib.loads((HERE / "reference.toml").read_text("utf-8"))
BLOCKS: list[dict[str, Any]] = TABLE["block"]
KEY = "the-key-of-the-reference"
NEEDED = {
    "signature": {"arguments", "returns"},
    "program": {"calls"},
    "notebook": {"calls"},
    "console": {"values", "prints"},
    "test": {"calls"},
}
OPTIONAL = {"program": {"fields", "values", "prints", "pending", "stdin"}, "notebook": {"note"}}
NOT_SERVED = "501"


class Used(NamedTuple):
    """What a piece of code calls, reads and names."""

    calls: set[str]
    fields: set[str]
    values: set[str]

    def lacks(self, block: dict[str, Any]) -> dict[str, set[str]]:
        found = {"calls": self.calls, "fields": self.fields, "values": self.values}
        return {kind: lacking for kind, there in found.items() if (lacking := set(block.get(kind, ())) - there)}


def of_kind(*kinds: str) -> list[dict[str, Any]]:
    return [block for block in BLOCKS if block["kind"] in kinds]


def file_of(block: dict[str, Any]) -> Path:
    return ROOT / re.split(r"::?", block["counterpart"])[0]


def part_of(block: dict[str, Any]) -> str:
    return str(block["counterpart"].rpartition(":")[2]) if ":" in block["counterpart"] else ""


def heads(node: ast.stmt) -> list[ast.AST]:
    """A statement without the statements inside it: those may run, or not, by themselves."""
    inner = {id(each) for each in ast.walk(node) if isinstance(each, ast.stmt) and each is not node}
    found: list[ast.AST] = []
    waiting: list[ast.AST] = [node]
    while waiting:
        each = waiting.pop()
        found.append(each)
        waiting += [child for child in ast.iter_child_nodes(each) if id(child) not in inner]
    return found


def last_line(node: ast.stmt) -> int:
    body = getattr(node, "body", None)
    return body[0].lineno - 1 if isinstance(body, list) and body else node.end_lineno or node.lineno


def used_in(tree: ast.AST, ran: set[int] | None = None) -> Used:
    """What the statements use; of a program that ran, only those that did."""
    used = Used(set(), set(), set())
    for statement in ast.walk(tree):
        if not isinstance(statement, ast.stmt):
            continue
        lines = range(statement.lineno, max(last_line(statement), statement.lineno) + 1)
        if ran is not None and not ran.intersection(lines):
            continue
        for node in heads(statement):
            if isinstance(node, ast.Call) and isinstance(node.func, (ast.Name, ast.Attribute)):
                used.calls.add(node.func.id if isinstance(node.func, ast.Name) else node.func.attr)
            elif isinstance(node, ast.Attribute):
                used.fields.add(node.attr)
            elif isinstance(node, ast.Name):
                used.fields.add(node.id)
            elif isinstance(node, ast.Constant):
                used.values.add(str(node.value))
    return used


@cache
def tree_of(path: Path, part: str) -> ast.AST:
    """A program, or the function of that name in it."""
    tree = ast.parse(path.read_text("utf-8"))
    if not part:
        return tree
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return next(node for node in ast.walk(tree) if isinstance(node, functions) and node.name == part)


def test_the_table_has_every_block_once_and_says_of_each_what_is_checked() -> None:
    # The number of blocks in the reference, counted there, without its two diagrams.
    assert len(BLOCKS) == TABLE["blocks"] == 82
    headings = [block["heading"] for block in BLOCKS]
    assert len(set(headings)) == len(headings)
    for block in BLOCKS:
        kind = block["kind"]
        keys = set(block) - {"heading", "kind", "counterpart"}
        assert NEEDED[kind] <= keys <= NEEDED[kind] | OPTIONAL.get(kind, set()), block["heading"]
        assert kind == "signature" or file_of(block).is_file(), f"{block['heading']}: no {file_of(block)}"
        assert "prints" in block or "pending" in block or kind in ("signature", "notebook", "test"), block["heading"]


@pytest.mark.parametrize("client", [SmartflowClient, SyncSmartflowClient])
@pytest.mark.parametrize("block", of_kind("signature"), ids=lambda block: block["heading"])
def test_a_documented_signature_is_ours(block: dict[str, Any], client: type) -> None:
    found = inspect.signature(getattr(client, block["counterpart"]))
    names = [name for name in found.parameters if name != "self"]
    wanted = block["arguments"]
    assert [name for name in names if name in wanted] == wanted
    # What we have beside the documented arguments comes after them, or has to be named.
    assert names[: len(wanted)] == wanted or names[-1] == wanted[-1] == "kwargs"
    assert block["returns"] in str(found.return_annotation)


class Ran(NamedTuple):
    status: int
    output: str
    errors: str
    lines: set[int]


@pytest.fixture
def keyed_gateway() -> Iterator[str]:
    """A gateway of its own for each program, which asks for a key and knows the user and organisation of the reference."""
    with gateway_on_documented_ports(KEY) as url, SyncSmartflowClient(url, KEY) as sf:
        sf.intelligent_scan("Good morning", user_id="user-alice", org_id="acme-corp")
        yield url


PROGRAMS = sorted({str(file_of(block).relative_to(ROOT)) for block in of_kind("program")})


def blocks_for(program: str) -> list[dict[str, Any]]:
    return [block for block in of_kind("program") if file_of(block) == ROOT / program]


def run_traced(run_program: Run, program: str, gateway: str, folder: Path) -> Ran:
    out = folder / "lines.json"
    stdin = "".join(f"{line}\n" for block in blocks_for(program) for line in block.get("stdin", ()))
    arguments = (str(HERE / "tracing.py"), str(out), str(ROOT / program))
    done = run_program(*arguments, SMARTFLOW_GATEWAY_URL=gateway, SMARTFLOW_API_KEY=KEY, stdin=stdin)
    return Ran(done.returncode, done.stdout, done.stderr, set(json.loads(out.read_text("utf-8"))))


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_counterpart_runs_uses_what_is_documented_and_prints_what_it_means(
    program: str, run_program: Run, keyed_gateway: str, no_settings: None, tmp_path: Path
) -> None:
    ran = run_traced(run_program, program, keyed_gateway, tmp_path)
    pending = {block["pending"] for block in blocks_for(program) if "pending" in block}
    if pending:
        # When this fails, the gateway serves it: take `pending` out of the table, and say what is printed.
        assert ran.status == 1 and NOT_SERVED in ran.errors, f"no longer true: {pending}: {ran.output}{ran.errors}"
    else:
        assert (ran.status, ran.errors) == (0, ""), ran.errors
    for block in blocks_for(program):
        tree = tree_of(file_of(block), part_of(block))
        # What cannot run yet is at least written.
        used = used_in(tree, None if "pending" in block else ran.lines)
        assert used.lacks(block) == {}, f"{block['heading']}: not in {block['counterpart']}, or not run"
        for pattern in () if "pending" in block else block["prints"]:
            assert re.search(pattern, ran.output), f"{block['heading']}: no {pattern!r} in\n{ran.output}"


@pytest.mark.parametrize("block", of_kind("notebook"), ids=lambda block: block["heading"])
def test_a_cell_of_the_notebook_uses_what_is_documented(block: dict[str, Any]) -> None:
    (cell,) = (cell for cell in NOTEBOOK["cells"] if cell["id"] == part_of(block))
    assert used_in(ast.parse("".join(cell["source"]))).lacks(block) == {}


@pytest.mark.parametrize("block", of_kind("test"), ids=lambda block: block["heading"])
def test_a_test_with_a_terminal_uses_what_is_documented(block: dict[str, Any]) -> None:
    function = tree_of(file_of(block), part_of(block))
    used = used_in(function)
    texts = "\n".join(used.values)
    assert [name for name in block["calls"] if name not in used.calls and f"{name}(" not in texts] == []


def test_the_documented_commands_configure_look_and_ask(keyed_gateway: str, tmp_path: Path) -> None:
    (block,) = (block for block in of_kind("console") if block["counterpart"].endswith("commands.sh"))
    script = file_of(block).read_text("utf-8")
    assert [value for value in block["values"] if value not in script] == []
    (tmp_path / "smartflow").write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m smartflow.cli.main "$@"\n')
    (tmp_path / "smartflow").chmod(0o755)
    environment = {
        "PATH": os.pathsep.join((str(tmp_path), "/usr/bin", "/bin")),
        "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "generated"))),
        "HOME": str(tmp_path),
        "GATEWAY": keyed_gateway,
        "KEY": KEY,
        "PYTHONUTF8": "1",
    }
    done = subprocess.run(
        ["/bin/sh", str(file_of(block))], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
    for pattern in block["prints"]:
        assert re.search(pattern, done.stdout), f"no {pattern!r} in\n{done.stdout}"
    assert KEY not in done.stdout
    assert (tmp_path / ".smartflow" / "config.yaml").stat().st_mode & 0o777 == 0o600


def test_the_documented_installs_name_extras_that_there_are() -> None:
    blocks = [block for block in of_kind("console") if block["counterpart"].endswith("install.sh")]
    script = (ROOT / "examples" / "chapters" / "install.sh").read_text("utf-8")
    assert [value for block in blocks for value in block["values"] if value not in script] == []
    targets = [shlex.split(line)[2] for line in script.splitlines() if line.startswith("pip install ")]
    assert len(targets) == 6
    # Without a network: this checkout stands for the index and the repository, and nothing is installed.
    local = [re.sub(r"^(smartflow-sdk|git\+.*)", str(ROOT), target) for target in targets]
    for target in dict.fromkeys(local):
        command = [
            sys.executable,
            "-m",
            "pip",
            "install",
            "--dry-run",
            "--no-deps",
            "--no-index",
            "--no-build-isolation",
        ]
        options = ["--disable-pip-version-check", "--force-reinstall", target]
        done = subprocess.run([*command, *options], capture_output=True, text=True, timeout=100, cwd=ROOT)
        assert done.returncode == 0, done.stderr
        assert "does not provide the extra" not in done.stderr
        assert all(re.search(pattern, done.stdout) for block in blocks for pattern in block["prints"])


def test_every_chapter_and_every_application_stands_in_the_table() -> None:
    beside = {
        "audit_report.py",
        "batch.py",
        "compliance.py",
        "quickstart_async.py",
        "quickstart_sync.py",
        "streaming.py",
    }
    examples = ROOT / "examples"
    there = {path for path in examples.rglob("*.*") if path.suffix in (".py", ".sh", ".ipynb")}
    assert there - {examples / name for name in beside} == {
        file_of(block) for block in of_kind("program", "console", "notebook")
    }
