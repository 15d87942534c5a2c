"""The audit log over HTTP: cursors, archived rows, the check of the chain, and what happens when rows cannot be written or moved."""

from __future__ import annotations

import asyncio
import sqlite3
import threading

import pytest

from smartflow.gateway.audit import ledger
from smartflow.gateway.audit.ledger import Ledger
from smartflow.gateway.audit.settings import AuditSettings

from .conftest import running

DAY = 24 * 3600.0


def read_all(gateway, **query):
    """The ids of all rows, page by page; after each page another row is written."""
    found, sizes, query = [], [], {"limit": 2, **query}
    while True:
        page = gateway.management.get("/api/vas/logs", params=query).json()
        found += [row["request_id"] for row in page["data"]]
        sizes.append(len(page["data"]))
        gateway.chat(f"meanwhile {len(sizes)}")
        if page["next_cursor"] is None:
            return found, sizes
        query["cursor"] = page["next_cursor"]


def test_pages_of_a_cursor_hold_each_row_once_that_was_there_at_the_first(fresh_gateway):
    ids = [fresh_gateway.chat(f"call {number}").headers["x-smartflow-request-id"] for number in range(5)]
    assert read_all(fresh_gateway) == (ids[::-1], [2, 2, 1])


def test_a_page_that_ends_with_the_last_row_has_no_next_one(fresh_gateway):
    for number in range(4):
        fresh_gateway.chat(f"call {number}")
    assert read_all(fresh_gateway)[1] == [2, 2]


def test_a_call_that_arrived_before_but_is_written_after_the_first_page_moves_no_page(fresh_gateway):
    for number in range(4):
        fresh_gateway.clock.advance(1)
        fresh_gateway.chat(f"call {number}")
    first = fresh_gateway.management.get("/api/vas/logs", params={"limit": 2}).json()
    fresh_gateway.clock.advance(-2.5)
    fresh_gateway.chat("arrived in between")
    fresh_gateway.clock.advance(2.5)
    second = fresh_gateway.management.get("/api/vas/logs", params={"limit": 9, "cursor": first["next_cursor"]}).json()
    assert [row["request_content"] for row in second["data"]] == ["call 1", "call 0"]


def test_a_cursor_keeps_what_days_meant_at_the_first_page(fresh_gateway):
    for number in range(3):
        fresh_gateway.chat(f"call {number}")
    fresh_gateway.clock.advance(DAY - 1)
    first = fresh_gateway.management.get("/api/vas/logs", params={"limit": 1, "days": 1}).json()
    fresh_gateway.clock.advance(10)
    query = {"limit": 9, "days": 1, "cursor": first["next_cursor"]}
    assert len(fresh_gateway.management.get("/api/vas/logs", params=query).json()["data"]) == 2


def test_the_total_counts_the_rows_of_all_pages(fresh_gateway):
    for number in range(3):
        fresh_gateway.chat(f"call {number}", model="gpt-4o" if number else "gpt-4o-mini")
    page = fresh_gateway.management.get("/api/vas/logs", params={"limit": 1, "model": "gpt-4o"}).json()
    assert (page["total"], page["limit"], page["offset"]) == (2, 1, 0)


def test_archived_rows_stay_in_pages_figures_and_the_chain(start_gateway, tmp_path):
    gateway = start_gateway(tmp_path / "gateway.sqlite3", audit=AuditSettings(hot_days=2, retention_days=10))
    ids = [gateway.chat(f"call {number}").headers["x-smartflow-request-id"] for number in range(3)]
    gateway.clock.advance(5 * DAY)
    ids.append(gateway.chat("later").headers["x-smartflow-request-id"])
    assert gateway.gateway.ledger.move() == (3, 0)
    assert [row["request_id"] for row in gateway.logs()] == ids[::-1]
    assert [row["request_id"] for row in gateway.bridge.get("/api/redis/logs").json()["logs"]] == ids[::-1]
    assert gateway.bridge.get("/api/hybrid/analytics").json()["total_requests"] == 4
    check = gateway.management.post("/api/admin/audit/verify_chain").json()
    assert (check["valid"], check["entries_checked"]) == (True, 4)
    gateway.clock.advance(6 * DAY)
    assert gateway.gateway.ledger.move() == (1, 3)
    assert [row["request_id"] for row in gateway.logs()] == ids[3:]
    check = gateway.management.post("/api/admin/audit/verify_chain", json={}).json()
    assert (check["valid"], check["checkpoint"]["seq"], check["from_seq"]) == (True, 3, 4)


def test_a_restarted_gateway_goes_on_with_the_chain(start_gateway, tmp_path):
    with running(tmp_path / "gateway.sqlite3") as first:
        first.chat("before")
        head = first.management.post("/api/admin/audit/verify_chain").json()["head"]
    second = start_gateway(tmp_path / "gateway.sqlite3")
    # Both count their ids from 1; a real gateway's are random.
    for _ in range(10):
        second.gateway.ids.new("skip")
    assert second.chat("after").status_code == 200
    check = second.management.post("/api/admin/audit/verify_chain", json={"anchor": head}).json()
    assert (check["valid"], check["entries_checked"], check["problem"]) == (True, 2, None)


def test_a_call_whose_row_cannot_be_written_is_not_answered_as_if_it_were(fresh_gateway):
    store = fresh_gateway.gateway.store
    assert fresh_gateway.chat("before").status_code == 200
    pages = store.row("PRAGMA main.page_count")["page_count"]
    store.rows(f"PRAGMA main.max_page_count={pages}")
    text = "long enough to need a page of its own " * 300
    refused = fresh_gateway.chat(text)
    assert (refused.status_code, refused.json()["error"]["code"]) == (500, "storage_failed")
    store.rows("PRAGMA main.max_page_count=1000000")
    assert fresh_gateway.chat(text).status_code == 200
    assert [row["status_code"] for row in fresh_gateway.logs()] == [200, 200]
    assert fresh_gateway.management.post("/api/admin/audit/verify_chain").json()["valid"] is True


def test_a_running_gateway_moves_rows_by_itself(monkeypatch, start_gateway):
    moved = threading.Event()
    monkeypatch.setattr(Ledger, "move", lambda self: moved.set())
    start_gateway()
    assert moved.wait(30)


@pytest.mark.asyncio
async def test_a_failed_move_is_logged_and_tried_again(monkeypatch, fresh_gateway, caplog):
    tries = []
    again = asyncio.Event()
    loop = asyncio.get_running_loop()

    def move(self):
        tries.append(1)
        if len(tries) == 1:
            raise sqlite3.OperationalError("database or disk is full")
        loop.call_soon_threadsafe(again.set)

    monkeypatch.setattr(Ledger, "move", move)
    monkeypatch.setattr(ledger, "_PAUSE_SECONDS", 0)
    keeping = asyncio.ensure_future(fresh_gateway.gateway.ledger.keep())
    try:
        await asyncio.wait_for(again.wait(), 30)
    finally:
        keeping.cancel()
    assert "disk is full" in caplog.text


def test_a_whole_number_may_be_written_with_a_point(fresh_gateway):
    fresh_gateway.chat("hello")
    head = fresh_gateway.management.post("/api/admin/audit/verify_chain").json()["head"]
    body = {"from_seq": 1.0, "to_seq": 1.0, "anchor": {**head, "seq": 1.0}}
    check = fresh_gateway.management.post("/api/admin/audit/verify_chain", json=body).json()
    assert (check["valid"], check["from_seq"], check["entries_checked"]) == (True, 1, 1)


def test_moments_of_every_spelling_are_read(fresh_gateway):
    fresh_gateway.chat("hello")

    def found(**query):
        answer = fresh_gateway.management.get("/api/audit/logs", params=query)
        assert answer.status_code == 200
        return len(answer.json()["logs"])

    assert found(start="2026-02-19T10:00:00Z") == 1
    assert found(start="2026-02-19t11:00:00+01:00", end="2026-02-19T10:00:00.001z") == 1
    assert found(end="2026-02-19T10:00:00Z") == 0
    assert found(start="0001-01-01T00:00:00Z") == 1


@pytest.mark.parametrize(
    "query", [{"start": "2026-02-19"}, {"start": "0001-01-01T00:00:00+01:00"}, {"limit": 0}, {"before_seq": 0}]
)
def test_what_is_no_moment_or_number_is_refused_by_its_name(fresh_gateway, query):
    answer = fresh_gateway.management.get("/api/audit/logs", params=query)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, next(iter(query)))


@pytest.mark.parametrize("cursor", ["", "1", "1-2-3", "a-b-c-d", "1-2-3-4-5", "1-2-3--4"])
def test_a_cursor_that_is_none_is_refused(fresh_gateway, cursor):
    answer = fresh_gateway.management.get("/api/vas/logs", params={"cursor": cursor})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "cursor")


@pytest.mark.parametrize("cursor", ["0-0-0-0", "999999999999999-99999999999999-99999999999999-999999999999999"])
def test_every_cursor_of_the_right_form_names_a_place(fresh_gateway, cursor):
    answer = fresh_gateway.management.get("/api/vas/logs", params={"cursor": cursor})
    assert (answer.status_code, answer.json()["data"]) == (200, [])
