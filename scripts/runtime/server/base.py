"""What the strict server models are made of: JSON types without coercion, and no null where the contract has none."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, StrictInt
from pydantic_core import PydanticCustomError

__all__ = ["DateTime", "Given", "Integer", "Model"]

_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


class Model(BaseModel):
    """One schema. Members that it does not name are kept, unless the contract closes it."""

    model_config = ConfigDict(extra="allow", allow_inf_nan=False, protected_namespaces=(), serialize_by_alias=True)


def _not_null(value: Any) -> Any:
    if value is None:
        raise PydanticCustomError("null_refused", "Input must not be null: leave the member out instead")
    return value


def _rfc_3339(value: Any) -> Any:
    # pydantic also takes numbers, dates and other spellings for a moment; the contract does not.
    if (isinstance(value, str) and not _RFC_3339.fullmatch(value)) or isinstance(value, (int, float)):
        raise PydanticCustomError("datetime_format", "Input should be an RFC 3339 date and time with a time zone")
    return value


def _whole(value: Any) -> Any:
    # To JSON Schema 5.0 is an integer.
    return int(value) if isinstance(value, float) and value.is_integer() else value


# The default of a member that may be left out is None; an explicit null is refused all the same.
Given = BeforeValidator(_not_null)
DateTime = Annotated[AwareDatetime, BeforeValidator(_rfc_3339)]
Integer = Annotated[StrictInt, BeforeValidator(_whole)]
