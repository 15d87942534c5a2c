"""The audit log as JSON Lines."""

from __future__ import annotations

import io
import json
import stat
from pathlib import Path
from typing import Any, Callable, Dict, List

import pytest

from smartflow import SmartflowClient, ValidationError

pytestmark = pytest.mark.asyncio


async def some_rows(sf: SmartflowClient, user: str, count: int = 3) -> List[str]:
    mine = sf.with_options(user_id=user, headers={"cache-control": "no-store"})
    return [
        str((await mine.chat_completions([{"role": "user", "content": f"Grüße {number}"}])).request_id)
        for number in range(count)
    ]


def lines(text: str) -> List[Dict[str, Any]]:
    assert text.endswith("\n")
    return [json.loads(line) for line in text.splitlines()]


async def test_an_export_has_each_row_on_a_line_of_its_own(
    sf: SmartflowClient, unique: Callable[[str], str], tmp_path: Path
) -> None:
    user = unique("user")
    ids = await some_rows(sf, user)
    file = tmp_path / "audit.jsonl"
    assert await sf.export_logs(file, user_id=user) == 3
    rows = lines(file.read_text("ascii"))
    assert [row["request_id"] for row in rows] == ids[::-1]
    assert rows[0]["request_content"] == "Grüße 2"
    assert rows[0]["operation"] == "createChatCompletion"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [file]


async def test_an_export_goes_into_an_open_file_of_either_mode(
    sf: SmartflowClient, unique: Callable[[str], str]
) -> None:
    user = unique("user")
    await some_rows(sf, user)
    text, data = io.StringIO(), io.BytesIO()
    assert await sf.export_logs(text, user_id=user, limit=2, days=1) == 2
    assert await sf.export_logs(data, user_id=user, limit=2, days=1) == 2
    assert text.getvalue().encode() == data.getvalue()
    assert len(lines(text.getvalue())) == 2


async def test_an_export_without_rows_is_an_empty_file(sf: SmartflowClient, tmp_path: Path) -> None:
    assert await sf.export_logs(str(tmp_path / "none.jsonl"), provider="nobody") == 0
    assert (tmp_path / "none.jsonl").read_bytes() == b""


async def test_a_broken_export_leaves_the_old_file_and_nothing_else(sf: SmartflowClient, tmp_path: Path) -> None:
    file = tmp_path / "audit.jsonl"
    file.write_text("yesterday")
    with pytest.raises(ValidationError, match="status"):
        await sf.export_logs(file, status=1000)
    with pytest.raises(ValidationError, match="provider"):
        await sf.export_logs(file, provider="x" * 100)
    assert [path.name for path in tmp_path.iterdir()] == ["audit.jsonl"]
    assert file.read_text() == "yesterday"


async def test_a_file_that_cannot_be_written_is_named(sf: SmartflowClient, tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="no-such-folder") as caught:
        await sf.export_logs(tmp_path / "no-such-folder" / "audit.jsonl")
    assert caught.value.param == "file"
    with pytest.raises(ValidationError, match="must be a path or an open file, not int"):
        await sf.export_logs(7)
