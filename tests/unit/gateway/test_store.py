"""The store keeps all of a transaction or nothing, and keeps it from other users."""

from __future__ import annotations

import sqlite3
import stat

import pytest

from smartflow.gateway.keys.repo import KeysRepo
from smartflow.gateway.store import TIERS, Store, StoreError, schema_files

COUNT = "SELECT COUNT(*) AS n FROM routing_override"
INSERT = "INSERT INTO routing_override (id, provider, expires_at) VALUES (1, ?, '')"


@pytest.fixture
def store():
    opened = Store(None)
    yield opened
    opened.close()


def test_every_domains_schema_is_applied(store):
    tables = {row["name"] for row in store.rows("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    assert {"vas_logs", "metacache_answers", "provider_stats", "compliance_scans"} <= tables
    assert len(schema_files()) >= 4


def test_a_transaction_is_kept(store):
    with store.transaction():
        assert store.execute(INSERT, ("openai",)) == 1
    assert store.row("SELECT provider FROM routing_override") == {"provider": "openai"}


def test_a_failed_transaction_leaves_nothing(store):
    with pytest.raises(ZeroDivisionError), store.transaction():
        store.execute(INSERT, ("openai",))
        raise ZeroDivisionError
    assert store.row(COUNT) == {"n": 0}


def test_an_inner_transaction_belongs_to_the_outer_one(store):
    with pytest.raises(ZeroDivisionError), store.transaction():
        with store.transaction():
            store.execute(INSERT, ("openai",))
        raise ZeroDivisionError
    assert store.row(COUNT) == {"n": 0}


def test_a_store_works_after_a_failed_transaction(store):
    with pytest.raises(ZeroDivisionError), store.transaction():
        raise ZeroDivisionError
    store.execute(INSERT, ("groq",))
    assert store.row(COUNT) == {"n": 1}


def test_a_row_that_is_not_there_is_none(store):
    assert store.row("SELECT * FROM routing_override") is None


def test_file_and_folder_belong_to_the_user_alone(tmp_path):
    path = tmp_path / "deep" / "gateway.sqlite3"
    store = Store(path)
    store.execute(INSERT, ("openai",))
    modes = {stat.S_IMODE(each.stat().st_mode) for each in path.parent.iterdir()}
    store.close()
    assert modes == {0o600}
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_data_is_there_again_after_reopening(tmp_path):
    path = tmp_path / "gateway.sqlite3"
    first = Store(path)
    first.execute(INSERT, ("openai",))
    first.close()
    second = Store(path)
    assert second.row(COUNT) == {"n": 1}
    second.close()


def old_database(path, *statements):
    connection = sqlite3.connect(path)
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()


FIRST_AUDIT_TABLE = """CREATE TABLE vas_logs (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, request_id TEXT NOT NULL UNIQUE, timestamp TEXT NOT NULL, day TEXT NOT NULL,
    operation TEXT NOT NULL, provider TEXT NOT NULL, model TEXT NOT NULL, model_provider TEXT NOT NULL,
    prompt_tokens INTEGER NOT NULL, completion_tokens INTEGER NOT NULL, tokens_used INTEGER NOT NULL, cost REAL NOT NULL,
    latency_ms INTEGER NOT NULL, processing_time_ms INTEGER NOT NULL, provider_time_ms INTEGER NOT NULL,
    content_type TEXT NOT NULL, user_id TEXT, conversation_id TEXT, conversation_stage TEXT, routing_strategy TEXT,
    routing_reason TEXT, cached INTEGER NOT NULL, cache_looked_up INTEGER NOT NULL, cache_tier TEXT,
    cache_query TEXT NOT NULL, tokens_saved INTEGER NOT NULL, status_code INTEGER NOT NULL, success INTEGER NOT NULL,
    error_code TEXT, compliance_status TEXT, compliance TEXT NOT NULL, request_content TEXT, response_content TEXT)"""
FIRST_KEYS_TABLE = """CREATE TABLE virtual_keys (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, key_id TEXT NOT NULL UNIQUE, key_hash TEXT NOT NULL UNIQUE, name TEXT NOT NULL,
    admin INTEGER NOT NULL, user_id TEXT, team_id TEXT, budget_nano INTEGER, budget_period TEXT NOT NULL, rpm_limit INTEGER,
    tpm_limit INTEGER, allowed_models TEXT, metadata TEXT NOT NULL, created_at TEXT NOT NULL, expires_at TEXT, revoked_at TEXT)"""
OLD_ROW = (
    "INSERT INTO vas_logs VALUES (7, 'req_old', '2026-01-01T00:00:00.000Z', '2026-01-01', 'createChatCompletion', 'openai',"
    " 'gpt-4o', 'openai', 1, 2, 3, 0.5, 4, 4, 4, 'chat', 'u', NULL, NULL, 'direct', NULL, 0, 0, NULL, '', 0, 200, 1, NULL,"
    " 'compliant', '{}', 'asked', 'answered')"
)
OLD_KEY = "INSERT INTO virtual_keys VALUES (1, 'vk_1', 'hash', 'old', 1, NULL, NULL, NULL, 'lifetime', NULL, NULL, NULL, '{}', '2026', NULL, NULL)"


def test_a_database_of_the_first_build_opens_with_all_its_rows_and_the_new_columns(tmp_path):
    path = tmp_path / "gateway.sqlite3"
    old_database(path, FIRST_AUDIT_TABLE, "CREATE INDEX vas_logs_by_time ON vas_logs (timestamp, seq)", OLD_ROW)
    for _ in range(2):
        store = Store(path)
        row = store.row("SELECT * FROM audit_rows")
        order = [[each["name"] for each in store.rows(f"PRAGMA {tier}.table_info(vas_logs)")] for tier in TIERS]
        indexes = {each["name"] for each in store.rows("PRAGMA main.index_list(vas_logs)")}
        store.close()
        assert row is not None
        assert (row["seq"], row["model"], row["cost"], row["response_content"]) == (7, "gpt-4o", 0.5, "answered")
        assert (row["key_id"], row["entry_hmac"], row["signing_key_id"]) == (None, "", "")
        assert order[0] == order[1]
        assert {"vas_logs_by_time", "vas_logs_by_key"} <= indexes


def test_keys_of_an_older_database_go_on_without_a_compliance_mode(tmp_path):
    path = tmp_path / "gateway.sqlite3"
    old_database(path, FIRST_KEYS_TABLE, OLD_KEY)
    store = Store(path)
    key = KeysRepo(store).by_hash("hash")
    store.close()
    assert key is not None
    assert (key.name, key.admin, key.compliance_mode) == ("old", True, None)


def test_a_step_that_fails_leaves_the_older_database_as_it_was(tmp_path):
    path = tmp_path / "gateway.sqlite3"
    old_database(path, "CREATE TABLE vas_logs (seq INTEGER PRIMARY KEY)", "INSERT INTO vas_logs VALUES (1)")
    with pytest.raises(StoreError):
        Store(path)
    connection = sqlite3.connect(path)
    found = (
        connection.execute("SELECT * FROM vas_logs").fetchall(),
        connection.execute("PRAGMA user_version").fetchone(),
    )
    connection.close()
    assert found == ([(1,)], (0,))


def test_a_database_of_a_newer_build_is_refused(tmp_path):
    path = tmp_path / "gateway.sqlite3"
    old_database(path, "PRAGMA user_version = 999")
    with pytest.raises(StoreError, match="a newer gateway wrote it"):
        Store(path)
