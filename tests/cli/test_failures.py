"""What goes wrong ends with one line on standard error, the right exit status, and no secret."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Dict, Tuple

import pytest

from .conftest import SECONDS, Run

WRONG = "sk-sf-wrong-canary"
NOBODY = "http://127.0.0.1:1"
CALLS: Tuple[Tuple[str, ...], ...] = (
    ("chat", "Hello"), ("chat", "--stream", "Hello"), ("models",), ("logs", "--follow"),
    ("stats",), ("scan", "Hello"), ("redact",),
)  # fmt: skip


def line_of(done: subprocess.CompletedProcess[str], command: str) -> str:
    assert done.stdout == ""
    lines = done.stderr.splitlines()
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith(f"smartflow {command}: ")
    assert "Traceback" not in done.stderr
    return lines[0]


@pytest.mark.parametrize("arguments", CALLS, ids=" ".join)
def test_a_wrong_key_is_one_line_without_the_key(arguments: Tuple[str, ...], smartflow: Run) -> None:
    done = smartflow(*arguments, stdin="Hello", SMARTFLOW_API_KEY=WRONG)
    assert "401" in line_of(done, arguments[0])
    assert done.returncode == 1
    assert WRONG not in done.stderr


@pytest.mark.parametrize("arguments", [("chat", "Hello"), ("models",)], ids=" ".join)
def test_an_unreachable_gateway_is_one_line_with_its_url(arguments: Tuple[str, ...], smartflow: Run) -> None:
    done = smartflow(*arguments, "--gateway-url", NOBODY, "--timeout", "5")
    assert NOBODY in line_of(done, arguments[0])
    assert done.returncode == 1


def test_status_says_that_the_key_is_refused(smartflow: Run) -> None:
    done = smartflow("status", SMARTFLOW_API_KEY=WRONG)
    assert done.returncode == 1
    assert "key:      refused (environment SMARTFLOW_API_KEY)" in done.stdout
    assert WRONG not in done.stdout + done.stderr


def test_status_says_that_a_key_is_missing(smartflow: Run) -> None:
    done = smartflow("status", "--json", SMARTFLOW_API_KEY="")
    found = json.loads(done.stdout)
    assert (done.returncode, found["ok"], found["key"], found["key_source"]) == (1, False, "missing", None)


def test_status_names_the_service_that_cannot_be_reached(smartflow: Run) -> None:
    done = smartflow("status", "--json", SMARTFLOW_COMPLIANCE_URL=NOBODY)
    found = json.loads(done.stdout)
    assert (done.returncode, found["ok"], found["key"]) == (1, False, "accepted")
    (broken,) = (each for each in found["services"] if not each["ok"])
    assert (broken["service"], broken["reachable"], broken["latency_ms"]) == ("compliance", False, None)


def test_status_without_a_proxy_does_not_know_about_the_key(smartflow: Run) -> None:
    done = smartflow("status", SMARTFLOW_GATEWAY_URL=NOBODY)
    assert done.returncode == 1
    assert "key:      unknown" in done.stdout
    assert done.stdout.count("unreachable") == 2


@pytest.mark.parametrize(
    ("arguments", "stdin", "complaint"),
    [
        (("chat",), " \n", "the message is empty"),
        (("scan",), "", "give one text to scan"),
        (("scan", "a", "--file", "b"), "", "give one text to scan"),
        (("scan", "a", "--policy", "hipaa", "--user-id", "u"), "", "--policy scans by rules only"),
        (("redact", "-", "-"), "a", "standard input can be read only once"),
        (("models", "--gateway-url", "smartflow:7775"), "", "has no scheme"),
        (("chat", "Hello", "--temperature", "nan"), "", "cannot be written as JSON"),
    ],
)
def test_wrong_usage_ends_with_2_and_says_what_to_give(
    arguments: Tuple[str, ...], stdin: str, complaint: str, here: Run
) -> None:
    done = here(*arguments, stdin=stdin)
    assert complaint in line_of(done, arguments[0])
    assert done.returncode == 2


@pytest.mark.parametrize(
    "arguments", [("nonsense",), ("logs", "--limit", "0"), ("chat", "--json", "--stream", "Hi"), ()]
)
def test_what_the_parsers_refuse_ends_with_2(arguments: Tuple[str, ...], here: Run) -> None:
    done = here(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert "Traceback" not in done.stderr


def test_a_file_that_cannot_be_read_is_named(here: Run, tmp_path: Path) -> None:
    (tmp_path / "picture").write_bytes(b"\xff\xfe\x00")
    assert "nowhere: No such file" in line_of(here("redact", "nowhere"), "redact")
    assert "picture is not UTF-8 text" in line_of(here("redact", str(tmp_path / "picture")), "redact")


def test_a_reader_that_has_gone_is_no_traceback(environment: Dict[str, str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "smartflow.cli.main", "models"]
    done = subprocess.run(command, env=environment, stdout=writing, stderr=subprocess.PIPE, text=True, timeout=SECONDS)
    os.close(writing)
    assert (done.returncode, done.stderr) == (1, "")


def test_an_error_that_nobody_expected_is_one_line_without_its_text(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from smartflow.cli import main, models

    def fail(options: object) -> int:
        raise KeyError(WRONG)

    monkeypatch.setattr(models, "run", fail)
    assert main.main(["models"]) == 1
    written = capsys.readouterr().err
    assert written.startswith("smartflow models: internal error (KeyError in test_failures.py:")
    assert WRONG not in written
