"""Writes 16 bit mono PCM as a RIFF WAVE file or as a lossless FLAC file."""

from __future__ import annotations

import hashlib
import struct
import sys
from array import array

_FLAC_BLOCK = 4096


def wav(samples: array[int], rate: int) -> bytes:
    """A playable wav file of the samples."""
    body = pcm(samples)
    layout = struct.pack("<HHIIHH", 1, 1, rate, rate * 2, 2, 16)
    head = b"RIFF" + struct.pack("<I", 36 + len(body)) + b"WAVEfmt " + struct.pack("<I", 16)
    return head + layout + b"data" + struct.pack("<I", len(body)) + body


def pcm(samples: array[int]) -> bytes:
    """The samples as little-endian 16 bit numbers."""
    return _bytes(samples, "little")


def _bytes(samples: array[int], order: str) -> bytes:
    if sys.byteorder == order:
        return samples.tobytes()
    swapped = samples[:]
    swapped.byteswap()
    return swapped.tobytes()


def flac(samples: array[int], rate: int) -> bytes:
    """A playable flac file of the samples, stored verbatim: lossless and simple, not small."""
    digest = hashlib.md5(pcm(samples), usedforsecurity=False).digest()
    facts = struct.pack(">HH", _FLAC_BLOCK, _FLAC_BLOCK) + bytes(6)
    facts += (rate << 44 | 15 << 36 | len(samples)).to_bytes(8, "big")
    starts = range(0, len(samples), _FLAC_BLOCK)
    frames = [_frame(samples[at : at + _FLAC_BLOCK], number) for number, at in enumerate(starts)]
    return b"fLaC\x80" + (34).to_bytes(3, "big") + facts + digest + b"".join(frames)


def _frame(samples: array[int], number: int) -> bytes:
    # Fixed block size, explicit 16 bit length, rate from the stream information, mono, 16 bit.
    head = b"\xff\xf8\x70\x08" + chr(number).encode("utf-8", "surrogatepass") + struct.pack(">H", len(samples) - 1)
    head += bytes([_crc8(head)])
    body = head + b"\x02" + _bytes(samples, "big")
    return body + struct.pack(">H", _crc16(body))


def _table(polynomial: int, width: int) -> list[int]:
    top, mask = 1 << width - 1, (1 << width) - 1
    table = []
    for byte in range(256):
        value = byte << width - 8
        for _ in range(8):
            value = (value << 1 ^ (polynomial if value & top else 0)) & mask
        table.append(value)
    return table


_CRC8, _CRC16 = _table(0x07, 8), _table(0x8005, 16)


def _crc8(data: bytes) -> int:
    value = 0
    for byte in data:
        value = _CRC8[value ^ byte]
    return value


def _crc16(data: bytes) -> int:
    value, table = 0, _CRC16
    for byte in data:
        value = (value << 8 & 0xFF00) ^ table[value >> 8 ^ byte]
    return value
