"""Cohere's second API: chat, embeddings and rerank."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping

from ..exceptions import ValidationError
from . import errors
from .dialect import Dialect, ProviderCall, StreamReader, Target, as_list, bearer, mapping, secrets
from .table import ProviderSpec

__all__ = ["DEFAULT_INPUT_TYPE", "CohereDialect"]

DEFAULT_INPUT_TYPE = "search_document"
"""Cohere requires an input_type: this one is sent when the caller gives none."""

_REASONS = {
    "COMPLETE": "stop",
    "STOP_SEQUENCE": "stop",
    "MAX_TOKENS": "length",
    "TOOL_CALL": "tool_calls",
    "ERROR": "error",
    "ERROR_TOXIC": "content_filter",
}
_RENAMED = {"top_p": "p", "max_completion_tokens": "max_tokens"}
_LEFT_OUT = frozenset({
    "model", "messages", "stop", "tool_choice", "response_format", "n", "user", "stream_options", "store", "metadata",
    "service_tier", "parallel_tool_calls",
})  # fmt: skip
_REFUSED = ("audio", "function_call", "functions", "logit_bias", "prediction", "top_logprobs", "reasoning_effort")


class CohereDialect(Dialect):
    """The second API of Cohere."""

    def chat(self, body: Mapping[str, Any], target: Target) -> ProviderCall:
        return self._post("v2/chat", _request(body, target.model), target)

    def read_chat(self, answer: Any, body: Mapping[str, Any], *, created: int = 0) -> Dict[str, Any]:
        found = self._object(answer)
        told = found.get("message")
        if not isinstance(told, dict):
            raise errors.unreadable(self.spec, "has no message", found)
        message: Dict[str, Any] = {"role": "assistant", "content": _text(told.get("content"))}
        if told.get("tool_calls"):
            message["tool_calls"] = told["tool_calls"]
        for ours, theirs in (("citations", "citations"), ("reasoning_content", "tool_plan")):
            if told.get(theirs):
                message[ours] = told[theirs]
        reason = found.get("finish_reason")
        return {
            "id": found.get("id") or "",
            "object": "chat.completion",
            "created": created,
            "model": body.get("model") or "",
            "choices": [{"index": 0, "message": message, "finish_reason": _REASONS.get(reason or "", reason)}],
            "usage": _usage(found.get("usage")),
            "provider": self.spec.name,
        }

    def stream(self, body: Mapping[str, Any], *, created: int = 0) -> StreamReader:
        return CohereStream(self.spec, body, created)

    def embeddings(self, body: Mapping[str, Any], target: Target) -> ProviderCall:
        texts = body.get("input")
        texts = [texts] if isinstance(texts, str) else texts
        if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
            raise ValidationError("for Cohere input must be a text or a list of texts", param="input")
        kind = "base64" if body.get("encoding_format") == "base64" else "float"
        request = {
            "model": target.model,
            "texts": texts,
            "input_type": body.get("input_type") or DEFAULT_INPUT_TYPE,
            "embedding_types": [kind],
        }
        if body.get("dimensions") is not None:
            request["output_dimension"] = body["dimensions"]
        if body.get("truncate") is not None:
            request["truncate"] = body["truncate"]
        return self._post("v2/embed", request, target)

    def read_embeddings(self, answer: Any, body: Mapping[str, Any]) -> Dict[str, Any]:
        found = self._object(answer)
        kind = "base64" if body.get("encoding_format") == "base64" else "float"
        by_kind = found.get("embeddings")
        vectors = as_list(self.spec, by_kind if isinstance(by_kind, dict) else {}, kind)
        data = [{"object": "embedding", "index": index, "embedding": each} for index, each in enumerate(vectors)]
        billed = mapping(mapping(found.get("meta")).get("billed_units"))
        tokens = int(billed.get("input_tokens") or 0)
        usage = {"prompt_tokens": tokens, "total_tokens": tokens}
        return {
            "object": "list",
            "data": data,
            "model": body.get("model") or "",
            "usage": usage,
            "provider": self.spec.name,
        }

    def rerank(self, body: Mapping[str, Any], target: Target) -> ProviderCall:
        return self._post("v2/rerank", {**body, "model": target.model}, target)

    def read_rerank(self, answer: Any, body: Mapping[str, Any]) -> Dict[str, Any]:
        found = self._object(answer)
        as_list(self.spec, found, "results")
        return found

    def models(self, target: Target) -> ProviderCall:
        url = f"{target.base_url}/v1/models?page_size=1000"
        return ProviderCall("GET", url, bearer(target), secrets=secrets(target))

    def read_models(self, answer: Any) -> Dict[str, Any]:
        listed = as_list(self.spec, self._object(answer), "models")
        names = [each["name"] for each in listed if isinstance(each, dict) and isinstance(each.get("name"), str)]
        return {
            "object": "list",
            "data": [{"id": name, "object": "model", "owned_by": self.spec.name} for name in names],
        }

    def _post(self, path: str, body: Dict[str, Any], target: Target) -> ProviderCall:
        return ProviderCall("POST", f"{target.base_url}/{path}", bearer(target), json=body, secrets=secrets(target))


def _request(body: Mapping[str, Any], model: str) -> Dict[str, Any]:
    for name in _REFUSED:
        if body.get(name):
            raise ValidationError(f"Cohere has no {name}: leave it out for its models", param=name)
    if body.get("n") not in (None, 1):
        raise ValidationError("Cohere gives one answer to a call: n must be 1", param="n")
    request: Dict[str, Any] = {"model": model, "messages": [_message(each) for each in body.get("messages") or ()]}
    for name, value in body.items():
        if name not in _LEFT_OUT and name not in _REFUSED and value is not None:
            request[_RENAMED.get(name, name)] = value
    if body.get("stop"):
        request["stop_sequences"] = [body["stop"]] if isinstance(body["stop"], str) else list(body["stop"])
    choice = body.get("tool_choice")
    if choice in ("required", "none"):
        request["tool_choice"] = choice.upper()
    elif choice not in (None, "auto"):
        raise ValidationError("for Cohere tool_choice must be auto, required or none", param="tool_choice")
    wanted = body.get("response_format")
    if isinstance(wanted, Mapping):
        request["response_format"] = _format(wanted)
    return request


def _format(wanted: Mapping[str, Any]) -> Dict[str, Any]:
    if wanted.get("type") == "json_schema":
        return {"type": "json_object", "json_schema": mapping(wanted.get("json_schema")).get("schema")}
    return dict(wanted)


def _message(message: Mapping[str, Any]) -> Dict[str, Any]:
    known = ("role", "content", "tool_calls", "tool_call_id", "tool_plan", "citations")
    found = {name: message[name] for name in known if message.get(name) is not None}
    return {**found, "role": "system"} if found.get("role") == "developer" else found


def _text(content: Any) -> Any:
    if not isinstance(content, list):
        return content
    texts = [part.get("text") or "" for part in content if isinstance(part, dict) and part.get("type") == "text"]
    return "".join(texts) if texts else None


def _usage(usage: Any) -> Dict[str, int]:
    found = usage.get("tokens") or usage.get("billed_units") if isinstance(usage, dict) else None
    read, written = (int((found or {}).get(name) or 0) for name in ("input_tokens", "output_tokens"))
    return {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written}


class CohereStream(StreamReader):
    """Cohere's events as OpenAI chunks. Its end marker is `message-end`."""

    def __init__(self, spec: ProviderSpec, body: Mapping[str, Any], created: int) -> None:
        super().__init__(spec)
        options = body.get("stream_options")
        self._wants_usage = bool(isinstance(options, Mapping) and options.get("include_usage"))
        self._head: Dict[str, Any] = {
            "id": "",
            "object": "chat.completion.chunk",
            "created": created,
            "model": body.get("model") or "",
            "provider": spec.name,
        }

    def read(self, event_name: str, data: bytes) -> List[Dict[str, Any]]:
        if data.strip() in (b"", b"[DONE]"):
            return []
        event = self._object(data)
        kind = event.get("type") or event_name
        told = mapping(event.get("delta"))
        message = mapping(told.get("message"))
        if kind == "message-start":
            self._head["id"] = event.get("id") or ""
            return [self._chunk({"role": "assistant", "content": ""})]
        if kind == "content-delta":
            return [self._chunk({"content": mapping(message.get("content")).get("text") or ""})]
        if kind == "tool-plan-delta":
            return [self._chunk({"reasoning_content": message.get("tool_plan") or ""})]
        if kind in ("tool-call-start", "tool-call-delta"):
            return [
                self._chunk({"tool_calls": [{"index": event.get("index", 0), **mapping(message.get("tool_calls"))}]})
            ]
        if kind == "message-end":
            return self._end(told)
        if kind in ("error", "stream-error"):
            return [errors.read_error(self.spec, 500, event)]
        return []

    def _chunk(self, delta: Dict[str, Any], reason: Any = None) -> Dict[str, Any]:
        return {**self._head, "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}

    def _end(self, told: Mapping[str, Any]) -> List[Dict[str, Any]]:
        self.finished = True
        reason = told.get("finish_reason")
        if reason == "ERROR":
            words = told.get("error") or "the provider broke the answer off"
            return [errors.read_error(self.spec, 500, {"message": words})]
        last = self._chunk({}, _REASONS.get(reason or "", reason))
        usage = {**self._head, "choices": [], "usage": _usage(told.get("usage"))}
        return [last, usage] if self._wants_usage else [last]
