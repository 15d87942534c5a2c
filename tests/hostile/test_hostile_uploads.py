"""Group D of the defects: files and forms arrive as they were given (D7, D8, D9)."""

from __future__ import annotations

import io
import pathlib
from email import message_from_bytes
from email.message import Message
from typing import Any, Dict, List

import pytest

import smartflow
from tests.support.answers import html, reply
from tests.support.faces import Connect, Face
from tests.support.hostile import HostileServer, Request

DATA = b"RIFF\x00\r\n--not-a-boundary\r\n" * 10
GOOD = reply({"text": "hello"})


def form(request: Request) -> Dict[str, List[Message]]:
    """The parts of a multipart request, by name."""
    head = f"content-type: {request.headers['content-type']}\r\n\r\n".encode()
    parts: Dict[str, List[Message]] = {}
    payload: Any = message_from_bytes(head + request.body).get_payload()
    for part in payload:
        parts.setdefault(str(part.get_param("name", header="content-disposition")), []).append(part)
    return parts


def values(request: Request, name: str) -> List[bytes]:
    return [bytes(part.get_payload(decode=True)) for part in form(request).get(name, [])]


def file_part(request: Request) -> Message:
    return form(request)["file"][0]


class Unseekable(io.RawIOBase):
    """A binary stream that can be read once, like a pipe."""

    def __init__(self, data: bytes) -> None:
        self._inner = io.BytesIO(data)

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        return self._inner.read(size)


def test_the_bytes_of_a_file_arrive(sf: Face, server: HostileServer) -> None:
    server.answer(GOOD)
    assert sf.audio_transcription(DATA) == {"text": "hello"}
    assert DATA in server.request.body
    assert file_part(server.request).get_filename() == "audio.mp3"


def test_lists_and_truth_values_are_sent_as_forms_send_them(sf: Face, server: HostileServer) -> None:
    """D7."""
    server.answer(GOOD)
    sf.audio_transcription(DATA, timestamp_granularities=["word", "segment"], diarize=True, quiet=False, n=2, x=None)
    request = server.request
    names = [name for name in form(request) if name.startswith("timestamp_granularities")]
    assert [value for name in names for value in values(request, name)] == [b"word", b"segment"]
    assert (values(request, "diarize"), values(request, "quiet"), values(request, "n")) == (
        [b"true"],
        [b"false"],
        [b"2"],
    )
    assert values(request, "x") == []


@pytest.mark.parametrize("give", ["path", "str", "file"])
def test_a_file_keeps_its_name_and_type(sf: Face, server: HostileServer, tmp_path: pathlib.Path, give: str) -> None:
    """D8."""
    server.answer(GOOD)
    path = tmp_path / "speech of today.wav"
    path.write_bytes(DATA)
    with path.open("rb") as opened:
        sf.audio_transcription({"path": path, "str": str(path), "file": opened}[give])
    part = file_part(server.request)
    assert part.get_filename() == "speech of today.wav"
    assert part.get_content_type() in ("audio/x-wav", "audio/wav", "audio/vnd.wave")
    assert DATA in server.request.body


def test_a_name_that_is_given_wins(sf: Face, server: HostileServer, tmp_path: pathlib.Path) -> None:
    server.answer(GOOD)
    path = tmp_path / "a.bin"
    path.write_bytes(DATA)
    sf.audio_transcription(path, filename="b.flac")
    part = file_part(server.request)
    assert (part.get_filename(), part.get_content_type()) in (("b.flac", "audio/flac"), ("b.flac", "audio/x-flac"))


@pytest.mark.parametrize("kind", ["text/plain", "text/vtt; charset=utf-8", "application/x-subrip"])
@pytest.mark.parametrize("response_format", ["text", "srt", "vtt"])
def test_answers_in_plain_text_are_not_parsed_as_json(
    sf: Face, server: HostileServer, response_format: str, kind: str
) -> None:
    """D9."""
    server.answer(reply("1\nhéllo\n".encode(), kind=kind))
    assert sf.audio_transcription(DATA, response_format=response_format) == {"text": "1\nhéllo\n"}


def test_an_html_page_is_no_transcription(sf: Face, server: HostileServer) -> None:
    server.answer(html(200))
    with pytest.raises(smartflow.ResponseValidationError):
        sf.audio_transcription(DATA, response_format="text")


@pytest.mark.parametrize("make", [Unseekable, io.BytesIO, bytes, bytearray, memoryview])
def test_a_retry_sends_the_whole_file_again(connect: Connect, server: HostileServer, make: Any) -> None:
    server.answer(reply({"error": {"message": "later"}}, 503), GOOD)
    assert connect(max_retries=1).audio_transcription(make(DATA)) == {"text": "hello"}
    first, second = server.requests
    assert DATA in first.body
    assert first.body == second.body


def test_a_file_is_read_from_where_it_stands(sf: Face, server: HostileServer) -> None:
    server.answer(GOOD)
    opened = io.BytesIO(b"skipped" + DATA)
    opened.seek(7)
    sf.audio_transcription(opened)
    assert b"skipped" not in server.request.body
    assert DATA in server.request.body


def closed_file() -> Any:
    opened = io.BytesIO(DATA)
    opened.close()
    return opened


@pytest.mark.parametrize(
    "make",
    [
        lambda folder: folder / "missing.wav",
        lambda folder: folder,
        lambda folder: "bad\0name.wav",
        lambda folder: io.StringIO("text"),
        lambda folder: closed_file(),
        lambda folder: 5,
        lambda folder: None,
        lambda folder: object(),
    ],
    ids=["missing", "folder", "NUL", "text mode", "closed", "number", "None", "object"],
)
def test_a_file_that_cannot_be_read_is_refused_and_named(
    sf: Face, server: HostileServer, tmp_path: pathlib.Path, make: Any
) -> None:
    with pytest.raises(smartflow.ValidationError) as caught:
        sf.audio_transcription(make(tmp_path))
    assert caught.value.param == "file"
    assert "file" in str(caught.value)
    assert server.requests == []


@pytest.mark.parametrize("name", ['a".wav', "a\r\nX-Evil: 1.wav", "a\nb", "a\0b"])
def test_a_file_name_cannot_add_headers(sf: Face, server: HostileServer, name: str) -> None:
    with pytest.raises(smartflow.ValidationError, match="filename"):
        sf.audio_transcription(DATA, filename=name)
    assert server.requests == []


def test_the_boundary_is_new_in_every_call(sf: Face, server: HostileServer) -> None:
    server.answer(GOOD)
    sf.audio_transcription(DATA)
    sf.audio_transcription(DATA)
    first, second = (request.headers["content-type"] for request in server.requests)
    assert first != second


def test_uploads_carry_key_and_attestation(connect: Connect, server: HostileServer) -> None:
    """E5."""
    server.answer(GOOD)
    connect(api_key="sk-sf-upload", attestation="proof-1").audio_transcription(DATA)
    headers = server.request.headers
    assert (headers["authorization"], headers["x-aperion-attestation"]) == ("Bearer sk-sf-upload", "proof-1")


@pytest.mark.parametrize("script", [reply({"error": "x"}), html(200), reply(b"", kind="audio/mpeg")], ids=range(3))
def test_speech_that_is_no_audio_is_an_error(sf: Face, server: HostileServer, script: Any) -> None:
    """B10."""
    server.answer(script)
    with pytest.raises(smartflow.SmartflowError):
        sf.text_to_speech("hi")


def test_speech_is_bytes(sf: Face, server: HostileServer) -> None:
    server.answer(reply(b"\xff\xfb\x90", kind="audio/mpeg"))
    assert sf.text_to_speech("hi") == b"\xff\xfb\x90"
