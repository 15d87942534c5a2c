"""Finds the operation of a request: path segments are compared while they are still percent-encoded, so `..%2F` stays one segment."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING
from urllib.parse import unquote

if TYPE_CHECKING:
    from smartflow_generated.server.route import Route


class Found:
    """The operations at one path by method, and the values of the path's parameters."""

    def __init__(self, methods: dict[str, Route], values: dict[str, str]) -> None:
        self.methods = methods
        self.values = values

    @property
    def allow(self) -> str:
        """The value of the Allow header."""
        names = {*self.methods, "OPTIONS"} | ({"HEAD"} if "GET" in self.methods else set())
        return ", ".join(sorted(names))


class Routes:
    """All paths of one service. A literal segment beats a parameter; a final slash of a declared path may be left out."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._paths: dict[str, dict[str, Route]] = {}
        for route in routes:
            self._paths.setdefault(route.path, {})[route.method.upper()] = route
        templates = [(path.rstrip("/").split("/"), path) for path in self._paths]
        self._templates = sorted(templates, key=lambda item: [segment.startswith("{") for segment in item[0]])

    def find(self, raw_path: str) -> Found | None:
        """What is declared at a path as it came over the wire, or None."""
        for segments, path in self._templates:
            candidate = raw_path.removesuffix("/") if path.endswith("/") else raw_path
            values = _match(segments, candidate.split("/"))
            if values is not None:
                return Found(self._paths[path], values)
        return None


def _match(segments: list[str], given: list[str]) -> dict[str, str] | None:
    if len(segments) != len(given):
        return None
    values = {}
    for segment, text in zip(segments, given, strict=True):
        if segment.startswith("{"):
            if not text:
                return None
            values[segment[1:-1]] = unquote(text, errors="replace")
        elif unquote(text) != segment:
            return None
    return values
