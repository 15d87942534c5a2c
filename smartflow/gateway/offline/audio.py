"""Speaks in tones and listens by measuring: offline text to speech, and offline transcription."""

from __future__ import annotations

import hashlib
import math
import re
import sys
from array import array
from typing import Any

from smartflow.gateway.offline import audio_write
from smartflow.gateway.offline.audio_probe import Audio, describe, probe
from smartflow.gateway.offline.errors import OfflineError
from smartflow.gateway.offline.reading import clean, model_of, shorten
from smartflow.gateway.offline.tokens import encode

RATE = 24_000
MAX_INPUT = 4_096
_PITCHES = {"alloy": 180, "echo": 140, "fable": 200, "onyx": 110, "nova": 220, "shimmer": 250}
_SPEECH_FORMATS = ("mp3", "opus", "aac", "flac", "wav", "pcm")
_TEXT_FORMATS = ("json", "text", "srt", "vtt", "verbose_json")
_MEASURED, _LOUD = 60, 500
_SYLLABLE, _WORD_GAP, _SENTENCE_GAP = 0.1, 0.05, 0.25
_SPOKEN = re.compile(r"[^\W_]+|[.!?\u3002]")
_VOWELS = re.compile(r"[aeiouy]+", re.IGNORECASE)


def speech(request: dict[str, Any]) -> tuple[bytes, str]:
    """Audio of the text and its content type: one tone for each syllable, the voice sets the pitch.

    wav, pcm (24 kHz, 16 bit, mono) and flac are what they say. There is no encoder for mp3, opus and aac: for these
    the answer is WAV with the content type audio/wav, which players recognise by its bytes.
    """
    text = _spoken_text(request)
    wanted = request.get("response_format") or "mp3"
    if wanted not in _SPEECH_FORMATS:
        raise OfflineError(f"response_format must be one of {', '.join(_SPEECH_FORMATS)}", param="response_format")
    samples = _tones(text, _pitch(request.get("voice")), _speed(request))
    if wanted == "pcm":
        return audio_write.pcm(samples), "application/octet-stream"
    if wanted == "flac":
        return audio_write.flac(samples, RATE), "audio/flac"
    return audio_write.wav(samples, RATE), "audio/wav"


def _spoken_text(request: dict[str, Any]) -> str:
    text = request.get("input")
    if not isinstance(text, str) or not text:
        raise OfflineError("input must be a text that isn't empty", param="input")
    if len(text) > MAX_INPUT:
        raise OfflineError(f"input has {len(text)} characters; at most {MAX_INPUT} are spoken", param="input")
    return text


def _speed(request: dict[str, Any]) -> float:
    speed = request.get("speed")
    if speed is None:
        return 1.0
    if isinstance(speed, bool) or not isinstance(speed, (int, float)) or not 0.25 <= speed <= 4.0:
        raise OfflineError("speed must be a number between 0.25 and 4.0", param="speed")
    return float(speed)


def _pitch(voice: Any) -> int:
    name = voice.get("id") if isinstance(voice, dict) else voice
    if name is None:
        name = "alloy"
    if not isinstance(name, str):
        raise OfflineError("voice must be a string", param="voice")
    known = _PITCHES.get(name.lower())
    return known or 100 + hashlib.sha256(name.encode("utf-8", "replace")).digest()[0]


def _tones(text: str, pitch: int, speed: float) -> array[int]:
    # A voice has eight tones only, each computed once, so that a long text costs little.
    tones = [_tone(pitch * 2 ** (step / 12), _SYLLABLE / speed) for step in (0, 2, 4, 5, 7, 9, 3, -2)]
    word_gap, sentence_gap = (array("h", bytes(2 * int(RATE * gap / speed))) for gap in (_WORD_GAP, _SENTENCE_GAP))
    samples = array("h")
    for spoken in _SPOKEN.findall(text):
        if not spoken[0].isalnum():
            samples.extend(sentence_gap)
            continue
        for at in range(_syllables(spoken)):
            samples.extend(tones[(ord(spoken[at % len(spoken)]) + at) % len(tones)])
        samples.extend(word_gap)
    return samples or tones[0]


def _syllables(word: str) -> int:
    # A character of a script without Latin vowels is about a syllable.
    return len(_VOWELS.findall(word)) or (1 if word.isascii() else len(word))


def _tone(pitch: float, seconds: float) -> array[int]:
    length = max(1, int(RATE * seconds))
    wave = array("h")
    for at in range(length):
        loud = math.sin(math.pi * at / length) * 9_000
        turn = 2 * math.pi * pitch * at / RATE
        wave.append(int(loud * (math.sin(turn) + 0.4 * math.sin(2 * turn) + 0.2 * math.sin(3 * turn))))
    return wave


def transcribe(data: bytes, filename: str, request: dict[str, Any]) -> dict[str, Any] | str:
    """What was heard, in the asked format; raises AudioError for bytes that are no audio."""
    wanted = request.get("response_format") or "json"
    if wanted not in _TEXT_FORMATS:
        raise OfflineError(f"response_format must be one of {', '.join(_TEXT_FORMATS)}", param="response_format")
    model = model_of(request, "whisper-1")
    heard = probe(data)
    name = shorten(filename, 80) or "without a name"
    text = f"[offline {model}] heard {describe(heard)}{_tone_count(heard)}, file {name}"
    seconds = heard.seconds or 0.0
    if wanted == "json":
        return {"text": text}
    if wanted == "text":
        return text + "\n"
    if wanted == "srt":
        return f"1\n{_clock(0, ',')} --> {_clock(seconds, ',')}\n{text}\n\n"
    if wanted == "vtt":
        return f"WEBVTT\n\n{_clock(0, '.')} --> {_clock(seconds, '.')}\n{text}\n\n"
    return _verbose(text, seconds, request, model)


def _verbose(text: str, seconds: float, request: dict[str, Any], model: str) -> dict[str, Any]:
    language = request.get("language")
    segment = {
        "id": 0,
        "seek": 0,
        "start": 0.0,
        "end": round(seconds, 3),
        "text": text,
        "tokens": encode(text, model),
        "temperature": 0.0,
        "avg_logprob": 0.0,
        "compression_ratio": 1.0,
        "no_speech_prob": 0.0,
    }
    spoken = clean(language) if isinstance(language, str) and language else "english"
    return {
        "task": "transcribe",
        "language": spoken,
        "duration": round(seconds, 3),
        "text": text,
        "segments": [segment],
    }


def _clock(seconds: float, mark: str) -> str:
    total = round(seconds * 1000)
    return f"{total // 3_600_000:02d}:{total // 60_000 % 60:02d}:{total // 1000 % 60:02d}{mark}{total % 1000:03d}"


def _tone_count(heard: Audio) -> str:
    if not heard.samples or not heard.sample_rate or not heard.channels:
        return ""
    per_second = heard.sample_rate * heard.channels
    measured = heard.samples[: 2 * per_second * _MEASURED]
    tones = count_tones(measured, per_second)
    where = " in the first minute" if len(measured) < len(heard.samples) else ""
    return f", {tones} tone{'s' if tones > 1 else ''}{where}" if tones else f", silence{where}"


def count_tones(pcm: bytes, per_second: int) -> int:
    """How many sounds stand between silences in little-endian 16 bit PCM, measured in windows of 10 ms."""
    samples = array("h", pcm[: len(pcm) // 2 * 2])
    if sys.byteorder == "big":
        samples.byteswap()
    window = max(1, per_second // 100)
    windows = (samples[at : at + window] for at in range(0, len(samples), window))
    loud = [max(max(part), -min(part)) > _LOUD for part in windows]
    return sum(now and not before for before, now in zip([False, *loud], loud, strict=False))
