"""Counts and cuts tokens with the real BPE tables of the OpenAI encodings.

Fixed rules for what is not text: an image part counts 85 tokens with detail "low" and 765 otherwise (what a 1024x1024
image costs on gpt-4o), an audio part 100, a file part 500. Models of other vendors are counted with o200k_base, which
is close, not exact.
"""

from __future__ import annotations

import codecs
import importlib
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, Protocol, cast

from smartflow.gateway.offline.errors import OfflineError
from smartflow.gateway.offline.reading import AUDIO_PARTS, IMAGE_PARTS, bare_model, clean, parts, to_json

IMAGE_LOW, IMAGE_HIGH, AUDIO_PART, FILE_PART = 85, 765, 100, 500
PER_MESSAGE, PER_NAME, PER_REPLY, PER_TOOL = 3, 1, 3, 8

# The encoder refuses inputs of a million characters or 200 000 tokens, and one character is at most four tokens.
_BLOCK = 32_768
_OLD_MODELS = ("gpt-4", "gpt-3.5", "gpt-35", "text-embedding-")
_NEW_GPT4 = ("gpt-4o", "gpt-4.1", "gpt-4.5")


class _Encoding(Protocol):
    n_vocab: int

    def encode_ordinary(self, text: str) -> list[int]: ...
    def decode_bytes(self, tokens: Sequence[int]) -> bytes: ...
    def decode_tokens_bytes(self, tokens: Sequence[int]) -> list[bytes]: ...


def encoding_name(model: str) -> str:
    """The name of the encoding used for the model: 'cl100k_base' or 'o200k_base'."""
    name = bare_model(model)
    old = name.startswith(_OLD_MODELS) and not name.startswith(_NEW_GPT4)
    return "cl100k_base" if old else "o200k_base"


@lru_cache(maxsize=2)
def _encoding(name: str) -> _Encoding:
    # Imported here because the tables take 80 ms and 70 MB, which a gateway with provider keys never needs.
    return cast(_Encoding, importlib.import_module("bpe_openai").get_encoding(name))


def encode(text: str, model: str) -> list[int]:
    """The token ids of the text; special-token text counts as plain text."""
    encoder = _encoding(encoding_name(model))
    text = clean(text)
    return [token for block in _blocks(text) for token in encoder.encode_ordinary(block)]


def _blocks(text: str) -> Iterator[str]:
    start = 0
    while len(text) - start > _BLOCK:
        cut = text.rfind(" ", start + _BLOCK // 2, start + _BLOCK)
        end = cut if cut > start else start + _BLOCK
        yield text[start:end]
        start = end
    yield text[start:]


def decode(ids: Sequence[int], model: str) -> str:
    """The text of token ids; raises OfflineError for an id outside the model's encoding."""
    name = encoding_name(model)
    encoder = _encoding(name)
    try:
        if any(not 0 <= token < encoder.n_vocab for token in ids):
            raise KeyError
        return encoder.decode_bytes(ids).decode("utf-8", "replace")
    except KeyError:
        raise OfflineError(f"input holds a token id that {name} doesn't have", param="input") from None


def pieces(text: str, model: str) -> list[str]:
    """The text in pieces of about one token, none of which splits a character."""
    encoder = _encoding(encoding_name(model))
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    found = (decoder.decode(chunk) for chunk in encoder.decode_tokens_bytes(encode(text, model)))
    return [piece for piece in found if piece]


def truncate(text: str, model: str, limit: int | None) -> tuple[str, bool]:
    """The text cut to at most `limit` tokens, and whether anything was cut."""
    if limit is None:
        return text, False
    ids = encode(text, model)
    if len(ids) <= limit:
        return text, False
    raw = _encoding(encoding_name(model)).decode_bytes(ids[:limit])
    return raw.decode("utf-8", "ignore"), True


def count_text(text: str, model: str) -> int:
    """The number of tokens in the text."""
    return len(encode(text, model))


def count_messages(messages: Sequence[dict[str, Any]], tools: Sequence[dict[str, Any]] | None, model: str) -> int:
    """The number of prompt tokens of a chat: its messages with their names and calls, its tools, the reply's start."""
    total = PER_REPLY
    for message in messages:
        total += PER_MESSAGE + count_text(str(message.get("role", "")), model)
        total += sum(_part_tokens(part, model) for part in parts(message.get("content")))
        if isinstance(message.get("name"), str):
            total += PER_NAME + count_text(message["name"], model)
        if message.get("tool_calls"):
            total += count_text(to_json(message["tool_calls"]), model)
    return total + sum(PER_TOOL + count_text(to_json(tool), model) for tool in tools or ())


def _part_tokens(part: dict[str, Any], model: str) -> int:
    kind = part.get("type")
    if kind in IMAGE_PARTS:
        image = part.get("image_url")
        detail = image.get("detail") if isinstance(image, dict) else part.get("detail")
        return IMAGE_LOW if detail == "low" else IMAGE_HIGH
    if kind in AUDIO_PARTS:
        return AUDIO_PART
    if kind in ("file", "input_file"):
        return FILE_PART
    text = part.get("text", part.get("refusal"))
    return count_text(text, model) if isinstance(text, str) else 0
