"""Notices the pictures and sounds in message parts and describes them from their own headers."""

from __future__ import annotations

import base64
import binascii
import struct
from typing import Any

from smartflow.gateway.offline.audio_probe import describe, probe
from smartflow.gateway.offline.errors import AudioError, OfflineError
from smartflow.gateway.offline.reading import AUDIO_PARTS, IMAGE_PARTS, parts, shorten


def seen(messages: list[dict[str, Any]]) -> list[str]:
    """One phrase for each kind of media in the messages, such as '1 image (png 640x480)'."""
    images: list[str] = []
    sounds: list[str] = []
    files: list[str] = []
    for message in messages:
        for part in parts(message.get("content")):
            if part.get("type") in IMAGE_PARTS:
                images.append(_image_part(part))
            elif part.get("type") in AUDIO_PARTS:
                sounds.append(_audio_part(part))
            elif part.get("type") in ("file", "input_file", "document"):
                files.append(_file_part(part))
    return [
        _phrase(noun, found) for noun, found in (("image", images), ("audio clip", sounds), ("file", files)) if found
    ]


def _phrase(noun: str, found: list[str]) -> str:
    listed = "; ".join(found[:5]) + ("; ..." if len(found) > 5 else "")
    return f"{len(found)} {noun}{'s' if len(found) > 1 else ''} ({listed})"


def _image_part(part: dict[str, Any]) -> str:
    image = part.get("image_url")
    url = image.get("url") if isinstance(image, dict) else image
    if not isinstance(url, str):
        raise OfflineError("an image part needs image_url: {url: ...}", param="messages")
    if not url.startswith("data:"):
        return f"by URL {shorten(url, 60)}"
    return image_facts(decode_base64(url.partition(",")[2], "image_url"))


def _audio_part(part: dict[str, Any]) -> str:
    sound = part.get("input_audio")
    data = sound.get("data") if isinstance(sound, dict) else None
    if not isinstance(data, str):
        raise OfflineError("an input_audio part needs input_audio: {data: base64, format: ...}", param="messages")
    try:
        return describe(probe(decode_base64(data, "input_audio")))
    except AudioError as error:
        return str(error)


def _file_part(part: dict[str, Any]) -> str:
    file = part.get("file")
    name = (
        file.get("filename") or file.get("file_id")
        if isinstance(file, dict)
        else part.get("filename") or part.get("title")
    )
    return shorten(name, 60) if isinstance(name, str) and name else "without a name"


def decode_base64(text: str, param: str) -> bytes:
    """The bytes of base64 text; raises OfflineError when it isn't base64."""
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        raise OfflineError(f"{param} isn't valid base64", param=param) from None


def image_facts(data: bytes) -> str:
    """Kind and size of a picture, such as 'png 640x480', read from its header."""
    if data.startswith(b"\x89PNG\r\n\x1a\n") and data[12:16] == b"IHDR" and len(data) >= 24:
        return "png {}x{}".format(*struct.unpack(">II", data[16:24]))
    if data[:6] in (b"GIF87a", b"GIF89a") and len(data) >= 10:
        return "gif {}x{}".format(*struct.unpack("<HH", data[6:10]))
    if data.startswith(b"\xff\xd8"):
        return f"jpeg {_jpeg_size(data)}"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return f"webp {_webp_size(data)}"
    return f"{len(data)} bytes of an unknown kind"


def _jpeg_size(data: bytes) -> str:
    at = 2
    while at + 9 <= len(data) and data[at] == 0xFF:
        marker, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4], "big")
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack(">HH", data[at + 5 : at + 9])
            return f"{width}x{height}"
        at += 1 if marker == 0xFF else 2 + max(length, 2)
    return "of unknown size"


def _webp_size(data: bytes) -> str:
    kind = data[12:16]
    if kind == b"VP8X" and len(data) >= 30:
        return f"{int.from_bytes(data[24:27], 'little') + 1}x{int.from_bytes(data[27:30], 'little') + 1}"
    if kind == b"VP8L" and len(data) >= 25:
        bits = int.from_bytes(data[21:25], "little")
        return f"{(bits & 0x3FFF) + 1}x{(bits >> 14 & 0x3FFF) + 1}"
    if kind == b"VP8 " and len(data) >= 30:
        width, height = struct.unpack("<HH", data[26:30])
        return f"{width & 0x3FFF}x{height & 0x3FFF}"
    return "of unknown size"
