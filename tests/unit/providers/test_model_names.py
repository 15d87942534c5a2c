"""Which provider a model name belongs to, and what the table promises of each."""

from __future__ import annotations

import pytest

from smartflow import providers
from smartflow.exceptions import ConfigError, ValidationError
from smartflow.providers import table
from smartflow.providers.dialect import Dialect, Target, dialect_for
from smartflow.providers.targets import target_for

DOCUMENTED = (
    "anthropic", "xai", "gemini", "vertex_ai", "openrouter", "azure", "mistral", "cohere", "nvidia_nim", "huggingface",
    "groq", "deepgram", "fireworks", "novita", "together", "perplexity", "replicate", "vercel_ai_gateway", "ollama",
)  # fmt: skip
# What a dialect must be able to do for each capability, as the name of its method.
METHODS = {
    "chat": "chat", "stream": "stream", "embeddings": "embeddings", "images": "images", "speech": "speech",
    "transcription": "transcription", "rerank": "rerank", "models": "models",
}  # fmt: skip


@pytest.mark.parametrize(
    ("model", "provider", "bare"),
    [
        ("gpt-4o", "openai", "gpt-4o"),
        ("o1-mini", "openai", "o1-mini"),
        ("o3-mini", "openai", "o3-mini"),
        ("chatgpt-4o-latest", "openai", "chatgpt-4o-latest"),
        ("whisper-1", "openai", "whisper-1"),
        ("dall-e-3", "openai", "dall-e-3"),
        ("claude-sonnet-4-6", "anthropic", "claude-sonnet-4-6"),
        ("gemini-2.0-flash", "gemini", "gemini-2.0-flash"),
        ("something-else", "openai", "something-else"),
        ("openai/gpt-4o", "openai", "gpt-4o"),
        ("claude/claude-3-opus", "anthropic", "claude-3-opus"),
        ("google/gemini-1.5-pro", "gemini", "gemini-1.5-pro"),
        ("local/my-model", "local", "my-model"),
        ("openrouter/meta-llama/llama-3.1-405b", "openrouter", "meta-llama/llama-3.1-405b"),
        ("openrouter/anthropic/claude-3", "openrouter", "anthropic/claude-3"),
        ("foo/bar", "openai", "foo/bar"),
        ("foo/groq/bar", "openai", "foo/groq/bar"),
        ("groq/", "openai", "groq/"),
        ("GROQ/llama", "openai", "GROQ/llama"),
        *((f"{name}/m", name, "m") for name in DOCUMENTED),
    ],
)
def test_a_model_name_tells_its_provider(model: str, provider: str, bare: str) -> None:
    assert table.parse_model(model) == (provider, bare)


@pytest.mark.parametrize(
    ("model", "prefix"), [("gorq/llama", "gorq"), ("groq/llama", None), ("llama", None), ("/x", None)]
)
def test_an_unknown_prefix_can_be_asked_for(model: str, prefix: str | None) -> None:
    assert table.unknown_prefix(model) == prefix


def test_a_misspelt_prefix_has_suggestions() -> None:
    assert table.suggestions("gorq")[0] == "groq"
    assert table.suggestions("Mistrall")[0] == "mistral"
    assert table.suggestions("xyzzyxyzzy") == []


@pytest.mark.parametrize("provider", [*table.PROVIDERS])
def test_a_dialect_defines_what_the_table_promises_and_refuses_the_rest(provider: str) -> None:
    spec, dialect = table.PROVIDERS[provider], dialect_for(provider)
    target = Target(provider, "owner/model", "https://example.test", None, {"api_version": "1"})
    body = {"messages": [{"role": "user", "content": "Hi"}], "input": "Hi", "prompt": "Hi"}
    arguments = {"transcription": ({}, ("a.mp3", b"x", "audio/mpeg"), target), "models": (target,), "stream": (body,)}
    for capability, method in METHODS.items():
        call = getattr(dialect, method)
        if spec.offers(capability):
            assert call(*arguments.get(capability, (body, target))) is not None
            continue
        with pytest.raises(ValidationError, match=spec.title) as caught:
            call(*arguments.get(capability, (body, target)))
        assert caught.value.provider == provider
        assert caught.value.code == "not_offered"


@pytest.mark.parametrize("provider", [*table.PROVIDERS])
def test_what_can_be_sent_can_be_read(provider: str) -> None:
    kind = type(dialect_for(provider))
    for capability in set(table.PROVIDERS[provider].capabilities) - {"stream", "speech"}:
        assert getattr(kind, f"read_{capability}") is not getattr(Dialect, f"read_{capability}"), capability


def test_a_refusal_names_who_can_do_it() -> None:
    with pytest.raises(ValidationError) as caught:
        dialect_for("anthropic").embeddings({}, Target("anthropic", "claude-x", "https://example.test"))
    assert str(caught.value).startswith("Anthropic does not offer embeddings; use a model of openai, gemini")


@pytest.mark.parametrize(
    ("provider", "environment", "address"),
    [
        ("ollama", {}, "http://localhost:11434/v1"),
        ("ollama", {"OLLAMA_BASE_URL": "http://pc:11434"}, "http://pc:11434/v1"),
        ("ollama", {"OLLAMA_BASE_URL": "http://pc:11434/"}, "http://pc:11434/v1"),
        ("ollama", {"OLLAMA_BASE_URL": "http://pc:11434/v1/"}, "http://pc:11434/v1"),
        ("perplexity", {"PERPLEXITY_BASE_URL": "https://api.perplexity.ai"}, "https://api.perplexity.ai"),
        ("groq", {"GROQ_BASE_URL": "https://api.groq.com"}, "https://api.groq.com/openai/v1"),
        ("anthropic", {"ANTHROPIC_BASE_URL": "https://claude.test/v1/"}, "https://claude.test"),
        ("cohere", {"COHERE_BASE_URL": "https://cohere.test/v2"}, "https://cohere.test"),
        ("azure", {"AZURE_API_BASE": "https://me.openai.azure.com/openai/"}, "https://me.openai.azure.com"),
        ("azure", {"AZURE_API_BASE": "https://me.openai.azure.com"}, "https://me.openai.azure.com"),
        (
            "vertex_ai",
            {"VERTEXAI_PROJECT": "p", "VERTEXAI_LOCATION": "europe-west4"},
            "https://europe-west4-aiplatform.googleapis.com/v1/projects/p/locations/europe-west4/endpoints/openapi",
        ),
        (
            "vertex_ai",
            {"VERTEXAI_PROJECT": "p", "VERTEXAI_LOCATION": "global"},
            "https://aiplatform.googleapis.com/v1/projects/p/locations/global/endpoints/openapi",
        ),
    ],
)
def test_a_base_url_works_with_and_without_its_ending(provider: str, environment: dict[str, str], address: str) -> None:
    assert target_for(f"{provider}/m", environment, "key").base_url == address


@pytest.mark.parametrize("provider", [name for name, spec in table.PROVIDERS.items() if spec.key_required])
def test_a_missing_key_names_the_variable_and_the_cure(provider: str) -> None:
    variable = table.PROVIDERS[provider].key_variable
    with pytest.raises(ConfigError, match=rf"{variable}, or run `smartflow config set {provider}_api_key`"):
        target_for(f"{provider}/m", {"AZURE_API_BASE": "https://me.test", str(variable): "  "})


def test_a_server_of_ones_own_needs_no_key() -> None:
    assert target_for("gpt-4o", {"OPENAI_BASE_URL": "http://localhost:8000"}).key is None


def test_a_key_that_is_given_goes_before_the_environment() -> None:
    target = target_for("gpt-4o", {"OPENAI_API_KEY": "sk-from-environment"}, "sk-given")
    call = dialect_for("openai").chat({"messages": []}, target)
    assert call.headers["authorization"] == "Bearer sk-given"


@pytest.mark.parametrize(
    ("provider", "variable"),
    [("local", "LOCAL_BASE_URL"), ("azure", "AZURE_API_BASE"), ("vertex_ai", "VERTEXAI_PROJECT and VERTEXAI_LOCATION")],
)
def test_a_missing_base_url_names_the_variable(provider: str, variable: str) -> None:
    with pytest.raises(ConfigError, match=variable):
        target_for(f"{provider}/m", {}, "key")


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("localhost:11434", "has no scheme"),
        ("ftp://host", "must begin with http"),
        ("http://", "has no host|has no scheme"),
        ("http://user:hunter2@host", "must not contain a user name or password"),
        ("http://host:99999/v1", "is not a URL"),
        ("http://host/v1?x=1", "must not contain a query"),
    ],
)
def test_a_bad_base_url_is_refused_by_the_name_of_its_variable(url: str, complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint) as caught:
        target_for("ollama/llama3", {"OLLAMA_BASE_URL": url})
    assert "OLLAMA_BASE_URL" in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_a_key_is_not_sent_in_the_clear_over_a_public_network() -> None:
    with pytest.raises(ConfigError, match="OPENAI_BASE_URL: http://models.example.com would get the key") as caught:
        target_for("gpt-4o", {"OPENAI_BASE_URL": "http://models.example.com/v1", "OPENAI_API_KEY": "sk-canary"})
    assert "canary" not in str(caught.value)
    assert target_for("gpt-4o", {"OPENAI_BASE_URL": "http://localhost/v1", "OPENAI_API_KEY": "sk-canary"}).key


@pytest.mark.parametrize("key", ["sk-canary\nx", "sk-canary\u00e9"])
def test_a_key_that_no_header_can_carry_is_refused_unshown(key: str) -> None:
    target = target_for("claude-x", {}, key)
    with pytest.raises(ValidationError, match="characters that no header can carry") as caught:
        dialect_for("anthropic").chat({"messages": []}, target)
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("provider", [*table.PROVIDERS])
def test_no_key_shows_in_a_repr(provider: str) -> None:
    environment = {
        "AZURE_API_BASE": "https://me.test",
        "LOCAL_BASE_URL": "http://me.test",
        "VERTEX_AI_BASE_URL": "https://v.test/x",
    }
    target = target_for(f"{provider}/owner/model", environment, "canary-key-1234")
    dialect = dialect_for(provider)
    call = (
        dialect.speech({"input": "Hi"}, target) if provider == "deepgram"
        else dialect.images({"prompt": "Hi"}, target) if provider == "replicate"
        else dialect.chat({"messages": [{"role": "user", "content": "Hi"}]}, target)
    )  # fmt: skip
    assert "canary" in str(dict(call.headers))
    assert "canary" not in repr(call) + repr(target) + str(call) + call.url + str(call.json)


def test_the_package_hands_out_each_name_that_it_lists() -> None:
    assert [name for name in providers.__all__ if not hasattr(providers, name)] == []
    assert set(providers.__all__) <= set(dir(providers))
