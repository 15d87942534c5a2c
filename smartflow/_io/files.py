"""Files that are uploaded, checked before anything is sent, and files that are written."""

from __future__ import annotations

import io
import json
import mimetypes
import os
import tempfile
from contextlib import contextmanager, suppress
from typing import Any, Callable, Iterator, Tuple

from ..exceptions import ValidationError

__all__ = ["DEFAULT_NAME", "open_lines", "open_upload"]

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


@contextmanager
def open_lines(file: Any) -> Iterator[Callable[[Any], None]]:
    """A function that writes a value as one line of JSON; a path gets its file, readable by its owner only, at the end and whole."""
    if not isinstance(file, (str, os.PathLike)):
        if not hasattr(file, "write"):
            raise ValidationError(f"file must be a path or an open file, not {type(file).__name__}", param="file")
        yield _line_writer(file)
        return
    path = os.fspath(file)
    try:
        handle, temporary = tempfile.mkstemp(dir=os.path.dirname(path) or ".", prefix=".export-")
    except (OSError, ValueError) as error:
        raise _unwritable(path, error) from None
    try:
        with os.fdopen(handle, "wb") as opened:
            yield _line_writer(opened)
        try:
            os.replace(temporary, path)
        except OSError as error:
            raise _unwritable(path, error) from None
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise


def _line_writer(file: Any) -> Callable[[Any], None]:
    text_mode = isinstance(file, io.TextIOBase)

    def write(value: Any) -> None:
        # Plain ASCII, so that a file in text mode may have any encoding.
        line = json.dumps(value) + "\n"
        try:
            file.write(line if text_mode else line.encode("ascii"))
        except (OSError, ValueError, TypeError) as error:
            raise _unwritable(getattr(file, "name", "file"), error) from None

    return write


def _unwritable(name: Any, error: Exception) -> ValidationError:
    why = getattr(error, "strerror", None) or error
    return ValidationError(f"file {name!r} cannot be written: {why}", param="file")
