"""Keys along fallback chains: which targets they may use, what is reserved, and what is counted when tries fail."""

from __future__ import annotations

import json

import pytest

from .keyed import ADMIN, INPUT_USD, OUTPUT_USD, answer, bearer, chat, new_key, read_key


class Turns:
    """The pieces of one answer after another, one each time they are asked for."""

    def __init__(self, replies):
        self._replies = iter(replies)

    def __iter__(self):
        return iter([next(self._replies)])


def error_of(response):
    return response.json()["error"]


def make_chain(gateway, *targets):
    chain = {"name": "gpt-4o", "level": "model", "strategy": "priority", "targets": list(targets)}
    made = gateway.management.post("/api/routing/fallback-chains", json=chain, headers=ADMIN)
    assert made.is_success, made.text


@pytest.fixture
def two_targets(start_gateway, provider):
    """A gateway whose chain for gpt-4o goes to Mistral's cheaper model first; both providers are the scripted one."""
    environment = {f"{name}_API_KEY": "sk-provider-secret" for name in ("OPENAI", "MISTRAL")}
    environment |= {f"{name}_BASE_URL": provider.url for name in ("OPENAI", "MISTRAL")}
    gateway = start_gateway(api_key="the-configured-key", environment=environment)
    make_chain(gateway, {"provider": "mistral", "model": "mistral-large-latest"}, {"provider": "openai"})
    return gateway


def test_a_fallback_chain_leads_to_no_model_that_the_key_may_not_call(two_targets, provider):
    provider.answer(200, answer())
    free, bound = new_key(two_targets), new_key(two_targets, allowed_models=["openai/*"])
    elsewhere = new_key(two_targets, allowed_models=["anthropic/*"])
    assert [chat(two_targets, key).status_code for key in (free, bound, elsewhere)] == [200, 200, 403]
    assert [json.loads(body)["model"] for _, _, body in provider.requests] == ["mistral-large-latest", "gpt-4o"]


def test_each_try_that_may_have_been_paid_is_counted(two_targets, provider):
    provider.answer(200, b"{}")
    key = new_key(two_targets, budget_usd=1)
    assert chat(two_targets, key).status_code == 502
    assert len(provider.requests) == 2
    assert 200 * OUTPUT_USD <= read_key(two_targets, key)["spent_usd"] < 203 * OUTPUT_USD + 200 * INPUT_USD


def test_a_try_that_may_have_been_paid_is_counted_beside_the_answer_of_the_next_target(two_targets, provider):
    replies = [b"{}", json.dumps(answer()).encode()]
    provider.answer(200, replies[0])
    key = new_key(two_targets, budget_usd=1)
    provider.pieces = Turns(replies)
    assert chat(two_targets, key).status_code == 200
    spent = read_key(two_targets, key)["spent_usd"]
    assert 120 * OUTPUT_USD <= spent < 123 * OUTPUT_USD + 100 * INPUT_USD


def test_a_refused_try_costs_nothing(two_targets, provider):
    provider.answer(503, {"error": {"message": "busy"}})
    key = new_key(two_targets, budget_usd=1)
    assert chat(two_targets, key).status_code == 502
    assert read_key(two_targets, key)["spent_usd"] == 0


def test_the_dearest_target_of_a_chain_is_reserved_for(two_targets, provider):
    provider.answer(200, answer())
    # Enough for Mistral, which is asked first, and not for the model that may have to stand in.
    key = new_key(two_targets, budget_usd=80 * OUTPUT_USD)
    refused = chat(two_targets, key)
    assert (refused.status_code, error_of(refused)["code"]) == (429, "budget_exceeded")
    assert "gpt-4o" in error_of(refused)["message"] and provider.requests == []


def test_a_plain_key_reads_fallback_chains_and_changes_none(two_targets):
    headers, path = bearer(new_key(two_targets)), "/api/routing/fallback-chains"
    chain = {"name": "gpt-4o", "targets": [{"provider": "openai"}]}
    before = two_targets.management.get(path, headers=headers)
    assert before.status_code == 200
    refused = [
        two_targets.management.post(path, json={**chain, "name": "mine"}, headers=headers),
        two_targets.management.put(f"{path}/gpt-4o", json=chain, headers=headers),
        two_targets.management.delete(f"{path}/gpt-4o", headers=headers),
    ]
    assert [(each.status_code, error_of(each)["code"]) for each in refused] == [(403, "admin_key_required")] * 3
    assert two_targets.management.get(path, headers=headers).json() == before.json()
