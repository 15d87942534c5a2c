"""Argument, environment, profile, file, default: which one wins, and that no key reaches another source's gateway."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Dict

import pytest

from smartflow import SmartflowClient, SyncSmartflowClient
from smartflow._core.secrets import Secret
from smartflow.config import explain, make_settings, resolve
from smartflow.config.keys import DEFAULT_PORTS, SETTINGS
from smartflow.exceptions import ConfigError

TEXT = """\
gateway_url: http://file:1
api_key: file-key
timeout: 11
compliance_url: http://file-scan:1
openai_api_key: file-openai
profiles:
  work:
    base_url: http://work:1
    api_key: work-key
    max_retries: 5
  other-key:
    api_key: other-key
"""


@pytest.fixture(autouse=True)
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in list(os.environ):
        if name.startswith(("SMARTFLOW_", "APERION_")) or name.endswith(("_API_KEY", "_BASE_URL", "_API_BASE")):
            monkeypatch.delenv(name)
    path = tmp_path / "config.yaml"
    path.write_text(TEXT)
    path.chmod(0o600)
    monkeypatch.setenv("SMARTFLOW_CONFIG", str(path))
    return path


def values(**arguments: Any) -> Dict[str, Any]:
    profile = arguments.pop("profile", None)
    resolved = resolve(arguments, profile=profile)
    names = ("gateway_url", "api_key", "compliance_url", "timeout", "max_retries")
    return {name: resolved.value(name) for name in names}


def test_each_source_wins_over_the_ones_below_it(monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    seen = [resolve().settings["timeout"][1:3]]
    file.write_text(TEXT.replace("max_retries: 5", "timeout: 22"))
    seen.append(resolve(profile="work").settings["timeout"][1:3])
    monkeypatch.setenv("SMARTFLOW_TIMEOUT", "33")
    seen.append(resolve(profile="work").settings["timeout"][1:3])
    seen.append(resolve({"timeout": 44.0}, profile="work").settings["timeout"][1:3])
    file.write_text("")
    monkeypatch.delenv("SMARTFLOW_TIMEOUT")
    seen.append(resolve().settings["timeout"][1:3])
    assert seen == [
        (11.0, f"file {file}:3"),
        (22.0, f"profile work in {file}:10"),
        (33.0, "environment SMARTFLOW_TIMEOUT"),
        (44.0, "argument"),
        (30.0, "default"),
    ]


@pytest.mark.parametrize("name", [name for name in SETTINGS if name not in ("timeout", "max_retries")])
def test_the_environment_wins_over_the_file_for_every_setting(
    name: str, monkeypatch: pytest.MonkeyPatch, file: Path
) -> None:
    from smartflow.config.keys import variables_of

    secret = name.endswith("_key")
    below, above = ("http://below:1", "http://above:1") if name.endswith("_url") else ("below", "above")
    file.write_text(f"{name}: {below}\n")
    (variable, *_) = variables_of(name)
    monkeypatch.setenv(variable, above)
    setting = resolve()[name]
    assert setting.value == (Secret(above) if secret else above)
    assert setting.source == f"environment {variable}"


def test_an_empty_key_of_a_provider_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "")
    assert resolve().value("openai_api_key") == Secret("file-openai")


def test_the_profile_is_named_by_argument_then_environment_then_file(
    monkeypatch: pytest.MonkeyPatch, file: Path
) -> None:
    assert resolve().profile[1:3] == (None, "default")
    file.write_text(f"{TEXT}default_profile: work\n")
    assert resolve().profile[1:3] == ("work", f"file {file}:13")
    monkeypatch.setenv("SMARTFLOW_PROFILE", "other-key")
    assert resolve().profile[1:3] == ("other-key", "environment SMARTFLOW_PROFILE")
    assert resolve(profile="work").profile[1:3] == ("work", "argument")


def test_an_unknown_profile_is_refused_with_the_known_ones(monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    with pytest.raises(ConfigError, match=r"profile: there is no profile 'wrk' in .*: known are other-key, work"):
        resolve(profile="wrk")
    monkeypatch.setenv("SMARTFLOW_PROFILE", "wrk")
    with pytest.raises(ConfigError, match="SMARTFLOW_PROFILE: there is no profile"):
        SmartflowClient("http://gw")
    file.unlink()
    with pytest.raises(ConfigError, match="which does not exist: known are none"):
        resolve(profile="work")


def test_a_url_argument_does_not_get_the_key_and_services_of_the_file() -> None:
    found = values(gateway_url="http://elsewhere:1")
    assert (found["api_key"], found["compliance_url"], found["timeout"]) == (None, None, 11.0)


def test_a_url_of_the_environment_does_not_get_the_key_of_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMARTFLOW_GATEWAY_URL", "http://env:1")
    found = values()
    assert (found["gateway_url"], found["api_key"], found["compliance_url"]) == ("http://env:1", None, None)
    assert values(profile="work")["api_key"] is None


def test_the_url_of_a_profile_does_not_get_the_services_of_the_file() -> None:
    found = values(profile="work")
    assert (found["gateway_url"], found["api_key"]) == ("http://work:1", Secret("work-key"))
    assert (found["compliance_url"], found["max_retries"]) == (None, 5)


def test_the_url_of_a_profile_without_a_key_does_not_get_the_key_of_the_file(file: Path) -> None:
    file.write_text(TEXT.replace("    api_key: work-key\n", ""))
    assert values(profile="work")["api_key"] is None


def test_a_url_argument_does_not_get_a_key_of_the_environment_that_is_for_another_url(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SMARTFLOW_API_KEY", "env-key")
    monkeypatch.setenv("SMARTFLOW_COMPLIANCE_URL", "http://env-scan:1")
    assert values(gateway_url="http://arg:1")["api_key"] == Secret("env-key")
    assert values(gateway_url="http://arg:1")["compliance_url"] is None
    monkeypatch.setenv("SMARTFLOW_GATEWAY_URL", "http://env:1")
    assert values(gateway_url="http://arg:1")["api_key"] is None
    assert values(gateway_url="http://ENV:1/")["api_key"] == Secret("env-key")


def test_the_same_gateway_named_twice_keeps_its_key_and_services(monkeypatch: pytest.MonkeyPatch) -> None:
    found = values(gateway_url="http://FILE:1/")
    assert (found["api_key"], found["compliance_url"]) == (Secret("file-key"), "http://file-scan:1")
    monkeypatch.setenv("SMARTFLOW_GATEWAY_URL", "http://work:1")
    assert values(profile="work")["api_key"] == Secret("work-key")


def test_a_higher_key_goes_to_a_lower_url(monkeypatch: pytest.MonkeyPatch) -> None:
    assert values(profile="other-key")["api_key"] == Secret("other-key")
    assert values(profile="other-key")["gateway_url"] == "http://file:1"
    assert values(profile="other-key", gateway_url="http://elsewhere:1")["api_key"] is None
    monkeypatch.setenv("SMARTFLOW_API_KEY", "env-key")
    assert values()["api_key"] == Secret("env-key")
    assert values(api_key="arg-key")["api_key"] == Secret("arg-key")


def test_a_key_that_is_not_used_is_explained(monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    monkeypatch.setenv("SMARTFLOW_GATEWAY_URL", "http://env:1")
    rows = {row.name: row for row in explain()}
    assert rows["api_key"].value == ""
    assert rows["api_key"].source == f"default (file {file}:2 is not used: it belongs to another gateway)"


def test_explain_masks_secrets_and_says_where_each_value_comes_from(file: Path) -> None:
    rows = {row.name: row[1:] for row in explain("work")}
    assert rows["mode"] == ("gateway", f"profile work in {file}:8")
    assert rows["config_file"] == (str(file), "environment SMARTFLOW_CONFIG")
    assert rows["profile"] == ("work", "argument")
    assert rows["gateway_url"] == ("http://work:1", f"profile work in {file}:8")
    assert rows["api_key"] == ("***", f"profile work in {file}:9")
    assert rows["management_url"][0] == "http://work:7778"
    assert rows["openai_api_key"] == ("***", f"file {file}:5")
    assert set(SETTINGS) < set(rows)
    assert "-key'" not in repr(explain("work")).replace("api_key'", "")


def test_without_a_url_anywhere_the_mode_is_direct_unless_the_caller_means_a_gateway(file: Path) -> None:
    file.write_text("openai_api_key: x\n")
    assert resolve().mode == "direct"
    assert resolve({"gateway_url": "http://gw"}).mode == "gateway"
    assert SmartflowClient().mode == "direct"
    with pytest.raises(ConfigError, match=f"no gateway is configured.*{file}.*smartflow configure"):
        SmartflowClient(api_key="sk-sf-0")


def test_a_missing_file_that_was_named_is_no_reason_for_direct_mode(file: Path) -> None:
    file.unlink()
    with pytest.raises(ConfigError, match=r"SMARTFLOW_CONFIG names .* which does not exist.*smartflow configure"):
        resolve()
    assert resolve({"gateway_url": "http://gw"}).mode == "gateway"
    assert {row.name: row.source for row in explain()}["config_file"].endswith("does not exist")


@pytest.mark.parametrize("text", ["gateway_url: 'http://gw\n", "gatway_url: http://gw\n", "gateway_url:\n"])
def test_a_broken_file_stops_every_client(text: str, file: Path) -> None:
    file.write_text(text)
    for arguments in ((), ("http://gw",)):
        with pytest.raises(ConfigError, match=f"{file}:1"):
            SmartflowClient(*arguments)


def test_a_client_takes_its_settings_from_the_file_and_the_profile() -> None:
    with SyncSmartflowClient() as sf:
        assert (sf.base_url, sf.compliance_url, sf.management_url) == (
            "http://file:1", "http://file-scan:1", "http://file:7778",
        )  # fmt: skip
        assert sf._session.options.timeouts.total == 11.0
    with SyncSmartflowClient(profile="work", timeout=30.0) as sf:
        assert sf.base_url == "http://work:1"
        assert (sf._session.options.timeouts.total, sf._session.options.max_retries) == (30.0, 5)


def test_settings_know_the_mode_and_the_profile() -> None:
    made = make_settings(None, None, ports=DEFAULT_PORTS, urls={}, profile="work")
    assert (made.mode, made.profile, made.api_key) == ("gateway", "work", Secret("work-key"))
    assert "work-key" not in repr(made) + repr(resolve(profile="work"))


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("SMARTFLOW_TIMEOUT", "soon"), ("SMARTFLOW_TIMEOUT", ""), ("SMARTFLOW_TIMEOUT", "0"), ("SMARTFLOW_MAX_RETRIES", "2.5"),
        ("SMARTFLOW_MAX_RETRIES", "²"), ("SMARTFLOW_API_KEY", "a b"), ("SMARTFLOW_GATEWAY_URL", " "), ("SMARTFLOW_GATEWAY_URL", "gw"),
    ],
)  # fmt: skip
def test_a_wrong_variable_is_refused_by_its_name(variable: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigError, match=variable):
        SmartflowClient()
