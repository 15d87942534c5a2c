"""The providers that Smartflow knows: their prefixes, environment variables and addresses, as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

OPENAI_COMPATIBLE = "openai"


@dataclass(frozen=True)
class ProviderSpec:
    """One provider. `dialect` names the wire format; only `openai` can be forwarded to by the local gateway."""

    name: str
    title: str
    dialect: str
    key_variable: str | None = None
    base_url: str | None = None
    base_url_variable: str | None = None
    aliases: tuple[str, ...] = ()

    def configured(self, environment: Mapping[str, str]) -> bool:
        """True when the environment says how to reach this provider: with a key or with a base URL."""
        names = (self.key_variable, self.base_url_variable)
        return any(name is not None and environment.get(name, "").strip() for name in names)

    def address(self, environment: Mapping[str, str]) -> str | None:
        """The base URL without a trailing slash, or None when there is none."""
        chosen = environment.get(self.base_url_variable, "").strip().rstrip("/") if self.base_url_variable else ""
        # People write `http://localhost:11434` as often as `http://localhost:11434/v1`.
        bare = chosen and "/" not in chosen.partition("://")[2]
        return (f"{chosen}/v1" if bare and self.dialect == OPENAI_COMPATIBLE else chosen) or self.base_url


def _compatible(
    name: str, title: str, base_url: str | None, *, key: bool = True, aliases: tuple[str, ...] = ()
) -> ProviderSpec:
    upper = name.upper()
    return ProviderSpec(
        name, title, OPENAI_COMPATIBLE, f"{upper}_API_KEY" if key else None, base_url, f"{upper}_BASE_URL", aliases
    )


_SPECS = (
    _compatible("openai", "OpenAI", "https://api.openai.com/v1"),
    ProviderSpec(
        "anthropic",
        "Anthropic",
        "anthropic",
        "ANTHROPIC_API_KEY",
        "https://api.anthropic.com",
        "ANTHROPIC_BASE_URL",
        ("claude",),
    ),
    _compatible("xai", "xAI", "https://api.x.ai/v1"),
    _compatible(
        "gemini", "Google Gemini", "https://generativelanguage.googleapis.com/v1beta/openai", aliases=("google",)
    ),
    ProviderSpec("vertex_ai", "Google Vertex AI", "vertex_ai", "VERTEXAI_API_KEY"),
    _compatible("openrouter", "OpenRouter", "https://openrouter.ai/api/v1"),
    ProviderSpec("azure", "Azure OpenAI", "azure", "AZURE_API_KEY", None, "AZURE_API_BASE"),
    _compatible("mistral", "Mistral AI", "https://api.mistral.ai/v1"),
    ProviderSpec("cohere", "Cohere", "cohere", "COHERE_API_KEY", "https://api.cohere.com"),
    _compatible("nvidia_nim", "NVIDIA NIM", "https://integrate.api.nvidia.com/v1"),
    _compatible("huggingface", "Hugging Face", "https://router.huggingface.co/v1"),
    _compatible("groq", "Groq", "https://api.groq.com/openai/v1"),
    ProviderSpec("deepgram", "Deepgram", "deepgram", "DEEPGRAM_API_KEY", "https://api.deepgram.com"),
    _compatible("fireworks", "Fireworks AI", "https://api.fireworks.ai/inference/v1"),
    _compatible("novita", "Novita AI", "https://api.novita.ai/v3/openai"),
    _compatible("together", "Together AI", "https://api.together.xyz/v1"),
    _compatible("perplexity", "Perplexity AI", "https://api.perplexity.ai"),
    ProviderSpec("replicate", "Replicate", "replicate", "REPLICATE_API_KEY", "https://api.replicate.com"),
    _compatible("vercel_ai_gateway", "Vercel AI Gateway", "https://ai-gateway.vercel.sh/v1"),
    _compatible("ollama", "Ollama", "http://localhost:11434/v1", key=False),
    _compatible("local", "a local OpenAI-compatible server", None, key=False),
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


def detect(model: str) -> str:
    """The provider that a model name without a prefix belongs to."""
    return next((name for start, name in MODEL_STARTS if model.startswith(start)), DEFAULT_PROVIDER)


def equivalent_model(model: str, provider: str) -> str:
    """The name to use for `model` at another provider; unchanged when no counterpart is documented."""
    table = EQUIVALENT_MODELS.get(provider, {})
    if provider == "openai" and model.startswith("claude-"):
        return next((other for tier, other in table.items() if tier in model), model)
    return table.get(model, model)
