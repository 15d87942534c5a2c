"""The providers that speak OpenAI's own wire format, with the few points in which some of them differ."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional, Set

from ..exceptions import ValidationError
from . import errors
from .dialect import Dialect, File, ProviderCall, StreamReader, Target, as_list, bearer, key_text, secrets, segment
from .table import EMBEDDINGS, IMAGES, MODELS, RERANK, SPEECH, TRANSCRIPTION

__all__ = ["AzureDialect", "OpenAICompatibleDialect", "VertexDialect"]

# Fireworks serves audio from hosts of its own, one per model.
_FIREWORKS = "https://api.fireworks.ai/inference/v1"
_FIREWORKS_AUDIO = {
    "whisper-v3": "https://audio-prod.api.fireworks.ai/v1",
    "whisper-v3-turbo": "https://audio-turbo.api.fireworks.ai/v1",
}
# Their embeddings call the wanted length by another name.
_LENGTH_NAMES = {"mistral": "output_dimension"}


class OpenAICompatibleDialect(Dialect):
    """OpenAI's format: requests and answers pass as they are, only the model's name loses its prefix."""

    def chat(self, body: Mapping[str, Any], target: Target) -> ProviderCall:
        return self._post("chat/completions", body, target)

    def read_chat(self, answer: Any, body: Mapping[str, Any], *, created: int = 0) -> Dict[str, Any]:
        found = self._object(answer)
        if found.get("error") and not found.get("choices"):
            raise errors.unreadable(self.spec, "is an error with a status of success", self.read_error(200, found))
        as_list(self.spec, found, "choices")
        return {**found, "provider": self.spec.name}

    def stream(self, body: Mapping[str, Any], *, created: int = 0) -> StreamReader:
        return OpenAIStream(self.spec)

    def embeddings(self, body: Mapping[str, Any], target: Target) -> ProviderCall:
        self._require(EMBEDDINGS)
        name = _LENGTH_NAMES.get(self.spec.name, "dimensions")
        return self._post("embeddings", {name if key == "dimensions" else key: body[key] for key in body}, target)

    def read_embeddings(self, answer: Any, body: Mapping[str, Any]) -> Dict[str, Any]:
        return self._listed(answer)

    def images(self, body: Mapping[str, Any], target: Target) -> ProviderCall:
        self._require(IMAGES)
        return self._post("images/generations", body, target)

    def read_images(self, answer: Any, body: Mapping[str, Any]) -> Dict[str, Any]:
        return self._listed(answer)

    def speech(self, body: Mapping[str, Any], target: Target) -> ProviderCall:
        self._require(SPEECH)
        return self._post("audio/speech", body, target)

    def transcription(self, fields: Mapping[str, Any], file: File, target: Target) -> ProviderCall:
        self._require(TRANSCRIPTION)
        form = {name: _texts(value) for name, value in self._body(fields, target).items() if value is not None}
        headers, hidden = self._headers(target), secrets(target)
        url = self._url(self._audio_base(target), "audio/transcriptions", target)
        return ProviderCall("POST", url, headers, files={"file": file}, form=form, secrets=hidden)

    def read_transcription(self, answer: Any, fields: Mapping[str, Any]) -> Dict[str, Any]:
        if isinstance(answer, str):
            return {"text": answer}
        found = self._object(answer)
        if not isinstance(found.get("text"), str):
            raise errors.unreadable(self.spec, "has no text", found)
        return found

    def rerank(self, body: Mapping[str, Any], target: Target) -> ProviderCall:
        self._require(RERANK)
        return self._post("rerank", body, target)

    def read_rerank(self, answer: Any, body: Mapping[str, Any]) -> Dict[str, Any]:
        found = self._object(answer)
        as_list(self.spec, found, "results")
        return found

    def models(self, target: Target) -> ProviderCall:
        self._require(MODELS)
        headers, url = self._headers(target), self._url(target.base_url, "models", target)
        return ProviderCall("GET", url, headers, secrets=secrets(target))

    def read_models(self, answer: Any) -> Dict[str, Any]:
        listed = answer if isinstance(answer, list) else as_list(self.spec, self._object(answer), "data")
        entries = [each for each in listed if isinstance(each, dict) and isinstance(each.get("id"), str)]
        return {"object": "list", "data": [{"object": "model", "owned_by": self.spec.name, **each} for each in entries]}

    def _listed(self, answer: Any) -> Dict[str, Any]:
        found = self._object(answer)
        as_list(self.spec, found, "data")
        return {**found, "provider": self.spec.name}

    def _post(self, path: str, body: Mapping[str, Any], target: Target) -> ProviderCall:
        url, headers = self._url(target.base_url, path, target), self._headers(target)
        return ProviderCall("POST", url, headers, json=self._body(body, target), secrets=secrets(target))

    def _audio_base(self, target: Target) -> str:
        if self.spec.name == "fireworks" and target.base_url == _FIREWORKS:
            return _FIREWORKS_AUDIO.get(target.model.rsplit("/", 1)[-1], _FIREWORKS_AUDIO["whisper-v3"])
        return target.base_url

    def _body(self, body: Mapping[str, Any], target: Target) -> Dict[str, Any]:
        return {**body, "model": target.model}

    def _headers(self, target: Target) -> Dict[str, str]:
        return bearer(target)

    def _url(self, base_url: str, path: str, target: Target) -> str:
        return f"{base_url}/{path}"


class AzureDialect(OpenAICompatibleDialect):
    """Azure OpenAI: the deployment stands in the path, the version in the query, the key in a header of its own."""

    def _body(self, body: Mapping[str, Any], target: Target) -> Dict[str, Any]:
        return {name: value for name, value in body.items() if name != "model"}

    def _headers(self, target: Target) -> Dict[str, str]:
        return {"api-key": key_text(target)} if target.key else {}

    def _url(self, base_url: str, path: str, target: Target) -> str:
        version = target.options.get("api_version")
        if not version:
            raise ValidationError("a call to Azure OpenAI needs an api_version", param="model", provider="azure")
        return f"{base_url}/openai/deployments/{segment(target.model)}/{path}?api-version={segment(version)}"


class VertexDialect(OpenAICompatibleDialect):
    """Vertex AI's OpenAI-compatible endpoint; its models carry the name of their publisher."""

    def _body(self, body: Mapping[str, Any], target: Target) -> Dict[str, Any]:
        named = target.model if "/" in target.model else f"google/{target.model}"
        return {**body, "model": named}


class OpenAIStream(StreamReader):
    """Passes OpenAI's chunks on. Its end is `[DONE]`, or the end of every choice where a provider leaves that out."""

    finished: bool

    def __init__(self, spec: Any) -> None:
        super().__init__(spec)
        self._done = False
        self._begun: Set[Any] = set()
        self._ended: Set[Any] = set()

    @property
    def closed(self) -> bool:
        # The token counts may come after the last choice has ended.
        return self._done

    def read(self, event_name: str, data: bytes) -> List[Dict[str, Any]]:
        text = data.strip()
        if text == b"[DONE]":
            self.finished = self._done = True
            return []
        if not text:
            return []
        if event_name == "error":
            return [errors.read_error(self.spec, 500, data)]
        chunk = self._object(data)
        if chunk.get("error"):
            return [errors.read_error(self.spec, _status(chunk["error"]) or 500, chunk)]
        for choice in chunk.get("choices") or ():
            if isinstance(choice, dict):
                self._begun.add(choice.get("index", 0))
                if choice.get("finish_reason"):
                    self._ended.add(choice.get("index", 0))
        self.finished = bool(self._begun) and self._begun == self._ended
        return [chunk]


def _texts(value: Any) -> Any:
    """A field of a form; a list repeats it."""
    return [str(each) for each in value] if isinstance(value, list) else str(value)


def _status(error: Any) -> Optional[int]:
    code = error.get("code") if isinstance(error, dict) else None
    return code if isinstance(code, int) and 400 <= code < 600 else None
