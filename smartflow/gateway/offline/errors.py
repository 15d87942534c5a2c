"""The errors of the offline provider; each names the field at fault and what would be accepted."""

from __future__ import annotations


class OfflineError(ValueError):
    """A request the offline provider can't answer; `param` is the request field at fault."""

    def __init__(self, message: str, *, param: str | None = None) -> None:
        super().__init__(message)
        self.param = param


class SchemaError(OfflineError):
    """A JSON schema without a sample; `keyword` is the schema keyword that can't be met."""

    def __init__(self, keyword: str, message: str) -> None:
        super().__init__(f"{keyword}: {message}", param="schema")
        self.keyword = keyword


class AudioError(OfflineError):
    """Bytes that are not audio the provider can read; the message says what was found instead."""
