"""Saving settings: everything else stays, nobody else can read it, and what was written is what is read."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any, Dict, List

import pytest
import yaml
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from smartflow._core.secrets import Secret, reveal
from smartflow.config import ConfigFile, load_file, save
from smartflow.config.edit import quoted
from smartflow.config.keys import SETTINGS
from smartflow.exceptions import ConfigError

KEYS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=40)
TEXT = """\
# my settings
gateway_url: http://gw:1   # the one in the cellar
api_key: 0123

profiles:
  # for work
  work:
    base_url: http://work:1
    api_key: 'sk#1'  # mine
  home:
    timeout: 3
# the end
"""


@pytest.fixture(autouse=True)
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "folder" / "config.yaml"
    monkeypatch.setenv("SMARTFLOW_CONFIG", str(path))
    return path


def put(path: Path, text: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    path.chmod(0o600)


def values(file: ConfigFile) -> Dict[str, Dict[str, Any]]:
    groups = {"": file.settings, **file.profiles}
    return {
        group: {name: reveal(entry.value) if isinstance(entry.value, Secret) else entry.value for name, entry in each.items()}
        for group, each in groups.items()
    }  # fmt: skip


def test_the_first_save_makes_folder_and_file_for_the_owner_alone(path: Path) -> None:
    old = os.umask(0)
    try:
        assert save({"gateway_url": "http://gw:1", "api_key": Secret("sk#0")}) == path
    finally:
        os.umask(old)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert path.read_text() == 'gateway_url: "http://gw:1"\napi_key: "sk#0"\n'


def test_the_file_is_never_readable_by_others_not_even_while_it_is_written(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(path, TEXT)
    path.chmod(0o644)
    modes: List[int] = []
    replace = os.replace

    def watched(source: str, target: str) -> None:
        modes.append(stat.S_IMODE(os.stat(source).st_mode))
        assert os.path.dirname(source) == str(path.parent)
        replace(source, target)

    monkeypatch.setattr(os, "replace", watched)
    old = os.umask(0)
    try:
        save({"timeout": 3})
    finally:
        os.umask(old)
    assert [*modes, stat.S_IMODE(path.stat().st_mode)] == [0o600, 0o600]


def test_other_settings_and_comments_stay(path: Path) -> None:
    put(path, TEXT)
    save({"gateway_url": "http://new:1", "timeout": 2.5, "default_profile": "work"})
    save({"api_key": None}, "work")
    save({"max_retries": 0}, "home")
    save({"api_key": "new"}, "third")
    assert path.read_text() == (
        '# my settings\ngateway_url: "http://new:1"   # the one in the cellar\napi_key: 0123\n\n'
        "profiles:\n  # for work\n  work:\n    base_url: http://work:1\n  home:\n    timeout: 3\n    max_retries: 0\n"
        '  "third":\n    api_key: "new"\n# the end\ntimeout: 2.5\ndefault_profile: "work"\n'
    )


@pytest.mark.parametrize(
    "text",
    [
        TEXT, "{gateway_url: 'http://gw:1', profiles: {work: {timeout: 1}}}\n", "---\ntimeout: 1\n...\n", "timeout: 1",
        "profiles:\n  work:\n", "profiles: {}\n", "profiles:\n", "api_key: >-\n  abc\ntimeout: 1\n", "", "# only words",
        "api_key: &a abc\nopenai_api_key: *a\n", "? timeout\n: 1\n", "timeout: 1\r\nmax_retries: 1\r\n",
        "'api_key': abc\n\"timeout\": 1\n", "profiles:\n    work: {timeout: 1}\n", "\ufeffapi_key: abc\n",
    ],
)  # fmt: skip
@pytest.mark.parametrize("profile", [None, "work", "new"])
@pytest.mark.parametrize("changes", [{"api_key": "0#'\""}, {"timeout": None}, {"timeout": 9, "api_key": None}])
def test_every_style_of_file_keeps_its_settings(text: str, profile: Any, changes: Dict[str, Any], path: Path) -> None:
    put(path, text)
    wanted = values(load_file())
    group = wanted.setdefault(profile or "", {})
    for name, value in changes.items():
        group.pop(name, None)
        if value is not None:
            group[name] = value
    save(changes, profile)
    assert values(load_file()) == wanted


@given(
    group=st.dictionaries(st.sampled_from([name for name in SETTINGS if name.endswith("_key")]), KEYS, max_size=5),
    more=st.lists(st.tuples(st.sampled_from([None, "a", "b.c"]), st.sampled_from(["api_key", "groq_api_key"]),
                            st.one_of(st.none(), KEYS)), max_size=4),
)  # fmt: skip
@hypothesis_settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_keys_survive_any_sequence_of_saves(path: Path, group: Dict[str, str], more: List[Any]) -> None:
    path.unlink(missing_ok=True)
    expected: Dict[str, Dict[str, str]] = {"": dict(group)}
    save(group)
    for profile, name, key in more:
        save({name: key}, profile)
        target = expected.setdefault(profile or "", {})
        target.pop(name, None)
        if key is not None:
            target[name] = key
    assert values(load_file()) == expected


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_quoted_text_reads_back_as_itself_on_one_line(text: str) -> None:
    scalar = quoted(text)
    assert "\n" not in scalar
    assert scalar.isascii()
    assert yaml.safe_load(f"a: {scalar}  # comment\nb: 1\n") == {"a": text, "b": 1}


@pytest.mark.parametrize(
    ("changes", "profile", "complaint"),
    [
        ({"api_key": "a\ngateway_url: http://evil"}, None, "api_key contains blanks, line breaks"),
        ({"gateway_url": "gw"}, None, "gateway_url 'gw' has no scheme"),
        ({"gateway_url": ""}, None, "gateway_url is empty"),
        ({"gateway_url": "http://a", "base_url": "http://b"}, None, "are the same setting"),
        ({"api_key": ""}, None, "api_key is empty"),
        ({"api_key": True}, None, "api_key must be a string or a number, not bool"),
        ({"timeout": float("nan")}, None, "timeout must be a number"),
        ({"colour": "red"}, None, "colour is no setting of the configuration file"),
        ({"profiles": {}}, None, "profiles is no setting"),
        ({"default_profile": "work"}, "work", "default_profile is no setting of a profile"),
        ({"default_profile": "nobody"}, None, "names no profile"),
        ({"api_key": "x"}, "a b", "a profile's name"),
        ({"api_key": "x"}, "", "a profile's name"),
    ],
)
def test_what_is_wrong_is_refused_and_the_file_is_unchanged(
    changes: Dict[str, Any], profile: Any, complaint: str, path: Path
) -> None:
    put(path, TEXT)
    with pytest.raises(ConfigError, match=complaint):
        save(changes, profile)
    assert path.read_text() == TEXT
    assert os.listdir(path.parent) == ["config.yaml"]


def test_a_file_that_cannot_be_understood_is_not_overwritten(path: Path) -> None:
    put(path, "gateway_url: 'http://gw\n")
    with pytest.raises(ConfigError, match=f"{path}:"):
        save({"api_key": "x"})
    assert path.read_text() == "gateway_url: 'http://gw\n"


def test_a_failed_write_leaves_the_old_file_and_no_other(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(path, TEXT)

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ConfigError, match=r"cannot be written \(no space left on device\)"):
        save({"timeout": 3})
    assert path.read_text() == TEXT
    assert os.listdir(path.parent) == ["config.yaml"]


def test_a_link_stays_a_link(path: Path, tmp_path: Path) -> None:
    real = tmp_path / "dotfiles.yaml"
    put(path, "")
    path.unlink()
    path.symlink_to(real)
    save({"timeout": 3})
    assert path.is_symlink()
    assert real.read_text() == "timeout: 3\n"


def test_nothing_is_written_into_what_is_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMARTFLOW_CONFIG", os.devnull)
    with pytest.raises(ConfigError, match="is no regular file"):
        save({"timeout": 3})
