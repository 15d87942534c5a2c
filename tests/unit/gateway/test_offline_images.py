"""What the offline images must be: real PNGs of the asked size, fixed by their prompt."""

from __future__ import annotations

import base64
import struct
import zlib
from typing import Any

import pytest

from smartflow.gateway.offline import font, images
from smartflow.gateway.offline.errors import OfflineError


def decoded(png: bytes) -> tuple[int, int, list[bytes]]:
    """Width, height and rows of palette numbers; fails on a bad checksum or length."""
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    at, found = 8, {}
    while at < len(png):
        size, name = struct.unpack_from(">I4s", png, at)
        body = png[at + 8 : at + 8 + size]
        assert zlib.crc32(name + body) == struct.unpack_from(">I", png, at + 8 + size)[0]
        found[name] = body
        at += 12 + size
    assert name == b"IEND"
    width, height, depth, colour = struct.unpack(">IIBB", found[b"IHDR"][:10])
    assert (depth, colour) == (8, 3)
    raw = zlib.decompress(found[b"IDAT"])
    assert len(raw) == (width + 1) * height
    rows = [raw[y * (width + 1) : (y + 1) * (width + 1)] for y in range(height)]
    assert all(row[0] == 0 and max(row) < len(found[b"PLTE"]) // 3 for row in rows)
    return width, height, [row[1:] for row in rows]


def generate(**more: Any) -> dict[str, Any]:
    return images.generate({"prompt": "a cat", "size": "64x48", **more}, created=5)


@pytest.mark.parametrize("size", ["1024x1024", "1792x1024", "1024x1792", "256x256", "16x16", "17x4096"])
def test_an_image_is_a_valid_png_of_the_asked_size(size: str) -> None:
    encoded = generate(size=size, response_format="b64_json")["data"][0]["b64_json"]
    width, height, _ = decoded(base64.b64decode(encoded))
    assert f"{width}x{height}" == size


def test_the_default_is_a_data_url_of_a_square_image() -> None:
    answer = images.generate({"prompt": "a cat"})
    url = answer["data"][0]["url"]
    assert url.startswith("data:image/png;base64,")
    assert decoded(base64.b64decode(url.partition(",")[2]))[:2] == (1024, 1024)


def test_prompt_and_model_decide_the_picture() -> None:
    assert images.draw("a", "m", 64, 64) == images.draw("a", "m", 64, 64)
    assert len({images.draw(prompt, model, 64, 64, at) for prompt in "ab" for model in "mn" for at in (0, 1)}) == 8


def test_the_label_is_drawn_in_ink_on_paper() -> None:
    _, _, rows = decoded(images.draw("a", "dall-e-3", 640, 480))
    band = [row for row in rows if set(row) <= {0, 1}]
    assert any(0 in row for row in band)
    assert len(band) > 100


def test_the_font_shows_unknown_characters_as_question_marks() -> None:
    assert font.rows("é") == font.rows("?")
    assert len(font.rows("Ab")) == font.HEIGHT
    assert all(len(row) == 11 for row in font.rows("Ab"))


def test_n_images_differ_and_created_is_passed_on() -> None:
    answer = generate(model="dall-e-2", n=3)
    assert len({image["url"] for image in answer["data"]}) == 3
    assert answer["created"] == 5


def test_gpt_image_models_answer_in_base64_by_default() -> None:
    assert "b64_json" in generate(model="gpt-image-1")["data"][0]


@pytest.mark.parametrize(
    "more",
    [
        {"prompt": ""},
        {"prompt": 5},
        {"n": 2, "model": "dall-e-3"},
        {"n": 11, "model": "dall-e-2"},
        {"size": "big"},
        {"size": "0x64"},
        {"size": "5000x64"},
        {"size": "٦٤x64"},
        {"response_format": "jpg"},
    ],
)
def test_a_bad_image_request_is_refused(more: dict[str, Any]) -> None:
    with pytest.raises(OfflineError):
        generate(**more)


def test_strange_prompts_and_models_are_drawn() -> None:
    answer = generate(prompt="\ud800" * 1000, model="\ud800" * 5000)
    answer["data"][0]["revised_prompt"].encode()
