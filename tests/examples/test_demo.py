"""`make demo` shows true things, fits a terminal, fails when something is wrong, and leaves nothing behind."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from scripts import demo

from .conftest import ROOT, Run


def test_the_demo_takes_all_its_steps_within_80_columns_and_leaves_nothing_behind(
    run_program: Run, tmp_path: Path
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    done = run_program(str(ROOT / "scripts" / "demo.py"), COLUMNS="80", TMPDIR=str(scratch))
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert re.fullmatch(rf"demo: OK, {len(demo.STEPS)} steps in \d+\.\d s", lines[-1])
    assert [line for line in lines if len(line) > 80] == []
    assert len(lines) - lines.index("Summary") <= 24
    assert done.stderr == ""
    assert list(scratch.iterdir()) == []


def test_a_wrong_result_makes_the_demo_fail_at_its_step(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(demo, "REDACTED", "something else")
    assert demo.main() == 1
    last = capsys.readouterr().out.strip().splitlines()[-1]
    assert last == "demo: FAILED: step 7 (Redaction): the redacted text must be: something else"
