"""The script that turns async sources into sync twins: every construct, every name, and rules that fit nothing."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

if sys.version_info < (3, 11):
    pytest.skip("the generators need Python 3.11", allow_module_level=True)

from scripts import unasync
from scripts.tree import MARKER

SOURCE = '''\
"""Sends calls through an AsyncPool: `async with SmartflowClient() as sf: await sf.chat("Hi")`."""

from __future__ import annotations

import asyncio
from typing import AsyncIterator, Awaitable, Callable, Dict

import httpx
import pytest

from smartflow._async.transport import AsyncPool

from .._io import aio

__all__ = ["AsyncThing"]


class AsyncThing:
    """Returns an async iterator.

    >>> async for chunk in thing.chunks():
    ...     print(await thing.get(chunk))
    """

    send: Callable[[Dict[str, int]], Awaitable[Dict[str, int]]]

    def __init__(self, pool: AsyncPool, http: httpx.AsyncClient, own: AsyncThing) -> None:
        self._pool = pool

    async def __aenter__(self) -> AsyncThing:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._pool.aclose()

    async def chunks(self) -> AsyncIterator[bytes]:
        async for chunk in self._pool.aiter_bytes():  # await nothing else
            yield chunk

    async def get(self, name: str) -> str:
        await aio.sleep(1)
        async with self._pool as pool:
            values = [value async for value in pool]
        return f"{await pool.read(name)} of {len(values)}"


@pytest.mark.asyncio
async def test_thing() -> None:
    assert isinstance("smartflow._async.transport", str)
'''


@pytest.fixture(scope="module")
def twin() -> str:
    return unasync.Rules().python(SOURCE)


def tree(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")


def test_no_trace_of_async_is_left_in_the_code(twin: str) -> None:
    module = ast.parse(twin)
    kinds = {type(node) for node in ast.walk(module)}
    assert not kinds & {ast.AsyncFunctionDef, ast.AsyncFor, ast.AsyncWith, ast.Await}
    assert "Async" not in twin
    assert "await" not in twin


@pytest.mark.parametrize(
    "line",
    [
        "class SyncThing:",
        '__all__ = ["SyncThing"]',
        "from smartflow._sync.transport import SyncPool",
        "from .._io import sync",
        "def __enter__(self) -> SyncThing:",
        "self._pool.close()",
        "def chunks(self) -> Iterator[bytes]:",
        "for chunk in self._pool.iter_bytes():  # nothing else",
        "sync.sleep(1)",
        "with self._pool as pool:",
        "values = [value for value in pool]",
        'return f"{pool.read(name)} of {len(values)}"',
        "http: httpx.Client, own: SyncThing",
        "send: Callable[[Dict[str, int]], Dict[str, int]]",
        'assert isinstance("smartflow._sync.transport", str)',
    ],
)
def test_code_is_renamed(twin: str, line: str) -> None:
    assert line in twin


def test_texts_follow_the_code(twin: str) -> None:
    assert '"""Sends calls through an SyncPool: `with SyncSmartflowClient() as sf: sf.chat("Hi")`."""' in twin
    assert ">>> for chunk in thing.chunks():" in twin
    assert "print(thing.get(chunk))" in twin
    assert "Returns an iterator." in twin


def test_a_name_inside_a_longer_one_is_left_alone() -> None:
    assert unasync.Rules().python("my_aclose = aclosed = xAsyncThing = asyncio = 1\n") == (
        "my_aclose = aclosed = xAsyncThing = asyncio = 1\n"
    )


def test_a_dotted_rule_wants_the_whole_name() -> None:
    assert unasync.Rules().python("own.httpx.AsyncClient\n") == "own.httpx.SyncClient\n"


def test_each_twin_says_what_it_was_made_from(tmp_path: Path) -> None:
    tree(tmp_path / "in", {"smartflow/_async/methods/aio.py": '"""A duty."""\n\nasync def f() -> None: ...\n'})
    unasync.convert(tmp_path / "in", tmp_path / "out")
    text = (tmp_path / "out/smartflow/_sync/methods/sync.py").read_text("utf-8")
    assert text.startswith(MARKER)
    assert "from smartflow/_async/methods/aio.py." in text.splitlines()[0]
    assert "def f() -> None: ..." in text


def test_a_rule_that_matches_nothing_fails_once_both_trees_have_sources(tmp_path: Path) -> None:
    tree(tmp_path / "in", {"smartflow/_async/a.py": "x = 1\n", "tests/api/_async/__init__.py": ""})
    unasync.convert(tmp_path / "in", tmp_path / "out")
    tree(tmp_path / "in", {"tests/api/_async/test_a.py": "x = 1\n"})
    with pytest.raises(unasync.RuleError, match="aclose"):
        unasync.convert(tmp_path / "in", tmp_path / "out")


def test_data_among_the_sources_is_refused(tmp_path: Path) -> None:
    tree(tmp_path / "in", {"smartflow/_async/notes.txt": "x"})
    with pytest.raises(unasync.RuleError, match=r"notes\.txt"):
        unasync.convert(tmp_path / "in", tmp_path / "out")


def test_the_same_sources_give_the_same_bytes(tmp_path: Path) -> None:
    tree(tmp_path / "in", {"smartflow/_async/a.py": SOURCE})
    results = []
    for name in ("one", "two"):
        unasync.convert(tmp_path / "in", tmp_path / name)
        results.append((tmp_path / name / "smartflow/_sync/a.py").read_bytes())
    assert results[0] == results[1]
