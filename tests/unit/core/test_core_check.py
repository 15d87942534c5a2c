"""Arguments are checked before anything is sent, and the defaults are sent only where a model takes them."""

from __future__ import annotations

from collections import UserDict
from typing import Any, Callable, Dict, Optional

import pytest

from smartflow._core import check
from smartflow._core.defaults import TEMPERATURE, sampling
from smartflow.exceptions import ConfigError, ValidationError

USER = {"role": "user", "content": "Hi"}


@pytest.mark.parametrize(
    ("call", "param", "why"),
    [
        (lambda: check.check_text(None, "model"), "model", "must be a string, not NoneType"),
        (lambda: check.check_text("", "model"), "model", "must not be empty"),
        (lambda: check.check_text(b"x", "model"), "model", "not bytes"),
        (lambda: check.check_texts([], "input"), "input", "must not be an empty list"),
        (lambda: check.check_texts("", "input"), "input", "must not be empty"),
        (lambda: check.check_texts({"a": 1}, "input"), "input", "not dict"),
        (lambda: check.check_texts(["a", None], "input"), "input", r"input\[1\] must be a string, not NoneType"),
        (lambda: check.check_texts([True], "input"), "input", r"input\[0\]"),
        (lambda: check.check_int("5", "limit", 1), "limit", "not str"),
        (lambda: check.check_int(True, "limit", 1), "limit", "not bool"),
        (lambda: check.check_int(1.0, "limit", 1), "limit", "not float"),
        (lambda: check.check_int(0, "limit", 1), "limit", "at least 1, not 0"),
        (lambda: check.check_int(11, "limit", 1, 10), "limit", "at most 10, not 11"),
        (lambda: check.check_segment(".", "org_id"), "org_id", "must not be '.'"),
        (lambda: check.check_segment("..", "org_id"), "org_id", "must not be '..'"),
        (lambda: check.check_segment("", "org_id"), "org_id", "must not be empty"),
        (lambda: check.check_messages("Hi"), "messages", "must be a list of dicts .* not str"),
        (lambda: check.check_messages(USER), "messages", "not dict"),
        (lambda: check.check_messages(None), "messages", "not NoneType"),
        (lambda: check.check_messages([]), "messages", "must not be empty"),
        (lambda: check.check_messages([USER, "Hi"]), "messages[1]", "must be a dict"),
        (lambda: check.check_messages([{"content": "Hi"}]), "messages[0]", "has no role"),
        (lambda: check.check_messages([{"role": 7}]), "messages[0]", "has no role"),
        (lambda: check.check_extras({"timeout": 5}), "timeout", r"with_options\(timeout=\.\.\.\)"),
        (
            lambda: check.check_extras({"stream": True}, hints={"stream": "use stream_chat()"}),
            "stream",
            "use stream_chat",
        ),
        (lambda: check.check_extras({"messages": []}, ("messages",)), "messages", "already set"),
    ],
)
def test_a_wrong_argument_is_refused_by_name(call: Callable[[], Any], param: str, why: str) -> None:
    with pytest.raises(ValidationError, match=why) as caught:
        call()
    assert caught.value.param == param


@pytest.mark.parametrize(
    "call",
    [
        lambda: check.check_retries(-1), lambda: check.check_retries(True), lambda: check.check_retries(1.5),
        lambda: check.check_retries(None), lambda: check.check_identity("", "user_id"), lambda: check.check_identity(7, "user_id"),
        lambda: check.check_identity("a b", "user_id"), lambda: check.check_identity("ü", "user_id"),
        lambda: check.check_identity("a\r\nb: c", "user_id"), lambda: check.check_identity("a" * 257, "user_id"),
        lambda: check.check_options({"retries": 5}),
    ],
)  # fmt: skip
def test_a_wrong_option_is_a_config_error(call: Callable[[], Any]) -> None:
    with pytest.raises(ConfigError):
        call()


def test_good_arguments_pass_unchanged() -> None:
    assert check.check_text("", "system", empty=True) == ""
    assert check.check_texts(("a", [1, 2]), "input") == ["a", [1, 2]]
    assert check.check_int(10, "limit", 1, 10) == 10
    assert check.check_segment("a/..", "id") == "a/.."
    assert check.check_retries(0) == 0
    assert check.check_identity("alice@example.com", "user_id") == "alice@example.com"
    check.check_options({})
    check.check_extras({"top_p": 1}, ("messages",), {"stream": "no"})


def test_messages_become_plain_dicts_and_keep_what_they_carry() -> None:
    tool = UserDict({"role": "tool", "tool_call_id": "a", "content": None})
    assert check.check_messages((USER, tool)) == [USER, {"role": "tool", "tool_call_id": "a", "content": None}]
    assert check.check_messages([USER])[0] is USER


@pytest.mark.parametrize(
    "model", ["gpt-4o", "claude-sonnet-4-6", "gemini/gemini-2.0-flash", "ollama/llama3", "gpt-4.5", "olmo-2", "foo1"]
)
def test_the_default_temperature_is_sent_to_models_that_take_one(model: str) -> None:
    assert sampling(model, TEMPERATURE, None) == {"temperature": 0.7}


@pytest.mark.parametrize(
    "model", ["o1", "o3-mini", "o4-mini", "gpt-5", "gpt-5.1", "gpt-5-mini", "openai/o3", "azure/eu/gpt-5"]
)
def test_the_default_temperature_is_not_sent_to_models_that_refuse_it(model: str) -> None:
    assert sampling(model, TEMPERATURE, None) == {}


@pytest.mark.parametrize(
    ("temperature", "max_tokens", "fields"),
    [
        (0.7, None, {"temperature": 0.7}), (0.0, None, {"temperature": 0.0}), (None, None, {}), (None, 5, {"max_tokens": 5}),
        (1, 1, {"temperature": 1, "max_tokens": 1}),
    ],
)  # fmt: skip
def test_what_the_caller_gives_is_always_sent(
    temperature: Optional[float], max_tokens: Optional[int], fields: Dict[str, Any]
) -> None:
    assert sampling("o3", temperature, max_tokens) == fields
