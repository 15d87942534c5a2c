"""What the offline speech and transcription must do: playable sound out, measured facts in."""

from __future__ import annotations

import hashlib
import io
import random
import struct
import wave
from typing import Any

import pytest

from smartflow.gateway.offline.audio import count_tones, speech, transcribe
from smartflow.gateway.offline.errors import AudioError, OfflineError

RATE = 16_000


def speak(text: str = "Hello there, my friend.", **more: Any) -> bytes:
    return speech({"input": text, "response_format": "wav", **more})[0]


def seconds(data: bytes) -> float:
    with wave.open(io.BytesIO(data)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 24_000)
        return float(file.getnframes() / file.getframerate())


def tones(number: int, rate: int = RATE) -> bytes:
    """16 bit PCM of so many beeps with silences between them."""
    beep = b"".join(struct.pack("<h", 8000 if at // 20 % 2 else -8000) for at in range(rate // 10))
    return (beep + bytes(rate // 5)) * number


def wav(body: bytes, *, extra: bytes = b"", code: int = 1, channels: int = 1, bits: int = 16) -> bytes:
    layout = struct.pack("<HHIIHH", code, channels, RATE, RATE * channels * bits // 8, channels * bits // 8, bits)
    if code == 0xFFFE:
        layout += struct.pack("<HHI", 22, bits, 0) + b"\x01\x00" + bytes.fromhex("000000001000800000aa00389b71")
    chunks = b"fmt " + struct.pack("<I", len(layout)) + layout + extra + b"data" + struct.pack("<I", len(body)) + body
    return b"RIFF" + struct.pack("<I", len(chunks) + 4) + b"WAVE" + chunks


def mp3(frames: int) -> bytes:
    """Silent frames of MPEG 1 layer 3, 128 kbit/s, 44.1 kHz, mono."""
    return (b"\xff\xfb\x90\xc0" + bytes(413)) * frames


def ogg(head: bytes, granule: int) -> bytes:
    def page(body: bytes, place: int, flags: int) -> bytes:
        return b"OggS\0" + bytes([flags]) + struct.pack("<qIIIB", place, 1, 0, 0, 1) + bytes([len(body)]) + body

    return page(head, 0, 2) + page(b"sound", granule, 4)


def box(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body) + 8) + name + body


def m4a() -> bytes:
    length = box(b"mvhd", bytes(12) + struct.pack(">II", 1000, 2500) + bytes(80))
    kind = box(b"hdlr", bytes(8) + b"soun" + bytes(13))
    entry = box(b"mp4a", bytes(6) + struct.pack(">HQHHIHH", 1, 0, 2, 16, 0, 44_100, 0))
    table = box(b"stbl", box(b"stsd", bytes(4) + struct.pack(">I", 1) + entry))
    track = box(b"trak", box(b"mdia", kind + box(b"minf", table)))
    return box(b"ftyp", b"M4A \0\0\0\0") + box(b"mdat", bytes(50)) + box(b"moov", length + track)


def element(name: str, body: bytes) -> bytes:
    return bytes.fromhex(name) + struct.pack(">Q", len(body) | 1 << 56) + body


def webm(*, with_length: bool) -> bytes:
    info = element("2AD7B1", (1_000_000).to_bytes(3, "big")) + (
        element("4489", struct.pack(">d", 3250.0)) if with_length else b""
    )
    sound = element("E1", element("B5", struct.pack(">f", 48_000.0)) + element("9F", b"\x01"))
    body = element("1549A966", info) + element("1654AE6B", element("AE", sound))
    return element("1A45DFA3", element("4282", b"webm")) + bytes.fromhex("18538067") + b"\x01" + b"\xff" * 7 + body


def heard(data: bytes, **request: Any) -> str:
    answer = transcribe(data, "talk.bin", request)
    assert isinstance(answer, dict)
    return str(answer["text"])


def test_speech_is_a_playable_wav() -> None:
    data, kind = speech({"input": "Hello there.", "response_format": "wav"})
    assert kind == "audio/wav"
    assert seconds(data) > 0.3


def test_longer_texts_and_lower_speeds_sound_longer() -> None:
    assert seconds(speak("one two three four five six")) > seconds(speak("one two"))
    assert seconds(speak(speed=0.5)) == pytest.approx(2 * seconds(speak()), rel=0.01)


def test_voices_differ_and_the_same_voice_is_always_the_same() -> None:
    assert len({speak(voice=voice) for voice in ("alloy", "echo", "nova", "somebody")}) == 4
    assert speak(voice="nova") == speak(voice="nova")


def test_pcm_is_the_wav_without_its_head() -> None:
    data, kind = speech({"input": "Hello there, my friend.", "response_format": "pcm"})
    assert kind == "application/octet-stream"
    assert speak().endswith(data)
    assert len(speak()) - len(data) == 44


@pytest.mark.parametrize("name", ["mp3", "opus", "aac", None])
def test_formats_without_an_encoder_are_served_as_wav_and_say_so(name: str | None) -> None:
    data, kind = speech({"input": "Hello", "response_format": name})
    assert kind == "audio/wav"
    assert seconds(data) > 0


def test_flac_holds_the_same_samples_as_the_wav() -> None:
    data, kind = speech({"input": "Hello there, my friend.", "response_format": "flac"})
    pcm = speak()[44:]
    assert kind == "audio/flac"
    assert data[26:42] == hashlib.md5(pcm).digest()
    stored, at, number = b"", 42, 0
    while at < len(data):
        assert data[at : at + 5] == b"\xff\xf8\x70\x08" + bytes([number])
        samples = struct.unpack_from(">H", data, at + 5)[0] + 1
        assert data[at + 8] == 2
        stored += data[at + 9 : at + 9 + 2 * samples]
        at, number = at + 9 + 2 * samples + 2, number + 1
    assert struct.pack(f"<{len(stored) // 2}h", *struct.unpack(f">{len(stored) // 2}h", stored)) == pcm
    assert "24000 Hz, mono, 16 bit" in heard(data)


def crc(data: bytes, polynomial: int, width: int) -> int:
    value = 0
    for bit in (byte >> place & 1 for byte in data for place in range(7, -1, -1)):
        top = value >> (width - 1) & 1
        value = (value << 1) & ((1 << width) - 1)
        if top ^ bit:
            value ^= polynomial
    return value


def test_flac_frames_carry_right_checksums() -> None:
    data = speech({"input": "a", "response_format": "flac"})[0]
    assert crc(data[42:49], 0x07, 8) == data[49]
    end = len(data) if (samples := struct.unpack_from(">H", data, 47)[0] + 1) < 4096 else 42 + 9 + 2 * samples + 2
    assert crc(data[42 : end - 2], 0x8005, 16) == struct.unpack_from(">H", data, end - 2)[0]


@pytest.mark.parametrize("text", ["!!!", " ", "\ud800", "猫が好き", "x" * 4096, "\0"])
def test_strange_texts_still_sound(text: str) -> None:
    assert seconds(speak(text)) > 0


@pytest.mark.parametrize(
    "more",
    [
        {"input": ""},
        {"input": None},
        {"input": "x" * 4097},
        {"speed": 0.2},
        {"speed": float("nan")},
        {"speed": "fast"},
        {"voice": 5},
        {"response_format": "midi"},
    ],
)
def test_a_bad_speech_request_is_refused(more: dict[str, Any]) -> None:
    with pytest.raises(OfflineError):
        speech({"input": "hello", **more})


def test_a_wav_is_measured_and_its_tones_are_counted() -> None:
    text = heard(wav(tones(3)), model="whisper-1")
    assert text.startswith("[offline whisper-1] heard 0.60 s of wav audio (16000 Hz, mono, 16 bit), 3 tones")


def test_silence_is_called_silence() -> None:
    assert "silence" in heard(wav(bytes(RATE)))
    assert count_tones(b"", RATE) == 0


def test_a_wav_with_other_chunks_and_extended_layout_is_read() -> None:
    odd = b"LIST" + struct.pack("<I", 5) + b"odd!!" + b"\0"
    assert "3 tones" in heard(wav(tones(3), extra=odd))
    assert "3 tones" in heard(wav(tones(3), code=0xFFFE))
    assert "0.50 s of wav audio (16000 Hz, stereo, 24 bit)" in heard(wav(bytes(RATE * 3), channels=2, bits=24))


def test_a_streamed_wav_without_honest_sizes_is_read() -> None:
    data = bytearray(wav(tones(2)))
    data[40:44] = b"\xff\xff\xff\xff"
    assert "0.40 s" in heard(bytes(data))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (mp3(100), "2.61 s of mp3 audio (44100 Hz, mono)"),
        (b"ID3\x04\0\0\0\0\0\x0a" + b"\xff\xfb" * 5 + mp3(50), "1.31 s of mp3 audio"),
        (mp3(1)[:4] + bytes(32) + b"Info" + bytes(377) + mp3(10), "0.26 s of mp3 audio"),
        (ogg(b"OpusHead\x01\x02" + struct.pack("<HI", 312, 48_000), 48_312), "1.00 s of ogg audio (48000 Hz, stereo)"),
        (
            ogg(b"\x01vorbis\0\0\0\0\x01" + struct.pack("<I", 22_050) + bytes(12), 44_100),
            "2.00 s of ogg audio (22050 Hz, mono)",
        ),
        (m4a(), "2.50 s of m4a audio (44100 Hz, stereo)"),
        (webm(with_length=True), "3.25 s of webm audio (48000 Hz, mono)"),
        (webm(with_length=False), "audio of unknown length, webm (48000 Hz, mono)"),
    ],
    ids=["mp3", "mp3 with tag", "mp3 with table", "opus", "vorbis", "m4a", "webm", "live webm"],
)
def test_each_container_is_measured_by_its_own_headers(data: bytes, words: str) -> None:
    assert words in heard(data)


def test_the_container_is_found_by_the_bytes_not_by_the_name() -> None:
    assert "wav audio" in str(transcribe(wav(tones(1)), "audio.mp3", {}))


def test_subtitles_span_the_recording() -> None:
    assert "1\n00:00:00,000 --> 00:00:00,600\n[offline" in str(
        transcribe(wav(tones(3)), "a.wav", {"response_format": "srt"})
    )
    vtt = transcribe(wav(tones(3)), "a.wav", {"response_format": "vtt"})
    assert str(vtt).startswith("WEBVTT\n\n00:00:00.000 --> 00:00:00.600\n[offline")


def test_text_format_is_plain_text_and_verbose_has_a_segment() -> None:
    assert str(transcribe(wav(tones(3)), "a.wav", {"response_format": "text"})).startswith("[offline")
    verbose = transcribe(wav(tones(3)), "a.wav", {"response_format": "verbose_json", "language": "de"})
    assert isinstance(verbose, dict)
    assert (verbose["language"], verbose["duration"], verbose["segments"][0]["end"]) == ("de", 0.6, 0.6)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "an empty file"),
        (b"hello world", "11 bytes of plain text"),
        ("é".encode() * 1001, "2002 bytes of plain text"),
        (b'{"a": 1}', "json"),
        (b"<html>", "html"),
        (b"\x89PNG\r\n\x1a\n", "a png image"),
        (b"%PDF-1.7", "a pdf document"),
        (b"\x80\x81\x82\x83\x84", "begin with 80 81 82 83"),
        (b"RIFF\0\0\0\0WAVE", "no format chunk"),
        (wav(b"")[:36], "no data chunk"),
        (b"fLaC", "no stream information"),
        (b"OggS", "first page"),
        (ogg(b"unknown", 5), "no opus, vorbis or flac"),
        (b"\x1a\x45\xdf\xa3", "no audio track"),
        (box(b"ftyp", b"mp42"), "no audio track"),
    ],
    ids=lambda value: str(value)[:24],
)
def test_what_is_no_audio_is_refused_with_what_was_found(data: bytes, words: str) -> None:
    with pytest.raises(AudioError, match=words):
        transcribe(data, "x.mp3", {})


@pytest.mark.parametrize(
    "data",
    [wav(tones(2)), mp3(20), m4a(), webm(with_length=True), ogg(b"OpusHead\x01\x02" + bytes(9), 5)],
    ids=["wav", "mp3", "m4a", "webm", "ogg"],
)
def test_damaged_audio_is_measured_or_refused_but_never_crashes(data: bytes) -> None:
    chance = random.Random(7)
    for _ in range(60):
        damaged = bytearray(data[: chance.randint(1, len(data))])
        for _ in range(4):
            damaged[chance.randrange(min(len(damaged), 150))] = chance.randrange(256)
        try:
            told = heard(bytes(damaged))
        except AudioError as error:
            told = f"refused: {error}"
        assert "heard" in told or len(told) > len("refused: ")


def test_an_unknown_transcription_format_is_refused() -> None:
    with pytest.raises(OfflineError, match="response_format"):
        transcribe(wav(tones(1)), "a.wav", {"response_format": "docx"})
