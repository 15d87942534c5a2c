"""A call as bytes: its target, its headers and its body; and JSON in both directions."""

from __future__ import annotations

import json
from typing import Any, Dict, List, Tuple
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartflow._core.call import Call, Options, WireRequest, check_header
from smartflow._core.errors import with_facts
from smartflow._core.jsoncodec import decode, encode, preview
from smartflow._core.secrets import Secret
from smartflow._core.urls import Origin
from smartflow.exceptions import ResponseValidationError, ValidationError
from smartflow.types.options import Timeouts
from tests.unit.core.driver import ORIGIN, FakeReply, get, headers_of, post


def wire(call: Call, **extra: str) -> WireRequest:
    return call.to_wire(
        [(b"authorization", b"Bearer k"), (b"accept", b"*/*")], {n.replace("_", "-"): v for n, v in extra.items()}
    )


def test_a_get_has_no_body_and_no_length() -> None:
    request = wire(get())
    assert (request.method, request.target, request.content) == ("GET", b"/thing", b"")
    assert headers_of(request) == {"host": "gateway:7775", "authorization": "Bearer k", "accept": "*/*"}
    assert request.url == "http://gateway:7775/thing"


def test_a_body_is_json_with_its_length_in_bytes() -> None:
    request = wire(post(body={"text": "é🎈"}))
    assert json.loads(request.content) == {"text": "é🎈"}
    headers = headers_of(request)
    assert (headers["content-type"], headers["content-length"]) == ("application/json", str(len(request.content)))


def test_a_post_without_a_body_says_that_it_is_empty() -> None:
    assert headers_of(wire(post(body=None)))["content-length"] == "0"


@pytest.mark.parametrize("body", [[], {}, 0, False, ""])
def test_an_empty_body_is_a_body(body: Any) -> None:
    assert json.loads(wire(post(body=body)).content) == body


def test_an_encoded_body_goes_out_as_it_is() -> None:
    request = wire(post(transport_body=([(b"content-type", b"multipart/form-data; boundary=x")], [b"a", b"b"])))
    assert request.content == [b"a", b"b"]
    assert headers_of(request)["content-type"] == "multipart/form-data; boundary=x"


def test_the_path_of_the_base_url_stays_in_front() -> None:
    call = Call("op", Origin("https", "gw", 443, "/team"), "GET", "/v1/models")
    assert wire(call).url == "https://gw/team/v1/models"


@pytest.mark.parametrize(
    ("params", "query"),
    [
        ({"a": 1, "b": "x y&z=1"}, "a=1&b=x+y%26z%3D1"),
        ({"flag": True, "off": False}, "flag=true&off=false"),
        ({"many": ["a", 1, True]}, "many=a&many=1&many=true"),
        ({"pair": ("a", "b")}, "pair=a&pair=b"),
        ({"none": None, "a": 1}, "a=1"),
        ({"text": "é"}, "text=%C3%A9"),
        ({"f": 0.5}, "f=0.5"),
    ],
)
def test_parameters_are_written_into_the_query(params: Dict[str, Any], query: str) -> None:
    assert wire(get(params=params)).target.decode() == f"/thing?{query}"


@pytest.mark.parametrize("params", [{}, None, {"a": None}, {"a": []}])
def test_no_parameters_leave_no_question_mark(params: Any) -> None:
    assert wire(get(params=params)).target == b"/thing"


def test_parameters_join_a_query_that_the_path_has() -> None:
    assert wire(Call("op", ORIGIN, "GET", "/a?b=1", params={"c": 2})).target == b"/a?b=1&c=2"


@pytest.mark.parametrize(("path", "target"), [("", b"/"), ("?a=1", b"/?a=1")])
def test_a_target_begins_with_a_slash(path: str, target: bytes) -> None:
    assert wire(Call("op", ORIGIN, "GET", path)).target == target


@given(st.dictionaries(st.text(min_size=1, max_size=8), st.text(max_size=12), max_size=4))
def test_any_parameter_comes_out_as_it_went_in(params: Dict[str, str]) -> None:
    target = wire(get(params=params)).target.decode("ascii")
    assert parse_qsl(urlsplit(target).query, keep_blank_values=True) == list(params.items())


@pytest.mark.parametrize("params", [{"text": "\ud800"}, {"\ud800": "text"}, {"many": ["a", "\udfff"]}])
def test_a_parameter_with_half_a_character_is_refused(params: Dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="lone surrogate") as caught:
        wire(get(params=params))
    str(caught.value).encode()


@pytest.mark.parametrize("name", ["Authorization", "AUTHORIZATION", "authorization"])
def test_a_header_of_the_call_replaces_ours_whatever_its_case(name: str) -> None:
    assert headers_of(wire(get(headers={name: "Bearer mine"})))["authorization"] == "Bearer mine"


def test_a_header_of_the_call_wins_over_the_options_and_those_over_ours() -> None:
    request = wire(get(headers={"X-A": "call"}), x_a="options", accept="text/plain")
    assert headers_of(request)["x-a"] == "call"
    assert headers_of(request)["accept"] == "text/plain"


def test_the_media_type_of_the_body_can_be_replaced() -> None:
    assert headers_of(wire(post(headers={"Content-Type": "application/x"})))["content-type"] == "application/x"


@pytest.mark.parametrize(
    "value", ["a\r\nb: c", "a\nb", "a\rb", "a\0b", "a\x0bb", "a\x1fb", "a\x7fb", " a", "a ", "a\n", "日本"]
)
def test_a_value_that_would_split_the_request_is_refused(value: str) -> None:
    with pytest.raises(ValidationError, match="header x-a"[:6]) as caught:
        wire(get(headers={"x-a": value}))
    assert caught.value.param == "x-a"


@pytest.mark.parametrize("name", ["", "a b", "a:b", "a\r\nb", "ä", "a\0", "(x)", 7, None, b"x-a"])
def test_a_name_that_is_none_is_refused(name: Any) -> None:
    with pytest.raises(ValidationError):
        check_header(name, "v")


@pytest.mark.parametrize("value", [None, 7, b"x", ["x"]])
def test_a_value_that_is_no_string_is_refused(value: Any) -> None:
    with pytest.raises(ValidationError, match="must be a string"):
        check_header("x-a", value)


@pytest.mark.parametrize("name", ["Content-Length", "transfer-encoding", "Connection", "upgrade"])
def test_a_header_that_frames_the_request_cannot_be_given(name: str) -> None:
    with pytest.raises(ValidationError, match="written by the client itself"):
        wire(post(headers={name: "1"}))


def test_a_refused_header_does_not_show_its_value() -> None:
    with pytest.raises(ValidationError) as caught:
        check_header("x-api-key", "hunter2\n")
    assert "hunter2" not in f"{caught.value!s}{vars(caught.value)}"


@given(st.text(max_size=20), st.text(max_size=20))
def test_a_header_is_sent_whole_or_refused(name: str, value: str) -> None:
    try:
        raw: Tuple[bytes, bytes] = check_header(name, value)
    except ValidationError:
        return
    assert not set(raw[0] + raw[1]) & set(b"\r\n\0")
    assert raw == (name.lower().encode("ascii"), value.encode("latin-1"))


def test_options_are_merged_into_a_copy() -> None:
    first = Options(Timeouts(), headers={"a": "1", "b": "1"})
    second = first.merged(headers={"b": "2"}, max_retries=0)
    assert (second.headers, second.max_retries) == ({"a": "1", "b": "2"}, 0)
    assert (first.headers, first.max_retries) == ({"a": "1", "b": "1"}, 2)
    assert first.merged() is first


CYCLE: List[Any] = []
CYCLE.append(CYCLE)


@pytest.mark.parametrize(
    "value",
    [{1, 2}, object(), b"x", float("nan"), float("inf"), "\ud800", {"a": "\ud800"}, CYCLE, {(1, 2): 3}, Secret("x")],
)
def test_what_is_no_json_is_refused(value: Any) -> None:
    with pytest.raises(ValidationError):
        encode(value)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
        st.lists,
        max_leaves=8,
    )
)
def test_what_is_encoded_is_decoded(value: Any) -> None:
    assert decode(encode(value)) == value


@pytest.mark.parametrize(("content", "what"), [(b"", "is empty"), (b" \n", "is empty"), (b"<html>", "is not JSON"), (b"{", "is not JSON"), (b"\xff", "is not JSON"), (b"[" * 100_000, "is not JSON"), (b'{"a": NaN}', "NaN"), (b"[Infinity, -Infinity]", "Infinity")])  # fmt: skip
def test_an_answer_that_is_no_json_is_an_error(content: bytes, what: str) -> None:
    with pytest.raises(ResponseValidationError, match=f"the answer .*{what}"):
        decode(content)


@pytest.mark.parametrize("body", [b"<p>tok-canary</p>", {"echo": ["tok-canary"]}, None])
def test_an_error_about_an_answer_gets_its_facts_and_loses_its_secrets(body: object) -> None:
    reply = FakeReply(200, b"<p>tok-canary</p>", {"x-echo": "tok-canary", "x-smartflow-request-id": "req_1"})
    reply.content, reply.secrets = reply.arriving, (Secret("tok-canary"),)
    error = with_facts(ResponseValidationError("the answer says tok-canary", body=body), "getThing", reply)
    assert (error.operation, error.status_code, error.request_id) == ("getThing", 200, "req_1")
    assert "tok-canary" not in f"{error!s}{error!r}{vars(error)}"
    assert "***" in f"{error.body}"


@given(st.binary(max_size=50), st.integers(1900, 2100))
def test_a_preview_is_short_and_never_fails(tail: bytes, length: int) -> None:
    assert len(preview(b"x" * length + tail)) <= 2000
