"""Group A of the defects: a streamed answer is whole, or it is an error."""

from __future__ import annotations

import json
from typing import Any, List, Optional, Tuple, Type

import pytest

import smartflow
from tests.support.answers import DONE, chunk, event, finish, html, reply, sse, text_chunk, zipped
from tests.support.faces import Connect, Face
from tests.support.hostile import CLOSE, RESET, HostileServer, Part

MESSAGES = [{"role": "user", "content": "hi"}]


def collect(sf: Face) -> Tuple[List[str], Optional[smartflow.SmartflowError]]:
    """The pieces of text that came, and the error that ended them."""
    pieces: List[str] = []
    try:
        for piece in sf.stream_chat("hi"):
            pieces.append(piece)
    except smartflow.SmartflowError as error:
        return pieces, error
    return pieces, None


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (401, smartflow.AuthenticationError),
        (403, smartflow.ComplianceError),
        (429, smartflow.RateLimitError),
        (402, smartflow.BudgetExceededError),
        (500, smartflow.SmartflowError),
        (503, smartflow.ProviderError),
    ],
)
def test_an_error_status_on_a_stream_is_its_own_error(
    sf: Face, server: HostileServer, status: int, expected: Type[smartflow.SmartflowError]
) -> None:
    """A1."""
    server.answer(reply({"error": {"message": "no", "type": "t"}}, status))
    pieces, error = collect(sf)
    assert pieces == []
    assert type(error) is expected
    assert error.status_code == status


def test_an_html_error_page_on_a_stream_is_a_provider_error(sf: Face, server: HostileServer) -> None:
    """A1, B1."""
    server.answer(html(502))
    assert type(collect(sf)[1]) is smartflow.ProviderError


def test_an_in_band_error_raises_with_the_text_before_it(sf: Face, server: HostileServer) -> None:
    """A2, the form of OpenAI-compatible gateways."""
    server.answer(sse(text_chunk("Hel"), text_chunk("lo"), event({"error": {"message": "provider died"}}), DONE))
    pieces, error = collect(sf)
    assert "".join(pieces) == "Hello"
    assert type(error) is smartflow.ProviderError
    assert error.message == "provider died"
    assert error.__dict__["partial_text"] == "Hello"


@pytest.mark.parametrize(
    ("payload", "expected", "message"),
    [
        (b'{"type":"error","error":{"type":"overloaded_error","message":"busy"}}', smartflow.ProviderError, "busy"),
        (b'{"error":{"code":"rate_limit_exceeded","message":"slow down"}}', smartflow.RateLimitError, "slow down"),
        (b'{"error":{"type":"insufficient_quota","message":"spent"}}', smartflow.BudgetExceededError, "spent"),
        (b'{"error":"plain words"}', smartflow.ProviderError, "plain words"),
        (b'{"message":"bare"}', smartflow.ProviderError, "bare"),
        (b'"just a string"', smartflow.ProviderError, "just a string"),
        (b"upstream exploded", smartflow.ProviderError, "upstream exploded"),
    ],
)
def test_an_event_named_error_is_raised_as_what_it_reports(
    sf: Face, server: HostileServer, payload: bytes, expected: Type[smartflow.SmartflowError], message: str
) -> None:
    """A2, the form with an event name."""
    server.answer(sse(text_chunk("Hel"), b"event: error\ndata: " + payload + b"\n\n"))
    pieces, error = collect(sf)
    assert pieces == ["Hel"]
    assert type(error) is expected
    assert error.message == message


def cut_streams() -> List[Any]:
    part = text_chunk("Hel")
    unfinished = text_chunk("lo")[:-9]
    return [
        pytest.param(sse(part, CLOSE), id="chunked body cut"),
        pytest.param(sse(part, RESET), id="reset"),
        pytest.param(sse(part), id="clean end without a marker"),
        pytest.param(sse(part, chunked=False), id="closed without a marker"),
        pytest.param(sse(part, unfinished, chunked=False), id="closed in the midst of an event"),
        pytest.param([*sse(part)[:-1], b"5\r\nda", CLOSE], id="cut in the midst of a chunk"),
        pytest.param([*sse(part)[:-1], b"zz\r\n", CLOSE], id="a chunk without a size"),
    ]


@pytest.mark.parametrize("script", cut_streams())
def test_a_cut_stream_raises_with_the_partial_text(sf: Face, server: HostileServer, script: List[Part]) -> None:
    """A3."""
    server.answer(script)
    pieces, error = collect(sf)
    assert isinstance(error, smartflow.StreamInterruptedError)
    assert error.partial_text == "Hel"
    assert "".join(pieces) in ("", "Hel")


def test_an_empty_stream_is_an_error(sf: Face, server: HostileServer) -> None:
    """A3."""
    server.answer(sse())
    assert isinstance(collect(sf)[1], smartflow.StreamInterruptedError)


def test_a_cut_gzip_stream_raises_with_the_partial_text(sf: Face, server: HostileServer) -> None:
    """A3: the compressed stream ends too early, though its transfer is complete."""
    server.answer(zipped(text_chunk("Hello") * 3000 + DONE, cut=12, kind="text/event-stream"))
    error = collect(sf)[1]
    assert isinstance(error, smartflow.StreamInterruptedError)


def test_a_gzip_stream_is_read(sf: Face, server: HostileServer) -> None:
    server.answer(zipped(text_chunk("Hello") + DONE, kind="text/event-stream"))
    assert collect(sf) == (["Hello"], None)


def test_a_finish_reason_without_an_end_marker_is_a_whole_answer(sf: Face, server: HostileServer) -> None:
    """A3: several providers never send [DONE]."""
    server.answer(sse(text_chunk("Hello"), finish(), chunked=False))
    assert collect(sf) == (["Hello"], None)


def test_a_stream_that_breaks_after_its_end_marker_is_a_whole_answer(sf: Face, server: HostileServer) -> None:
    """A3."""
    server.answer(sse(text_chunk("Hello"), DONE, RESET))
    assert collect(sf) == (["Hello"], None)


def test_what_follows_the_end_marker_is_ignored(sf: Face, server: HostileServer) -> None:
    server.answer(sse(text_chunk("Hello"), DONE + text_chunk("!!") + b"data: nonsense\n\n"))
    assert collect(sf) == (["Hello"], None)


WHOLE = json.dumps(chunk({"content": "Hello"})).encode()
FORMS = {
    "no blank after the colon": b"data:" + WHOLE + b"\n\ndata:[DONE]\n\n",
    "data over several lines": b"data: " + WHOLE.replace(b", ", b",\ndata: ") + b"\n\ndata: [DONE]\n\n",
    "CRLF": b"data: " + WHOLE + b"\r\n\r\ndata: [DONE]\r\n\r\n",
    "CR": b"data: " + WHOLE + b"\r\rdata: [DONE]\r\r",
    "comments": b": hi\n\ndata: " + WHOLE + b"\n: in the midst\n\n:\n\ndata: [DONE]\n\n",
    "records of id and retry only": b"id: 1\n\nretry: 100\n\ndata: " + WHOLE + b"\n\nid: 2\n\ndata: [DONE]\n\n",
    "unknown fields": b"foo: bar\ndata: " + WHOLE + b"\nbar\n\ndata: [DONE]\n\n",
    "a byte order mark": b"\xef\xbb\xbfdata: " + WHOLE + b"\n\ndata: [DONE]\n\n",
    "named events": b"event: message\nid: 7\ndata: " + WHOLE + b"\n\nevent: done\ndata: [DONE]\n\n",
}


@pytest.mark.parametrize("form", FORMS)
def test_every_legal_form_of_an_event_is_read(sf: Face, server: HostileServer, form: str) -> None:
    """A4, A5."""
    server.answer(sse(FORMS[form]))
    assert collect(sf) == (["Hello"], None)


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_read_when_it_comes_byte_by_byte(sf: Face, server: HostileServer, form: str) -> None:
    """A5: an event is split at every place."""
    data = FORMS[form]
    server.answer(sse(*(data[place : place + 1] for place in range(len(data)))))
    assert collect(sf) == (["Hello"], None)


@pytest.mark.parametrize("text", ["a\u2028b", "a\u2029b", "a\u0085b", "a\x0bb", "a\x0cb", "a\x1cb", "é😀"])
def test_line_separators_inside_json_do_not_lose_a_token(sf: Face, server: HostileServer, text: str) -> None:
    """A5."""
    server.answer(sse(text_chunk(text), DONE))
    assert collect(sf) == ([text], None)


@pytest.mark.parametrize(
    "odd",
    [
        chunk(None),
        chunk({}),
        chunk({"content": None}),
        {**chunk(), "choices": []},
        {**chunk(), "choices": None},
        {**chunk(), "choices": [None]},
        {"id": "x"},
        {},
    ],
    ids=json.dumps,
)
def test_chunks_without_text_are_no_failure(sf: Face, server: HostileServer, odd: Any) -> None:
    """A6."""
    server.answer(sse(text_chunk("Hel"), event(odd), text_chunk("lo"), finish(), DONE))
    pieces, error = collect(sf)
    assert (error, "".join(pieces)) == (None, "Hello")


@pytest.mark.parametrize("odd", [b"5", b'"text"', b"[]", b"null", b"{", b"nonsense", b"\xff\xfe", b"NaN"])
def test_a_chunk_that_is_no_object_is_an_error_with_the_partial_text(
    sf: Face, server: HostileServer, odd: bytes
) -> None:
    """A6: never a raw AttributeError, never a lost token."""
    server.answer(sse(text_chunk("Hel"), b"data: " + odd + b"\n\n", DONE))
    pieces, error = collect(sf)
    assert pieces == ["Hel"]
    assert type(error) is smartflow.ResponseValidationError
    assert error.__dict__["partial_text"] == "Hel"


@pytest.mark.parametrize("kind", ["application/json", "application/json; charset=utf-8"])
def test_a_json_answer_to_a_streamed_request_is_no_empty_stream(sf: Face, server: HostileServer, kind: str) -> None:
    server.answer(reply({"message": "hello"}, kind=kind))
    assert type(collect(sf)[1]) is smartflow.ResponseValidationError


def test_a_json_error_with_status_200_is_raised_as_that_error(sf: Face, server: HostileServer) -> None:
    server.answer(reply({"error": {"message": "bad key", "code": "invalid_api_key"}}))
    error = collect(sf)[1]
    assert type(error) is smartflow.AuthenticationError
    assert error.message == "bad key"


def test_an_html_page_with_status_200_is_no_empty_stream(sf: Face, server: HostileServer) -> None:
    server.answer(html(200))
    assert type(collect(sf)[1]) is smartflow.ResponseValidationError


def test_an_unknown_content_type_is_read_as_a_stream_that_must_end(sf: Face, server: HostileServer) -> None:
    server.answer(reply(b"hello\n", kind="text/plain"))
    assert isinstance(collect(sf)[1], smartflow.StreamInterruptedError)


def test_an_endless_event_is_refused(sf: Face, server: HostileServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("smartflow._core.sse.MAX_EVENT_BYTES", 4096)
    server.answer(sse(b"data: " + b"x" * 5000))
    error = collect(sf)[1]
    assert type(error) is smartflow.ResponseValidationError


def test_an_in_band_error_ends_the_iterator_of_chunks_too(sf: Face, server: HostileServer) -> None:
    """A2, A8."""
    server.answer(sse(text_chunk("Hel"), event({"error": {"message": "died"}})))
    stream = sf.chat_completions(MESSAGES, stream=True)
    assert next(stream).content == "Hel"
    with pytest.raises(smartflow.ProviderError, match="died"):
        next(stream)


def test_an_error_of_a_stream_names_the_request(connect: Connect, server: HostileServer) -> None:
    server.answer(sse(text_chunk("Hel"), CLOSE, headers={"x-smartflow-request-id": "req-9"}))
    error = collect(connect())[1]
    assert error is not None
    assert error.request_id == "req-9"
