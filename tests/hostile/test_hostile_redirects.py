"""Group B of the defects: a redirect is an error, and nothing is sent to its target (B11)."""

from __future__ import annotations

from typing import Any, Callable, Iterator

import pytest

import smartflow
from tests.support.answers import chat, reply
from tests.support.faces import Connect, Face
from tests.support.hostile import HostileServer

KEY = "sk-sf-redirect-0123456789"


@pytest.fixture
def elsewhere() -> Iterator[HostileServer]:
    with HostileServer() as other:
        other.answer(reply(chat("stolen")))
        yield other


@pytest.mark.parametrize("status", [300, 301, 302, 303, 304, 307, 308])
def test_a_redirect_to_another_host_is_never_followed(
    connect: Connect, server: HostileServer, elsewhere: HostileServer, status: int
) -> None:
    server.answer(reply(b"", status, {"location": f"{elsewhere.url}/v1/chat/completions"}))
    sf = connect(api_key=KEY, max_retries=2)
    with pytest.raises(smartflow.SmartflowError) as caught:
        sf.chat("a secret prompt")
    assert caught.value.status_code == status
    assert elsewhere.url in str(caught.value)
    assert elsewhere.connections == 0
    assert len(server.requests) == 1


def test_a_redirect_on_the_same_host_is_not_followed_either(sf: Face, server: HostileServer) -> None:
    server.answer(reply(b"", 307, {"location": "/elsewhere"}))
    with pytest.raises(smartflow.SmartflowError, match="/elsewhere"):
        sf.chat("hi")
    assert len(server.requests) == 1


def test_a_redirected_stream_is_an_error(sf: Face, server: HostileServer, elsewhere: HostileServer) -> None:
    server.answer(reply(b"", 307, {"location": elsewhere.url}))
    with pytest.raises(smartflow.SmartflowError):
        list(sf.stream_chat("hi"))
    assert elsewhere.connections == 0


def test_a_redirect_without_a_target_is_an_error(sf: Face, server: HostileServer) -> None:
    server.answer(reply(chat(), 302))
    with pytest.raises(smartflow.SmartflowError, match="redirected"):
        sf.chat("hi")


def test_a_password_in_the_target_of_a_redirect_is_not_printed(sf: Face, server: HostileServer) -> None:
    server.answer(reply(b"", 302, {"location": "https://bob:hunter2hunter2@proxy.example/x"}))
    with pytest.raises(smartflow.SmartflowError) as caught:
        sf.chat("hi")
    assert "hunter2" not in f"{caught.value} {caught.value!r} {dict(caught.value.headers)}"


def test_a_client_of_the_users_that_follows_redirects_does_not_follow_ours(
    connect: Connect, server: HostileServer, elsewhere: HostileServer, own_httpx: Callable[..., Any]
) -> None:
    server.answer(reply(b"", 307, {"location": elsewhere.url}))
    with pytest.raises(smartflow.SmartflowError):
        connect(http_client=own_httpx(follow_redirects=True)).chat("hi")
    assert elsewhere.connections == 0
