"""The audit chain: every later change is found and named."""

from __future__ import annotations

import hashlib
import hmac
import json
import stat
from datetime import timedelta

import pytest

from smartflow.gateway.audit.chain import Chain, Point, load_key
from smartflow.gateway.audit.repo import Filters
from smartflow.gateway.audit.settings import AuditSettings
from smartflow.gateway.clock import iso
from smartflow.gateway.keyfile import KeyFileError

from .conftest import COUNT, KEY, START, Log

ALL = [f"req_{number}" for number in range(COUNT, 0, -1)]


def test_an_untouched_chain_is_valid(log):
    result = log.check()
    assert (result["valid"], result["from_seq"], result["to_seq"], result["entries_checked"]) == (True, 1, 12, 12)
    assert (result["signed"], result["first_bad_seq"], result["problem"], result["checkpoint"]) == (
        True,
        None,
        None,
        None,
    )
    assert result["head"]["seq"] == 12


def test_an_empty_chain_is_valid_and_says_that_nothing_was_checked(make_log):
    result = make_log(count=0).check()
    assert (result["valid"], result["from_seq"], result["to_seq"], result["entries_checked"]) == (True, 0, 0, 0)
    assert result["head"] is None


@pytest.mark.parametrize("column", [
    "request_id", "timestamp", "day", "operation", "provider", "model", "model_provider", "prompt_tokens", "completion_tokens",
    "tokens_used", "cost", "latency_ms", "processing_time_ms", "provider_time_ms", "content_type", "user_id", "conversation_id",
    "conversation_stage", "routing_strategy", "routing_reason", "cached", "cache_looked_up", "cache_tier", "cache_query",
    "tokens_saved", "status_code", "success", "error_code", "compliance_status", "request_content", "response_content",
    "entry_hmac", "key_id", "signing_key_id",
])  # fmt: skip
def test_a_change_in_any_column_is_found(log, column):
    log.sql(f"UPDATE vas_logs SET {column} = 77 WHERE seq = 5")
    result = log.check()
    assert (result["valid"], result["first_bad_seq"], result["hmac_mismatches"]) == (False, 5, [5])
    assert result["problem"].startswith("entry 5 was ")


def test_every_column_is_covered(log):
    columns = {row["name"] for row in log.store.rows("PRAGMA table_info(vas_logs)")}
    entry = log.audit.entries(Filters(), before_seq=None, limit=1)["logs"][0]
    nulls = {name for name, value in log.store.row("SELECT * FROM vas_logs WHERE seq = 12").items() if value is None}
    assert set(entry["payload"]) | nulls | {"seq", "prev_hash", "entry_hmac", "signing_key_id"} == columns


@pytest.mark.parametrize("value", ["NULL", "''", "x'00ff'", "'{\"violations\": []}'", "'no json'"])
def test_changed_findings_are_found(log, value):
    if value == "NULL":
        log.sql("UPDATE vas_logs SET request_content = NULL WHERE seq = 5")
    else:
        log.sql(f"UPDATE vas_logs SET compliance = {value} WHERE seq = 5")
    assert log.check()["hmac_mismatches"] == [5]
    assert len(log.audit.entries(Filters(), before_seq=None, limit=100)["logs"]) == COUNT


def test_a_removed_entry_is_named(log):
    log.sql("DELETE FROM vas_logs WHERE seq IN (4, 5, 9)")
    result = log.check()
    assert (result["missing"], result["prev_hash_breaks"], result["first_bad_seq"]) == ([4, 5, 9], [6, 10], 4)
    assert result["problem"] == "entry 4 is missing"


def test_entries_cut_off_the_beginning_are_named(log):
    log.sql("DELETE FROM vas_logs WHERE seq <= 3")
    assert log.check()["missing"] == [1, 2, 3]


def test_entries_cut_off_the_end_are_named(log):
    log.sql("DELETE FROM vas_logs WHERE seq > 10")
    result = log.check()
    assert (result["missing"], result["first_bad_seq"]) == ([11, 12], 11)


def test_entries_cut_off_the_end_are_missed_even_after_more_were_written(log):
    log.sql("DELETE FROM vas_logs WHERE seq > 10")
    log.write(13)
    assert log.check()["missing"] == [11, 12]


@pytest.mark.parametrize(
    "cure", ["DELETE FROM audit_head", "UPDATE audit_head SET seq = 10", "UPDATE audit_head SET signature = ''"]
)
def test_a_head_that_was_made_to_fit_is_found_also_after_more_were_written(log, cure):
    log.sql("DELETE FROM vas_logs WHERE seq > 10", cure)
    assert log.check()["first_bad_seq"] == 11
    log.write(13)
    result = log.check()
    assert (result["first_bad_seq"], result["prev_hash_breaks"]) == (11, [11])


def test_reordered_entries_are_named(log):
    log.sql(
        "UPDATE vas_logs SET seq = 99 WHERE seq = 4",
        "UPDATE vas_logs SET seq = 4 WHERE seq = 7",
        "UPDATE vas_logs SET seq = 7 WHERE seq = 99",
    )
    result = log.check()
    assert (result["hmac_mismatches"], result["first_bad_seq"]) == ([4, 7], 4)
    assert {4, 5, 7, 8} == set(result["prev_hash_breaks"])


def test_an_inserted_entry_is_named(log):
    names = [row["name"] for row in log.store.rows("PRAGMA table_info(vas_logs)")]
    copied = ", ".join({"seq": "13", "request_id": "'req_forged'"}.get(name, name) for name in names)
    log.sql(f"INSERT INTO main.vas_logs SELECT {copied} FROM vas_logs WHERE seq = 12")
    result = log.check()
    assert (result["first_bad_seq"], result["hmac_mismatches"]) == (13, [13])


def test_the_same_entry_under_a_freed_number_is_named(log):
    log.sql("DELETE FROM vas_logs WHERE seq = 6", "UPDATE vas_logs SET seq = 6 WHERE seq = 12")
    result = log.check()
    assert (result["hmac_mismatches"], result["missing"]) == ([6], [12])


def test_an_entry_without_a_hash_counts_as_changed(log):
    log.sql("UPDATE vas_logs SET entry_hmac = '' WHERE seq = 3")
    result = log.check()
    assert (result["signed"], result["unsigned_entries"], result["hmac_mismatches"]) == (False, 1, [3])


def test_a_log_rewritten_without_the_key_is_found(make_log, tmp_path):
    """Whoever can write the database but has not the key can make a chain, but not this one."""
    make_log().store.close()
    for path in tmp_path.iterdir():
        path.unlink()
    forged = make_log(key=b"f" * 32)
    forged.store.close()
    result = Log(tmp_path).check()
    assert (result["valid"], result["first_bad_seq"]) == (False, 1)
    assert "another key" in result["problem"]


def test_an_older_state_of_the_whole_log_is_found_by_an_anchor(log):
    """The one thing that a chain alone cannot show: everything set back to an earlier moment."""
    log.write(13)
    anchor = log.check()["head"]
    log.sql("DELETE FROM vas_logs WHERE seq = 13")
    head = log.repo.entry(12)
    signature = Chain(KEY).sign_point("head", Point(12, head["entry_hmac"]))
    log.sql(f"UPDATE audit_head SET seq = 12, entry_hmac = '{head['entry_hmac']}', signature = '{signature}'")
    assert log.check()["valid"] is True
    result = log.check(anchor=Point(**anchor))
    assert (result["valid"], result["missing"]) == (False, [13])
    log.write(14)
    assert log.check(anchor=Point(**anchor))["hmac_mismatches"] == [13]


def test_an_anchor_that_still_stands_is_valid(log):
    anchor = log.check()["head"]
    log.write(13)
    assert log.check(anchor=Point(**anchor))["valid"] is True


def test_a_part_is_checked_alone(log):
    log.sql("UPDATE vas_logs SET model = 'other' WHERE seq = 5")
    assert [log.check(first, last)["valid"] for first, last in ((1, 4), (4, 6), (6, 12), (6, None), (None, 5))] == [
        True, False, True, True, False,
    ]  # fmt: skip
    assert log.check(6, 8)["entries_checked"] == 3


def test_a_part_that_does_not_follow_what_stands_before_it_is_found(log):
    log.sql("DELETE FROM vas_logs WHERE seq = 5")
    assert log.check(6, 8)["prev_hash_breaks"] == [6]


def test_lists_of_findings_are_bounded(log):
    log.sql("UPDATE vas_logs SET seq = 5000000 WHERE seq = 12")
    result = log.check()
    assert (result["missing"][0], len(result["missing"])) == (12, 100)


def test_anyone_with_the_key_can_check_an_entry_by_the_documented_rule(log):
    below = "genesis"
    for entry in reversed(json.loads(json.dumps(log.audit.entries(Filters(), before_seq=None, limit=100)["logs"]))):
        assert entry["prev_hash"] == below
        below = entry.pop("entry_hmac")
        text = json.dumps(entry, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        assert hmac.new(KEY, text.encode("utf-8"), hashlib.sha256).hexdigest() == below


def test_entries_come_by_falling_number_below_a_number(log):
    def numbers(before=None, limit=100, **filters):
        return [entry["seq"] for entry in log.audit.entries(Filters(**filters), before_seq=before, limit=limit)["logs"]]

    assert numbers(limit=3) == [12, 11, 10]
    assert numbers(10, 3) == [9, 8, 7]
    assert numbers(1) == []
    assert numbers(user_id="user_1") == [10, 7, 4, 1]
    assert numbers(since=iso(START + timedelta(hours=10)), until=iso(START + timedelta(hours=12))) == [11, 10]


def test_a_failed_transaction_leaves_no_gap(log):
    with pytest.raises(ZeroDivisionError), log.store.transaction():
        log.write(13)
        raise ZeroDivisionError
    log.write(14)
    assert log.rows()[0] == "req_14"
    assert log.check()["to_seq"] == 13


def test_two_writers_of_one_folder_make_one_chain(log, tmp_path):
    other = Log(tmp_path)
    for number in range(13, 23):
        (log if number % 2 else other).write(number)
    other.store.close()
    assert log.check()["entries_checked"] == 22


def test_the_key_is_made_once_and_belongs_to_the_user_alone(tmp_path):
    key = load_key(tmp_path)
    assert load_key(tmp_path) == key
    assert len(key) == 32
    assert stat.S_IMODE((tmp_path / "audit.key").stat().st_mode) == 0o600
    assert load_key(None) != load_key(None)


def test_a_given_key_is_not_stored(tmp_path):
    assert load_key(tmp_path, "a text of thirty-two characters!") == load_key(None, "a text of thirty-two characters!")
    assert list(tmp_path.iterdir()) == []


def test_a_broken_key_file_is_named(tmp_path):
    (tmp_path / "audit.key").write_bytes(b"short")
    with pytest.raises(KeyFileError, match=r"audit\.key must hold 32 bytes"):
        load_key(tmp_path)


def test_the_key_shows_nowhere(log, tmp_path):
    assert KEY.decode() not in repr(vars(log.ledger))
    assert "secret" not in repr(AuditSettings(key="secret" * 8))
    log.store.close()
    assert all(KEY not in path.read_bytes() for path in tmp_path.iterdir())


@pytest.mark.parametrize(
    "wrong", [{"hot_days": 0}, {"retention_days": 0}, {"retention_days": 40_000}, {"key": "short"}]
)
def test_settings_that_make_no_sense_are_refused(wrong):
    with pytest.raises(ValueError, match="audit|AUDIT"):
        AuditSettings(**wrong)


def test_rows_are_kept_no_longer_in_the_hot_tier_than_at_all():
    assert AuditSettings(hot_days=7, retention_days=3).hot_for == timedelta(days=3)
