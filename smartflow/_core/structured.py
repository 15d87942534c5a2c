"""Answers of a model as values of a Python type."""

from __future__ import annotations

import json
from typing import Any, Dict

from ..exceptions import ConfigError, ValidationError
from .schemas import fit, schema_of

__all__ = ["StructuredOutput"]


class StructuredOutput:
    """Asks for answers of one type, and reads them."""

    def __init__(self, kind: Any) -> None:
        try:
            schema = schema_of(kind)
        except ValidationError as error:
            raise ConfigError(f"output_type: {error.message}") from None
        # Providers want an object; any other type travels as the field of one.
        self._wrapped = schema.get("type") != "object"
        self._kind = kind
        name = getattr(kind, "__name__", "answer")
        self._schema = _object_of(schema) if self._wrapped else schema
        self._name = "".join(letter if letter.isalnum() else "_" for letter in name)[:64]

    def to_wire(self) -> Dict[str, Any]:
        """The `response_format` of the request."""
        return {"type": "json_schema", "json_schema": {"name": self._name, "schema": self._schema}}

    def read(self, text: str) -> Any:
        """The value that a model wrote; a ValidationError names what does not fit."""
        try:
            data = json.loads(text)
        except ValueError as error:
            raise ValidationError(f"the answer is no JSON: {error}") from None
        if not self._wrapped:
            return fit(self._kind, data, "answer")
        if not isinstance(data, dict) or set(data) != {"value"}:
            raise ValidationError("the answer must be an object with the one field `value`")
        return fit(self._kind, data["value"], "answer.value")


def _object_of(schema: Dict[str, Any]) -> Dict[str, Any]:
    return {"type": "object", "properties": {"value": schema}, "required": ["value"], "additionalProperties": False}
