"""Every code block of the documents runs against a real local gateway and prints what the document says."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from .conftest import ROOT, Run, write_wav
from .documents import ALL_BLOCKS, DOCUMENTS, LANGUAGES, Block, blocks_in, pattern_of, run_source

TESTS = [block for block in blocks_in("python") if re.search(r"^(async )?def test_", block.source, re.MULTILINE)]
PROGRAMS = [block for block in blocks_in("python") if block not in TESTS]
COMMANDS = [(block, command) for block in blocks_in("console") for command in block.commands]
TARGETS = [(block, word) for block, command in COMMANDS for word in re.findall(r"\bmake ([a-z]+)", command)]
# Cheap commands that need no network; the others are installs, servers and long runs.
RUNNABLE = re.compile(r"smartflow (--version|--help|serve --help)|python examples/\w+\.py")
READ_ONLY = re.compile(
    r"(export|cd|pip|python3?|git|curl|make|smartflow|SMARTFLOW_\w+=\S+|OPENAI_\w+=\S+|\.venv/bin/\w+)\b"
)


@pytest.fixture
def reader(documented_gateway: str, no_settings: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A reader who has a gateway and, in the current folder, a recording."""
    monkeypatch.setenv("SMARTFLOW_GATEWAY_URL", documented_gateway)
    monkeypatch.chdir(tmp_path)
    write_wav(tmp_path / "recording.wav")
    return documented_gateway


@pytest.mark.parametrize("block", PROGRAMS, ids=str)
def test_a_documented_program_runs_and_prints_what_is_said(
    block: Block, reader: str, capsys: pytest.CaptureFixture[str]
) -> None:
    run_source(block.source, reader, str(block))
    if block.output is not None:
        printed = "\n".join(line.rstrip() for line in capsys.readouterr().out.strip().splitlines())
        assert pattern_of(block.output).fullmatch(printed), f"{block} prints:\n{printed}"


@pytest.mark.parametrize("block", TESTS, ids=str)
def test_a_documented_test_passes(block: Block, run_program: Run, tmp_path: Path) -> None:
    (tmp_path / "test_documented.py").write_text(block.source, encoding="utf-8")
    done = run_program("-m", "pytest", "-q", "-p", "no:cacheprovider", "test_documented.py")
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^[1-9]\d* passed", done.stdout, re.MULTILINE)


@pytest.mark.parametrize(("block", "command"), COMMANDS, ids=str)
def test_a_documented_command_is_one_that_exists(
    block: Block, command: str, program_environment: dict[str, str]
) -> None:
    assert READ_ONLY.match(command), f"{block}: what is {command!r}?"
    if not RUNNABLE.fullmatch(command):
        return
    program, *arguments = shlex.split(command)
    module = ["-m", "smartflow.cli.main"] if program == "smartflow" else []
    done = subprocess.run(
        [sys.executable, *module, *arguments],
        cwd=ROOT,
        env={**program_environment, "COLUMNS": "100"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    # examples/compliance.py says by its status that the text must not go on.
    assert done.returncode in ((0, 1) if "compliance" in command else (0,)), done.stderr
    assert done.stdout and not done.stderr


@pytest.mark.parametrize(("block", "target"), TARGETS, ids=str)
def test_a_documented_make_target_exists(block: Block, target: str) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert re.search(rf"^{target}\b[^=\n]*:", makefile, re.MULTILINE), f"{block}: no target {target}"


@pytest.mark.parametrize("block", [*blocks_in("json"), *blocks_in("yaml")], ids=str)
def test_documented_data_can_be_read(block: Block) -> None:
    assert (json.loads if block.language == "json" else yaml.safe_load)(block.source)


def test_every_block_says_its_language() -> None:
    assert [str(block) for block in ALL_BLOCKS if block.language not in LANGUAGES] == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_links_inside_the_repository_lead_somewhere(path: Path) -> None:
    text = re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    targets = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text)
    missing = [target for target in targets if "://" not in target and not (path.parent / target).exists()]
    assert missing == []
