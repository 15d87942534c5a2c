"""The options of `smartflow serve`."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

import pytest

from smartflow.gateway.config import DEFAULT_PORTS, OptionError, add_options, read_options


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


def test_memory_has_no_folder():
    assert read("--memory").data_dir is None


def test_quiet_logs_errors_only():
    assert read("--quiet").log_level == logging.ERROR
