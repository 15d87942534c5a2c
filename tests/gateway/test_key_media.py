"""Budgets count pictures, speech and recordings by the dated price list."""

from __future__ import annotations

import pytest

from .keyed import ADMIN, bearer, new_key, read_key

SPEECH = {"model": "tts-1", "input": "hello there", "voice": "alloy", "response_format": "wav"}


@pytest.fixture
def gateway(start_gateway):
    return start_gateway(api_key="the-configured-key")


def draw(gateway, key, **fields):
    body = {"model": "dall-e-2", "prompt": "a cat", "size": "256x256", **fields}
    return gateway.proxy.post("/v1/images/generations", json=body, headers=bearer(key))


@pytest.mark.parametrize(
    ("fields", "usd"),
    [
        ({}, 0.016),
        ({"n": 3}, 0.048),
        ({"model": "dall-e-3", "size": "1024x1024"}, 0.04),
        ({"model": "dall-e-3", "size": "1024x1024", "quality": "hd"}, 0.08),
        ({"model": "dall-e-3", "size": "300x300"}, 0.12),
    ],
)
def test_pictures_cost_by_number_quality_and_size(gateway, fields, usd):
    key = new_key(gateway, budget_usd=1)
    answer = draw(gateway, key, **fields)
    assert answer.status_code == 200
    assert float(answer.headers["x-smartflow-cost-usd"]) == pytest.approx(usd)
    assert read_key(gateway, key)["spent_usd"] == pytest.approx(usd)


def test_pictures_that_do_not_fit_into_the_budget_are_not_drawn(gateway):
    key = new_key(gateway, budget_usd=0.04)
    refused = draw(gateway, key, n=3)
    assert (refused.status_code, refused.json()["error"]["code"]) == (429, "budget_exceeded")
    assert draw(gateway, key, n=2).status_code == 200


def test_speech_costs_by_its_characters_and_a_recording_by_its_length(gateway):
    speaker, hearer = new_key(gateway, budget_usd=1), new_key(gateway, budget_usd=1)
    spoken = gateway.proxy.post("/v1/audio/speech", json=SPEECH, headers=bearer(speaker))
    assert spoken.status_code == 200
    assert read_key(gateway, speaker)["spent_usd"] == pytest.approx(len(SPEECH["input"]) * 15e-6)
    files = {"file": ("a.wav", spoken.content)}
    form = {"model": "whisper-1", "response_format": "verbose_json"}
    heard = gateway.proxy.post("/v1/audio/transcriptions", files=files, data=form, headers=bearer(hearer))
    assert heard.status_code == 200
    assert read_key(gateway, hearer)["spent_usd"] == pytest.approx(heard.json()["duration"] / 60 * 0.006, rel=1e-2)


def test_a_recording_of_unknown_length_is_not_free(gateway):
    key = new_key(gateway, budget_usd=0.001)
    files = {"file": ("a.mp3", b"\xff" * 20_000)}
    refused = gateway.proxy.post(
        "/v1/audio/transcriptions", files=files, data={"model": "whisper-1"}, headers=bearer(key)
    )
    assert (refused.status_code, refused.json()["error"]["code"]) == (429, "budget_exceeded")


def test_the_stage_of_the_conversation_stands_in_its_audit_row(gateway):
    messages = [{"role": "user", "content": "Hello!"}]
    body = {"model": "gpt-4o", "messages": messages}
    assert gateway.proxy.post("/v1/chat/completions", json=body, headers=ADMIN).status_code == 200
    body["messages"] = [
        *messages,
        {"role": "assistant", "content": "Hi."},
        {"role": "user", "content": "Why is it blue?"},
    ]
    assert gateway.proxy.post("/v1/chat/completions", json=body, headers=ADMIN).status_code == 200
    listed = gateway.management.get("/api/vas/logs", headers=ADMIN).json()["data"]
    assert [row["conversation_stage"] for row in listed] == ["follow_up", "greeting"]
