"""Draws PNG images: a pattern fixed by the prompt, labelled as offline with the model's name."""

from __future__ import annotations

import base64
import hashlib
import re
import struct
import zlib
from typing import Any

from smartflow.gateway.offline import font
from smartflow.gateway.offline.errors import OfflineError
from smartflow.gateway.offline.reading import bare_model, clean, integer, model_of

DEFAULT_MODEL = "dall-e-3"
MAX_IMAGES = 10
MIN_SIDE, MAX_SIDE = 16, 4096
_CELLS = 8
_INK, _PAPER, _COLOURS = 0, 1, 6


def generate(request: dict[str, Any], *, created: int = 0) -> dict[str, Any]:
    """The images of the request, each as base64 PNG or as a `data:` URL that holds it."""
    model = model_of(request, DEFAULT_MODEL)
    prompt = request.get("prompt")
    if not isinstance(prompt, str) or not prompt:
        raise OfflineError("prompt must be a text that isn't empty", param="prompt")
    number = integer(request, "n", 1, MAX_IMAGES) or 1
    if number > 1 and bare_model(model) == "dall-e-3":
        raise OfflineError("n must be 1 for dall-e-3; use dall-e-2 or gpt-image-1 for several images", param="n")
    wanted = request.get("response_format") or ("b64_json" if bare_model(model).startswith("gpt-image") else "url")
    if wanted not in ("url", "b64_json"):
        raise OfflineError("response_format must be url or b64_json", param="response_format")
    width, height = _size(request)
    data = []
    for index in range(number):
        encoded = base64.b64encode(draw(prompt, model, width, height, index)).decode("ascii")
        image = {"b64_json": encoded} if wanted == "b64_json" else {"url": f"data:image/png;base64,{encoded}"}
        data.append({**image, "revised_prompt": f"[offline {model}] {clean(prompt)}"})
    return {"created": created, "data": data}


def _size(request: dict[str, Any]) -> tuple[int, int]:
    size = request.get("size")
    if size is None or size == "auto":
        return 1024, 1024
    found = re.fullmatch(r"([0-9]{1,5})x([0-9]{1,5})", size) if isinstance(size, str) else None
    sides = (int(found[1]), int(found[2])) if found else (0, 0)
    if not all(MIN_SIDE <= side <= MAX_SIDE for side in sides):
        raise OfflineError(
            f"size must be WIDTHxHEIGHT such as 1024x1024, each side from {MIN_SIDE} to {MAX_SIDE}", param="size"
        )
    return sides


def draw(prompt: str, model: str, width: int, height: int, index: int = 0) -> bytes:
    """A PNG of the size; the same prompt, model and index always give the same bytes."""
    seed = hashlib.sha512(f"{index}\0{model}\0{prompt}".encode("utf-8", "replace")).digest()
    rows = _pattern(seed, width, height)
    _label(rows, ("OFFLINE", clean(model)), width, height)
    packed = zlib.compress(b"".join(b"\0" + row for row in rows), 6)
    palette = b"\x14\x18\x20\xff\xff\xff" + bytes(64 + value * 5 // 8 for value in seed[-3 * _COLOURS :])
    layout = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    chunks = (
        (b"IHDR", layout),
        (b"PLTE", palette),
        (b"tEXt", b"Software\0smartflow offline"),
        (b"IDAT", packed),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, body) for name, body in chunks)


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def _pattern(seed: bytes, width: int, height: int) -> list[bytes]:
    """Rows of palette numbers: cells that mirror left to right."""
    rows: list[bytes] = []
    for down in range(_CELLS):
        half = [2 + seed[down * _CELLS // 2 + across] % _COLOURS for across in range(_CELLS // 2)]
        cells = half + half[::-1]
        row = bytes(cells[x * _CELLS // width] for x in range(width))
        rows += [row] * ((down + 1) * height // _CELLS - down * height // _CELLS)
    return rows


def _label(rows: list[bytes], lines: tuple[str, ...], width: int, height: int) -> None:
    """Writes the lines on a light band across the middle, as large as they fit; what doesn't fit is cut at the edge."""
    room = width // font.ADVANCE - 1
    lines = tuple(line if len(line) <= max(room, 7) else line[: max(room, 7)] for line in lines)
    longest = max(len(line) for line in lines) + 1
    scale = max(1, min(width // (font.ADVANCE * longest), height // (4 * font.HEIGHT)))
    drawn = [dots for line in lines for dots in ("", *font.rows(line))] + [""]
    top = max(0, (height - len(drawn) * scale) // 2)
    for at, dots in enumerate(drawn):
        ink = "".join(dot * scale for dot in dots)
        row = ink.center(width, ".")[:width].replace("#", chr(_INK)).replace(".", chr(_PAPER)).encode("latin-1")
        for y in range(top + at * scale, min(top + (at + 1) * scale, height)):
            rows[y] = row
