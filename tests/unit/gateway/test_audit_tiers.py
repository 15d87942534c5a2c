"""Archiving and retention of the audit log: rows are read as before, and the chain stays whole."""

from __future__ import annotations

import sqlite3

import pytest

from smartflow.gateway.audit.chain import Point
from smartflow.gateway.audit.repo import Filters
from smartflow.gateway.errors import GatewayError
from smartflow.gateway.store import ARCHIVE_NAME

from .conftest import COUNT, START

ALL = [f"req_{number}" for number in range(COUNT, 0, -1)]


def test_old_rows_move_into_the_archive_and_are_read_as_before(log):
    filters = Filters(user_id="user_1")
    before = (log.audit.page(Filters(), limit=100), log.audit.page(filters, limit=2), log.check())
    entries, sums = log.audit.entries(Filters(), before_seq=None, limit=100), log.audit.totals(START)
    assert log.later(days=7, hours=6) == (5, 0)
    assert log.store.row("SELECT COUNT(*) AS n FROM main.vas_logs")["n"] == 7
    assert log.store.row("SELECT COUNT(*) AS n FROM cold.vas_logs")["n"] == 5
    assert (log.audit.page(Filters(), limit=100), log.audit.page(filters, limit=2), log.check()) == before
    assert log.audit.entries(Filters(), before_seq=None, limit=100) == entries
    assert log.audit.totals(START) == sums
    assert log.later(days=7, hours=6) == (0, 0)


def test_writing_goes_on_when_all_rows_are_archived(log):
    assert log.later(days=30) == (COUNT, 0)
    log.write(13)
    assert log.check()["entries_checked"] == 13
    assert log.rows() == ["req_13", *ALL]


def test_a_change_in_the_archive_is_found(log):
    log.later(days=7, hours=6)
    log.sql("UPDATE cold.vas_logs SET model = 'other' WHERE seq = 2")
    assert log.check()["hmac_mismatches"] == [2]


def test_a_row_that_was_being_moved_when_the_process_died_is_read_once_and_moved_later(log):
    log.sql("INSERT INTO cold.vas_logs SELECT * FROM main.vas_logs WHERE seq <= 5")
    assert log.rows() == ALL
    assert log.check()["valid"] is True
    assert log.later(days=7, hours=6) == (5, 0)
    assert log.rows() == ALL
    assert log.check()["valid"] is True


def test_a_row_planted_in_the_hot_tier_hides_nothing_unseen_and_destroys_nothing(log):
    log.later(days=7, hours=6)
    names = [row["name"] for row in log.store.rows("PRAGMA table_info(vas_logs)")]
    copied = ", ".join({"seq": "2", "request_id": "'req_forged'"}.get(name, name) for name in names)
    log.sql(f"INSERT INTO main.vas_logs SELECT {copied} FROM vas_logs WHERE seq = 12")
    result = log.check()
    assert result["first_bad_seq"] == 2
    assert set(result["duplicates"]) >= {2, 3}
    log.later(days=8)
    assert log.store.row("SELECT COUNT(*) AS n FROM cold.vas_logs WHERE seq <= 5")["n"] == 5


def test_a_row_that_arrived_early_but_was_written_late_waits_for_those_before_it(make_log):
    log = make_log(count=0)
    for number in (10, 1, 11):
        log.write(number)
    assert log.later(days=7, hours=5) == (0, 0)
    assert log.later(days=7, hours=10, minutes=1) == (2, 0)
    assert log.rows() == ["req_11", "req_10", "req_1"]


def test_retention_removes_old_rows_and_the_chain_stays_verifiable(make_log):
    log = make_log(hot_days=7, retention_days=30)
    hashes = {
        entry["seq"]: entry["entry_hmac"] for entry in log.audit.entries(Filters(), before_seq=None, limit=100)["logs"]
    }
    assert log.later(days=30, hours=6) == (COUNT, 5)
    assert log.rows() == ALL[:7]
    result = log.check()
    assert (result["valid"], result["from_seq"], result["entries_checked"]) == (True, 6, 7)
    assert result["checkpoint"] == {"seq": 5, "entry_hmac": hashes[5]}
    log.write(13)
    assert log.check()["to_seq"] == 13


def test_a_log_that_retention_has_emptied_goes_on_with_its_numbers(make_log):
    log = make_log(retention_days=3)
    assert log.later(days=30) == (COUNT, COUNT)
    assert log.check()["valid"] is True
    log.write(13)
    result = log.check()
    assert (result["valid"], result["from_seq"], result["to_seq"]) == (True, 13, 13)


def test_rows_are_kept_for_ever_unless_retention_is_set(log):
    assert log.later(days=20_000) == (COUNT, 0)
    assert log.rows() == ALL


def test_a_removal_that_calls_itself_retention_is_found(make_log):
    log = make_log(retention_days=30)
    log.later(days=30, hours=6)
    row = log.repo.entry(8)
    log.sql(
        "DELETE FROM cold.vas_logs WHERE seq <= 8",
        f"UPDATE cold.audit_checkpoint SET seq = 8, entry_hmac = '{row['entry_hmac']}'",
    )
    result = log.check()
    assert (result["valid"], result["first_bad_seq"], result["checkpoint"]) == (False, 1, None)


def test_anchors_from_before_the_retention_are_answered_for(make_log):
    log = make_log(retention_days=30)
    fourth, fifth = (Point(**log.repo.entry(seq)) for seq in (4, 5))
    log.later(days=30, hours=6)
    assert log.check(anchor=fifth)["valid"] is True
    assert log.check(anchor=Point(5, fourth.entry_hmac))["valid"] is False
    with pytest.raises(GatewayError, match="give a newer anchor"):
        log.check(anchor=fourth)


def test_a_reader_sees_one_moment_and_holds_up_no_writer(log, tmp_path):
    with log.repo.snapshot() as reads:
        log.write(13)
        log.later(days=7, hours=6)
        assert reads.last()["seq"] == COUNT
        assert len(reads.page(Filters(), limit=100, as_of=100)) == COUNT
    with sqlite3.connect(tmp_path / ARCHIVE_NAME) as archive:
        assert archive.execute("SELECT COUNT(*) FROM vas_logs").fetchone() == (5,)
