"""What every provider dialect offers: it turns OpenAI-shaped requests into calls, and answers back. No I/O."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, List, Mapping, Optional, Tuple
from urllib.parse import quote

from .._core.jsoncodec import decode
from .._core.secrets import Secret, reveal
from ..exceptions import ResponseValidationError, ValidationError
from . import errors
from .table import EMBEDDINGS, IMAGES, MODELS, PROVIDERS, RERANK, SPEECH, TRANSCRIPTION, ProviderSpec

__all__ = ["Dialect", "ProviderCall", "StreamReader", "Target", "dialect_for"]

# Name, content (bytes, or a binary file object) and media type.
File = Tuple[str, Any, str]


@dataclass(frozen=True)
class Target:
    """Where one call goes. `base_url` has no trailing slash; `options` holds what else the provider needs."""

    provider: str
    model: str
    base_url: str
    key: Optional[Secret] = None
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ProviderCall:
    """One HTTP request. At most one of `json`, `content` and `form` (with `files`) is the body.

    The key stands in `headers` only, and in `secrets` so that a sender can redact it; neither is part of the repr.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    json: Any = field(default=None, repr=False)
    files: Optional[Mapping[str, File]] = field(default=None, repr=False)
    form: Optional[Mapping[str, Any]] = field(default=None, repr=False)
    content: Optional[bytes] = field(default=None, repr=False)
    secrets: Tuple[Secret, ...] = field(default=(), repr=False)


class StreamReader:
    """Reads the events of one stream. `finished` becomes true when the answer is complete."""

    def __init__(self, spec: ProviderSpec) -> None:
        self.spec = spec
        self.finished = False

    @property
    def closed(self) -> bool:
        """Whether the provider's own end marker has come, so that nothing can follow."""
        return self.finished

    def read(self, event_name: str, data: bytes) -> List[Dict[str, Any]]:
        """The OpenAI chunks that an event stands for; an error event gives one `{"error": {...}}` in the SDK's shape."""
        raise NotImplementedError

    def _object(self, data: bytes) -> Dict[str, Any]:
        return as_object(self.spec, decode_answer(self.spec, data), "has a stream event that is not an object")


class Dialect:
    """The wire format of one provider. What a subclass does not define is not offered and says so when called."""

    def __init__(self, spec: ProviderSpec) -> None:
        self.spec = spec

    def chat(self, body: Mapping[str, Any], target: Target) -> ProviderCall:
        """The call for an OpenAI chat request, streamed or not."""
        raise errors.not_offered(self.spec, "chat")

    def read_chat(self, answer: Any, body: Mapping[str, Any], *, created: int = 0) -> Dict[str, Any]:
        """The answer as an OpenAI `chat.completion` with `provider`; `created` is used where the provider gives no time."""
        raise errors.not_offered(self.spec, "chat")

    def stream(self, body: Mapping[str, Any], *, created: int = 0) -> StreamReader:
        """A reader for the stream that answers this chat request; `created` as for `read_chat`."""
        raise errors.not_offered(self.spec, "stream")

    def embeddings(self, body: Mapping[str, Any], target: Target) -> ProviderCall:
        """The call for an OpenAI embeddings request."""
        raise errors.not_offered(self.spec, EMBEDDINGS)

    def read_embeddings(self, answer: Any, body: Mapping[str, Any]) -> Dict[str, Any]:
        """The answer as an OpenAI list of embeddings."""
        raise errors.not_offered(self.spec, EMBEDDINGS)

    def images(self, body: Mapping[str, Any], target: Target) -> ProviderCall:
        """The call for an OpenAI image request."""
        raise errors.not_offered(self.spec, IMAGES)

    def read_images(self, answer: Any, body: Mapping[str, Any]) -> Dict[str, Any]:
        """The answer as an OpenAI list of images."""
        raise errors.not_offered(self.spec, IMAGES)

    def speech(self, body: Mapping[str, Any], target: Target) -> ProviderCall:
        """The call for an OpenAI speech request; its answer is the audio itself."""
        raise errors.not_offered(self.spec, SPEECH)

    def transcription(self, fields: Mapping[str, Any], file: File, target: Target) -> ProviderCall:
        """The call for an OpenAI transcription request: its form fields, and the file as name, bytes and type."""
        raise errors.not_offered(self.spec, TRANSCRIPTION)

    def read_transcription(self, answer: Any, fields: Mapping[str, Any]) -> Dict[str, Any]:
        """The answer as an OpenAI transcription with `text`."""
        raise errors.not_offered(self.spec, TRANSCRIPTION)

    def rerank(self, body: Mapping[str, Any], target: Target) -> ProviderCall:
        """The call for a rerank request."""
        raise errors.not_offered(self.spec, RERANK)

    def read_rerank(self, answer: Any, body: Mapping[str, Any]) -> Dict[str, Any]:
        """The answer with `results`, each with `index` and `relevance_score`."""
        raise errors.not_offered(self.spec, RERANK)

    def models(self, target: Target) -> ProviderCall:
        """The call that lists the provider's models."""
        raise errors.not_offered(self.spec, MODELS)

    def read_models(self, answer: Any) -> Dict[str, Any]:
        """The answer as an OpenAI list of models, each with `id` and `owned_by`."""
        raise errors.not_offered(self.spec, MODELS)

    def read_error(self, status: int, body: Any) -> Dict[str, Any]:
        """The SDK's error body for an error answer: `message`, `type`, `code` and `provider`."""
        return errors.read_error(self.spec, status, body)

    def _require(self, capability: str) -> None:
        if not self.spec.offers(capability):
            raise errors.not_offered(self.spec, capability)

    def _object(self, answer: Any) -> Dict[str, Any]:
        return as_object(self.spec, answer, "is not a JSON object")


def as_object(spec: ProviderSpec, value: Any, complaint: str) -> Dict[str, Any]:
    """The value, when it is an object."""
    if not isinstance(value, dict):
        raise errors.unreadable(spec, complaint, value)
    return value


def decode_answer(spec: ProviderSpec, data: bytes) -> Any:
    """The decoded JSON of a provider's answer or event."""
    try:
        return decode(data)
    except ResponseValidationError:
        what = "is not JSON"
        if errors.is_web_page(data[:200].decode("utf-8", "replace")):
            what = "is a web page: a proxy or a sign-in page of the network may have answered"
            what += f"; check the network and {spec.base_url_variable}"
        raise errors.unreadable(spec, what, data[:2000]) from None


def as_list(spec: ProviderSpec, answer: Mapping[str, Any], name: str) -> List[Any]:
    """A member of an answer that must be a list."""
    value = answer.get(name)
    if not isinstance(value, list):
        raise errors.unreadable(spec, f"has no list {name!r}", answer)
    return value


def mapping(value: Any) -> Dict[str, Any]:
    """The value when it is an object, else an empty one: a member that may be missing, null or nonsense."""
    return value if isinstance(value, dict) else {}


def segment(text: str) -> str:
    """A text as one segment of a URL's path."""
    if text in ("", ".", ".."):
        raise ValidationError("the model name is empty or cannot stand in a URL", param="model")
    return quote(text, safe="")


def bearer(target: Target, scheme: str = "Bearer") -> Dict[str, str]:
    """The authorization header, when there is a key."""
    return {"authorization": f"{scheme} {key_text(target)}"} if target.key else {}


def key_text(target: Target) -> str:
    """The key for a header; one that no header can carry is refused without being shown."""
    text = reveal(target.key) if target.key else ""
    if not text.isascii() or not text.isprintable():
        raise ValidationError(f"the key of {target.provider} has characters that no header can carry", param="api_key")
    return text


def secrets(target: Target) -> Tuple[Secret, ...]:
    """The secrets of a call, for redaction."""
    return (target.key,) if target.key else ()


def dialect_for(provider: str) -> Dialect:
    """The dialect of a provider, by its name in the table."""
    spec = PROVIDERS[provider]
    if spec.dialect == "anthropic":
        from .anthropic import AnthropicDialect

        return AnthropicDialect(spec)
    if spec.dialect == "cohere":
        from .cohere import CohereDialect

        return CohereDialect(spec)
    if spec.dialect == "deepgram":
        from .deepgram import DeepgramDialect

        return DeepgramDialect(spec)
    if spec.dialect == "replicate":
        from .replicate import ReplicateDialect

        return ReplicateDialect(spec)
    from .openai_compatible import AzureDialect, OpenAICompatibleDialect, VertexDialect

    kinds = {"azure": AzureDialect, "vertex_ai": VertexDialect}
    return kinds.get(spec.dialect, OpenAICompatibleDialect)(spec)
