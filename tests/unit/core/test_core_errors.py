"""Error answers of every status and every known shape of body, and that none of them shows a secret."""

from __future__ import annotations

import copy
import json
import pickle
import re
from typing import Any, Dict, List, Type

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import smartflow
from smartflow import exceptions
from smartflow._core.errors import TransportFailure, error_for_event, error_for_failure, error_for_reply
from smartflow._core.secrets import Secret
from tests.unit.core.driver import START, FakeReply

CLASSES: List[Type[exceptions.SmartflowError]] = [getattr(exceptions, name) for name in exceptions.__all__]


def error(status: int, body: Any = b"", secrets: Any = (), **headers: str) -> exceptions.SmartflowError:
    reply = FakeReply(status, headers={name.replace("_", "-"): value for name, value in headers.items()})
    reply.content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return error_for_reply(reply, "getThing", 1, START, [Secret(value) for value in secrets])


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, exceptions.ValidationError), (401, exceptions.AuthenticationError), (402, exceptions.BudgetExceededError),
        (403, exceptions.ComplianceError), (404, exceptions.NotFoundError), (408, exceptions.TimeoutError),
        (409, exceptions.SmartflowError), (413, exceptions.ValidationError), (418, exceptions.SmartflowError),
        (422, exceptions.ValidationError), (429, exceptions.RateLimitError), (451, exceptions.SmartflowError),
        (500, exceptions.SmartflowError), (501, exceptions.SmartflowError), (502, exceptions.ProviderError),
        (503, exceptions.ProviderError), (504, exceptions.TimeoutError), (529, exceptions.ProviderError),
        (599, exceptions.SmartflowError),
    ],
)  # fmt: skip
@pytest.mark.parametrize("body", [b"", b"<html>no</html>", {"error": {"message": "m"}}, [], None, "text", 7])
def test_every_status_has_its_class_whatever_the_body_is(status: int, kind: type, body: Any) -> None:
    made = error(status, body)
    assert type(made) is kind
    assert made.status_code == status
    assert made.message


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"error": {"message": "M", "type": "t", "code": "c"}}, "M"),
        ({"error": "M"}, "M"),
        ({"error": "M", "error_description": "D"}, "M"),
        ({"message": "M"}, "M"),
        ({"detail": "M"}, "M"),
        ({"detail": {"message": "M"}}, "M"),
        ({"detail": {"error": "M"}}, "M"),
        ({"detail": [{"loc": ["body", "n"], "msg": "M", "type": "x"}]}, "body.n: M"),
        ({"detail": [{"msg": "M"}, "other"]}, "M; other"),
        ({"type": "about:blank", "title": "T", "status": 400, "detail": "M"}, "M"),
        ({"type": "about:blank", "title": "T", "status": 400}, "T"),
        ({"type": "error", "error": {"type": "overloaded_error", "message": "M"}, "request_id": "r"}, "M"),
        ([{"error": {"code": 400, "message": "M", "status": "INVALID_ARGUMENT"}}], "M"),
        (b"plain words", "getThing was answered with status 400: plain words"),
        (b"", "getThing was answered with status 400 and no readable reason"),
        (b"  \n", "getThing was answered with status 400 and no readable reason"),
        (b"<html><body>Bad</body></html>", "getThing was answered with status 400 and no readable reason"),
        (b"\xff\xfe\x00", "getThing was answered with status 400: \ufffd\ufffd\x00"),
        ({}, "getThing was answered with status 400 and no readable reason"),
        ({"error": {}}, "getThing was answered with status 400 and no readable reason"),
        ({"error": None, "message": "M"}, "M"),
        ({"error": {"message": ""}}, "getThing was answered with status 400 and no readable reason"),
        (b"[" * 100_000, "getThing was answered with status 400: " + "[" * 300),
    ],
)
def test_the_message_is_found_in_every_known_shape(body: Any, message: str) -> None:
    assert error(400, body).message == message


def test_all_facts_of_the_contracts_body_are_taken() -> None:
    detail = {
        "message": "M", "type": "t", "code": "c", "param": "p", "provider": "openai", "request_id": "req_b",
        "retry_after": 7, "risk_score": 0.5, "violations": ["ssn", {"kind": "x"}],
    }  # fmt: skip
    made = error(403, {"error": detail, "details": {"a": 1}})
    facts = (made.type, made.code, made.param, made.provider, made.request_id, made.retry_after, made.risk_score)
    assert facts == ("t", "c", "p", "openai", "req_b", 7.0, 0.5)
    assert made.violations == ["ssn", '{"kind": "x"}']
    assert made.details == {"a": 1}
    assert made.body == {"error": detail, "details": {"a": 1}}


def test_the_request_id_of_the_header_wins() -> None:
    assert error(400, {"error": {"request_id": "b"}}, x_smartflow_request_id="h").request_id == "h"


def test_a_request_id_beside_the_error_is_found() -> None:
    assert error(400, {"type": "error", "error": {"message": "M"}, "request_id": "r"}).request_id == "r"


@pytest.mark.parametrize("value", ["7", True, None, float("nan"), float("inf"), -1, 10**400, [7], {}])
def test_numbers_that_are_none_are_ignored(value: Any) -> None:
    made = error(429, {"error": {"message": "M", "retry_after": value, "risk_score": value}})
    assert made.retry_after is None
    assert made.risk_score is None


@pytest.mark.parametrize(
    "detail",
    [
        {"message": 1, "code": 7, "type": ["x"], "param": {}, "request_id": 5, "violations": "x"},
        {"message": ["a"], "violations": [None, 1]},
        {"detail": [{"loc": 5, "msg": 1}]},
        {"detail": [{"loc": None, "msg": None}]},
    ],
)
def test_a_body_of_wrong_types_is_still_an_error_of_its_status(detail: Any) -> None:
    for body in ({"error": detail}, detail, {"detail": detail}):
        assert type(error(404, body)) is exceptions.NotFoundError


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["error", "message", "detail", "loc", "msg", "code", "type", "details", "violations", "retry_after"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(json_values, st.sampled_from([302, 400, 403, 429, 500, 503]))
def test_no_body_makes_the_error_fail(body: Any, status: int) -> None:
    made = error(status, body)
    assert made.status_code == status
    assert isinstance(str(made), str)


@given(st.binary(max_size=60))
def test_no_bytes_make_the_error_fail(body: bytes) -> None:
    assert error(500, body).status_code == 500


@pytest.mark.parametrize("word", ["insufficient_quota", "budget_exceeded"])
@pytest.mark.parametrize("name", ["code", "type"])
def test_a_429_because_of_a_budget_is_told_apart(word: str, name: str) -> None:
    assert type(error(429, {"error": {name: word, "message": "M"}})) is exceptions.BudgetExceededError


def test_budget_words_do_not_change_other_statuses() -> None:
    assert type(error(400, {"error": {"code": "budget_exceeded"}})) is exceptions.ValidationError


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_names_its_target_and_the_cure(status: int) -> None:
    made = error(status, b"", location="https://user:pass-word@other:7775/x")
    assert type(made) is exceptions.SmartflowError
    assert "https://***@other:7775/x" in made.message
    assert "base URL" in made.message
    assert "pass-word" not in f"{vars(made)}"


def test_the_header_wins_over_the_body_for_the_wait() -> None:
    assert error(429, {"error": {"retry_after": 9}}, retry_after="3").retry_after == 3.0


CANARY = "vk-canary-0123456789"


@pytest.mark.parametrize(
    "body",
    [
        {"error": {"message": f"bad {CANARY}", "code": CANARY, "type": CANARY, "param": CANARY, "provider": CANARY}},
        {"error": {"message": "m", "violations": [CANARY, {"found": CANARY}]}, "details": {"a": [{"b": CANARY}]}},
        {"detail": [{"loc": ["body", CANARY], "msg": CANARY}]},
        {CANARY: {CANARY: [CANARY]}},
        {"request_id": CANARY, "message": "m"},
        f"plain {CANARY}".encode(),
        # Cut in the midst of the secret, half of it would be left.
        b"x" * (2000 - 10) + CANARY.encode(),
        f'{{"broken": "{CANARY}'.encode(),
    ],
)
@pytest.mark.parametrize("status", [302, 400, 401, 403, 429, 500])
def test_a_known_secret_is_in_no_part_of_an_error(status: int, body: Any) -> None:
    made = error(
        status, body, [CANARY], x_echo=f"Bearer {CANARY}", location=f"http://h/?k={CANARY}", x_request_id=CANARY
    )
    shown = f"{made!s}{made!r}{vars(made)}{made.args}"
    assert CANARY[:8] not in shown


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("sk-sf-" + "a" * 20, "aaaa"),
        ("sk-" + "b" * 1000, "bbbb"),
        ("Bearer zyxwvuts12345678", "zyxwvuts"),
        ("authorization: bearer " + "c" * 5000, "cccc"),
        ("http://user:hunter2hunter2@proxy:8080/", "hunter2"),
    ],
)
def test_what_looks_like_a_key_is_hidden_even_when_it_is_not_ours(text: str, secret: str) -> None:
    made = error(400, {"error": {"message": f"got {text} here"}}, x_echo=text)
    assert secret not in f"{made!s}{vars(made)}"


secret_text = st.text(
    st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="*"), min_size=8, max_size=40
)


def placed(secret: str, depth: List[int]) -> Any:
    value: Any = f"a {secret} b"
    for kind in depth:
        value = [value, secret] if kind == 0 else {secret: value} if kind == 1 else {"error": value, "message": secret}
    return value


@given(secret_text, st.lists(st.integers(0, 2), max_size=5), st.sampled_from([302, 400, 403, 429, 503]))
def test_a_random_secret_never_survives(secret: str, depth: List[int], status: int) -> None:
    plain = error(status, placed("", depth), x_echo="")
    assume(secret not in f"{plain!s}{plain!r}{vars(plain)}")
    made = error(status, placed(secret, depth), [secret], x_echo=secret)
    assert secret not in f"{made!s}{made!r}"
    assert secret not in json.dumps([made.body, made.headers, made.details, made.violations], ensure_ascii=False)
    event = error_for_event({"error": placed(secret, depth)}, "op", {"x-echo": secret}, [Secret(secret)])
    assert secret not in json.dumps([str(event), event.body, event.headers], ensure_ascii=False)


@given(secret_text)
def test_a_transport_failure_shows_no_secret(secret: str) -> None:
    for phase in (None, "idle"):
        plain = error_for_failure(TransportFailure("oh ", sent=True, phase=phase), "http://gateway//x?key=", "op", 1)
        assume(secret not in f"{plain!s}{plain!r}")
        failure = TransportFailure(f"oh {secret}", sent=True, phase=phase)
        made = error_for_failure(failure, f"http://gateway/{secret}/x?key={secret}", "op", 1, [Secret(secret)])
        assert secret not in f"{made!s}{made!r}"


FACTS: Dict[str, Any] = {
    "status_code": 429, "code": "c", "type": "t", "param": "p", "request_id": "r", "retry_after": 1.5, "body": {"a": [1]},
    "headers": {"h": "v"}, "attempts": 3, "operation": "op", "details": {"d": 1}, "provider": "openai",
    "violations": ["v"], "risk_score": 0.5,
}  # fmt: skip


@pytest.mark.parametrize("kind", CLASSES)
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_every_error_survives_a_pickle(kind: Type[exceptions.SmartflowError], protocol: int) -> None:
    more: Dict[str, Any] = {}
    if issubclass(kind, exceptions.StreamInterruptedError):
        more = {"partial_text": "half", "usage": {"total_tokens": 1}}
    elif issubclass(kind, exceptions.TimeoutError):
        more = {"phase": "idle", "partial_text": "half"}
    made = kind("it broke", **FACTS, **more)
    again = pickle.loads(pickle.dumps(made, protocol))
    assert type(again) is kind
    assert vars(again) == vars(made)
    assert (str(again), again.args) == (str(made), made.args)
    assert vars(copy.copy(made)) == vars(made)


@pytest.mark.parametrize("kind", CLASSES)
def test_an_error_needs_only_its_message(kind: Type[exceptions.SmartflowError]) -> None:
    made = kind("it broke")
    assert str(made) == made.message == "it broke"
    assert (made.status_code, made.headers, made.details, made.violations) == (None, {}, {}, [])


@pytest.mark.parametrize("kind", CLASSES)
def test_an_error_is_named_by_its_documented_path(kind: Type[exceptions.SmartflowError]) -> None:
    assert kind.__module__ == "smartflow"
    assert getattr(smartflow, kind.__name__) is kind


def test_the_text_of_an_error_has_status_request_and_attempts() -> None:
    assert str(exceptions.ProviderError("M", **FACTS)) == "M (status 429, request r, 3 attempts)"


def drawn_tree() -> Dict[str, str]:
    """Parent by class, from the drawing in the module's docstring."""
    parents: Dict[str, str] = {}
    above: List[str] = []
    for line in (exceptions.__doc__ or "").splitlines():
        found = re.match(r"([│├└─ ]*)([A-Z]\w+Error)\b", line)
        if found:
            level = len(found.group(1)) // 4
            above = [*above[:level], found.group(2)]
            if level:
                parents[found.group(2)] = above[level - 1]
    return parents


def test_the_classes_are_as_drawn() -> None:
    real = {kind.__name__: kind.__bases__[0].__name__ for kind in CLASSES if kind is not exceptions.SmartflowError}
    assert drawn_tree() == real


@pytest.mark.parametrize(
    ("kind", "builtin"),
    [
        (exceptions.ConnectionError, ConnectionError), (exceptions.StreamInterruptedError, ConnectionError),
        (exceptions.TimeoutError, TimeoutError), (exceptions.ValidationError, ValueError), (exceptions.ConfigError, ValueError),
    ],
)  # fmt: skip
def test_some_errors_are_builtin_errors_too(kind: type, builtin: type) -> None:
    assert issubclass(kind, builtin)
