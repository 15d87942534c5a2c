"""The store keeps all of a transaction or nothing, and keeps it from other users."""

from __future__ import annotations

import stat

import pytest

from smartflow.gateway.store import Store, schema_files

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
