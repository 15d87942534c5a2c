"""Deepgram: transcription (`listen`) and speech (`speak`)."""

from __future__ import annotations

from typing import Any, Dict, FrozenSet, Mapping
from urllib.parse import quote, urlencode

from ..exceptions import ValidationError
from . import errors
from .dialect import Dialect, File, ProviderCall, Target, bearer, secrets

__all__ = ["DeepgramDialect"]

# What OpenAI calls a response format, as Deepgram's encoding and container.
_ENCODINGS: Dict[str, Dict[str, str]] = {
    "mp3": {"encoding": "mp3"},
    "opus": {"encoding": "opus", "container": "ogg"},
    "aac": {"encoding": "aac"},
    "flac": {"encoding": "flac"},
    "wav": {"encoding": "linear16", "container": "wav"},
    "pcm": {"encoding": "linear16", "container": "none"},
}
_FORMATS = ("json", "verbose_json", "text")
# A voice is part of a model's name at Deepgram, and its transcriptions have no temperature.
_HEARD = frozenset({"model", "response_format", "temperature", "prompt", "file"})
_SPOKEN = frozenset({"model", "response_format", "input", "voice", "speed"})


class DeepgramDialect(Dialect):
    """Deepgram's first API; fields that OpenAI does not know go into the query."""

    def transcription(self, fields: Mapping[str, Any], file: File, target: Target) -> ProviderCall:
        if fields.get("prompt"):
            raise ValidationError("Deepgram has no prompt: use its keywords or keyterm instead", param="prompt")
        if fields.get("response_format") not in (None, *_FORMATS):
            raise ValidationError(
                f"for Deepgram response_format must be {', '.join(_FORMATS)}", param="response_format"
            )
        query = {"model": target.model, "smart_format": "true", **_query(fields, _HEARD)}
        headers = {**bearer(target, "Token"), "content-type": file[2]}
        url = f"{target.base_url}/v1/listen?{_encoded(query)}"
        content = file[1] if isinstance(file[1], bytes) else file[1].read()
        return ProviderCall("POST", url, headers, content=content, secrets=secrets(target))

    def read_transcription(self, answer: Any, fields: Mapping[str, Any]) -> Dict[str, Any]:
        found = self._object(answer)
        try:
            channels = found["results"]["channels"]
            best = [channel["alternatives"][0] for channel in channels]
            text = "\n".join(each["transcript"] for each in best)
        except (KeyError, IndexError, TypeError):
            raise errors.unreadable(self.spec, "has no transcript", found) from None
        told: Dict[str, Any] = {"text": text}
        if fields.get("response_format") == "verbose_json":
            told["duration"] = (found.get("metadata") or {}).get("duration")
            told["language"] = channels[0].get("detected_language") or fields.get("language")
            told["words"] = best[0].get("words") or []
        return told

    def speech(self, body: Mapping[str, Any], target: Target) -> ProviderCall:
        encoding = _ENCODINGS.get(body.get("response_format") or "mp3")
        if encoding is None:
            raise ValidationError(
                f"for Deepgram response_format must be one of {', '.join(_ENCODINGS)}", param="response_format"
            )
        if body.get("speed") not in (None, 1):
            raise ValidationError("Deepgram speaks at its own speed: speed must be 1", param="speed")
        query = {"model": target.model, **encoding, **_query(body, _SPOKEN)}
        url = f"{target.base_url}/v1/speak?{_encoded(query)}"
        return ProviderCall(
            "POST", url, bearer(target, "Token"), json={"text": body.get("input")}, secrets=secrets(target)
        )


def _query(fields: Mapping[str, Any], known: FrozenSet[str]) -> Dict[str, Any]:
    return {name: value for name, value in fields.items() if name not in known and value is not None}


def _encoded(query: Mapping[str, Any]) -> str:
    words = {name: str(value).lower() if isinstance(value, bool) else value for name, value in query.items()}
    return urlencode(words, doseq=True, quote_via=quote)
