"""Replicate: images, by predictions that are waited for."""

from __future__ import annotations

from typing import Any, Dict, Mapping

from ..exceptions import ProviderError, ValidationError
from . import errors
from .dialect import Dialect, ProviderCall, Target, bearer, secrets, segment

__all__ = ["WAIT_SECONDS", "ReplicateDialect"]

WAIT_SECONDS = 60
"""How long Replicate may hold an answer back until the prediction is ready; it allows no more."""

_TAKEN = frozenset({"model", "prompt", "n", "size", "response_format", "quality", "style", "user"})


class ReplicateDialect(Dialect):
    """Predictions of models at Replicate. Each model has inputs of its own: unknown fields become inputs."""

    def images(self, body: Mapping[str, Any], target: Target) -> ProviderCall:
        _refuse(body)
        wanted = {name: value for name, value in body.items() if name not in _TAKEN and value is not None}
        if body.get("n") not in (None, 1):
            wanted["num_outputs"] = body["n"]
        name, colon, version = target.model.partition(":")
        request: Dict[str, Any] = {"input": {"prompt": body.get("prompt"), **wanted}}
        if colon:
            request["version"] = version
            path = "predictions"
        else:
            owner, slash, model = name.partition("/")
            if not slash or "/" in model:
                raise ValidationError("a model of Replicate is written replicate/OWNER/NAME", param="model")
            path = f"models/{segment(owner)}/{segment(model)}/predictions"
        headers = {**bearer(target), "prefer": f"wait={WAIT_SECONDS}"}
        return ProviderCall("POST", f"{target.base_url}/v1/{path}", headers, json=request, secrets=secrets(target))

    def read_images(self, answer: Any, body: Mapping[str, Any]) -> Dict[str, Any]:
        found = self._object(answer)
        status = found.get("status")
        if status in ("failed", "canceled", "aborted"):
            told = self.read_error(502, {"message": found.get("error") or f"the prediction is {status}"})["error"]
            raise ProviderError(told["message"], code="prediction_failed", provider=self.spec.name, body=found)
        if status not in ("succeeded", "successful"):
            raise ProviderError(
                f"Replicate had no result after {WAIT_SECONDS} seconds; the prediction {found.get('id')} is {status}",
                code="prediction_not_ready",
                provider=self.spec.name,
                body=found,
            )
        output = found.get("output")
        urls = [output] if isinstance(output, str) else output
        if not isinstance(urls, list) or not urls or not all(isinstance(url, str) for url in urls):
            raise errors.unreadable(self.spec, "has no addresses of images", found)
        return {"created": 0, "data": [{"url": url} for url in urls], "provider": self.spec.name}


def _refuse(body: Mapping[str, Any]) -> None:
    if body.get("response_format") not in (None, "url"):
        raise ValidationError(
            "Replicate gives addresses of images: response_format must be url", param="response_format"
        )
    if body.get("size") not in (None, "1024x1024"):
        raise ValidationError(
            "models of Replicate have sizes of their own: give aspect_ratio, or width and height, instead of size",
            param="size",
        )
    for name in ("quality", "style"):
        if body.get(name) is not None:
            raise ValidationError(f"Replicate has no {name}: give the model's own inputs", param=name)
