"""The event decoder against a slow and obvious reading of the WHATWG standard."""

from __future__ import annotations

from typing import List, Optional, Tuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartflow._core import sse
from smartflow._core.sse import Event, EventDecoder
from smartflow.exceptions import ResponseValidationError


def reference(stream: bytes) -> List[Event]:
    """The events of a whole stream, one character at a time."""
    if stream.startswith(b"\xef\xbb\xbf"):
        stream = stream[3:]
    lines: List[bytes] = []
    line = b""
    position = 0
    while position < len(stream):
        character = stream[position : position + 1]
        position += 1
        if character == b"\r" and stream[position : position + 1] == b"\n":
            position += 1
        if character in (b"\r", b"\n"):
            lines.append(line)
            line = b""
        else:
            line += character
    # What is left is a line without its end: the standard throws it away.
    events: List[Event] = []
    name, data = "", b""
    identity: Optional[str] = None
    for line in lines:
        if line == b"":
            if data != b"":
                events.append(Event(name, data[:-1], identity))
            name, data = "", b""
        elif b":" in line:
            field, value = line.split(b":", 1)
            name, data, identity = take(field, value[1:] if value.startswith(b" ") else value, name, data, identity)
        else:
            name, data, identity = take(line, b"", name, data, identity)
    return events


def take(
    field: bytes, value: bytes, name: str, data: bytes, identity: Optional[str]
) -> Tuple[str, bytes, Optional[str]]:
    if field == b"event":
        name = value.decode("utf-8", "replace")
    elif field == b"data":
        data += value + b"\n"
    elif field == b"id" and b"\0" not in value:
        identity = value.decode("utf-8", "replace")
    return name, data, identity


def decoded(pieces: List[bytes]) -> List[Event]:
    decoder = EventDecoder()
    return [event for piece in pieces for event in decoder.feed(piece)]


def cut(stream: bytes, places: List[int]) -> List[bytes]:
    ends = sorted({place % (len(stream) + 1) for place in places})
    return [stream[start:end] for start, end in zip([0, *ends], [*ends, len(stream)])]


ends = st.sampled_from([b"\n", b"\r", b"\r\n"])
values = st.one_of(
    st.text(max_size=12).map(lambda text: text.replace("\r", "").replace("\n", "").encode("utf-8", "replace")),
    st.sampled_from([b"", b" ", b"  two", b'{"a": 1}', b"[DONE]", "\u2028é🎈".encode(), b"\xff\xfe", b"a\0b", b":x"]),
)
fields = st.sampled_from(
    [b"data", b"data", b"data", b"event", b"id", b"retry", b"", b"other", b" data", b"\xef\xbb\xbfdata"]
)
records = st.builds(
    lambda field, colon, value: field + colon + value if colon else field,
    fields,
    st.sampled_from([b":", b": ", b""]),
    values,
)
lines = st.one_of(records, st.just(b""), st.just(b""))
streams = st.builds(
    lambda bom, parts, rest: (b"\xef\xbb\xbf" if bom else b"") + b"".join(line + end for line, end in parts) + rest,
    st.booleans(),
    st.lists(st.tuples(lines, ends), max_size=14),
    st.sampled_from([b"", b"data: cut", b"\r", b"d"]),
)
places = st.lists(st.integers(0, 10_000), max_size=12)


@given(streams, places)
def test_any_cut_of_the_bytes_gives_the_events_of_the_whole(stream: bytes, where: List[int]) -> None:
    assert decoded(cut(stream, where)) == reference(stream)


@given(streams)
def test_single_bytes_give_the_events_of_the_whole(stream: bytes) -> None:
    assert decoded([bytes([byte]) for byte in stream]) == reference(stream)


@given(st.binary(max_size=60), places)
def test_any_bytes_are_read_as_the_standard_says(stream: bytes, where: List[int]) -> None:
    assert decoded(cut(stream, where)) == reference(stream)


@given(st.lists(st.sampled_from([b"\r", b"\n", b"data: x", b"event: y", b"id: 3"]), max_size=12), places)
def test_line_ends_of_all_kinds_may_be_mixed(parts: List[bytes], where: List[int]) -> None:
    stream = b"".join(parts)
    assert decoded(cut(stream, where)) == reference(stream)


def test_an_event_is_there_as_soon_as_its_empty_line_is() -> None:
    decoder = EventDecoder()
    assert decoder.feed(b"data: a\n") == []
    assert decoder.feed(b"\n") == [Event("", b"a")]


def test_a_stream_with_cr_alone_needs_no_further_byte() -> None:
    assert EventDecoder().feed(b"data: a\r\r") == [Event("", b"a")]


def test_a_crlf_that_is_cut_in_two_is_one_line_end() -> None:
    assert decoded([b"data: a\r", b"\ndata: b\r", b"\n\r", b"\n"]) == [Event("", b"a\nb")]


def test_lines_of_data_are_joined_by_a_newline() -> None:
    assert decoded([b"data: a\ndata\ndata:b\n\n"]) == [Event("", b"a\n\nb")]


def test_comments_ids_and_retries_alone_are_no_events() -> None:
    assert decoded([b": ping\n\nretry: 100\n\nid: 7\n\n"]) == []


def test_an_id_stays_until_the_next_one() -> None:
    assert [event.id for event in decoded([b"id: 7\ndata: a\n\ndata: b\n\nid\ndata: c\n\n"])] == ["7", "7", ""]


def test_a_name_holds_for_one_event() -> None:
    assert [event.name for event in decoded([b"event: error\ndata: a\n\ndata: b\n\n"])] == ["error", ""]


def test_a_mark_of_byte_order_counts_only_at_the_start() -> None:
    assert decoded([b"\xef", b"\xbb", b"\xbfdata: a\n\n\xef\xbb\xbfdata: b\n\n"]) == [Event("", b"a")]


@pytest.mark.parametrize(
    "piece",
    [b"data: " + b"x" * 50, b"data: " + b"x" * 20 + b"\n", b"data: xxxxxxxxxx\r\n", b": \n", b"data:\r\n", b"y"],
)
def test_an_event_without_an_end_is_refused_at_the_limit(piece: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "MAX_EVENT_BYTES", 1000)
    decoder = EventDecoder()
    with pytest.raises(ResponseValidationError, match="larger than 1000 bytes"):
        for _ in range(1100):
            decoder.feed(piece)


def test_many_small_events_together_may_be_larger_than_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "MAX_EVENT_BYTES", 1000)
    assert len(decoded([b"data: 0123456789\n\n" * 500, b"data: 0123456789\r\n\r\n" * 500])) == 1000


def test_a_long_line_in_small_pieces_is_copied_once() -> None:
    decoder = EventDecoder()
    held = []
    for _ in range(2000):
        decoder.feed(b"x" * 100)
        held.append(len(decoder._buffer))
    assert max(held) == 0
    assert decoder.feed(b"\n\n") == []
