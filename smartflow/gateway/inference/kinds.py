"""The kinds of inference: the operation that a provider is asked for, who answers it offline, and what its texts are."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from smartflow_generated.server.base import Model
from smartflow_generated.server.proxy import models

from smartflow.gateway.offline import anthropic, chat, embeddings, images, rerank
from smartflow.gateway.offline.audio_probe import probe
from smartflow.gateway.offline.errors import OfflineError
from smartflow.providers.table import DEFAULT_PROVIDER

if TYPE_CHECKING:
    from smartflow.gateway.contract import Form

_FEWEST_BYTES_PER_SECOND = 1000
Json = dict[str, Any]


@dataclass(frozen=True)
class Kind:
    """One kind of JSON-to-JSON inference. `offline` and `offline_stream` take the request, a reply id and the time in Unix seconds."""

    name: str
    operation: str
    offline: Callable[[Json, str, int], Json]
    offline_stream: Callable[[Json, str, int], Iterator[Json]] | None = None
    cacheable: bool = True
    default_model: str = ""
    default_provider: str = DEFAULT_PROVIDER
    id_prefix: str = "reply"
    # What an answer must fit before anything is made of it: it comes from outside.
    answer_model: type[Model] | None = None


CHAT = Kind(
    "chat",
    "createChatCompletion",
    lambda request, reply_id, created: chat.complete(request, reply_id=reply_id, created=created),
    lambda request, reply_id, created: chat.stream(request, reply_id=reply_id, created=created),
    id_prefix="chatcmpl",
    answer_model=models.ChatCompletion,
)
MESSAGE = Kind(
    "message",
    "createMessage",
    lambda request, reply_id, created: anthropic.message(request, reply_id=reply_id),
    lambda request, reply_id, created: (event for _, event in anthropic.events(request, reply_id=reply_id)),
    default_provider="anthropic",
    id_prefix="msg",
    answer_model=models.AnthropicMessage,
)
EMBEDDING = Kind(
    "embedding",
    "createEmbedding",
    lambda request, reply_id, created: embeddings.embed(request),
    answer_model=models.EmbeddingList,
)
RERANK = Kind(
    "rerank",
    "rerankDocuments",
    lambda request, reply_id, created: rerank.rerank(request, reply_id=reply_id),
    default_provider="cohere",
    id_prefix="rerank",
    answer_model=models.RerankAnswer,
)
IMAGE = Kind(
    "image",
    "createImage",
    lambda request, reply_id, created: images.generate(request, created=created),
    cacheable=False,
    default_model="dall-e-3",
    answer_model=models.ImageList,
)
SPEECH = Kind("audio", "createSpeech", lambda request, reply_id, created: {}, cacheable=False)
"""Its answer is bytes, so it has a handler of its own; the kind serves routing and effects."""
TRANSCRIPTION = Kind("audio", "createTranscription", lambda request, reply_id, created: {}, cacheable=False)
"""Its request is a form, so it has a handler of its own, too."""


def seconds_of(form: Form | None) -> float:
    """The seconds of a form's recording; what its headers do not say is taken for as long as the poorest sound would be."""
    file = form.files.get("file") if form is not None else None
    if file is None:
        return 0.0
    try:
        told = probe(file.data).seconds
    except OfflineError:
        told = None
    return told or len(file.data) / _FEWEST_BYTES_PER_SECOND


def prompt_text(request: Mapping[str, Any]) -> str:
    """The words of a request that a person wrote: system, messages, input, query, documents or prompt."""
    texts: list[str] = []
    for name in ("system", "messages", "prompt", "input", "query", "documents"):
        _collect(request.get(name), texts)
    return "\n".join(texts)


def _collect(value: Any, texts: list[str]) -> None:
    if isinstance(value, str):
        texts.append(value)
    elif isinstance(value, list):
        for item in value:
            _collect(item, texts)
    elif isinstance(value, dict):
        # A message, or a part of one; pictures and sounds have no words.
        for name in ("content", "text", "refusal"):
            _collect(value.get(name), texts)
        for call in value.get("tool_calls") or ():
            _collect((call.get("function") or {}).get("arguments"), texts)


def answer_text(body: Mapping[str, Any]) -> str:
    """The words of a chat answer or a message, tool calls as JSON; empty for other kinds."""
    texts: list[str] = []
    for choice in body.get("choices") or ():
        message = choice.get("message") or {}
        _collect(message.get("content"), texts)
        if message.get("tool_calls"):
            texts.append(json.dumps(message["tool_calls"], ensure_ascii=False))
    for block in body.get("content") or ():
        _collect(block.get("text"), texts)
        if block.get("type") == "tool_use":
            texts.append(json.dumps(block, ensure_ascii=False))
    return "\n".join(texts)


def usage_tokens(body: Mapping[str, Any]) -> tuple[int, int] | None:
    """The prompt and completion tokens that an answer reports, or None."""
    usage = body.get("usage")
    if not isinstance(usage, Mapping):
        return None
    for prompt, completion in (("prompt_tokens", "completion_tokens"), ("input_tokens", "output_tokens")):
        if isinstance(usage.get(prompt), int):
            said = usage.get(completion)
            return usage[prompt], said if isinstance(said, int) else 0
    return None
