"""Embeddings, images, audio and reranking over a real socket."""

from __future__ import annotations

import base64
import io
import math
import struct
import wave
from pathlib import Path
from typing import Callable

import pytest

from smartflow import ResponseInfo, SmartflowClient, ValidationError

from .looking import row_of

pytestmark = pytest.mark.asyncio

PNG = b"\x89PNG\r\n\x1a\n"


async def test_one_text_gets_one_vector_of_unit_length(sf: SmartflowClient) -> None:
    result = await sf.embeddings("Hello, world!")
    assert result["object"] == "list"
    assert result["model"] == "text-embedding-3-small"
    assert result["usage"]["prompt_tokens"] == result["usage"]["total_tokens"] > 0
    (entry,) = result["data"]
    assert entry["object"] == "embedding"
    assert entry["index"] == 0
    vector = entry["embedding"]
    assert len(vector) == 1536
    assert math.hypot(*vector) == pytest.approx(1.0, abs=1e-3)


async def test_a_batch_gets_its_vectors_in_order(sf: SmartflowClient) -> None:
    texts = ["First document", "Second document", "Third document"]
    batch = await sf.embeddings(texts)
    assert [item["index"] for item in batch["data"]] == [0, 1, 2]
    single = await sf.embeddings(texts[1])
    assert batch["data"][1]["embedding"] == pytest.approx(single["data"][0]["embedding"], abs=1e-6)
    assert batch["data"][0]["embedding"] != batch["data"][2]["embedding"]


async def test_dimensions_shorten_the_vector(sf: SmartflowClient) -> None:
    result = await sf.embeddings("Hello", model="text-embedding-3-large", dimensions=256)
    assert len(result["data"][0]["embedding"]) == 256
    assert result["model"] == "text-embedding-3-large"


async def test_base64_packs_the_same_vector(sf: SmartflowClient) -> None:
    plain = (await sf.embeddings("Hello", dimensions=8))["data"][0]["embedding"]
    packed = (await sf.embeddings("Hello", dimensions=8, encoding_format="base64"))["data"][0]["embedding"]
    assert isinstance(packed, str)
    assert struct.unpack("<8f", base64.b64decode(packed)) == pytest.approx(plain, abs=1e-6)


async def test_input_type_is_passed_on(sf: SmartflowClient, unique: Callable[[str], str]) -> None:
    seen: list[ResponseInfo] = []
    result = await sf.with_options(on_response=seen.append).embeddings(
        [unique("search query"), "document text"], model="cohere/embed-english-v3.0", input_type="search_document"
    )
    assert len(result["data"]) == 2
    row = await row_of(sf, seen[0].request_id)
    assert row.provider == "cohere"
    assert row.content_type == "embedding"


async def test_an_image_is_a_png_of_the_asked_size(sf: SmartflowClient) -> None:
    result = await sf.image_generation(
        "A futuristic city at sunrise", model="dall-e-3", size="1792x1024", quality="hd", style="vivid"
    )
    assert result["created"] > 1_600_000_000
    (image,) = result["data"]
    head, _, data = str(image["url"]).partition(",")
    assert head == "data:image/png;base64"
    content = base64.b64decode(data)
    assert content.startswith(PNG)
    assert struct.unpack(">II", content[16:24]) == (1792, 1024)


async def test_images_come_as_base64_when_asked(sf: SmartflowClient) -> None:
    result = await sf.image_generation("Two cats", model="dall-e-2", n=2, size="256x256", response_format="b64_json")
    images = [base64.b64decode(str(image["b64_json"])) for image in result["data"]]
    assert len(images) == 2
    assert all(image.startswith(PNG) for image in images)


async def test_a_transcription_names_the_duration_and_the_format_it_heard(
    sf: SmartflowClient, recording: bytes
) -> None:
    result = await sf.audio_transcription(io.BytesIO(recording), model="whisper-1", filename="tone.wav")
    assert "0.25 s" in result["text"]
    assert "wav" in result["text"]
    assert "8000 Hz" in result["text"]
    assert "tone.wav" in result["text"]


@pytest.mark.parametrize("kind", ["bytes", "path", "file"])
async def test_audio_may_be_bytes_a_path_or_a_file(
    sf: SmartflowClient, recording: bytes, tmp_path: Path, kind: str
) -> None:
    path = tmp_path / "spoken words.wav"
    path.write_bytes(recording)
    with path.open("rb") as file:
        source = {"bytes": recording, "path": path, "file": file}[kind]
        result = await sf.audio_transcription(source)
    assert ("audio.mp3" if kind == "bytes" else "spoken words.wav") in result["text"]
    assert "0.25 s" in result["text"]


async def test_another_provider_transcribes_too(sf: SmartflowClient, recording: bytes) -> None:
    seen: list[ResponseInfo] = []
    result = await sf.with_options(on_response=seen.append).audio_transcription(
        recording, model="groq/whisper-large-v3", filename="tone.wav", language="en", prompt="music"
    )
    assert "whisper-large-v3" in result["text"]
    assert seen[0].headers["x-smartflow-provider"] == "groq"
    assert (await row_of(sf, seen[0].request_id)).content_type == "audio"


async def test_a_verbose_transcription_has_duration_and_segments(sf: SmartflowClient, recording: bytes) -> None:
    result = await sf.audio_transcription(
        recording,
        response_format="verbose_json",
        language="en",
        temperature=0.2,
        filename="tone.wav",
    )
    assert result["task"] == "transcribe"
    assert result["language"] == "en"
    assert result["duration"] == pytest.approx(0.25, abs=0.01)
    (segment,) = result["segments"]
    assert segment["start"] == 0
    assert segment["end"] == result["duration"]
    assert segment["text"] == result["text"]


@pytest.mark.parametrize(("kind", "mark"), [("text", "heard"), ("srt", "-->"), ("vtt", "WEBVTT")])
async def test_a_transcript_that_is_no_json_stands_under_text(
    sf: SmartflowClient, recording: bytes, kind: str, mark: str
) -> None:
    result = await sf.audio_transcription(recording, response_format=kind, filename="tone.wav")
    assert list(result) == ["text"]
    assert mark in result["text"]


async def test_a_file_that_is_not_there_is_refused_before_it_is_sent(sf: SmartflowClient, tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="missing.wav"):
        await sf.audio_transcription(tmp_path / "missing.wav")


async def test_speech_is_a_playable_wav(sf: SmartflowClient) -> None:
    audio = await sf.text_to_speech("Hello, this is Smartflow.", voice="nova", response_format="wav")
    assert audio[:4] == b"RIFF"
    with wave.open(io.BytesIO(audio)) as sound:
        assert sound.getnframes() > 0
        seconds = sound.getnframes() / sound.getframerate()
    faster = await sf.text_to_speech("Hello, this is Smartflow.", voice="nova", response_format="wav", speed=2.0)
    with wave.open(io.BytesIO(faster)) as sound:
        assert sound.getnframes() / sound.getframerate() == pytest.approx(seconds / 2, rel=0.1)


async def test_speech_by_default_is_bytes_of_sound(sf: SmartflowClient) -> None:
    seen: list[ResponseInfo] = []
    audio = await sf.with_options(on_response=seen.append).text_to_speech("Hello!", voice="nova")
    assert isinstance(audio, bytes)
    assert len(audio) > 1000
    assert seen[0].headers["content-type"].startswith("audio/")


async def test_reranking_puts_the_relevant_document_first(sf: SmartflowClient) -> None:
    documents = ["Contact support@example.com.", "Our return policy: we accept returns within 30 days."]
    result = await sf.rerank("What is the return policy?", documents)
    assert [item["index"] for item in result["results"]] == [1, 0]
    scores = [item["relevance_score"] for item in result["results"]]
    assert 1 >= scores[0] > scores[1] >= 0
    assert result["id"]


async def test_top_n_limits_the_ranking(sf: SmartflowClient) -> None:
    result = await sf.rerank(
        "What is the return policy?",
        ["Nothing here.", "The return policy is generous.", "Bananas."],
        top_n=1,
        return_documents=True,
    )
    (best,) = result["results"]
    assert best["index"] == 1
    assert best["document"] == {"text": "The return policy is generous."}
