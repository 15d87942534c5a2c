"""The completion scripts offer what the parsers know."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import List

import pytest

from smartflow.cli.main import COMMANDS

from .conftest import SECONDS, Run

BASH = shutil.which("bash") or ""


def completed(script: str, *words: str) -> List[str]:
    """What bash offers for the last of these words."""
    line = " ".join(f"'{word}'" for word in words)
    asking = (
        f"{script}\nCOMP_WORDS=({line}); COMP_CWORD={len(words) - 1}; _smartflow; printf '%s\\n' \"${{COMPREPLY[@]}}\""
    )
    done = subprocess.run([BASH, "--norc", "-c", asking], capture_output=True, text=True, timeout=SECONDS, check=True)
    assert done.stderr == ""
    return done.stdout.split()


@pytest.fixture
def bash(smartflow: Run) -> str:
    if not BASH:
        pytest.skip("this system has no bash")
    done = smartflow("completion", "bash")
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_bash_offers_every_command(bash: str) -> None:
    assert set(completed(bash, "smartflow", "")) == {*COMMANDS, "--help", "--version"}
    assert completed(bash, "smartflow", "sta") == ["status", "stats"]


def test_bash_offers_options_and_their_values(bash: str) -> None:
    assert completed(bash, "smartflow", "chat", "--no") == ["--no-stream"]
    assert "--policy" in completed(bash, "smartflow", "scan", "--")
    assert completed(bash, "smartflow", "scan", "text", "--fail-on", "") == ["review", "block"]
    assert completed(bash, "smartflow", "completion", "") == ["--help", "bash", "zsh", "fish"]


def test_bash_offers_files_where_it_knows_no_words(bash: str, tmp_path: Path) -> None:
    assert completed(bash, "smartflow", "scan", "--file", f"{tmp_path}") == [f"{tmp_path}"]


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_the_other_shells_get_every_command(shell: str, smartflow: Run) -> None:
    script = smartflow("completion", shell).stdout
    assert all(name in script for name in COMMANDS)
    if shutil.which(shell) is not None:
        subprocess.run([shell, "-n", "-c", script], timeout=SECONDS, check=True)


def test_a_shell_that_nobody_wrote_for_is_refused(smartflow: Run) -> None:
    assert smartflow("completion", "tcsh").returncode == 2
