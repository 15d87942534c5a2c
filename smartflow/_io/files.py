"""Files that are uploaded: paths, bytes and file objects, checked before anything is sent."""

from __future__ import annotations

import io
import mimetypes
import os
from contextlib import contextmanager
from typing import Any, Iterator, Tuple

from ..exceptions import ValidationError

__all__ = ["DEFAULT_NAME", "open_upload"]

DEFAULT_NAME = "audio.mp3"


@contextmanager
def open_upload(file: Any, filename: str) -> Iterator[Tuple[str, Any, str]]:
    """The name, the content and the media type of a file part; a file that is opened here is closed here."""
    if isinstance(file, (str, os.PathLike)):
        try:
            opened = open(file, "rb")  # noqa: SIM115 - only opening it may fail with this message; `with` follows
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or error
            raise ValidationError(f"file {os.fspath(file)!r} cannot be read: {why}", param="file") from None
        with opened:
            yield _part(opened, filename, os.fspath(file))
    elif isinstance(file, (bytes, bytearray, memoryview)):
        yield _part(io.BytesIO(bytes(file)), filename, "")
    else:
        yield _part(_readable(file), filename, getattr(file, "name", ""))


def _readable(file: Any) -> Any:
    """The file object, from where it stands; one that cannot be read twice is read now, so that a retry can send it."""
    if not hasattr(file, "read"):
        raise ValidationError(
            f"file must be a path, bytes or a binary file object, not {type(file).__name__}", param="file"
        )
    try:
        if file.read(0) != b"":
            raise ValidationError("file is open in text mode: open it with mode 'rb'", param="file")
        if hasattr(file, "seekable") and file.seekable() and file.tell() == 0:
            return file
        return io.BytesIO(file.read())
    except (OSError, ValueError) as error:
        if isinstance(error, ValidationError):
            raise
        raise ValidationError(f"file cannot be read: {error}", param="file") from None


def _part(content: Any, filename: str, own_name: Any) -> Tuple[str, Any, str]:
    name = filename
    if filename == DEFAULT_NAME and isinstance(own_name, str) and os.path.basename(own_name):
        name = os.path.basename(own_name)
    if any(character in '\r\n\0"' for character in name):
        raise ValidationError("filename must not contain quotes or line breaks", param="filename")
    return name, content, mimetypes.guess_type(name)[0] or "application/octet-stream"
