"""The example in the docstring of every public method runs, in the async and in the sync client, and shows what it says."""

from __future__ import annotations

import doctest
import inspect
from collections.abc import Iterator
from pathlib import Path

import pytest

from smartflow import SmartflowClient, SyncSmartflowClient

from .conftest import gateway_on_documented_ports, write_wav
from .documents import run_source

KEY = "the-key-of-the-documented-gateway"
CLIENTS = (SmartflowClient, SyncSmartflowClient)
WITHOUT_EXAMPLE = {"close", "is_gateway_mode"}
METHODS = [
    (client, name)
    for client in CLIENTS
    for name, member in inspect.getmembers(client, inspect.isfunction)
    if not name.startswith("_") and name not in WITHOUT_EXAMPLE
]


def examples_of(client: type, name: str) -> list[doctest.Example]:
    text = inspect.getdoc(getattr(client, name)) or ""
    return doctest.DocTestParser().get_examples(text)


@pytest.fixture(scope="module")
def taught_gateway() -> Iterator[str]:
    """A gateway of its own, because one example changes its routing; it knows the user and the organisation of the examples."""
    with gateway_on_documented_ports(KEY) as url, SyncSmartflowClient(url, KEY) as sf:
        sf.intelligent_scan("Good morning", user_id="user-alice", org_id="acme-corp")
        yield url


@pytest.mark.parametrize(("client", "name"), METHODS, ids=lambda value: getattr(value, "__name__", value))
def test_the_example_of_a_method_runs(
    client: type,
    name: str,
    taught_gateway: str,
    no_settings: None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    # It asks for keys from its start, so that the first one that an example makes shuts out nobody.
    monkeypatch.setenv("SMARTFLOW_API_KEY", KEY)
    write_wav(tmp_path / "recording.mp3")  # the gateway knows a sound by its bytes, not by its name
    examples = examples_of(client, name)
    assert examples, f"{client.__name__}.{name} has no example"
    lines = [f"print(repr({each.source.strip()}))\n" if each.want else each.source for each in examples]
    run_source("".join(lines), taught_gateway, f"{client.__name__}.{name}")
    wanted = "".join(each.want for each in examples)
    if wanted:
        assert capsys.readouterr().out == wanted
