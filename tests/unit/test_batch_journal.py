"""The journal of a batch: what was written is read again, whatever a kill leaves of its end."""

from __future__ import annotations

import os
import stat
import uuid
from pathlib import Path
from typing import Any, Dict, List

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from smartflow import ConfigError, Usage
from smartflow._core.call import Call
from smartflow._core.journal import Batch, Entry, digest
from smartflow._core.urls import Origin
from smartflow._io.journal import Journal
from smartflow._io.meter import Meter

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
RESULTS = st.lists(JSON, max_size=6)


def batch(total: int = 6, **changes: Any) -> Batch:
    named = {"method": "map", "items": digest(["a"], "items"), "options": {"function": "f"}, **changes}
    return Batch(str(uuid.UUID(int=7)), total=total, **named)


def entries(results: List[Any]) -> List[Entry]:
    return [Entry(at, each, usage=Usage(1, 2, 3), cost_cents=0.5, calls=1) for at, each in enumerate(results)]


def written(path: Path, results: List[Any]) -> bytes:
    path.unlink(missing_ok=True)
    journal = Journal(str(path), batch())
    for entry in entries(results):
        journal.append(entry)
    journal.close()
    return path.read_bytes()


def read(path: Path) -> Dict[int, Entry]:
    journal = Journal(str(path), batch())
    journal.close()
    return journal.done


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50, deadline=None)
@given(RESULTS, st.data())
def test_a_journal_that_ends_anywhere_gives_back_all_its_whole_lines(
    tmp_path: Path, results: List[Any], data: st.DataObject
) -> None:
    path = tmp_path / "journal"
    content = written(path, results)
    cut = data.draw(st.integers(0, len(content)))
    path.write_bytes(content[:cut])
    whole = max(0, content[:cut].count(b"\n") - 1)
    assert read(path) == {entry.index: entry for entry in entries(results)[:whole]}
    # The torn line is gone, so that the next one does not continue it.
    journal = Journal(str(path), batch())
    journal.append(Entry(5, "next"))
    journal.close()
    assert read(path)[5].result in ("next", *results[5:6])
    assert path.read_bytes().endswith(b"\n")


def test_only_its_owner_may_read_a_journal(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    content = written(path, ["a"])
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.chmod(0o644)
    path.write_bytes(content)
    read(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_items_themselves_are_not_in_the_journal(tmp_path: Path) -> None:
    assert b'"a"' not in written(tmp_path / "journal", [])


@pytest.mark.parametrize("content", [b"a shopping list", b"a shopping list\n", b'{"item":0}\n', b"\0\0\0"])
def test_a_file_that_is_no_journal_is_left_as_it_is(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "list.txt"
    path.write_bytes(content)
    path.chmod(0o640)
    with pytest.raises(ConfigError, match=r"list\.txt' is not the journal of a batch"):
        Journal(str(path), batch())
    assert path.read_bytes() == content
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


@pytest.mark.parametrize(
    "line", [b"nonsense", b"{}", b'{"item":9,"result":1,"usage":{},"cost_cents":0,"calls":0,"cached":0}']
)
def test_a_damaged_line_is_named_and_nothing_is_overwritten(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "journal"
    content = written(path, ["a"]) + line + b"\n"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match="line 3 of the journal .* is damaged"):
        Journal(str(path), batch())
    assert path.read_bytes() == content


def test_a_journal_of_a_later_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    path.write_bytes(written(path, []).replace(b'"smartflow_batch":1', b'"smartflow_batch":2'))
    with pytest.raises(ConfigError, match="version 2 is not known"):
        Journal(str(path), batch())


def test_two_runs_do_not_share_a_journal(tmp_path: Path) -> None:
    path = str(tmp_path / "journal")
    first = Journal(path, batch())
    with pytest.raises(ConfigError, match="is in use by another run"):
        Journal(path, batch())
    first.close()
    Journal(path, batch()).close()


def test_a_journal_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="the journal .*missing.* cannot be written: No such file"):
        Journal(str(tmp_path / "missing" / "journal"), batch())


def test_after_a_full_disk_no_line_follows_the_torn_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "journal"
    journal = Journal(str(path), batch())
    write = os.write

    def half(file: int, data: Any) -> int:
        if len(data) < 20:
            raise OSError(28, "No space left on device")
        return write(file, bytes(data[: len(data) // 2]))

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", half)
        with pytest.raises(ConfigError, match="No space left on device"):
            journal.append(Entry(0, "x" * 100))
    with pytest.raises(ConfigError, match="No space left on device"):
        journal.append(Entry(1, "y"))
    journal.close()
    assert read(path) == {}


def test_lines_are_forced_to_the_disk_once_a_second_and_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: List[int] = []
    monkeypatch.setattr(os, "fsync", synced.append)
    now = [0.0]
    journal = Journal(str(tmp_path / "journal"), batch(), clock=lambda: now[0])
    # The first line, and the name of the file.
    assert len(synced) == 2
    journal.append(Entry(0, "a"))
    now[0] = 0.9
    assert not journal.due
    now[0] = 1.0
    assert journal.due
    journal.sync()
    assert (journal.due, len(synced)) == (False, 3)
    journal.append(Entry(1, "b"))
    journal.close()
    assert len(synced) == 4


def post(body: Any, path: str = "/v1/chat/completions") -> Call:
    return Call("createChatCompletion", Origin("http", "gateway", 7775), "POST", path, body=body)


def test_the_key_of_a_call_is_the_same_in_every_run_and_another_for_every_other_call() -> None:
    item, other = uuid.UUID(int=1), uuid.UUID(int=2)
    first, second = Meter(item), Meter(item)
    # The calls of an item may be made in any order.
    keys = [first.key_for(post("a")), first.key_for(post("b")), first.key_for(post("a"))]
    assert [second.key_for(post("b")), second.key_for(post("a")), second.key_for(post("a"))] == [
        keys[1],
        keys[0],
        keys[2],
    ]
    others = [Meter(other).key_for(post("a")), Meter(item).key_for(post("a", "/v1/embeddings"))]
    assert len({*keys, *others}) == 5


def test_without_a_journal_each_key_is_used_once() -> None:
    assert Meter().key_for(post("a")) != Meter().key_for(post("a"))
