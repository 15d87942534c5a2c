"""Each command does what it says against a gateway: its screens, its JSON, its exit status."""

from __future__ import annotations

import json
import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import smartflow as package
from smartflow.testing import LocalGateway

from .conftest import KEY, Run

GOLDEN = Path(__file__).parent / "golden"
CARD = "Please pay with card 4111-1111-1111-1111"
# What differs from run to run, and the blanks whose number depends on it.
VOLATILE = (
    (r"http://127[.\d]+:\d+", "URL"),
    (r"\d+\.\d ms|\b\d+ ms", "TIME"),
    (r"(req|scan)_[0-9a-f]+", r"\1_ID"),
    (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "WHEN"),
    (r"  +", "  "),
)


def screen(text: str) -> str:
    for pattern, name in VOLATILE:
        text = re.sub(pattern, name, text)
    return text


def assert_golden(name: str, text: str) -> None:
    assert screen(text) == (GOLDEN / f"{name}.txt").read_text("utf-8")


def data_of(done: Any) -> Any:
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    ("name", "arguments", "status"),
    [
        ("help", ("--help",), 0),
        ("status", ("status",), 0),
        ("models", ("models",), 0),
        ("scan", ("scan", CARD), 0),
        ("scan-policy", ("scan", CARD, "--policy", "pci_dss_strict"), 0),
    ],
)
def test_a_screen_looks_as_it_should(name: str, arguments: tuple[str, ...], status: int, smartflow: Run) -> None:
    done = smartflow(*arguments)
    assert (done.returncode, done.stderr) == (status, "")
    # Python 3.9 has another word for it.
    assert_golden(name, done.stdout.replace("optional arguments:", "options:"))


def test_the_screens_of_figures_and_logs_look_as_they_should(smartflow: Run) -> None:
    """In a gateway of their own, whose numbers no other test changes."""
    with LocalGateway() as own:
        for _ in range(2):
            assert smartflow("chat", "Count me", **own.environment).returncode == 0
        assert_golden("stats", smartflow("stats", **own.environment).stdout.replace("healthy", "STATE"))
        logs = smartflow("logs", **own.environment).stdout
    assert logs.split()[:3] == ["TIME", "PROVIDER", "MODEL"]
    assert re.search(r"WHEN  openai  gpt-4o  [1-9]\d*  0\.\d{6}  \d+  -  compliant  req_ID\n", screen(logs))
    assert re.search(r"WHEN  openai  gpt-4o  0  0\.000000  \d+  hit  compliant  req_ID\n$", screen(logs))


def test_status_as_json_tells_each_service_and_where_the_settings_came_from(
    smartflow: Run, gateway: LocalGateway
) -> None:
    found = data_of(smartflow("status", "--json"))
    assert (found["ok"], found["mode"], found["key"]) == (True, "gateway", "accepted")
    assert (found["gateway_url"], found["gateway_url_source"]) == (gateway.url, "environment SMARTFLOW_GATEWAY_URL")
    assert found["key_source"] == "environment SMARTFLOW_API_KEY"
    checks = {(each["service"], each["check"]): each for each in found["services"]}
    assert [service for service, _ in checks] == ["proxy", "proxy", "management", "compliance", "bridge"]
    assert all(each["reachable"] and each["latency_ms"] > 0 for each in checks.values())
    assert checks["bridge", "logs"]["url"] == gateway.bridge_url


def test_a_url_on_the_command_line_wins_and_is_named_as_the_source(smartflow: Run, gateway: LocalGateway) -> None:
    done = smartflow("status", "--json", "--gateway-url", gateway.url, SMARTFLOW_GATEWAY_URL="http://127.0.0.1:1")
    found = json.loads(done.stdout)
    assert (found["gateway_url"], found["gateway_url_source"]) == (gateway.url, "argument")


def test_status_from_python_is_what_the_command_prints(gateway: LocalGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in gateway.environment.items():
        monkeypatch.setenv(name, value)
    found = package.status()
    assert found["ok"] is True
    assert found["key"] == "accepted"
    assert KEY not in repr(found)


@pytest.mark.parametrize("form", [(), ("--stream",), ("--no-stream",)])
def test_chat_prints_the_answer(form: tuple[str, ...], smartflow: Run) -> None:
    done = smartflow("chat", *form, "What is a gateway?")
    assert (done.returncode, done.stderr) == (0, "")
    assert 'You wrote: "What is a gateway?"' in done.stdout
    assert done.stdout.endswith(".\n")


@pytest.mark.parametrize("arguments", [("chat",), ("chat", "-")])
def test_chat_takes_its_message_from_a_pipe(arguments: tuple[str, ...], smartflow: Run) -> None:
    assert "Grüß Gott" in smartflow(*arguments, stdin="Grüß Gott").stdout


def test_chat_as_json_is_the_whole_answer(smartflow: Run) -> None:
    options = ("--model", "gpt-4o-mini", "--system", "Be brief.", "--temperature", "0", "--max-tokens", "50")
    found = data_of(smartflow("chat", "--json", *options, "Which model?"))
    assert "I see 2 messages" in found["content"]
    assert (found["model"], found["provider"], found["cached"]) == ("gpt-4o-mini", "openai", False)
    assert found["usage"]["total_tokens"] == found["usage"]["prompt_tokens"] + found["usage"]["completion_tokens"] > 0
    assert found["request_id"].startswith("req_")


def test_logs_as_json_are_one_row_a_line_the_newest_last(smartflow: Run) -> None:
    ids = [data_of(smartflow("chat", "--json", f"Log {word}"))["request_id"] for word in ("one", "two")]
    done = smartflow("logs", "--json", "--limit", "2", "--provider", "openai", "--model", "gpt-4o", "--days", "1")
    assert [json.loads(line)["request_id"] for line in done.stdout.splitlines()] == ids


def test_logs_are_filtered_by_user_status_and_days_of_the_calendar(smartflow: Run) -> None:
    shown = smartflow("logs", "--user", "nobody", "--conversation", "none", "--status", "200")
    assert (shown.returncode, shown.stdout) == (0, "no rows\n")
    assert smartflow("logs", "--end-date", "2020-02-29").stdout == "no rows\n"
    assert smartflow("logs", "--start-date", "soon").returncode == 2


def test_an_export_writes_every_row_into_a_file_or_to_standard_output(smartflow: Run, tmp_path: Path) -> None:
    request_id = data_of(smartflow("chat", "--json", "Export me"))["request_id"]
    file = tmp_path / "audit.jsonl"
    done = smartflow("logs", "--export", str(file), "--provider", "openai")
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    assert (done.returncode, done.stdout) == (0, f"{len(rows)} rows written to {file}\n")
    assert request_id in {row["request_id"] for row in rows}
    shown = smartflow("logs", "--export", "-", "--limit", "1").stdout
    assert json.loads(shown)["timestamp"] >= rows[0]["timestamp"]


def test_an_export_that_cannot_be_written_names_the_file(smartflow: Run, tmp_path: Path) -> None:
    done = smartflow("logs", "--export", str(tmp_path / "none" / "audit.jsonl"))
    assert done.returncode == 2
    assert "audit.jsonl' cannot be written" in done.stderr


def test_a_changed_audit_log_gives_exit_status_1_and_names_the_entry(smartflow: Run, tmp_path: Path) -> None:
    with LocalGateway(data_dir=str(tmp_path / "data")) as own:
        for _ in range(2):
            smartflow("chat", "Count me", **own.environment)
        good = smartflow("logs", "--verify", **own.environment)
        assert (good.returncode, good.stdout) == (0, "the audit log is intact: 2 entries checked\n")
        with closing(sqlite3.connect(tmp_path / "data" / "gateway.sqlite3")) as database, database:
            database.execute("UPDATE vas_logs SET user_id = 'somebody else' WHERE seq = 2")
        bad = smartflow("logs", "--verify", **own.environment)
        as_json = smartflow("logs", "--verify", "--json", **own.environment)
    assert (bad.returncode, bad.stdout) == (
        1,
        "the audit log is not intact: entry 2 was changed after it was written\n",
    )
    assert (as_json.returncode, json.loads(as_json.stdout)["first_bad_seq"]) == (1, 2)


def test_logs_without_a_row_say_so(smartflow: Run) -> None:
    done = smartflow("logs", "--provider", "nobody")
    assert (done.returncode, done.stdout) == (0, "no rows\n")


def test_the_json_of_scan_stats_models_and_redact_can_be_read(smartflow: Run) -> None:
    verdict = data_of(smartflow("scan", "--json", "--user-id", "u", "--org-id", "o", CARD))
    assert verdict["recommended_action"] == "Block"
    assert data_of(smartflow("scan", "--json", "-", "--policy", "hipaa", stdin="Hello"))["has_violations"] is False
    assert {"cache", "providers"} == set(data_of(smartflow("stats", "--json")))
    models = data_of(smartflow("models", "--json", "--provider", "openai"))
    assert {model["owned_by"] for model in models} == {"openai"}
    redacted = data_of(smartflow("redact", "--json", stdin="mail a@example.com"))
    assert redacted == {"file": "-", "text": "mail [EMAIL]"}


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (("Hello", "--fail-on", "review"), 0),
        ((CARD,), 0),
        ((CARD, "--fail-on", "review"), 1),
        ((CARD, "--fail-on", "block"), 1),
        ((CARD, "--fail-on", "block", "--policy", "pci_dss_strict"), 1),
        (("Hello", "--fail-on", "block", "--policy", "pci_dss_strict"), 0),
    ],
)
def test_a_scan_fails_only_when_it_is_told_to(arguments: tuple[str, ...], status: int, smartflow: Run) -> None:
    done = smartflow("scan", *arguments)
    assert (done.returncode, done.stderr) == (status, "")
    assert "4111" not in done.stdout


def test_scan_and_redact_read_files_and_keep_their_line_ends(smartflow: Run, tmp_path: Path) -> None:
    (tmp_path / "one.txt").write_bytes(b"write to a@example.com\r\n")
    (tmp_path / "two.txt").write_bytes(b"")
    assert smartflow("scan", "--file", "one.txt").stdout.startswith("action")
    assert smartflow("redact", "one.txt", "two.txt", "-", stdin="b@example.com").stdout == "write to [EMAIL]\n[EMAIL]"
    assert json.loads(smartflow("redact", "--json", "one.txt").stdout)["text"] == "write to [EMAIL]\r\n"
