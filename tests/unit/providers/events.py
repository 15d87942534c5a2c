"""Feeds a stream reader with events written as they come over the wire."""

from __future__ import annotations

import json
from typing import Any

from smartflow._core.assemble import Assembler
from smartflow._core.sse import EventDecoder
from smartflow.providers.dialect import StreamReader


def wire(*events: dict[str, Any]) -> bytes:
    """The events as the text of a stream, each named by its type."""
    return b"".join(f"event: {each['type']}\ndata: {json.dumps(each)}\n\n".encode() for each in events)


def chunks(reader: StreamReader, content: bytes) -> list[dict[str, Any]]:
    return [chunk for event in EventDecoder().feed(content) for chunk in reader.read(event.name, event.data)]


def whole(found: list[dict[str, Any]]) -> dict[str, Any]:
    """The answer that the pipeline puts together from the chunks."""
    assembler = Assembler()
    for chunk in found:
        assembler.add(chunk)
    assert assembler.finished
    return assembler.result()
