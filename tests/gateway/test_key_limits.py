"""What a key may use: models, requests and tokens a minute, and a budget that no number of calls at once overruns."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor, as_completed
from datetime import datetime

import pytest

from smartflow.gateway.clock import RandomIds

from .keyed import (
    ADMIN,
    INPUT_USD,
    MODEL,
    OUTPUT_USD,
    Hanging,
    answer,
    bearer,
    chat,
    new_key,
    read_key,
    rows,
    watch_audit,
)

DAY = 24 * 3600
ANSWER_USD = 10 * INPUT_USD + 20 * OUTPUT_USD


@pytest.fixture
def forwarding(start_gateway, provider):
    """A gateway that asks a scripted provider, so that a test knows what each call costs."""
    provider.answer(200, answer())
    environment = {"OPENAI_API_KEY": "sk-provider-secret", "OPENAI_BASE_URL": provider.url}
    return start_gateway(api_key="the-configured-key", environment=environment)


def error_of(response):
    return response.json()["error"]


def chunk(content=None, finish=None, **more):
    delta = {"content": content} if content is not None else {}
    body = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": MODEL,
            "choices": [{"index": 0, "delta": delta, "finish_reason": finish}], **more}  # fmt: skip
    return b"data: " + json.dumps(body).encode() + b"\n\n"


def test_the_real_cost_is_counted_after_the_answer(forwarding):
    key = new_key(forwarding, budget_usd=1)
    assert chat(forwarding, key).status_code == 200
    assert read_key(forwarding, key)["spent_usd"] == pytest.approx(ANSWER_USD, abs=1e-12)
    assert read_key(forwarding, key)["remaining_usd"] == pytest.approx(1 - ANSWER_USD, abs=1e-12)


def test_fifty_calls_at_once_never_pass_a_small_budget(forwarding, provider):
    key = new_key(forwarding, budget_usd=0.01)
    # A call reserves 0.001 for its 100 tokens and a little for its prompt, so that nine fit.
    provider.answer(200, answer(completion=100))
    provider.hold.clear()
    with ThreadPoolExecutor(50) as pool:
        calls = as_completed([pool.submit(chat, forwarding, key) for _ in range(50)])
        refused = [next(calls).result() for _ in range(41)]
        assert read_key(forwarding, key)["spent_usd"] <= 0.01
        provider.hold.set()
        allowed = [call.result() for call in calls]
    assert {response.status_code for response in refused} == {429}
    assert {error_of(response)["code"] for response in refused} == {"budget_exceeded"}
    assert [response.status_code for response in allowed] == [200] * 9
    assert len(provider.requests) == 9
    assert read_key(forwarding, key)["spent_usd"] == pytest.approx(9 * (10 * INPUT_USD + 100 * OUTPUT_USD))


def test_fifty_calls_at_once_never_pass_a_limit_of_requests(forwarding, provider):
    key = new_key(forwarding, rpm_limit=7)
    with ThreadPoolExecutor(50) as pool:
        statuses = list(pool.map(lambda _: chat(forwarding, key).status_code, range(50)))
    assert (statuses.count(200), statuses.count(429)) == (7, 43)
    assert len(provider.requests) == 7


def test_a_used_up_budget_refuses_before_the_provider_is_asked(forwarding, provider):
    key = new_key(forwarding, budget_usd=0.0012, budget_period="daily")
    assert chat(forwarding, key).status_code == 200
    refused = chat(forwarding, key)
    assert len(provider.requests) == 1
    error = error_of(refused)
    assert (refused.status_code, error["type"], error["code"]) == (429, "budget_exceeded", "budget_exceeded")
    assert "give the call a smaller max_tokens" in error["message"]
    assert refused.headers["retry-after"] == str(14 * 3600) == str(error["retry_after"])
    told = {name[18:]: value for name, value in refused.headers.items() if name.startswith("x-smartflow-budget-")}
    spent = f"{ANSWER_USD:.6f}"
    assert told["-reset"] == "2026-02-20T00:00:00.000Z"
    assert (told["-limit"], told["-spent"]) == ("0.0012", spent)
    assert float(told["-remaining"]) == pytest.approx(0.0012 - ANSWER_USD)
    # A smaller call still fits.
    assert chat(forwarding, key, max_tokens=5).status_code == 200


def test_a_call_without_a_maximum_is_reserved_for_4096_tokens(forwarding):
    headers = bearer(new_key(forwarding, budget_usd=0.04))
    body = {"model": MODEL, "messages": [{"role": "user", "content": "x"}]}
    refused = forwarding.proxy.post("/v1/chat/completions", json=body, headers=headers)
    assert (refused.status_code, "4096 are assumed" in error_of(refused)["message"]) == (429, True)
    assert forwarding.proxy.post(
        "/v1/chat/completions", json={**body, "max_completion_tokens": 9}, headers=headers
    ).is_success


def test_several_choices_are_reserved_for_each(forwarding):
    key = new_key(forwarding, budget_usd=0.0025)
    assert chat(forwarding, key, n=3).status_code == 429
    assert chat(forwarding, key, n=2).status_code == 200


@pytest.mark.parametrize(
    ("period", "reset"),
    [
        ("daily", "2026-02-20T00:00:00.000Z"),
        ("weekly", "2026-02-23T00:00:00.000Z"),
        ("monthly", "2026-03-01T00:00:00.000Z"),
    ],
)
def test_a_budget_is_whole_again_from_the_first_moment_of_its_next_period(forwarding, period, reset):
    key = new_key(forwarding, budget_usd=0.0012, budget_period=period)
    assert chat(forwarding, key).status_code == 200
    refused = chat(forwarding, key)
    assert (refused.status_code, refused.headers["x-smartflow-budget-reset"]) == (429, reset)
    wait = int(refused.headers["retry-after"])
    assert wait == (datetime.fromisoformat(reset) - forwarding.clock.now()).total_seconds()
    forwarding.clock.advance(wait - 1)
    assert chat(forwarding, key).status_code == 429
    forwarding.clock.advance(1)
    assert read_key(forwarding, key)["spent_usd"] == 0
    assert chat(forwarding, key).status_code == 200


def test_a_lifetime_budget_never_resets(forwarding):
    key = new_key(forwarding, budget_usd=0.0012)
    assert chat(forwarding, key).status_code == 200
    forwarding.clock.advance(1000 * DAY)
    refused = chat(forwarding, key)
    assert (refused.status_code, "retry-after" in refused.headers) == (429, False)
    assert "x-smartflow-budget-reset" not in refused.headers


def test_a_call_is_counted_in_the_period_in_which_it_began(forwarding, provider):
    key = new_key(forwarding, budget_usd=1, budget_period="daily")
    forwarding.clock.advance(14 * 3600 - 1)
    provider.hold.clear()
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(chat, forwarding, key)
        assert provider.asked.wait(10)
        forwarding.clock.advance(2)
        provider.hold.set()
        assert call.result().status_code == 200
    assert read_key(forwarding, key)["spent_usd"] == 0
    changed = forwarding.management.patch(
        f"/api/enterprise/vkeys/{key['key_id']}", json={"budget_period": "weekly"}, headers=ADMIN
    )
    # Nothing is forgotten when the period changes.
    assert changed.json()["spent_usd"] == pytest.approx(ANSWER_USD, abs=1e-12)


def test_a_streamed_call_is_counted_with_its_usage(forwarding, provider):
    usage = {"prompt_tokens": 10, "completion_tokens": 20, "total_tokens": 30}
    provider.stream(chunk("hi"), chunk(finish="stop"), chunk(usage=usage, choices=[]), b"data: [DONE]\n\n")
    key = new_key(forwarding, budget_usd=1)
    assert chat(forwarding, key, stream=True).text.endswith("data: [DONE]\n\n")
    assert read_key(forwarding, key)["spent_usd"] == pytest.approx(ANSWER_USD, abs=1e-12)


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages"])
def test_a_stream_whose_reader_leaves_is_counted_for_what_was_said(forwarding, provider, path):
    provider.hold.clear()
    provider.stream(*[chunk("word " * 200)] * 100)
    key, written = new_key(forwarding, budget_usd=1), watch_audit(forwarding)
    body = {"model": MODEL, "stream": True, "max_tokens": 4000, "messages": [{"role": "user", "content": "x"}]}
    headers = bearer(key, **{"x-smartflow-provider": "openai"})
    with forwarding.proxy.stream("POST", path, json=body, headers=headers) as response:
        text = b""
        for piece in response.iter_raw():
            text += piece
            if b"word" in text:
                break
    assert written.wait(10)
    provider.hold.set()
    spent = read_key(forwarding, key)["spent_usd"]
    assert 200 * OUTPUT_USD < spent < 4000 * OUTPUT_USD
    (row,) = rows(forwarding, key)
    assert (row["error_code"], row["cost"]) == ("client_disconnected", pytest.approx(spent, abs=1e-9))


def test_a_call_whose_caller_left_before_the_answer_stays_counted_with_its_reservation(forwarding, provider):
    provider.hold.clear()
    key, written = new_key(forwarding, budget_usd=1), watch_audit(forwarding)
    with Hanging(forwarding, bearer(key)):
        assert provider.asked.wait(10)
    assert written.wait(10)
    provider.hold.set()
    assert 100 * OUTPUT_USD <= read_key(forwarding, key)["spent_usd"] < 101 * OUTPUT_USD + 100 * INPUT_USD


def test_a_refused_call_and_a_cache_hit_cost_nothing(forwarding, provider):
    key = new_key(forwarding, budget_usd=1)
    provider.answer(500, {"error": {"message": "no"}})
    assert chat(forwarding, key).status_code == 502
    assert read_key(forwarding, key)["spent_usd"] == 0
    provider.answer(200, answer())
    cached = {"authorization": f"Bearer {key['key']}"}
    assert forwarding.chat("same", headers=cached, max_tokens=9).json()["cached"] is False
    spent = read_key(forwarding, key)["spent_usd"]
    assert forwarding.chat("same", headers=cached, max_tokens=9).json()["cached"] is True
    assert read_key(forwarding, key)["spent_usd"] == spent == pytest.approx(ANSWER_USD, abs=1e-12)


def test_a_crash_leaves_a_running_call_counted(tmp_path, start_gateway, provider):
    provider.hold.clear()
    provider.answer(200, answer())
    environment = {"OPENAI_API_KEY": "sk-provider-secret", "OPENAI_BASE_URL": provider.url}
    path = tmp_path / "gateway.sqlite3"
    first = start_gateway(path, api_key="the-configured-key", environment=environment)
    key = new_key(first, budget_usd=0.0015)
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(chat, first, key)
        assert provider.asked.wait(10)
        # What another process would find after the death of the first one: the same file, and a call that never ended.
        second = start_gateway(path, api_key="the-configured-key", environment=environment)
        second.gateway.ids = RandomIds()
        assert chat(second, key).status_code == 429
        provider.hold.set()
        assert call.result().status_code == 200
    assert len(provider.requests) == 1


def test_a_limit_of_requests_begins_anew_with_the_minute(forwarding):
    key = new_key(forwarding, rpm_limit=2)
    forwarding.clock.advance(53)
    assert [chat(forwarding, key).status_code for _ in range(3)] == [200, 200, 429]
    refused = chat(forwarding, key)
    error = error_of(refused)
    assert (error["type"], error["code"], error["retry_after"]) == ("rate_limit_error", "rate_limited", 7)
    told = {name: refused.headers[name] for name in refused.headers if "ratelimit" in name or name == "retry-after"}
    assert told == {
        "retry-after": "7", "x-ratelimit-limit-requests": "2", "x-ratelimit-remaining-requests": "0",
        "x-ratelimit-reset-requests": "7",
    }  # fmt: skip
    forwarding.clock.advance(7)
    assert chat(forwarding, key).status_code == 200


def test_a_limit_of_tokens_counts_what_was_used(forwarding, provider):
    provider.answer(200, answer(prompt=10, completion=90))
    key = new_key(forwarding, tpm_limit=250)
    assert [chat(forwarding, key).status_code for _ in range(3)] == [200, 200, 429]
    refused = chat(forwarding, key)
    assert (refused.headers["x-ratelimit-remaining-tokens"], refused.headers["x-ratelimit-limit-tokens"]) == (
        "50",
        "250",
    )
    forwarding.clock.advance(60)
    assert chat(forwarding, key).status_code == 200


def test_a_call_that_no_minute_could_take_is_not_told_to_wait(forwarding):
    key = new_key(forwarding, tpm_limit=50)
    refused = chat(forwarding, key)
    assert (refused.status_code, "retry-after" in refused.headers) == (429, False)
    assert "make it smaller" in error_of(refused)["message"]


def test_a_call_without_a_maximum_takes_what_is_left_of_the_minute(forwarding):
    key = new_key(forwarding, tpm_limit=200)
    body = {"model": MODEL, "messages": [{"role": "user", "content": "x"}]}
    assert forwarding.proxy.post("/v1/chat/completions", json=body, headers=bearer(key)).status_code == 200


@pytest.mark.parametrize(
    ("rules", "model", "allowed"),
    [
        (["gpt-4o"], "gpt-4o", True), (["gpt-4o"], "openai/gpt-4o", True), (["gpt-4o"], "gpt-4o-mini", False),
        (["gpt-4o*"], "gpt-4o-mini", True), (["gpt-4"], "gpt-4o", False), (["openai/*"], "gpt-4o", True),
        (["anthropic/*"], "gpt-4o", False), (["anthropic/*"], "claude-sonnet-4-6", True), (["*"], "gpt-4o", True),
        ([], "gpt-4o", False), (["anthropic/*"], "openrouter/anthropic/claude-sonnet-4-6", False),
        (["o3", "gpt-4o-mini"], "gpt-4o-mini", True),
    ],
)  # fmt: skip
def test_a_key_calls_only_the_models_that_its_rules_name(forwarding, rules, model, allowed):
    key = new_key(forwarding, allowed_models=rules)
    response = chat(forwarding, key, model=model)
    if allowed:
        assert response.status_code == 200
    else:
        error = error_of(response)
        assert (response.status_code, error["code"], error["param"]) == (403, "model_not_allowed", "model")


def test_a_forced_provider_does_not_go_round_the_rules(forwarding):
    key = new_key(forwarding, allowed_models=["gpt-*"])
    assert chat(forwarding, key, model="gpt-4.1").status_code == 200
    assert chat(forwarding, key, model="gpt-4.1", headers={"x-smartflow-provider": "anthropic"}).status_code == 403


def test_a_budget_refuses_a_model_whose_price_is_not_known(forwarding, provider):
    key = new_key(forwarding, budget_usd=1)
    refused = chat(forwarding, key, model="openai/a-model-of-tomorrow")
    assert (refused.status_code, error_of(refused)["code"]) == (403, "price_unknown")
    assert provider.requests == []
    # The caller's own machine asks for no money.
    assert chat(forwarding, key, model="ollama/llama3").status_code == 200


def test_a_changed_limit_counts_at_once(forwarding):
    key = new_key(forwarding, budget_usd=0.0001)
    assert chat(forwarding, key).status_code == 429
    place = f"/api/enterprise/vkeys/{key['key_id']}"
    forwarding.management.patch(place, json={"budget_usd": None}, headers=ADMIN)
    assert chat(forwarding, key).status_code == 200


def test_a_key_that_is_revoked_while_a_call_runs_lets_it_end(forwarding, provider):
    provider.hold.clear()
    key = new_key(forwarding, budget_usd=1)
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(chat, forwarding, key)
        assert provider.asked.wait(10)
        forwarding.management.delete(f"/api/enterprise/vkeys/{key['key_id']}", headers=ADMIN)
        provider.hold.set()
        assert call.result().status_code == 200
    assert read_key(forwarding, key)["spent_usd"] == pytest.approx(ANSWER_USD, abs=1e-12)


def test_the_configured_key_has_no_limits_and_leaves_no_counts(forwarding):
    assert forwarding.chat(headers=ADMIN).status_code == 200
    assert forwarding.gateway.store.rows("SELECT * FROM virtual_key_days") == []


def test_two_gateways_on_the_same_data_share_the_limits(tmp_path, start_gateway, provider):
    provider.answer(200, answer())
    environment = {"OPENAI_API_KEY": "sk-provider-secret", "OPENAI_BASE_URL": provider.url}
    path = tmp_path / "gateway.sqlite3"
    both = [start_gateway(path, api_key="the-configured-key", environment=environment) for _ in range(2)]
    for gateway in both:
        gateway.gateway.ids = RandomIds()
    key = new_key(both[0], rpm_limit=10)
    with ThreadPoolExecutor(20) as pool:
        statuses = list(pool.map(lambda number: chat(both[number % 2], key).status_code, range(40)))
    assert (statuses.count(200), statuses.count(429)) == (10, 30)
    assert len(provider.requests) == 10
