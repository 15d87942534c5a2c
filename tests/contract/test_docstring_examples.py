"""Runs every example in the docstrings of the public names against a local gateway, async and sync."""

from __future__ import annotations

import ast
import asyncio
import contextlib
import doctest
import inspect
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import smartflow
from smartflow import SmartflowClient, SyncSmartflowClient

PARSER = doctest.DocTestParser()
CHECKER = doctest.OutputChecker()
BUILT_ON_CLIENTS = ("SmartflowAgent", "SmartflowWorkflow", "SyncSmartflowAgent", "SyncSmartflowWorkflow")


def examples() -> Iterator[tuple[str, str]]:
    """Each docstring with an example: whose it is, and its text."""
    for name in smartflow.__all__:
        thing = getattr(smartflow, name)
        if not isinstance(thing, type):
            continue
        members = {f"{name}.{key}": inspect.getattr_static(thing, key) for key in dir(thing) if not key.startswith("_")}
        for place, each in {name: thing, **members}.items():
            # Other members are values, such as the default of a field, with docstrings of their own types.
            documented = isinstance(each, property) or inspect.isfunction(each) or each is thing
            text = (inspect.getdoc(each) or "") if documented else ""
            if ">>>" in text:
                yield place, text


EXAMPLES = dict(examples())


@pytest.fixture(scope="session")
def urls(forced_urls: dict[str, Any]) -> dict[str, Any]:
    """A gateway in which what the examples ask for has happened; one of them forces a provider."""
    with SyncSmartflowClient(**forced_urls) as sf:
        sf.with_options(headers={"x-smartflow-provider": "openai"}).chat("Hello")
        sf.intelligent_scan("Hello", user_id="user-alice", org_id="acme-corp")
        sf.create_virtual_key("operations", admin=True)
    return forced_urls


def run_sync(example: doctest.Example, names: dict[str, Any]) -> str:
    with contextlib.redirect_stdout(io.StringIO()) as output:
        exec(compile(example.source, "<example>", "single"), names)  # noqa: S102 - texts of this repository
    return output.getvalue()


async def run_async(example: doctest.Example, names: dict[str, Any]) -> str:
    with contextlib.redirect_stdout(io.StringIO()) as output:
        code = compile(example.source, "<example>", "single", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        waiting = eval(code, names)  # noqa: S307 - texts of this repository
        if inspect.isawaitable(waiting):
            await waiting
    return output.getvalue()


def check(example: doctest.Example, output: str) -> None:
    """What an example says that it prints, it prints; what it prints without saying so is not empty."""
    if example.want:
        assert CHECKER.check_output(example.want, output, doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE), output
    elif "print(" in example.source:
        assert output.strip()


@pytest.mark.parametrize("place", EXAMPLES)
def test_the_example_runs_as_written(
    place: str, urls: dict[str, Any], recording: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("recording.mp3").write_bytes(recording)
    parsed = PARSER.get_examples(EXAMPLES[place])
    assert parsed
    # The addresses in the examples are those of a deployed gateway.
    names: dict[str, Any] = {
        **{name: getattr(smartflow, name) for name in BUILT_ON_CLIENTS},
        "SmartflowClient": lambda *_, **__: SmartflowClient(**urls),
        "SyncSmartflowClient": lambda *_, **__: SyncSmartflowClient(**urls),
    }
    if "Sync" in place:
        with SyncSmartflowClient(**urls) as names["sf"]:
            for example in parsed:
                check(example, run_sync(example, names))
    else:
        asyncio.run(run_all(parsed, names, urls))


async def run_all(parsed: list[doctest.Example], names: dict[str, Any], urls: dict[str, Any]) -> None:
    async with SmartflowClient(**urls) as names["sf"]:
        for example in parsed:
            check(example, await run_async(example, names))


def test_both_clients_and_both_streams_have_examples() -> None:
    classes = {place.partition(".")[0] for place in EXAMPLES}
    assert {"SmartflowClient", "SyncSmartflowClient", "AsyncChatStream", "SyncChatStream", *BUILT_ON_CLIENTS} <= classes
    assert len(EXAMPLES) > 70
