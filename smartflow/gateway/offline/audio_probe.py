"""Reads the kind of audio, its duration, sample rate and channels from the container's own headers."""

from __future__ import annotations

import codecs
import struct
from dataclasses import dataclass, replace

from smartflow.gateway.offline.audio_boxes import mp4_facts, webm_facts
from smartflow.gateway.offline.errors import AudioError


@dataclass(frozen=True)
class Audio:
    """What is known about a recording; None stands for what its headers don't say."""

    container: str
    seconds: float | None = None
    sample_rate: int | None = None
    channels: int | None = None
    bits: int | None = None
    samples: bytes = b""
    """Raw PCM of a 16 bit wav file, for counting its tones; empty otherwise."""


def probe(data: bytes) -> Audio:
    """What the bytes hold; raises AudioError that says what was found when it's no audio."""
    if data[:4] in (b"RIFF", b"RF64") and data[8:12] == b"WAVE":
        return _wav(data)
    if data[:4] == b"fLaC":
        return _flac(data)
    if data[:4] == b"OggS":
        return _ogg(data)
    if data[4:8] == b"ftyp":
        return replace(Audio("m4a"), **mp4_facts(data))
    if data[:4] == b"\x1a\x45\xdf\xa3":
        return replace(Audio("webm"), **webm_facts(data))
    found = _mp3(data)
    if found is None:
        raise AudioError(
            f"the file is no audio that can be read: found {_what(data)}; send wav, mp3, flac, ogg, m4a or webm",
            param="file",
        )
    return found


def describe(audio: Audio) -> str:
    """The facts in words: '2.00 s of wav audio (16000 Hz, mono, 16 bit)'."""
    length = "audio of unknown length," if audio.seconds is None else f"{audio.seconds:.2f} s of"
    details = [f"{audio.sample_rate} Hz"] if audio.sample_rate else []
    if audio.channels:
        details.append({1: "mono", 2: "stereo"}.get(audio.channels, f"{audio.channels} channels"))
    if audio.bits:
        details.append(f"{audio.bits} bit")
    kind = audio.container if audio.seconds is None else f"{audio.container} audio"
    return f"{length} {kind}" + (f" ({', '.join(details)})" if details else "")


_OTHERS = {
    b"\x89PNG": "a png image",
    b"\xff\xd8\xff": "a jpeg image",
    b"GIF8": "a gif image",
    b"%PDF": "a pdf document",
    b"PK\x03\x04": "a zip archive",
    b"\x1f\x8b": "gzip data",
    b"RIFF": "a RIFF file that isn't WAVE",
    b"FORM": "an AIFF file",
    b"ID3": "an ID3 tag without mp3 frames",
}


def _what(data: bytes) -> str:
    if not data:
        return "an empty file"
    for start, name in _OTHERS.items():
        if data.startswith(start):
            return name
    # Cut inside a character, a text still decodes up to its last three bytes.
    head = codecs.getincrementaldecoder("utf-8")("backslashreplace").decode(data[:512])
    if "\0" not in head and "\\x" not in head:
        kind = (
            "json" if head.lstrip()[:1] in ("{", "[") else "html or xml" if head.lstrip()[:1] == "<" else "plain text"
        )
        return f"{len(data)} bytes of {kind}"
    return f"{len(data)} bytes that begin with {data[:4].hex(' ')}"


def _wav(data: bytes) -> Audio:
    at, layout, body = 12, b"", None
    while at + 8 <= len(data) and body is None:
        name, size = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        if name == b"fmt ":
            layout = data[at + 8 : at + 8 + size]
        elif name == b"data":
            # A streamed file has no honest size here: what is there counts.
            body = data[at + 8 : at + 8 + size]
        at += 8 + size + size % 2
    if len(layout) < 16:
        raise AudioError("the wav file has no format chunk", param="file")
    if body is None:
        raise AudioError("the wav file has no data chunk", param="file")
    code, channels, rate, per_second, _, bits = struct.unpack("<HHIIHH", layout[:16])
    if code == 0xFFFE and len(layout) >= 26:
        code = int.from_bytes(layout[24:26], "little")
    if not channels or not rate or not per_second:
        raise AudioError("the wav file's format chunk gives no channels, sample rate or byte rate", param="file")
    return Audio("wav", len(body) / per_second, rate, channels, bits or None, body if code == 1 and bits == 16 else b"")


def _flac(data: bytes) -> Audio:
    if len(data) < 42 or data[4] & 0x7F != 0:
        raise AudioError("the flac file has no stream information", param="file")
    packed = int.from_bytes(data[18:26], "big")
    rate, samples = packed >> 44, packed & (1 << 36) - 1
    if not rate:
        raise AudioError("the flac file gives no sample rate", param="file")
    return Audio("flac", samples / rate if samples else None, rate, (packed >> 41 & 7) + 1, (packed >> 36 & 31) + 1)


def _ogg(data: bytes) -> Audio:
    if len(data) < 28:
        raise AudioError("the ogg file ends within its first page", param="file")
    packet = data[27 + data[26] :][:48]
    last = data.rfind(b"OggS")
    granule = int.from_bytes(data[last + 6 : last + 14], "little", signed=True)
    if packet.startswith(b"OpusHead") and len(packet) >= 16:
        skip = int.from_bytes(packet[10:12], "little")
        return Audio(
            "ogg", max(0, granule - skip) / 48_000, int.from_bytes(packet[12:16], "little") or 48_000, packet[9]
        )
    if packet.startswith(b"\x01vorbis") and len(packet) >= 16:
        rate = int.from_bytes(packet[12:16], "little")
        return Audio("ogg", max(0, granule) / rate if rate else None, rate or None, packet[11])
    if packet.startswith(b"\x7fFLAC") and len(packet) >= 35:
        inner = _flac(packet[9:].ljust(42, b"\0"))
        return replace(inner, container="ogg", seconds=max(0, granule) / (inner.sample_rate or 1))
    raise AudioError("the ogg file holds no opus, vorbis or flac audio", param="file")


_BITRATES = {
    (3, 3): (0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (3, 2): (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (3, 1): (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (2, 3): (0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (2, 2): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}


def _mp3(data: bytes) -> Audio | None:
    at = 0
    if data[:3] == b"ID3" and len(data) >= 10:
        at = 10 + sum((byte & 0x7F) << shift for byte, shift in zip(data[6:10], (21, 14, 7, 0), strict=True))
    at = _first_frame(data, at)
    if at < 0:
        return None
    first = _frame(data, at)
    seconds, frames = 0.0, 0
    while (frame := _frame(data, at)) is not None:
        length, rate, samples, _ = frame
        # The first frame of a variable rate file is its table of contents and makes no sound.
        if not (frames == 0 and any(mark in data[at : at + 64] for mark in (b"Xing", b"Info", b"VBRI"))):
            seconds += samples / rate
        at, frames = at + length, frames + 1
    return Audio("mp3", seconds, first[1], first[3]) if first else None


def _first_frame(data: bytes, at: int) -> int:
    """The place of the first frame that another one (or the end) follows, or -1."""
    end = min(len(data), at + 65_536)
    while (at := data.find(b"\xff", at, end)) >= 0:
        frame = _frame(data, at)
        if frame and (at + frame[0] == len(data) or _frame(data, at + frame[0])):
            return at
        at += 1
    return -1


def _frame(data: bytes, at: int) -> tuple[int, int, int, int] | None:
    """Length in bytes, sample rate, samples and channels of the frame at the place, or None."""
    if at + 4 > len(data) or data[at] != 0xFF or data[at + 1] & 0xE0 != 0xE0:
        return None
    version, layer = data[at + 1] >> 3 & 3, data[at + 1] >> 1 & 3
    rate_code, bitrate_code = data[at + 2] >> 2 & 3, data[at + 2] >> 4
    if version == 1 or layer == 0 or rate_code == 3 or bitrate_code in (0, 15):
        return None
    rate = (44_100, 48_000, 32_000)[rate_code] >> {3: 0, 2: 1, 0: 2}[version]
    old = 3 if version == 3 else 2
    bitrate = _BITRATES[old, layer if old == 3 or layer == 3 else 2][bitrate_code] * 1000
    padding = data[at + 2] >> 1 & 1
    samples = 384 if layer == 3 else 1152 if layer == 2 or version == 3 else 576
    length = (12 * bitrate // rate + padding) * 4 if layer == 3 else samples // 8 * bitrate // rate + padding
    return length, rate, samples, 1 if data[at + 3] >> 6 == 3 else 2
