"""The models that the gateway lists while no provider is configured."""

from __future__ import annotations

# Name, owner, and a fixed unix time about when it came out; names carry the prefix under which the gateway routes them.
_MODELS = (
    ("gpt-4o", "openai", 1715367049),
    ("gpt-4o-mini", "openai", 1721172741),
    ("gpt-4.1", "openai", 1744316542),
    ("o3-mini", "openai", 1737146383),
    ("text-embedding-3-small", "openai", 1705948997),
    ("text-embedding-3-large", "openai", 1705953180),
    ("dall-e-3", "openai", 1698785189),
    ("whisper-1", "openai", 1677532384),
    ("tts-1", "openai", 1681940951),
    ("claude-sonnet-4-6", "anthropic", 1771286400),
    ("claude-haiku-4-5-20251001", "anthropic", 1760486400),
    ("gemini/gemini-2.0-flash", "gemini", 1738713600),
    ("mistral/mistral-large-latest", "mistral", 1731888000),
    ("cohere/rerank-english-v3.0", "cohere", 1712793600),
    ("groq/llama-3.3-70b-versatile", "groq", 1733443200),
    ("ollama/llama3.3", "ollama", 1733443200),
)


def models() -> list[dict[str, object]]:
    """The listed models, each with id, object, created (unix seconds) and owned_by."""
    return [{"id": name, "object": "model", "created": created, "owned_by": owner} for name, owner, created in _MODELS]
