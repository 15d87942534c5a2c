"""The documented import path of the error of direct mode."""

from .exceptions import DirectModeError

__all__ = ["DirectModeError"]
