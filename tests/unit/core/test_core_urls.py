"""Base URLs: what is taken, what is refused and why, the siblings, and which networks may see a key in the clear."""

from __future__ import annotations

import string
from typing import Any, List

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartflow._core.urls import Origin, parse_base_url
from smartflow.exceptions import ConfigError


@pytest.mark.parametrize(
    ("text", "url", "sibling"),
    [
        ("http://smartflow:7775", "http://smartflow:7775", "http://smartflow:7778"),
        ("http://smartflow:7775/", "http://smartflow:7775", "http://smartflow:7778"),
        ("  http://smartflow:7775\n", "http://smartflow:7775", "http://smartflow:7778"),
        ("https://gw.example.com", "https://gw.example.com", "https://gw.example.com:7778"),
        ("http://gw", "http://gw", "http://gw:7778"),
        ("https://gw.example.com:443", "https://gw.example.com:443", "https://gw.example.com:7778"),
        ("HTTP://GateWay:7775/Path", "http://gateway:7775/Path", "http://gateway:7778"),
        ("https://gw.example.com/team/a//", "https://gw.example.com/team/a", "https://gw.example.com:7778"),
        ("https://gw/api/v2", "https://gw/api/v2", "https://gw:7778"),
        ("http://[::1]:7775", "http://[::1]:7775", "http://[::1]:7778"),
        ("https://[2001:db8::1]", "https://[2001:db8::1]", "https://[2001:db8::1]:7778"),
        ("http://10.0.0.5:7775", "http://10.0.0.5:7775", "http://10.0.0.5:7778"),
        ("https://bücher.example", "https://xn--bcher-kva.example", "https://xn--bcher-kva.example:7778"),
        ("https://gw.example.com.", "https://gw.example.com.", "https://gw.example.com.:7778"),
        ("http://gw:", "http://gw", "http://gw:7778"),
    ],
)
def test_a_good_url_is_taken_and_its_siblings_are_on_the_same_host(text: str, url: str, sibling: str) -> None:
    origin = parse_base_url(text)
    assert origin.url == url
    assert origin.sibling(7778).url == sibling


def test_the_default_port_is_that_of_the_scheme() -> None:
    assert (parse_base_url("http://gw").port, parse_base_url("https://gw").port) == (80, 443)


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (None, "must be a string"), (7775, "must be a string"), (b"http://gw", "must be a string"),
        ("", "is empty"), ("   ", "is empty"), ("gateway:7775", "no scheme"), ("//gateway", "no scheme"),
        ("ftp://gateway", "must begin with http"), ("file:///etc/passwd", "must begin with http"),
        ("http://", "has no host"), ("http://:7775", "has no host"), ("http:///path", "has no host"),
        ("http://gw:0", "port 0"), ("http://gw:99999", "is not a URL"), ("http://gw:abc", "is not a URL"),
        ("http://gw:-1", "is not a URL"), ("http://[::1", "is not a URL"), ("http://g w", "blanks"), ("http://g\nw", "blanks"),
        ("http://gw/a\tb", "blanks"), ("http://gw\x7f", "blanks"), ("http://g\\w", "no host name has"), ("http://g\u00a0w\u00fc", "no host name has"), ("http://g|w", "no host name has"),
        ("http://user@gw", "must not contain a user name"), ("http://user:pw@gw", "must not contain a user name"),
        ("http://gw?x=1", "a query"), ("http://gw/?", "a query"), ("http://gw#x", "a query"), ("http://gw/#", "a query"),
        ("http://gw:7775/v1", "must not end in /v1"), ("http://gw:7775/v1/", "must not end in /v1"), ("https://gw/api/v1", "use 'https://gw/api'"),
        ("http://gw/a/../b", "a path that cannot be used"), ("http://gw/./a", "a path that cannot be used"),
        ("http://gw/ü", "a path that cannot be used"), ("http://a..b", "empty part"), ("http://.a", "empty part"),
        ("http://" + "a" * 64, "more than 63"), ("http://" + "ü" * 64, "cannot be written in ASCII"),
        ("http://a\u2100b", "is not a URL"),
    ],
)  # fmt: skip
def test_a_bad_url_is_refused_with_its_name_and_the_reason(value: Any, why: str) -> None:
    with pytest.raises(ConfigError, match=why) as caught:
        parse_base_url(value, "management_url")
    assert caught.value.message.startswith("management_url")


@pytest.mark.parametrize(
    "text",
    [
        "http://user:hunter2@gw", "http://hunter2@gw", "user:hunter2@gw", "http://user:hunter2@gw:abc", "http://user:hunter2@[gw",
        "http://user:hunter2/x@gw:1", "http://user:hunter2\u2100@gw", "ftp://user:hunter2@gw", "http://user:hunter2@gw/ x",
    ],
)  # fmt: skip
def test_a_refusal_never_repeats_a_password(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_base_url(text)
    assert "hunter2" not in f"{caught.value!s}{caught.value!r}{caught.value.__cause__}"


def test_the_cure_for_v1_is_the_url_without_it() -> None:
    with pytest.raises(ConfigError, match="use 'http://gw:7775'"):
        parse_base_url("http://gw:7775/v1")


@given(st.text(max_size=30))
def test_any_text_is_taken_or_refused(text: str) -> None:
    for candidate in (text, f"http://{text}", f"https://gw{text}"):
        try:
            origin = parse_base_url(candidate)
        except ConfigError:
            continue
        assert parse_base_url(origin.url) == origin


@given(
    st.lists(st.text(string.ascii_lowercase + string.digits, min_size=1, max_size=10), min_size=1, max_size=4),
    st.integers(1, 65535),
)
def test_a_url_that_is_written_out_reads_back(labels: List[str], port: int) -> None:
    origin = Origin("http", ".".join(labels), port, "/a/b", True)
    assert parse_base_url(origin.url) == origin


@pytest.mark.parametrize(
    ("host", "trusted"),
    [
        ("localhost", True), ("smartflow", True), ("gw.internal", True), ("gw.local", True), ("gw.prod.svc", True),
        ("127.0.0.1", True), ("127.9.9.9", True), ("10.1.2.3", True), ("172.16.0.1", True), ("192.168.0.1", True),
        ("169.254.1.1", True), ("[::1]", True), ("[fd00::1]", True), ("[fe80::1]", True), ("[::ffff:10.0.0.1]", True),
        ("gw.example.com", False), ("8.8.8.8", False), ("172.32.0.1", False), ("[2600::1]", False), ("internal.example.com", False),
        ("localhost.evil.com", False), ("notlocal", True), ("evil-local.com", False),
        # Numbers are addresses as well: 8.8.8.8 in decimal and in hexadecimal.
        ("134744072", False), ("0x8080808", False), ("[::ffff:8.8.8.8]", False), ("010.8.8.8", False),
    ],
)  # fmt: skip
def test_only_names_and_addresses_that_stay_inside_are_trusted(host: str, trusted: bool) -> None:
    assert parse_base_url(f"http://{host}:7775").is_trusted_network is trusted
