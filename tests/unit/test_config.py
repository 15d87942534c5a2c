"""Where a client finds its settings, and which settings it refuses."""

from __future__ import annotations

import os
from typing import Any, Dict, Optional

import pytest

from smartflow._core.secrets import Secret
from smartflow._core.urls import parse_base_url
from smartflow.config import Settings, environment_proxy, make_settings
from smartflow.exceptions import ConfigError

PORTS = {"management": 7778, "compliance": 7777}
VARIABLES = (
    "SMARTFLOW_GATEWAY_URL", "SMARTFLOW_URL", "SMARTFLOW_API_KEY", "SMARTFLOW_ATTESTATION", "APERION_ATTESTATION",
    "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY",
)  # fmt: skip


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    monkeypatch.setenv("SMARTFLOW_CONFIG", os.devnull)


def settings(base_url: Any = "http://gw:7775", api_key: Any = None, **rest: Any) -> Settings:
    parts: Dict[str, Any] = {"ports": PORTS, "urls": {}, **rest}
    return make_settings(base_url, api_key, **parts)


def test_an_argument_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMARTFLOW_GATEWAY_URL", "http://env:1")
    monkeypatch.setenv("SMARTFLOW_API_KEY", "env-key")
    monkeypatch.setenv("SMARTFLOW_ATTESTATION", "env-proof")
    made = settings("http://gw:7775", "key", attestation="proof")
    assert made.origins["proxy"].url == "http://gw:7775"
    assert (made.api_key, made.attestation) == (Secret("key"), Secret("proof"))


def test_the_environment_speaks_where_no_argument_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMARTFLOW_GATEWAY_URL", "http://env:1")
    monkeypatch.setenv("SMARTFLOW_API_KEY", "env-key")
    monkeypatch.setenv("APERION_ATTESTATION", "env-proof")
    made = settings(None)
    assert made.origins["proxy"].url == "http://env:1"
    assert (made.api_key, made.attestation) == (Secret("env-key"), Secret("env-proof"))


def test_the_newer_variable_wins_over_the_older_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMARTFLOW_URL", "http://old:1")
    assert settings(None).origins["proxy"].host == "old"
    monkeypatch.setenv("SMARTFLOW_GATEWAY_URL", "http://new:1")
    assert settings(None).origins["proxy"].host == "new"
    monkeypatch.setenv("APERION_ATTESTATION", "old")
    monkeypatch.setenv("SMARTFLOW_ATTESTATION", "new")
    assert settings().attestation == Secret("new")


def test_a_key_without_a_url_is_refused_with_what_to_do() -> None:
    assert settings(None).mode == "direct"
    with pytest.raises(ConfigError, match=r"SMARTFLOW_GATEWAY_URL.*gateway_url.*smartflow configure.*smartflow serve"):
        settings(None, "sk-sf-0")


@pytest.mark.parametrize("value", ["", "  "])
def test_an_empty_url_is_refused_by_its_name(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match="base_url is empty"):
        settings(value)
    monkeypatch.setenv("SMARTFLOW_GATEWAY_URL", value)
    with pytest.raises(ConfigError, match="SMARTFLOW_GATEWAY_URL is empty"):
        settings(None)


@pytest.mark.parametrize("value", ["", "  ", "\n"])
def test_an_empty_key_is_none(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMARTFLOW_API_KEY", "env-key")
    assert settings(api_key=value).api_key is None
    monkeypatch.setenv("SMARTFLOW_API_KEY", value)
    assert settings().api_key is None


def test_a_key_loses_the_line_break_that_a_file_gave_it() -> None:
    assert settings(api_key="  key\n").api_key == Secret("key")


@pytest.mark.parametrize("value", ["a b", "a\nb", "schlüssel", "a\tb", 7, b"key", ["key"]])
def test_a_key_that_cannot_be_sent_is_refused_without_showing_it(value: Any) -> None:
    with pytest.raises(ConfigError, match="api_key") as caught:
        settings(api_key=value)
    assert str(value) not in str(caught.value)


def test_settings_show_no_secret() -> None:
    made = settings(api_key="hunter2", attestation="hunter2", proxy="http://u:hunter2@p")
    assert "hunter2" not in repr(made)


def test_siblings_are_on_the_same_host_unless_they_have_urls_of_their_own() -> None:
    made = settings("https://gw.example.com/team", urls={"compliance": "https://scan.example.com", "management": None})
    assert made.origins["management"].url == "https://gw.example.com:7778"
    assert made.origins["compliance"].url == "https://scan.example.com"


@pytest.mark.parametrize("port", [0, -1, 65536, "7778", 7778.0, True, None])
def test_a_port_that_is_none_is_refused_by_name(port: Any) -> None:
    with pytest.raises(ConfigError, match="management_port"):
        settings(ports={"management": port})


def test_a_wrong_url_of_a_service_is_refused_by_name() -> None:
    with pytest.raises(ConfigError, match="compliance_url"):
        settings(urls={"compliance": "scan:7777"})


@pytest.mark.parametrize("proof", [{"api_key": "key"}, {"attestation": "proof"}])
@pytest.mark.parametrize(
    ("url", "urls"),
    [
        ("http://gw.example.com", {}),
        ("http://8.8.8.8:7775", {}),
        ("https://gw", {"compliance": "http://scan.example.com"}),
    ],
)
def test_a_key_is_not_sent_in_the_clear_over_a_public_network(
    url: str, urls: Dict[str, str], proof: Dict[str, str]
) -> None:
    with pytest.raises(ConfigError, match=r"in the clear.*https://"):
        settings(url, urls=urls, **proof)
    settings(url, urls=urls, allow_insecure_http=True, **proof)
    settings(url, urls=urls)


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost:7775",
        "http://smartflow:7775",
        "http://10.0.0.1:7775",
        "http://[::1]:7775",
        "https://gw.example.com",
    ],
)
def test_a_key_may_go_where_nobody_listens(url: str) -> None:
    assert settings(url, "key").api_key == Secret("key")


@pytest.mark.parametrize(
    "rest",
    [
        {"http_client": object(), "transport": object()}, {"http_client": object(), "proxy": "http://p"},
        {"transport": object(), "proxy": "http://p"},
    ],
)  # fmt: skip
def test_settings_that_contradict_each_other_are_refused(rest: Dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        settings(**rest)


@pytest.mark.parametrize(
    ("environment", "url", "proxy"),
    [
        ({}, "https://gw.example.com", None),
        ({"HTTPS_PROXY": "http://p:1"}, "https://gw.example.com", "http://p:1"),
        ({"HTTPS_PROXY": "http://p:1"}, "http://gw.example.com", None),
        ({"HTTP_PROXY": "p:1"}, "http://gw.example.com", "http://p:1"),
        ({"ALL_PROXY": "http://p:1"}, "http://gw.example.com", "http://p:1"),
        ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": "example.com"}, "https://gw.example.com", None),
        ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": "*"}, "https://gw.example.com", None),
        ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": "other.com"}, "https://gw.example.com", "http://p:1"),
        ({"HTTP_PROXY": "http://p:1"}, "http://localhost:7775", None),
        ({"HTTP_PROXY": "http://p:1"}, "http://127.0.0.1:7775", None),
        ({"HTTP_PROXY": "http://p:1"}, "http://[::1]:7775", None),
        ({"HTTPS_PROXY": ""}, "https://gw.example.com", None),
    ],
)
def test_the_environment_names_the_proxy(
    environment: Dict[str, str], url: str, proxy: Optional[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert environment_proxy(parse_base_url(url)) == proxy
