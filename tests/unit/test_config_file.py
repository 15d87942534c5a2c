"""The configuration file: what it may say, and that nothing wrong in it passes silently."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Callable

import pytest

from smartflow._core.secrets import Secret
from smartflow.config import config_path, load_file
from smartflow.config.keys import PROVIDER_PREFIXES, SETTINGS, variables_of
from smartflow.exceptions import ConfigError
from smartflow.providers.table import PROVIDERS

Write = Callable[..., Path]
CANARY = "sk-sf-canary0123456789"


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Writes the configuration file, which its owner alone may read."""
    path = tmp_path / "config.yaml"
    monkeypatch.setenv("SMARTFLOW_CONFIG", str(path))

    def write_it(text: str, mode: int = 0o600) -> Path:
        path.write_bytes(text.encode("utf-8", "surrogateescape"))
        path.chmod(mode)
        return path

    return write_it


def test_the_path_is_read_when_it_is_asked_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("SMARTFLOW_CONFIG", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert config_path() == tmp_path / ".smartflow" / "config.yaml"
    monkeypatch.setenv("SMARTFLOW_CONFIG", "~/other.yaml")
    assert config_path() == tmp_path / "other.yaml"
    monkeypatch.setenv("SMARTFLOW_CONFIG", " ")
    with pytest.raises(ConfigError, match="SMARTFLOW_CONFIG is empty"):
        config_path()


def test_every_setting_can_stand_in_the_file(write: Write) -> None:
    values = {name: "0123" if name.endswith("_key") else "http://h:1/v2" for name in SETTINGS}
    values.update(timeout="2.5", max_retries="3", azure_api_version="2024-10-21")
    values.update(vertex_ai_project="my-project", vertex_ai_location="europe-west4")
    write("".join(f"{name}: {value}\n" for name, value in values.items()))
    file = load_file()
    assert file.exists
    assert set(file.settings) == set(SETTINGS)
    assert (file.settings["timeout"].value, file.settings["max_retries"].value) == (2.5, 3)
    assert file.settings["openai_api_key"].value == Secret("0123")
    assert file.settings["gateway_url"] == ("http://h:1/v2", 1)


def test_base_url_is_another_name_of_gateway_url(write: Write) -> None:
    write("base_url: http://h:1\n")
    assert load_file().settings["gateway_url"].value == "http://h:1"
    write("base_url: http://h:1\ngateway_url: http://h:2\n")
    with pytest.raises(ConfigError, match=r"config.yaml:2: gateway_url is given twice \(first in line 1\)"):
        load_file()


@pytest.mark.parametrize("text", ["", "\n", "# nothing\n", "---\n", "{}\n", "profiles:\n"])
def test_an_empty_file_says_nothing(text: str, write: Write) -> None:
    write(text)
    file = load_file()
    assert (file.exists, dict(file.settings), dict(file.profiles)) == (True, {}, {})


def test_a_key_is_what_was_written_and_not_what_yaml_takes_it_for(write: Write) -> None:
    for written, key in [("0123", "0123"), ("sk#1", "sk#1"), ("'a: b'", None), ("true", "true"), ("1e3", "1e3")]:
        write(f"api_key: {written}\n")
        if key is None:
            with pytest.raises(ConfigError, match="blanks"):
                load_file()
        else:
            assert load_file().settings["api_key"].value == Secret(key)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("timeout: 1\ngatway_url: http://h\n", r":2: unknown key 'gatway_url' in the file: did you mean gateway_url\?"),
        ("opnai_api_key: x\n", r":1: unknown key .* did you mean openai_api_key\?"),
        ("colour: red\n", r":1: unknown key 'colour' in the file: known are gateway_url, .*<provider>_api_key"),
        ("timeout: 1\ntimeout: 2\n", r":2: timeout is given twice \(first in line 1\)"),
        ("timeout: 1\n  bad: [\n", r":2 is not valid YAML"),
        ("api_key: *nowhere\n", r":1 is not valid YAML"),
        ("a\x01: 1\n", r":1 contains a character"),
        ("timeout: 1\napi_key: '\udcff'\n", r":2 is not UTF-8"),
        ("just a text\n", r":1: the file must consist of lines such as 'name: value'"),
        ("- gateway_url\n", r":1: the file must consist of lines"),
        ("gateway_url:\n", r"gateway_url \(.*:1\) is empty"),
        ("gateway_url: ''\n", r"gateway_url \(.*:1\) is empty"),
        ("gateway_url: gw\n", r"gateway_url \(.*:1\) 'gw' has no scheme"),
        ("api_key: ''\n", r"api_key \(.*:1\) is empty"),
        ("api_key: [a]\n", r"api_key \(.*:1\) must be a single value"),
        ("api_key: !!python/name:os.system x\n", r"api_key \(.*:1\) must be a single value"),
        ("\ntimeout: fast\n", r"timeout \(.*:2\) must be a number of seconds"),
        ("timeout: 0\n", r"timeout \(.*:1\) must be greater than 0"),
        ("timeout: .inf\n", r"timeout \(.*:1\) must be a number"),
        ("max_retries: -1\n", r"max_retries \(.*:1\) must be 0 or a positive whole number"),
        ("openai_base_url: api.openai.com\n", r"openai_base_url \(.*:1\) must be a URL"),
        ("profiles: []\n", r":1: profiles must consist of lines"),
        ("profiles:\n  work: text\n", r":2: profile work must consist of lines"),
        ("profiles:\n  work:\n    timout: 1\n", r":3: unknown key 'timout' in profile work: did you mean timeout\?"),
        ("profiles:\n  work:\n    profiles: {}\n", r":3: unknown key 'profiles' in profile work"),
        ("profiles:\n  a b: {}\n", r":2: a profile's name"),
        ("profiles:\n  a: {}\n  a: {}\n", r":3: a is given twice \(first in line 2\)"),
        ("profiles:\n  b: {}\n  a: {}\ndefault_profile: c\n", r"default_profile \(.*:4\) names no profile .* a, b"),
        ("[" * 5000, "is nested too deeply"),
        ("#" * 1_000_001, "has more than 1000000 bytes"),
    ],
)  # fmt: skip
def test_a_broken_file_is_an_error_with_its_line_and_the_cure(text: str, complaint: str, write: Write) -> None:
    path = write(text)
    with pytest.raises(ConfigError, match=complaint) as caught:
        load_file()
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        f"api_key: *{CANARY}\n", f"{CANARY}: 1\n", f"api_key: [{CANARY}]\n", f"api_key {CANARY}\n", f"timeout: {CANARY}\n",
        f"api_key: '{CANARY}\n", f"api_key: a {CANARY}\n", f"gateway_url: http://u:{CANARY}@h\n", f"? [{CANARY}]\n: 1\n",
        f"openai_base_url: http://u:{CANARY}@h\n", f"api_key: {CANARY}: x\n", f"default_profile: {CANARY}\n",
    ],
)  # fmt: skip
def test_no_error_shows_what_may_be_a_key(text: str, write: Write) -> None:
    write(text)
    with pytest.raises(ConfigError) as caught:
        load_file()
    assert CANARY not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_a_loaded_file_shows_no_secret(write: Write) -> None:
    write(f"api_key: {CANARY}\nprofiles: {{a: {{openai_api_key: {CANARY}}}}}\n")
    assert CANARY not in repr(load_file())


def test_what_is_no_readable_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMARTFLOW_CONFIG", str(tmp_path))
    with pytest.raises(ConfigError, match="cannot be read|is no regular file"):
        load_file()
    os.mkfifo(tmp_path / "pipe")
    monkeypatch.setenv("SMARTFLOW_CONFIG", str(tmp_path / "pipe"))
    with pytest.raises(ConfigError, match="is no regular file"):
        load_file()
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SMARTFLOW_CONFIG", str(tmp_path / "file" / "below"))
    with pytest.raises(ConfigError, match="cannot be read"):
        load_file()


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is unreadable for root")
def test_an_unreadable_file_is_refused(write: Write) -> None:
    write("api_key: x\n", mode=0)
    with pytest.raises(ConfigError, match=r"cannot be read \(permission denied\)"):
        load_file()


@pytest.mark.parametrize("text", ["api_key: x\n", "profiles: {a: {openai_api_key: x}}\n"])
def test_a_key_that_others_may_read_warns_once(text: str, write: Write) -> None:
    path = write(text, mode=0o640)
    with pytest.warns(UserWarning, match=f"run chmod 600 {path}"):
        load_file()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load_file()


def test_a_file_without_keys_may_be_read_by_all(write: Write) -> None:
    write("gateway_url: http://h\n", mode=0o644)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert load_file().exists


def test_the_null_device_is_an_empty_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMARTFLOW_CONFIG", os.devnull)
    assert load_file().exists
    assert not load_file().settings


def test_every_provider_has_a_key_and_a_url_with_the_variables_of_the_table() -> None:
    assert set(PROVIDERS) <= set(PROVIDER_PREFIXES)
    for name, spec in PROVIDERS.items():
        assert spec.key_variable in (None, *variables_of(f"{name}_api_key"))
        assert spec.base_url_variable in (None, *variables_of(f"{name}_base_url"))


def test_yaml_is_loaded_only_for_a_file_that_exists(write: Write) -> None:
    script = (
        "import sys; from smartflow import SmartflowClient; SmartflowClient('http://gw'); print('yaml' in sys.modules)"
    )
    loaded = []
    for text in (None, "timeout: 3\n"):
        if text:
            write(text)
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60,
                              env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)})  # fmt: skip
        loaded.append(done.stdout.strip())
    assert loaded == ["False", "True"]
