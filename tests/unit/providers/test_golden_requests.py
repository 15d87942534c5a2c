"""What is sent to each provider, held against requests.json: URL, headers with the key masked, and body.

After a wanted change run the tests once with UPDATE_GOLDEN=1 in the environment, and read the difference before you keep it.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from smartflow.providers import table
from smartflow.providers.dialect import ProviderCall, dialect_for
from smartflow.providers.targets import target_for

GOLDEN = Path(__file__).resolve().with_name("requests.json")
UPDATE = os.environ.get("UPDATE_GOLDEN") == "1"
KEY = "canary-key-of-the-provider"
ENVIRONMENT = {
    "AZURE_API_BASE": "https://me.openai.azure.com",
    "LOCAL_BASE_URL": "http://localhost:8000",
    "VERTEXAI_PROJECT": "my-project",
    "VERTEXAI_LOCATION": "europe-west4",
}
NAMES = {
    "replicate": "black-forest-labs/flux-schnell",
    "openrouter": "meta-llama/llama-3.1-405b",
    "azure": "my deployment",
}
CHAT = {
    "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello"}],
    "temperature": 0.7,
    "stream": False,
}
BODIES: dict[str, dict[str, Any]] = {
    "chat": CHAT,
    "stream": {**CHAT, "stream": True, "stream_options": {"include_usage": True}},
    "embeddings": {"input": ["a", "b"], "encoding_format": "float", "dimensions": 256},
    "images": {"prompt": "a lighthouse", "n": 1, "size": "1024x1024", "response_format": "url"},
    "speech": {"input": "Hello", "voice": "alloy", "response_format": "mp3", "speed": 1.0},
    "rerank": {"query": "q", "documents": ["a", "b"], "top_n": 1},
}


def call_for(prefix: str, capability: str) -> ProviderCall:
    provider = table.PREFIXES[prefix]
    model = f"{prefix}/{NAMES.get(provider, 'a-model')}"
    target = target_for(model, ENVIRONMENT, KEY)
    dialect = dialect_for(provider)
    if capability == "models":
        return dialect.models(target)
    if capability == "transcription":
        fields = {"model": model, "response_format": "json", "temperature": "0.0", "language": "en"}
        return dialect.transcription(fields, ("a.mp3", b"<audio>", "audio/mpeg"), target)
    body = {"model": model, **BODIES[capability]}
    build = dialect.chat if capability == "stream" else getattr(dialect, capability)
    found: ProviderCall = build(body, target)
    return found


def told(call: ProviderCall) -> dict[str, Any]:
    headers = {name: value.replace(KEY, "***") for name, value in call.headers.items()}
    bodies = {
        "json": call.json,
        "form": call.form,
        "files": {name: [file[0], file[2]] for name, file in call.files.items()} if call.files else None,
        "content": call.content.decode() if call.content is not None else None,
    }
    return {
        "method": call.method,
        "url": call.url,
        "headers": headers,
        **{k: v for k, v in bodies.items() if v is not None},
    }


CASES = [
    (prefix, capability)
    for prefix, provider in table.PREFIXES.items()
    for capability in table.PROVIDERS[provider].capabilities
]


def recorded() -> dict[str, Any]:
    if UPDATE:
        lines = {f"{prefix}/ {capability}": told(call_for(prefix, capability)) for prefix, capability in CASES}
        GOLDEN.write_text(json.dumps(lines, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    found: dict[str, Any] = json.loads(GOLDEN.read_text(encoding="utf-8"))
    return found


@pytest.mark.parametrize(("prefix", "capability"), CASES)
def test_a_request_is_the_golden_one(prefix: str, capability: str) -> None:
    assert told(call_for(prefix, capability)) == recorded()[f"{prefix}/ {capability}"]


def test_no_golden_request_is_left_over() -> None:
    assert set(recorded()) == {f"{prefix}/ {capability}" for prefix, capability in CASES}


@pytest.mark.parametrize(("prefix", "capability"), CASES)
def test_a_key_stands_in_the_headers_only(prefix: str, capability: str) -> None:
    call = call_for(prefix, capability)
    assert KEY not in call.url + json.dumps(call.json) + str(call.form) + str(call.content)
    assert sum(KEY in value for value in call.headers.values()) == 1
    assert [*call.secrets]
