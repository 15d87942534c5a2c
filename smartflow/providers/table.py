"""The providers that Smartflow knows: prefixes, environment variables, addresses and abilities, as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import NamedTuple, Optional
from urllib.parse import urlsplit

OPENAI_COMPATIBLE = "openai"

CHAT, STREAM, EMBEDDINGS, IMAGES = "chat", "stream", "embeddings", "images"
SPEECH, TRANSCRIPTION, RERANK, MODELS = "speech", "transcription", "rerank", "models"
CAPABILITIES = (CHAT, STREAM, EMBEDDINGS, IMAGES, SPEECH, TRANSCRIPTION, RERANK, MODELS)
_TALK = (CHAT, STREAM)
# What the paths of each dialect append themselves; people write base URLs with and without it.
_OWN_ENDINGS = {
    "anthropic": ("/v1",),
    "azure": ("/openai/v1", "/openai"),
    "cohere": ("/v2", "/v1"),
    "deepgram": ("/v1",),
    "replicate": ("/v1",),
}


@dataclass(frozen=True)
class ProviderSpec:
    """One provider. `dialect` names the wire format.

    `capabilities` are those that the dialect really carries out; `variables` are further environment variables
    besides the key and the base URL. A key that is not required is sent when there is one.
    """

    name: str
    title: str
    dialect: str
    key_variable: str | None = None
    base_url: str | None = None
    base_url_variable: str | None = None
    aliases: tuple[str, ...] = ()
    capabilities: tuple[str, ...] = (*_TALK, MODELS)
    variables: tuple[str, ...] = ()
    key_required: bool = True

    def configured(self, environment: Mapping[str, str]) -> bool:
        """True when the environment says how to reach this provider: with a key or with a base URL."""
        names = (self.key_variable if self.key_required else None, self.base_url_variable)
        return any(name is not None and environment.get(name, "").strip() for name in names)

    def address(self, environment: Mapping[str, str]) -> str | None:
        """The base URL without a trailing slash, or None when there is none."""
        chosen = environment.get(self.base_url_variable, "").strip().rstrip("/") if self.base_url_variable else ""
        for ending in _OWN_ENDINGS.get(self.dialect, ()):
            if chosen.endswith(ending):
                return chosen[: -len(ending)]
        # People write `http://localhost:11434` as often as `http://localhost:11434/v1`.
        bare = chosen and "/" not in chosen.partition("://")[2]
        if bare and self.dialect == OPENAI_COMPATIBLE:
            return chosen + (urlsplit(self.base_url).path if self.base_url else "/v1")
        return chosen or self.base_url

    def offers(self, capability: str) -> bool:
        """True when calls of this kind can be made to the provider."""
        return capability in self.capabilities


class ModelRef(NamedTuple):
    """The provider that a model name belongs to, and the name by which that provider knows it."""

    provider: str
    model: str


def _compatible(
    name: str,
    title: str,
    base_url: str | None,
    *more: str,
    key: bool = True,
    aliases: tuple[str, ...] = (),
    models: bool = True,
) -> ProviderSpec:
    upper = name.upper()
    offered = (*_TALK, *more, *((MODELS,) if models else ()))
    return ProviderSpec(
        name,
        title,
        OPENAI_COMPATIBLE,
        f"{upper}_API_KEY",
        base_url,
        f"{upper}_BASE_URL",
        aliases,
        offered,
        key_required=key,
    )


def _own(
    name: str, dialect: str, title: str, base_url: str, *offered: str, aliases: tuple[str, ...] = ()
) -> ProviderSpec:
    upper = name.upper()
    return ProviderSpec(name, title, dialect, f"{upper}_API_KEY", base_url, f"{upper}_BASE_URL", aliases, offered)


_AUDIO = (SPEECH, TRANSCRIPTION)
_SPECS = (
    _compatible("openai", "OpenAI", "https://api.openai.com/v1", EMBEDDINGS, IMAGES, *_AUDIO),
    _own("anthropic", "anthropic", "Anthropic", "https://api.anthropic.com", *_TALK, MODELS, aliases=("claude",)),
    _compatible("xai", "xAI", "https://api.x.ai/v1", IMAGES),
    _compatible(
        "gemini",
        "Google Gemini",
        "https://generativelanguage.googleapis.com/v1beta/openai",
        EMBEDDINGS,
        IMAGES,
        aliases=("google",),
    ),
    ProviderSpec(
        "vertex_ai",
        "Google Vertex AI",
        "vertex_ai",
        "VERTEXAI_API_KEY",
        None,
        "VERTEX_AI_BASE_URL",
        capabilities=(*_TALK, EMBEDDINGS),
        variables=("VERTEXAI_PROJECT", "VERTEXAI_LOCATION"),
    ),
    _compatible("openrouter", "OpenRouter", "https://openrouter.ai/api/v1", EMBEDDINGS, RERANK),
    ProviderSpec(
        "azure",
        "Azure OpenAI",
        "azure",
        "AZURE_API_KEY",
        None,
        "AZURE_API_BASE",
        capabilities=(*_TALK, EMBEDDINGS, IMAGES, *_AUDIO),
        variables=("AZURE_API_VERSION",),
    ),
    _compatible("mistral", "Mistral AI", "https://api.mistral.ai/v1", EMBEDDINGS, TRANSCRIPTION),
    _own("cohere", "cohere", "Cohere", "https://api.cohere.com", *_TALK, EMBEDDINGS, RERANK, MODELS),
    _compatible("nvidia_nim", "NVIDIA NIM", "https://integrate.api.nvidia.com/v1", EMBEDDINGS),
    _compatible("huggingface", "Hugging Face", "https://router.huggingface.co/v1"),
    _compatible("groq", "Groq", "https://api.groq.com/openai/v1", *_AUDIO),
    _own("deepgram", "deepgram", "Deepgram", "https://api.deepgram.com", *_AUDIO),
    _compatible("fireworks", "Fireworks AI", "https://api.fireworks.ai/inference/v1", EMBEDDINGS, TRANSCRIPTION),
    _compatible("novita", "Novita AI", "https://api.novita.ai/openai/v1", EMBEDDINGS, RERANK),
    _compatible("together", "Together AI", "https://api.together.ai/v1", EMBEDDINGS, IMAGES, *_AUDIO, RERANK),
    _compatible("perplexity", "Perplexity AI", "https://api.perplexity.ai", models=False),
    _own("replicate", "replicate", "Replicate", "https://api.replicate.com", IMAGES),
    _compatible("vercel_ai_gateway", "Vercel AI Gateway", "https://ai-gateway.vercel.sh/v1", EMBEDDINGS),
    _compatible("ollama", "Ollama", "http://localhost:11434/v1", EMBEDDINGS, key=False),
    _compatible("local", "a local OpenAI-compatible server", None, EMBEDDINGS, IMAGES, *_AUDIO, RERANK, key=False),
)

PROVIDERS: dict[str, ProviderSpec] = {spec.name: spec for spec in _SPECS}
"""Every provider by its name."""

PREFIXES: dict[str, str] = {prefix: spec.name for spec in _SPECS for prefix in (spec.name, *spec.aliases)}
"""Every prefix (without the slash) with the name of its provider."""

DEFAULT_PROVIDER = "openai"

MODEL_STARTS: tuple[tuple[str, str], ...] = (
    ("gpt-", "openai"),
    ("o1-", "openai"),
    ("o3-", "openai"),
    ("chatgpt-", "openai"),
    ("whisper-", "openai"),
    ("dall-e-", "openai"),
    ("claude-", "anthropic"),
    ("gemini-", "gemini"),
)
"""How a model name without a prefix tells its provider; every other name belongs to the default provider."""

EQUIVALENT_MODELS: dict[str, dict[str, str]] = {
    "anthropic": {
        "gpt-5.4-pro": "claude-opus-4-6",
        "gpt-5.4": "claude-opus-4-6",
        "o3": "claude-opus-4-6",
        "o4": "claude-opus-4-6",
        "gpt-4.1": "claude-sonnet-4-6",
        "gpt-4.1-mini": "claude-haiku-4-5-20251001",
        "gpt-4.1-nano": "claude-haiku-4-5-20251001",
    },
    "openai": {"opus": "gpt-5.4", "sonnet": "gpt-4.1", "haiku": "gpt-4.1-mini"},
}
"""The model that stands in when a call is forced to another provider: exact names towards Anthropic, tier words towards OpenAI."""


def split_prefix(model: str) -> tuple[str | None, str]:
    """The provider that the first path segment names (None when it names none) and the model name without it."""
    head, slash, rest = model.partition("/")
    provider = PREFIXES.get(head) if slash and rest else None
    return (provider, rest) if provider else (None, model)


def detect(model: str, default: str = DEFAULT_PROVIDER) -> str:
    """The provider that a model name without a prefix belongs to; `default` where the name does not tell."""
    return next((name for start, name in MODEL_STARTS if model.startswith(start)), default)


def equivalent_model(model: str, provider: str) -> str:
    """The name to use for `model` at another provider; unchanged when no counterpart is documented."""
    table = EQUIVALENT_MODELS.get(provider, {})
    if provider == "openai" and model.startswith("claude-"):
        return next((other for tier, other in table.items() if tier in model), model)
    return table.get(model, model)


def parse_model(model: str, default: str = DEFAULT_PROVIDER) -> ModelRef:
    """The provider and model that a name means: a known prefix first, then the start of the name, else the default."""
    provider, bare = split_prefix(model)
    return ModelRef(provider or detect(bare, default), bare)


def unknown_prefix(model: str) -> Optional[str]:
    """The first path segment when it is no known prefix: perhaps a slip, perhaps a name that a gateway understands."""
    head, slash, rest = model.partition("/")
    return head if head and slash and rest and head not in PREFIXES else None


def suggestions(prefix: str) -> list[str]:
    """The known prefixes that are spelled most like this one, the best first."""
    return get_close_matches(prefix.lower(), PREFIXES, n=3)


def offering(capability: str) -> list[str]:
    """The names of the providers that offer a capability, in the order of the table."""
    return [spec.name for spec in _SPECS if spec.offers(capability)]
