"""When a client is in direct mode, and what it says of all that needs a gateway."""

from __future__ import annotations

import inspect
import logging
from typing import Any, Dict

import pytest

import smartflow
from smartflow import SmartflowClient, SyncSmartflowClient
from smartflow.direct import DirectModeError
from smartflow.exceptions import ConfigError
from smartflow.providers.plans import OFFERED
from tests.support.answers import chat, reply
from tests.support.faces import Connect
from tests.support.hostile import HostileServer
from tests.support.surface import BY_METHOD

WORKS = {*OFFERED, "listModels", "getCacheStats"}
GATEWAY_ONLY = sorted(method for method, operation in BY_METHOD.items() if operation not in WORKS)
GIVEN: Dict[str, Any] = {"is_false_positive": True, "targets": [{"provider": "openai"}]}
DOCUMENTED = """VAS audit logs requires a Smartflow Enterprise gateway.
Run `smartflow configure` to connect to a gateway and unlock:
  • BERT KNN semantic cache (55–75% cost savings)
  • Real-time policy engine (PII detection, jailbreak guard)
  • SSO identity integration (Entra ID, LDAP, SAML)
  • Full VAS audit trail (per-user request logging)
  • MCP gateway + A2A orchestration"""


def test_without_a_gateway_the_mode_is_direct(connect: Connect) -> None:
    sf = connect()
    assert (sf.mode, sf.is_gateway_mode()) == ("direct", False)
    assert repr(sf.client) == f"<{type(sf.client).__name__} direct>"


def test_an_address_anywhere_means_the_gateway(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    assert SyncSmartflowClient("http://gw:1").mode == "gateway"
    monkeypatch.setenv("SMARTFLOW_URL", "http://gw:2")
    assert SyncSmartflowClient().base_url == "http://gw:2"
    monkeypatch.setenv("SMARTFLOW_GATEWAY_URL", "http://gw:3")
    assert SyncSmartflowClient().base_url == "http://gw:3"
    monkeypatch.delenv("SMARTFLOW_URL")
    monkeypatch.delenv("SMARTFLOW_GATEWAY_URL")
    file = tmp_path / "config.yaml"
    file.write_text("gateway_url: http://gw:4\n")
    monkeypatch.setenv("SMARTFLOW_CONFIG", str(file))
    assert SyncSmartflowClient().base_url == "http://gw:4"


def test_a_broken_file_is_never_a_reason_for_direct_mode(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("openai_api_key: k\ngateway_url: [http://gw\n")
    monkeypatch.setenv("SMARTFLOW_CONFIG", str(file))
    with pytest.raises(ConfigError, match=rf"{file}:2"):
        SmartflowClient()


def test_a_gateways_key_without_a_gateway_is_told(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("SMARTFLOW_API_KEY", "sk-sf-canary")
    with caplog.at_level(logging.WARNING, "smartflow"):
        assert SmartflowClient().mode == "direct"
    assert "SMARTFLOW_API_KEY is set, but no gateway is" in caplog.text
    assert "canary" not in caplog.text


def test_the_documented_words(connect: Connect) -> None:
    with pytest.raises(DirectModeError) as caught:
        connect().get_logs()
    assert str(caught.value) == DOCUMENTED
    assert (caught.value.code, caught.value.operation) == ("direct_mode", "getVasLogs")
    assert smartflow.DirectModeError is DirectModeError


@pytest.mark.parametrize("method", GATEWAY_ONLY)
def test_every_gateway_only_method_says_so_in_words(method: str, connect: Connect) -> None:
    function = getattr(SmartflowClient, method)
    needed = [
        name
        for name, parameter in inspect.signature(function).parameters.items()
        if parameter.default is parameter.empty and parameter.kind is parameter.POSITIONAL_OR_KEYWORD and name != "self"
    ]
    sf = connect()
    with pytest.raises(DirectModeError, match="requires a Smartflow Enterprise gateway") as caught:
        more = {"name": "x"} if method == "update_virtual_key" else {}
        result = getattr(sf, method)(*(GIVEN.get(name, "x") for name in needed), **more)
        next(iter(result))
    # The name of a feature, not the name of an operation.
    assert " " in str(caught.value).split(" requires")[0] or str(caught.value).startswith("MetaCache ")


@pytest.mark.parametrize("name", ["base_url", "management_url", "compliance_url", "bridge_url", "policy_perfect_url"])
def test_there_are_no_addresses_of_services(name: str, connect: Connect) -> None:
    with pytest.raises(DirectModeError):
        getattr(connect(), name)


@pytest.mark.parametrize("call", ["_get", "_post"])
def test_a_raw_call_needs_a_gateway(call: str, connect: Connect) -> None:
    with pytest.raises(DirectModeError):
        getattr(connect(), call)("/api/vas/logs")


def test_the_same_code_works_in_both_modes(
    connect: Connect, server: HostileServer, at: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def program() -> Any:
        sf = connect()
        answer = sf.chat_completions([{"role": "user", "content": "Hi"}], model="openai/gpt-4o")
        return sf.mode, answer.content, answer.usage.total_tokens

    at("openai", path="/v1")
    server.answer(reply(chat("hello")))
    assert program() == ("direct", "hello", 5)
    monkeypatch.setenv("SMARTFLOW_GATEWAY_URL", server.url)
    assert program() == ("gateway", "hello", 5)
    assert [request.json()["model"] for request in server.requests] == ["gpt-4o", "openai/gpt-4o"]


def test_a_closed_client_says_so(connect: Connect, at: Any) -> None:
    at("openai")
    sf = connect()
    sf.close()
    with pytest.raises(smartflow.SmartflowError, match="closed"):
        sf.chat("Hello")


def test_httpx_stays_out_of_a_call_to_a_provider(at: Any, server: HostileServer) -> None:
    import subprocess
    import sys

    at("openai", path="/v1")
    server.answer(reply(chat("hello")))
    program = "import smartflow, sys; smartflow.SyncSmartflowClient().chat('x'); print('openai' in sys.modules, 'httpx' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
