"""A virtual key's compliance mode: the least that is done about sensitive text in its calls."""

from __future__ import annotations

import pytest

from smartflow.gateway.compliance.settings import ComplianceSettings
from tests.support.checked import SSN, completion

from .keyed import ADMIN, chat, new_key, read_key, rows

SECRET = f"My SSN is {SSN}"
HEADER, POLICY = "x-smartflow-compliance", "x-smartflow-compliance-policy"


@pytest.fixture
def start_keyed(start_gateway, provider):
    def start(**settings):
        environment = {"OPENAI_API_KEY": "sk-provider-key", "OPENAI_BASE_URL": provider.url}
        checks = ComplianceSettings(**settings)
        return start_gateway(api_key="the-configured-key", environment=environment, compliance=checks)

    provider.answer(200, completion("All done."))
    return start


@pytest.fixture
def gateway(start_keyed):
    return start_keyed()


def test_a_key_that_blocks_keeps_sensitive_text_from_the_provider_without_a_header(gateway, provider):
    key = new_key(gateway, compliance_mode="block")
    answer = chat(gateway, key, SECRET)
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "compliance_blocked")
    assert provider.requests == []
    (row,) = rows(gateway, key)
    assert row["compliance"]["enforcement"]["mode"] == "block"


@pytest.mark.parametrize("asked", ["off", "log", "redact"])
def test_a_header_does_not_weaken_the_key(gateway, provider, asked):
    key = new_key(gateway, compliance_mode="block")
    assert chat(gateway, key, SECRET, headers={HEADER: asked}).status_code == 403
    assert provider.requests == []


@pytest.mark.parametrize("mode", [None, "off", "log"])
def test_a_header_may_ask_for_more_than_the_key(gateway, mode):
    key = new_key(gateway, **({} if mode is None else {"compliance_mode": mode}))
    assert chat(gateway, key, SECRET).status_code == 200
    assert chat(gateway, key, SECRET, headers={HEADER: "block"}).status_code == 403


def test_a_header_does_not_choose_another_policy_for_a_key_that_is_checked(gateway, provider):
    key = new_key(gateway, compliance_mode="block")
    answer = chat(gateway, key, SECRET, headers={POLICY: "pci_dss_strict"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "policy_is_fixed")
    assert provider.requests == []


@pytest.mark.parametrize("mode", [None, "off", "log"])
def test_a_key_does_not_weaken_the_configuration(start_keyed, mode):
    gateway = start_keyed(mode="block")
    key = new_key(gateway, **({} if mode is None else {"compliance_mode": mode}))
    assert chat(gateway, key, SECRET).status_code == 403


def test_a_changed_mode_counts_from_the_next_call(gateway):
    key = new_key(gateway)
    path = f"/api/enterprise/vkeys/{key['key_id']}"
    answers = []
    for mode in ("block", None, "redact"):
        changed = gateway.management.patch(path, json={"compliance_mode": mode}, headers=ADMIN)
        assert changed.json()["compliance_mode"] == mode == read_key(gateway, key)["compliance_mode"]
        answer = chat(gateway, key, SECRET)
        answers.append((answer.status_code, answer.headers.get(HEADER)))
    assert answers == [(403, None), (200, None), (200, "redacted")]


def test_a_mode_that_nobody_knows_makes_no_key(gateway):
    body = {"name": "wrong", "compliance_mode": "blok"}
    refused = gateway.management.post("/api/enterprise/vkeys", json=body, headers=ADMIN)
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, "compliance_mode")
