"""Who may call: keys open the gateway, and nothing else does once there is one."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from smartflow.gateway.clock import RandomIds
from smartflow.gateway.errors import GatewayError
from smartflow.gateway.keys import engine as keys_engine
from smartflow.gateway.keys.record import hash_of

from .conftest import RunningGateway
from .keyed import ADMIN, bearer, chat, new_key, read_key, rows

VKEYS = "/api/enterprise/vkeys"


@pytest.fixture(scope="module")
def keyed():
    gateway = RunningGateway(api_key="the-configured-key")
    yield gateway
    gateway.stop()


def status_of(gateway, text):
    answer = gateway.proxy.get("/v1/models", headers={"authorization": f"Bearer {text}"})
    return answer.status_code, answer.json().get("error", {}).get("code")


def test_the_first_key_closes_an_open_gateway_and_must_be_an_admins(fresh_gateway):
    assert fresh_gateway.proxy.get("/v1/models").status_code == 200
    refused = fresh_gateway.management.post(VKEYS, json={"name": "plain"})
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "admin_key_needed_first")
    assert fresh_gateway.proxy.get("/v1/models").status_code == 200
    made = fresh_gateway.management.post(VKEYS, json={"name": "first", "admin": True})
    assert (made.status_code, made.headers["cache-control"]) == (201, "no-store")
    assert fresh_gateway.proxy.get("/v1/models").status_code == 401
    assert fresh_gateway.management.post(VKEYS, json={"name": "x", "admin": True}).status_code == 401
    assert fresh_gateway.management.post(VKEYS, json={"name": "x"}, headers=bearer(made.json())).status_code == 201


def test_of_many_first_keys_at_once_only_one_is_made_without_a_key(fresh_gateway):
    def make(number):
        return fresh_gateway.management.post(VKEYS, json={"name": f"first {number}", "admin": True}).status_code

    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(make, range(8)))
    assert sorted(statuses) == [201] + [401] * 7


def test_a_caller_that_was_let_in_just_before_the_first_key_makes_no_second_one(fresh_gateway):
    keys, now = fresh_gateway.gateway.keys, fresh_gateway.clock.now()
    early = keys.identify([], now)
    keys.create({"name": "first", "admin": True}, now, unasked=early.unasked)
    with pytest.raises(GatewayError) as caught:
        keys.create({"name": "second", "admin": True}, now, unasked=early.unasked)
    assert caught.value.status == 401


def test_revoking_the_last_key_opens_nothing(fresh_gateway):
    made = fresh_gateway.management.post(VKEYS, json={"name": "only", "admin": True}).json()
    assert fresh_gateway.management.delete(f"{VKEYS}/{made['key_id']}", headers=bearer(made)).status_code == 200
    assert fresh_gateway.proxy.get("/v1/models").status_code == 401


def test_a_key_that_another_process_has_made_closes_an_open_gateway(tmp_path, start_gateway):
    path = tmp_path / "gateway.sqlite3"
    open_one, other = start_gateway(path), start_gateway(path)
    assert open_one.proxy.get("/v1/models").status_code == 200
    made = other.management.post(VKEYS, json={"name": "elsewhere", "admin": True}).json()
    assert open_one.proxy.get("/v1/models").status_code == 401
    assert open_one.proxy.get("/v1/models", headers=bearer(made)).status_code == 200


def test_probes_and_metrics_ask_nobody(keyed):
    for path in ("/health/liveliness", "/health/readiness", "/metrics"):
        assert keyed.proxy.get(path).status_code == 200


def test_a_configured_key_stays_good_beside_virtual_ones(keyed):
    key = new_key(keyed)
    assert status_of(keyed, "the-configured-key") == (200, None)
    assert status_of(keyed, key["key"]) == (200, None)


@pytest.mark.parametrize(
    "text",
    [
        "sk-sf-" + "0" * 48,
        "sk-sf-",
        "sk-sf-" + "G" * 48,
        "sk-sf-' OR '1'='1",
        "%",
        "sk-sf-" + "é" * 48,
        "sk-sf-" + "a" * 20_000,
        "\x7f\xff",
        "the-configured-ke",
        "the-configured-key2",
    ],
)
def test_hostile_and_wrong_keys_open_nothing(keyed, text):
    raw = f"Bearer {text}".encode("latin-1")
    answer = keyed.proxy.get("/v1/models", headers=[(b"authorization", raw)])
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "invalid_api_key")
    assert answer.headers["www-authenticate"] == "Bearer"
    assert text not in answer.text


@pytest.mark.parametrize("change", [str.upper, lambda text: text[:-1], lambda text: text + "0", lambda text: text[6:]])
def test_a_changed_key_opens_nothing(keyed, change):
    key = new_key(keyed)["key"]
    assert status_of(keyed, change(key)) == (401, "invalid_api_key")


def test_neither_the_id_nor_the_hash_of_a_key_opens_anything(keyed):
    key = new_key(keyed)
    for text in (key["key_id"], hash_of(key["key"]), f"sk-sf-{hash_of(key['key'])[:48]}"):
        assert status_of(keyed, text) == (401, "invalid_api_key")


def test_an_expired_key_opens_nothing_from_its_last_moment_on(start_gateway):
    gateway = start_gateway(api_key="the-configured-key")
    key = new_key(gateway, expires_at="2026-02-19T12:01:00+02:00")
    gateway.clock.advance(59.9)
    assert status_of(gateway, key["key"]) == (200, None)
    gateway.clock.advance(0.1)
    assert status_of(gateway, key["key"]) == (401, "expired_api_key")
    assert read_key(gateway, key)["status"] == "expired"


def test_a_key_that_was_prolonged_opens_again(start_gateway):
    gateway = start_gateway(api_key="the-configured-key")
    key = new_key(gateway, expires_at="2020-01-01T00:00:00Z")
    assert status_of(gateway, key["key"]) == (401, "expired_api_key")
    changed = gateway.management.patch(f"{VKEYS}/{key['key_id']}", json={"expires_at": None}, headers=ADMIN)
    assert changed.json()["status"] == "active"
    assert status_of(gateway, key["key"]) == (200, None)


def test_a_revoked_key_can_be_neither_used_nor_changed_and_is_revoked_once(keyed):
    key = new_key(keyed)
    place = f"{VKEYS}/{key['key_id']}"
    first = keyed.management.delete(place, headers=ADMIN).json()
    keyed.clock.advance(5)
    assert keyed.management.delete(place, headers=ADMIN).json() == first
    assert status_of(keyed, key["key"]) == (401, "revoked_api_key")
    changed = keyed.management.patch(place, json={"name": "again"}, headers=ADMIN)
    assert (changed.status_code, changed.json()["error"]["param"]) == (400, "key_id")


def test_keys_and_their_spending_outlive_a_restart(tmp_path, start_gateway, provider):
    path, options = tmp_path / "gateway.sqlite3", {"api_key": "the-configured-key"}
    before = start_gateway(path, **options)
    key, gone = new_key(before, budget_usd=1, rpm_limit=2), new_key(before)
    before.management.delete(f"{VKEYS}/{gone['key_id']}", headers=ADMIN)
    assert chat(before, key).status_code == 200
    spent = read_key(before, key)["spent_usd"]
    after = start_gateway(path, **options)
    # The counting ones would begin anew.
    after.gateway.ids = RandomIds()
    assert read_key(after, key)["spent_usd"] == spent > 0
    assert status_of(after, gone["key"]) == (401, "revoked_api_key")
    assert [chat(after, key).status_code for _ in range(2)] == [200, 429]


def test_anthropic_paths_take_the_key_in_their_own_header(keyed):
    key = new_key(keyed)
    body = {"model": "claude-sonnet-4-6", "max_tokens": 10, "messages": [{"role": "user", "content": "hi"}]}
    for path in ("/anthropic/v1/messages", "/v1/messages"):
        answer = keyed.proxy.post(path, json=body, headers={"x-api-key": key["key"]})
        assert answer.status_code == 200
    assert keyed.proxy.post("/v1/messages", json=body, headers={"x-api-key": "sk-ant-own"}).status_code == 401
    # Elsewhere that header opens nothing.
    assert keyed.proxy.get("/v1/models", headers={"x-api-key": key["key"]}).status_code == 401


def test_a_plain_key_may_not_do_what_asks_for_an_admin(keyed):
    key = new_key(keyed)
    override = {"provider": "mistral", "ttl_minutes": 1}
    for method, path, body in (
        ("POST", VKEYS, {"name": "x", "admin": True}), ("GET", VKEYS, None), ("GET", f"{VKEYS}/{key['key_id']}", None),
        ("PATCH", f"{VKEYS}/{key['key_id']}", {"budget_usd": None}), ("DELETE", f"{VKEYS}/{key['key_id']}", None),
        ("POST", "/api/routing/override", override),
        ("GET", "/api/audit/logs", None), ("POST", "/api/admin/audit/verify_chain", {}),
    ):  # fmt: skip
        answer = keyed.management.request(method, path, json=body, headers=bearer(key))
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "admin_key_required"), (method, path)
    assert status_of(keyed, key["key"]) == (200, None)


def test_a_plain_key_sees_its_own_audit_rows_only(keyed):
    mine, theirs = new_key(keyed), new_key(keyed)
    chat(keyed, mine, "mine")
    chat(keyed, theirs, "theirs")
    seen = keyed.management.get("/api/vas/logs", headers=bearer(mine)).json()
    assert [row["request_content"] for row in seen["data"]] == ["mine"] and seen["total"] == 1
    # A cursor that somebody else got leads nowhere else either.
    everywhere = {"cursor": "999999-0-99999999999999-999999", "limit": 100}
    seen = keyed.management.get("/api/vas/logs", params=everywhere, headers=bearer(mine)).json()
    assert {row["key_id"] for row in seen["data"]} == {mine["key_id"]}
    hybrid = keyed.bridge.get("/api/redis/logs", headers=bearer(mine)).json()["logs"]
    assert {row["key_id"] for row in hybrid} == {mine["key_id"]}
    used = keyed.bridge.get("/api/hybrid/analytics", headers=bearer(mine)).json()
    assert (used["total_requests"], used["by_model"]["gpt-4o"]["requests"]) == (1, 1)


def test_a_key_separates_caches(keyed):
    mine, theirs = ({"authorization": f"Bearer {new_key(keyed)['key']}"} for _ in range(2))
    assert keyed.chat("apart", headers=mine).json()["cached"] is False
    assert keyed.chat("apart", headers=mine).json()["cached"] is True
    assert keyed.chat("apart", headers=theirs).json()["cached"] is False


def test_the_user_of_a_key_cannot_be_changed_by_a_header(keyed):
    key = new_key(keyed, user_id="the-owner")
    chat(keyed, key, headers={"x-smartflow-user-id": "somebody-else"})
    assert rows(keyed, key)[0]["user_id"] == "the-owner"


def test_making_changing_and_revoking_leave_audit_rows_that_name_the_key(keyed):
    key = new_key(keyed)
    keyed.management.patch(f"{VKEYS}/{key['key_id']}", json={"name": "new"}, headers=ADMIN)
    keyed.management.delete(f"{VKEYS}/{key['key_id']}", headers=ADMIN)
    listed = keyed.management.get("/api/vas/logs", headers=ADMIN).json()["data"]
    reasons = [row["routing_reason"] for row in listed if row["content_type"] == "keys"]
    assert reasons[:3] == [f"{what} {key['key_id']}" for what in ("revoked", "changed", "created")]


def test_every_comparison_of_a_key_takes_the_same_time(keyed, monkeypatch):
    compared = []

    def watch(one, other):
        compared.append((len(one), len(other)))
        return one == other

    monkeypatch.setattr(keys_engine, "same_hash", watch)
    key = new_key(keyed)
    compared.clear()
    assert status_of(keyed, "x")[0] == 401
    assert status_of(keyed, "x" * 5000)[0] == 401
    assert status_of(keyed, key["key"])[0] == 200
    # Hashes of one length are compared, never texts.
    assert compared == [(64, 64)] * 4


def test_a_gateway_with_a_wrong_body_says_which_member(keyed):
    for body, param in (
        ({}, "name"), ({"name": ""}, "name"), ({"name": "x", "budget_usd": -1}, "budget_usd"),
        ({"name": "x", "budget_period": "hourly"}, "budget_period"), ({"name": "x", "rpm_limit": 0}, "rpm_limit"),
        ({"name": "x", "allowed_models": ["a*b"]}, "allowed_models.0"), ({"name": "x", "key": "sk-sf-mine"}, "key"),
        ({"name": "x", "expires_at": "tomorrow"}, "expires_at"),
    ):  # fmt: skip
        answer = keyed.management.post(VKEYS, json=body, headers=ADMIN)
        assert (answer.status_code, answer.json()["error"]["param"]) == (400, param), body
    assert keyed.management.patch(f"{VKEYS}/vk_x", json={}, headers=ADMIN).status_code == 400
    assert keyed.management.get(f"{VKEYS}/vk_nobody", headers=ADMIN).status_code == 404


def test_the_text_of_a_key_is_on_no_disk_and_in_no_log(tmp_path: Path, start_gateway, caplog) -> None:
    caplog.set_level(logging.DEBUG)
    gateway = start_gateway(tmp_path / "data" / "gateway.sqlite3", api_key="the-configured-key")
    idempotent = {"idempotency-key": "k-1"}
    made = gateway.management.post(VKEYS, json={"name": "canary", "rpm_limit": 3}, headers={**ADMIN, **idempotent})
    key = made.json()
    text = key["key"]
    assert chat(gateway, key, headers=idempotent).status_code == 200
    gateway.management.get(f"{VKEYS}/{text}", headers=ADMIN)
    gateway.proxy.get(f"/v1/{text}", headers=bearer(key))
    gateway.management.delete(f"{VKEYS}/{key['key_id']}", headers=ADMIN)
    assert status_of(gateway, text) == (401, "revoked_api_key")
    for file in (tmp_path / "data").rglob("*"):
        content = file.read_bytes() if file.is_file() else b""
        assert text[6:].encode() not in content, file
    # The test's own HTTP client logs what it asks for.
    logged = [record for record in caplog.records if not record.name.startswith(("httpx", "httpcore"))]
    assert any(record.name == "smartflow.gateway" for record in logged)
    assert not [record for record in logged if text in record.getMessage()]
