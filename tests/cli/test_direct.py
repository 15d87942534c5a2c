"""The command without a gateway: it asks providers, sets them up, and says what only a gateway can do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Callable, Dict, Tuple

import pytest

from tests.support.answers import DONE, chat, finish, reply, sse, text_chunk
from tests.support.hostile import HostileServer, Request, refusing_port

from .conftest import Run
from .test_commands import assert_golden

KEY = "canary-key-of-the-provider"
MODELS = [{"id": "gpt-4o"}, {"id": "gpt-4o-mini"}]


@pytest.fixture
def environment(environment: Dict[str, str]) -> Dict[str, str]:
    """The environment of a user who has configured nothing."""
    return {name: value for name, value in environment.items() if not name.startswith("SMARTFLOW_")}


@pytest.fixture
def provider(server: HostileServer) -> HostileServer:
    """An OpenAI that knows one key."""

    def answer(request: Request) -> Any:
        if request.headers.get("authorization") != f"Bearer {KEY}":
            return reply({"error": {"message": "Incorrect API key provided"}}, 401)
        if request.path.endswith("/models"):
            return reply({"data": MODELS})
        if request.json().get("stream"):
            return sse(text_chunk("Hel"), text_chunk("lo"), finish(), DONE)
        return reply(chat("Hello"))

    server.answer(answer)
    return server


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / ".smartflow" / "config.yaml"


@pytest.fixture
def variables(provider: HostileServer) -> Dict[str, str]:
    return {"OPENAI_BASE_URL": f"{provider.url}/v1", "OPENAI_API_KEY": KEY}


def test_the_state_of_a_provider(smartflow: Run, variables: Dict[str, str]) -> None:
    done = smartflow("status", **variables)
    assert (done.returncode, done.stderr) == (0, "")
    assert_golden("status-direct", done.stdout)


def test_the_state_as_data(smartflow: Run, variables: Dict[str, str]) -> None:
    found = json.loads(smartflow("status", "--json", **variables).stdout)
    assert (found["ok"], found["mode"], found["gateway_url"], found["services"]) == (True, "direct", None, [])
    (openai,) = found["providers"]
    assert (openai["provider"], openai["key"], openai["status"]) == ("openai", "accepted", 200)
    assert openai["key_source"] == "OPENAI_API_KEY"


def test_a_refused_key_and_an_unreachable_ollama_end_with_1(smartflow: Run, variables: Dict[str, str]) -> None:
    with refusing_port() as port:
        wrong = {**variables, "OPENAI_API_KEY": "wrong-key", "OLLAMA_BASE_URL": f"http://127.0.0.1:{port}"}
        done = smartflow("status", **wrong)
    assert done.returncode == 1
    assert "refused (OPENAI_API_KEY)" in done.stdout
    assert "is Ollama running?" in done.stdout
    assert "wrong-key" not in done.stdout + done.stderr


def test_nothing_configured_ends_with_1_and_the_cure(smartflow: Run) -> None:
    done = smartflow("status")
    assert done.returncode == 1
    assert_golden("status-nothing", done.stdout)


def test_a_chat_goes_to_the_provider(smartflow: Run, variables: Dict[str, str]) -> None:
    assert smartflow("chat", "Hello, which mode am I using?", **variables).stdout == "Hello\n"
    assert smartflow("chat", "--stream", "-", stdin="Hi", **variables).stdout == "Hello\n"


def test_the_models_of_a_provider(smartflow: Run, variables: Dict[str, str]) -> None:
    listed = json.loads(smartflow("models", "--json", **variables).stdout)
    assert [model["id"] for model in listed] == ["gpt-4o", "gpt-4o-mini"]
    done = smartflow("models", "--provider", "opnai", **variables)
    assert (done.returncode, "did you mean openai?" in done.stderr) == (2, True)


@pytest.mark.parametrize("command", [("logs",), ("scan", "x"), ("redact",), ("stats",)])
def test_what_needs_a_gateway_says_so(command: Tuple[str, ...], smartflow: Run) -> None:
    done = smartflow(*command, stdin="text")
    assert (done.returncode, done.stdout) == (1, "")
    assert "requires a Smartflow Enterprise gateway. Run `smartflow configure`" in done.stderr


def test_a_missing_key_names_its_variable(smartflow: Run) -> None:
    done = smartflow("chat", "Hello", "--model", "claude-sonnet-4-6")
    assert done.returncode == 2
    assert "ANTHROPIC_API_KEY" in done.stderr


def test_the_wizard_sets_up_a_provider(terminal: Callable[..., Any], provider: HostileServer, file: Path) -> None:
    wizard = terminal("configure", OPENAI_BASE_URL=f"{provider.url}/v1")
    wizard.wait_for("Gateway URL [http://localhost:7775]: ")
    wizard.type("openai\n")
    wizard.wait_for("OpenAI API key (hidden; Enter for none): ")
    wizard.type("wrong-key\n")
    wizard.wait_for("refused")
    wizard.wait_for("The provider cannot be used like this. Save anyway? [y/N]: ")
    wizard.type("\n")
    assert wizard.end() == 1
    assert not file.exists()

    wizard = terminal("configure", OPENAI_BASE_URL=f"{provider.url}/v1")
    wizard.wait_for("]: ")
    wizard.type("openai\n")
    wizard.wait_for("none): ")
    wizard.type(f"{KEY}\n")
    wizard.wait_for("accepted")
    wizard.wait_for("Saved to ")
    assert wizard.end() == 0
    assert KEY not in wizard.shown
    assert file.read_text() == f'openai_api_key: "{KEY}"\n'
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_script_sets_up_a_provider_and_other_settings_stay(
    smartflow: Run, provider: HostileServer, file: Path
) -> None:
    file.parent.mkdir(mode=0o700)
    file.write_text("# mine\ngroq_api_key: other\n")
    file.chmod(0o600)
    arguments = ("configure", "--non-interactive", "--provider", "openai", "--base-url", f"{provider.url}/v1")
    done = smartflow(*arguments, "--api-key-stdin", stdin=KEY)
    assert done.returncode == 0, done.stderr
    lines = file.read_text().splitlines()
    assert lines[:2] == ["# mine", "groq_api_key: other"]
    assert sorted(lines[2:]) == [f'openai_api_key: "{KEY}"', f'openai_base_url: "{provider.url}/v1"']
    assert smartflow("chat", "Hello").stdout == "Hello\n"


def test_a_configured_gateway_is_not_passed_by_unnoticed(
    terminal: Callable[..., Any], smartflow: Run, provider: HostileServer, file: Path
) -> None:
    file.parent.mkdir(mode=0o700)
    file.write_text("gateway_url: http://gw:1\napi_key: sk-sf-0\n")
    file.chmod(0o600)
    refused = smartflow("configure", "--non-interactive", "--provider", "openai", "--api-key-stdin", stdin=KEY)
    assert (refused.returncode, "gateway http://gw:1 is configured" in refused.stderr) == (2, True)
    wizard = terminal("configure", "--provider", "openai", "--base-url", f"{provider.url}/v1")
    wizard.wait_for("Remove it, so that calls go directly? [y/N]: ")
    wizard.type("y\n")
    wizard.wait_for("none): ")
    wizard.type(f"{KEY}\n")
    wizard.wait_for("Saved to ")
    assert wizard.end() == 0
    assert "gateway_url" not in file.read_text()
    assert "sk-sf-0" not in file.read_text()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--provider", "opnai"), "there is no provider opnai"),
        (("--gateway-url", "http://gw", "--base-url", "http://x"), "--base-url goes with --provider"),
        (("--provider", "openai"), "OpenAI needs a key"),
    ],
)
def test_wrong_usage_is_named(arguments: Tuple[str, ...], said: str, smartflow: Run) -> None:
    done = smartflow("configure", "--non-interactive", *arguments)
    assert (done.returncode, said in done.stderr) == (2, True), done.stderr
