"""No key of a provider shows in an error, a repr or a traceback, however deeply its answer repeats it."""

from __future__ import annotations

import json
import pickle
import traceback
from datetime import datetime, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smartflow._core.errors import Reply, error_for_event, error_for_reply
from smartflow._core.secrets import Secret
from smartflow.exceptions import SmartflowError
from smartflow.providers.dialect import Target, dialect_for
from smartflow.providers.peer import ProviderPeer
from smartflow.providers.table import PROVIDERS

CANARY = "canary-0123456789-key"
SECRETS = (Secret(CANARY),)
NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)

words = st.sampled_from([CANARY, f"Bearer {CANARY}", f"key {CANARY} is wrong", "plain", ""])
names = st.sampled_from(["error", "message", "detail", "code", "type", "param", CANARY, "errors", "0"])
nested = st.recursive(
    words | st.none() | st.integers() | st.booleans(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=12,
)


def texts_of(error: BaseException) -> str:
    """All that a user, a log or a debugger's summary sees of an error."""
    shown = [str(error), repr(error), repr(vars(error)), *traceback.format_exception(type(error), error, None)]
    return "\n".join(shown) + str(pickle.dumps(error) if isinstance(error, SmartflowError) else b"")


class Answered(Reply):
    def __init__(self, status: int, content: bytes) -> None:
        self.status, self.content = status, content
        self.headers = {"content-type": "application/json", "x-echo": CANARY}


@settings(max_examples=200, deadline=None)
@given(
    body=nested, status=st.sampled_from([400, 401, 403, 404, 429, 500, 529]), provider=st.sampled_from(list(PROVIDERS))
)
def test_an_error_answer_never_shows_the_key(body: Any, status: int, provider: str) -> None:
    target = Target(provider, "a-model", "https://x.test", Secret(CANARY))
    reply = Answered(status, json.dumps(body).encode())
    error = error_for_reply(reply, "createChatCompletion", 1, NOW, SECRETS, ProviderPeer(target, "THE_VARIABLE"))
    assert CANARY not in texts_of(error)
    assert (error.provider, error.status_code) == (provider, status)


@settings(max_examples=100, deadline=None)
@given(body=nested)
def test_an_error_inside_a_stream_never_shows_the_key(body: Any) -> None:
    error = error_for_event({"error": body or "failed"}, "createChatCompletion", {"x-echo": CANARY}, SECRETS)
    assert CANARY not in texts_of(error)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_what_is_sent_shows_no_key_in_its_repr(provider: str) -> None:
    target = Target(provider, "owner/a-model", "https://x.test", Secret(CANARY), {"api_version": "1"})
    dialect = dialect_for(provider)
    body = {"model": "m", "messages": [{"role": "user", "content": "x"}], "prompt": "x", "input": "x"}
    build = dialect.chat if dialect.spec.offers("chat") else dialect.images
    call = (dialect.speech if provider == "deepgram" else build)(body, target)
    assert CANARY not in repr(target) + str(call) + repr(call.secrets)
    assert CANARY in "".join(call.headers.values())
