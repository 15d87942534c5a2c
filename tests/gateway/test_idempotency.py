"""A call that is sent twice with the same Idempotency-Key is done, and paid, once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from .conftest import RunningGateway

KEY = {"Idempotency-Key": "0b1f6b1e", "Cache-Control": "no-cache, no-store"}


def _key(name: str) -> dict[str, str]:
    return {**KEY, "Idempotency-Key": name}


def test_a_repeated_call_gets_the_same_answer_and_the_provider_is_asked_once(gateway: RunningGateway) -> None:
    first = gateway.chat("once", headers=_key("same"))
    second = gateway.chat("once", headers=_key("same"))
    assert second.json() == first.json()
    replayed, asked = gateway.logs(limit=2)
    assert asked["tokens_used"] > 0
    assert (replayed["tokens_used"], replayed["cost"], replayed["routing_reason"]) == (0, 0, "idempotent_replay")
    assert replayed["request_id"] == second.headers["x-smartflow-request-id"]


def test_another_key_or_another_request_is_another_call(gateway: RunningGateway) -> None:
    first = gateway.chat("apart", headers=_key("k1")).json()["id"]
    assert gateway.chat("apart", headers=_key("k2")).json()["id"] != first
    assert gateway.chat("apart!", headers=_key("k1")).json()["id"] != first


def test_a_key_of_another_caller_is_another_call(gateway: RunningGateway) -> None:
    mine = gateway.chat("tenants", headers={**_key("shared"), "Authorization": "Bearer sk-sf-one"})
    theirs = gateway.chat("tenants", headers={**_key("shared"), "Authorization": "Bearer sk-sf-two"})
    assert mine.json()["id"] != theirs.json()["id"]


def test_a_refused_call_is_not_remembered(gateway: RunningGateway) -> None:
    bad = {"model": "gpt-4o", "messages": []}
    assert gateway.proxy.post("/v1/chat/completions", json=bad, headers=_key("bad")).status_code == 400
    assert gateway.chat("good", headers=_key("bad")).status_code == 200


def test_equal_calls_at_the_same_moment_are_done_once(gateway: RunningGateway) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: gateway.chat("together", headers=_key("race")).json()["id"], range(8)))
    assert len(set(answers)) == 1


def test_an_answer_is_forgotten_after_a_day(gateway: RunningGateway) -> None:
    first = gateway.chat("a day", headers=_key("day")).json()["id"]
    gateway.clock.advance(24 * 3600 + 1)
    assert gateway.chat("a day", headers=_key("day")).json()["id"] != first
