"""Reads the length and layout of audio out of nested containers: MP4 boxes and WebM (EBML) elements."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

from smartflow.gateway.offline.errors import AudioError

_MP4_FOLDERS = (b"moov", b"trak", b"mdia", b"minf", b"stbl")
_WEBM_FOLDERS = (0x18538067, 0x1549A966, 0x1654AE6B, 0xAE, 0xE1)
_SCALE, _DURATION, _RATE, _CHANNELS = 0x2AD7B1, 0x4489, 0xB5, 0x9F
_MAX_PARTS = 10_000


def mp4_facts(data: bytes) -> dict[str, Any]:
    """Seconds, sample rate and channels of an MP4 file, as far as its boxes say."""
    facts: dict[str, Any] = {}
    sound = False
    for name, body in _boxes(data):
        if name == b"mvhd" and len(body) >= 32:
            at, form = (20, ">IQ") if body[0] == 1 else (12, ">II")
            scale, length = struct.unpack_from(form, body, at)
            if scale:
                facts["seconds"] = length / scale
        elif name == b"hdlr" and body[8:12] == b"soun":
            sound = True
        elif name == b"stsd" and len(body) >= 44 and sound and "channels" not in facts:
            facts["channels"] = int.from_bytes(body[32:34], "big")
            facts["sample_rate"] = int.from_bytes(body[40:42], "big")
    if not sound:
        raise AudioError("the mp4 file holds no audio track", param="file")
    return facts


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    open_ranges, parts = [(0, len(data))], 0
    while open_ranges:
        at, end = open_ranges.pop()
        if at + 8 > end or parts > _MAX_PARTS:
            continue
        parts += 1
        size, name, head = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8], 8
        if size == 1:
            size, head = int.from_bytes(data[at + 8 : at + 16], "big"), 16
        stop = end if size == 0 else min(end, at + max(size, head))
        open_ranges.append((stop, end))
        if name in _MP4_FOLDERS:
            open_ranges.append((at + head, stop))
        elif name != b"mdat":
            yield name, data[at + head : min(stop, at + head + 4096)]


def webm_facts(data: bytes) -> dict[str, Any]:
    """Seconds, sample rate and channels of a WebM file, as far as its elements say; live recordings have no length."""
    facts: dict[str, Any] = {}
    scale, length = 1_000_000, None
    for name, body in _elements(data):
        if name == _SCALE:
            scale = int.from_bytes(body, "big")
        elif name == _DURATION and len(body) in (4, 8):
            length = _real(body)
        elif name == _RATE and len(body) in (4, 8):
            facts["sample_rate"] = int(min(max(_real(body), 0), 1e9)) or None
        elif name == _CHANNELS:
            facts["channels"] = int.from_bytes(body[:2], "big")
    if length is not None and 0 <= length * scale < 1e18:
        facts["seconds"] = length * scale / 1e9
    if "sample_rate" not in facts and "channels" not in facts:
        raise AudioError("the webm file holds no audio track", param="file")
    return facts


def _real(body: bytes) -> float:
    value: float = struct.unpack(">f" if len(body) == 4 else ">d", body)[0]
    return value if value == value else 0.0


def _elements(data: bytes) -> Iterator[tuple[int, bytes]]:
    at, parts = 0, 0
    while at < len(data) and parts < _MAX_PARTS:
        parts += 1
        name, at = _number(data, at, keep_marker=True)
        size, at = _number(data, at, keep_marker=False)
        if name in _WEBM_FOLDERS:
            continue  # its children follow at once, so a walk in file order meets them all
        yield name, data[at : at + min(size, 64)]
        at += size


def _number(data: bytes, at: int, *, keep_marker: bool) -> tuple[int, int]:
    first = data[at] if at < len(data) else 0
    width = 9 - first.bit_length()
    if width > 8 or at + width > len(data):
        return 0, len(data)
    value = int.from_bytes(data[at : at + width], "big")
    return value if keep_marker else value & ~(1 << 7 * width), at + width
