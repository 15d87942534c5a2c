"""`configure` and `config`: what is asked, tried, saved and shown; keys are never seen."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Callable, Dict

import pytest

from smartflow.testing import LocalGateway

from .conftest import KEY, ROOT, SETTINGS, Run

OTHER = "http://127.0.0.1:1"


@pytest.fixture
def environment(tmp_path: Path) -> Dict[str, str]:
    """The environment of a user who has configured nothing."""
    kept = {name: value for name, value in os.environ.items() if not SETTINGS.match(name)}
    path = os.pathsep.join((str(ROOT), str(ROOT / "generated")))
    return {**kept, "PYTHONPATH": path, "HOME": str(tmp_path), "TERM": "dumb", "PYTHONUTF8": "1"}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / ".smartflow" / "config.yaml"


def test_the_wizard_asks_tries_and_saves(terminal: Callable[..., Any], gateway: LocalGateway, file: Path) -> None:
    wizard = terminal("configure")
    wizard.wait_for("Gateway URL [http://localhost:7775]: ")
    wizard.type(f"{gateway.url}\n")
    wizard.wait_for("API key (hidden; Enter for none): ")
    wizard.type(f"{KEY}\n")
    wizard.wait_for("accepted (argument)")
    wizard.wait_for(f"Saved to {file}")
    assert wizard.end() == 0
    assert KEY not in wizard.shown
    assert KEY in file.read_text("utf-8")
    assert file.stat().st_mode & 0o777 == 0o600


def test_the_wizard_can_be_started_from_python(terminal: Callable[..., Any], gateway: LocalGateway, file: Path) -> None:
    wizard = terminal(program=("-c", "import smartflow; print('saved:', smartflow.configure())"))
    wizard.wait_for("Gateway URL [http://localhost:7775]: ")
    wizard.type(f"{gateway.url}\n")
    wizard.wait_for("API key (hidden; Enter for none): ")
    wizard.type(f"{KEY}\n")
    wizard.wait_for("saved: True")
    assert wizard.end() == 0
    assert KEY not in wizard.shown
    assert gateway.url in file.read_text("utf-8")


def test_the_wizard_saves_nothing_that_does_not_work_unless_it_is_told_to(
    terminal: Callable[..., Any], gateway: LocalGateway, file: Path
) -> None:
    for answer, status in (("n", 1), ("y", 0)):
        wizard = terminal("configure")
        wizard.wait_for("Gateway URL")
        wizard.type(f"{gateway.url}\n")
        wizard.wait_for("API key")
        wizard.type("sk-wrong\n")
        wizard.wait_for("refused (argument)")
        wizard.wait_for("Save anyway? [y/N]: ")
        assert not file.exists()
        wizard.type(f"{answer}\n")
        assert wizard.end() == status
        assert file.exists() is (status == 0)


def test_the_wizard_keeps_the_key_of_the_same_gateway_and_all_other_settings(
    terminal: Callable[..., Any], smartflow: Run, gateway: LocalGateway, file: Path
) -> None:
    file.parent.mkdir()
    file.write_text(f"# mine\ngateway_url: {gateway.url}\napi_key: {KEY}\ntimeout: 12\n", "utf-8")
    file.chmod(0o600)
    wizard = terminal("configure")
    wizard.wait_for(f"Gateway URL [{gateway.url}]: ")
    wizard.type("\n")
    wizard.wait_for("Enter keeps the present one")
    wizard.type("\n")
    assert wizard.end() == 0
    text = file.read_text("utf-8")
    assert "# mine" in text
    assert KEY in text
    assert smartflow("config", "get", "timeout").stdout.startswith("12")
    assert smartflow("status").returncode == 0


def test_an_interrupted_wizard_saves_nothing(terminal: Callable[..., Any], file: Path) -> None:
    wizard = terminal("configure")
    wizard.wait_for("Gateway URL")
    assert wizard.interrupt() == 130
    assert not file.exists()
    assert "Traceback" not in wizard.shown


def test_a_script_configures_without_showing_the_key(smartflow: Run, gateway: LocalGateway, file: Path) -> None:
    arguments = ("configure", "--non-interactive", "--gateway-url", gateway.url, "--api-key-stdin", "--profile", "work")
    done = smartflow(*arguments, stdin=f"{KEY}\n")
    assert (done.returncode, done.stderr) == (0, "")
    assert KEY not in done.stdout
    state = json.loads(smartflow("status", "--json", "--profile", "work").stdout)
    assert (state["ok"], state["profile"], state["key"]) == (True, "work", "accepted")
    assert state["gateway_url_source"].startswith(f"profile work in {file}:")
    assert "You wrote" in smartflow("chat", "Hello", "--profile", "work").stdout
    profiles = json.loads(smartflow("config", "profiles", "--json").stdout)
    assert profiles == {"profiles": ["work"], "default": None}


def test_a_script_saves_nothing_that_does_not_work(smartflow: Run, gateway: LocalGateway, file: Path) -> None:
    done = smartflow("configure", "--non-interactive", "--gateway-url", gateway.url, "--api-key", "sk-wrong")
    assert done.returncode == 1
    assert "a key on the command line can be seen by others" in done.stderr
    assert done.stderr.endswith("Nothing was saved.\n")
    assert not file.exists()


def test_another_gateway_gets_neither_the_old_key_nor_the_old_services(smartflow: Run, file: Path) -> None:
    file.parent.mkdir()
    file.write_text(f"gateway_url: http://localhost:9\napi_key: {KEY}\nbridge_url: http://localhost:8\n", "utf-8")
    file.chmod(0o600)
    done = smartflow("configure", "--non-interactive", "--gateway-url", OTHER, "--force")
    assert done.returncode == 0
    text = file.read_text("utf-8")
    assert OTHER in text
    assert KEY not in text
    assert "bridge_url" not in text


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("configure",), "there is no terminal to ask on"),
        (("configure", "--non-interactive"), "needs --gateway-url"),
        (("configure", "--non-interactive", "--gateway-url", "smartflow"), "has no scheme"),
        (("config", "set", "api_key", "sk-canary"), "a key on the command line"),
        (("config", "set", "timeout"), "set takes NAME and VALUE"),
        (("config", "set", "nonsense", "1"), "nonsense is no setting"),
        (("config", "get", "nonsense"), "there is no setting nonsense"),
        (("config", "path", "gateway_url"), "path takes no NAME"),
        (("status", "--profile", "nobody"), "there is no profile 'nobody'"),
    ],
)
def test_wrong_usage_ends_with_2_and_changes_nothing(
    arguments: tuple[str, ...], complaint: str, here: Run, file: Path
) -> None:
    done = here(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"smartflow {arguments[0]}: ")
    assert complaint in done.stderr
    assert "sk-canary" not in done.stderr
    assert not file.exists()


def test_settings_are_written_shown_masked_and_removed(smartflow: Run, file: Path) -> None:
    assert smartflow("config", "set", "gateway_url", OTHER).returncode == 0
    assert KEY not in smartflow("config", "set", "api_key", stdin=f"{KEY}\n").stdout
    assert smartflow("config", "get", "gateway_url").stdout == f"{OTHER}\n"
    explained = smartflow("config", "explain")
    rows = {line.split()[0]: line.split()[1:] for line in explained.stdout.splitlines()}
    assert KEY not in explained.stdout
    assert rows["gateway_url"] == [OTHER, "file", f"{file}:1"]
    assert rows["api_key"][0] == "***"
    assert rows["bridge_url"][0] == "http://127.0.0.1:3500"
    assert {"name": "mode", "value": "gateway", "source": f"file {file}:1"} in json.loads(
        smartflow("config", "explain", "--json").stdout
    )
    assert smartflow("config", "unset", "api_key").returncode == 0
    done = smartflow("config", "get", "api_key", "--json")
    assert (done.returncode, json.loads(done.stdout)["value"]) == (1, None)
    assert KEY not in file.read_text("utf-8")
    assert json.loads(smartflow("config", "path", "--json").stdout) == {"path": str(file)}


def test_a_broken_file_is_named_with_its_line(smartflow: Run, file: Path) -> None:
    file.parent.mkdir()
    file.write_text("gateway_url: http://localhost:7775\nnonsense: [\n", "utf-8")
    for command in ("status", "chat", "models"):
        done = smartflow(command, stdin="Hello")
        assert (done.returncode, done.stdout) == (2, "")
        assert f"{file}:" in done.stderr
