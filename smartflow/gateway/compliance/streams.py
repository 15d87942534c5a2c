"""Checks a streamed answer while it passes: holds back enough text that nothing is sent before it is known to be harmless.

The last 200 characters of each text are held back, and more where they would cut a run of letters, digits and the signs that
keys are made of (up to 80,000 characters, longer than any rule can match), or a find that may still grow. The text is
looked at again whenever it has grown by 64 characters or by half of what is held, so that the work stays linear, together with
the 512 characters before it, which may hold the word that tells a number apart. Arguments of tools are held until they are
complete. Without holding, the texts are only gathered and looked at when the stream ends.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from smartflow.gateway.compliance.assessment import Assessment
from smartflow.gateway.compliance.detectors import redact
from smartflow.gateway.compliance.finding import Finding
from smartflow.gateway.compliance.texts import Texts

if TYPE_CHECKING:
    from smartflow.gateway.compliance.enforcement import Guard

HOLD: Final = 200
CONTEXT: Final = 512
LONGEST_HOLD: Final = 80_000
_STEP = 64
_LONG_TEXT = 20_000
_MOST_KEPT = 1_000
_BREAK = re.compile(r"[^A-Za-z0-9._~+/=@%&:\-]")
_NOT_TEXT = frozenset({"role", "type", "signature", "tool_calls"})
_DELTA_TYPES = {"text": "text_delta", "thinking": "thinking_delta", "partial_json": "input_json_delta"}
_JSON_FIELDS = frozenset({"arguments", "partial_json"})

Key = tuple[Any, ...]


class _Held:
    """One growing text: what was sent of it last, and what waits."""

    def __init__(self, check: StreamCheck, *, whole: bool) -> None:
        self._check = check
        self._whole = whole
        self._before = ""
        self._pieces: list[str] = []
        self._size = self._seen = 0

    def push(self, text: str) -> str:
        """Take in some text; returns what may be sent now."""
        self._pieces.append(text)
        self._size += len(text)
        if self._whole or self._size - self._seen < max(_STEP, self._seen // 2):
            return ""
        return self._release(final=False)

    def finish(self) -> str:
        """Everything that still waits."""
        return self._release(final=True) if self._pieces else ""

    def _release(self, *, final: bool) -> str:
        pending = "".join(self._pieces)
        if self._whole:
            self._pieces, self._size = [], 0
            return self._check.whole(pending)
        text, base = self._before + pending, len(self._before)
        found = [
            replace(one, start=max(one.start, base))
            for one in self._check.guard.screen_part(text).findings
            if one.end > base
        ]
        cut = len(text) if final else _safe_cut(text, base, found)
        self._check.weigh(found)
        sent = [replace(one, start=one.start - base, end=one.end - base) for one in found if one.end <= cut]
        self._check.keep(sent)
        self._before = text[max(0, cut - CONTEXT) : cut]
        self._pieces = [text[cut:]] if cut < len(text) else []
        self._size = self._seen = len(text) - cut
        return self._check.shown(text[base:cut], sent)


def _safe_cut(text: str, base: int, found: list[Finding]) -> int:
    """How far a text can be sent while more of it may come."""
    cut = len(text) - HOLD
    if cut <= base:
        return base
    longest = max(base, len(text) - LONGEST_HOLD)
    cut = next((place + 1 for place in range(cut - 1, longest - 1, -1) if _BREAK.match(text, place)), longest)
    for one in found:
        if one.start < cut < one.end:
            cut = one.start
    return cut


class StreamCheck:
    """The check of one stream of chat chunks or message events."""

    def __init__(self, guard: Guard, *, holds: bool) -> None:
        self.guard = guard
        self._holds = holds
        self._held: dict[Key, _Held] = {}
        self._gathered: dict[Key, list[str]] = {}
        self._kept: list[Finding] = []
        self._head: dict[str, Any] = {}
        self._changed = False

    async def run(self, items: AsyncIterator[dict[str, Any]]) -> AsyncIterator[dict[str, Any]]:
        """The items as the caller may see them. However the stream ends, the audit row learns what was found."""
        try:
            async for item in items:
                if self._holds:
                    for shown in self._pass(item):
                        yield shown
                else:
                    self._gather(item)
                    yield item
            for shown in self._rest():
                yield shown
        finally:
            await self._look_at_gathered()
            self.guard.settle_stream(self._assessment(self._kept), changed=self._changed)
            close = getattr(items, "aclose", None)
            if close is not None:
                await close()

    def weigh(self, found: list[Finding]) -> None:
        """Refuse the stream when all that was found so far is too much."""
        so_far = [*self._kept, *found]
        if found and self.guard.mode == "block" and self._assessment(so_far).action == "Block":
            self._kept = so_far
            raise self.guard.refusal(self._assessment(so_far), "answer")

    def keep(self, found: list[Finding]) -> None:
        """Remember what was found in text that is sent now; more than a thousand finds change no risk any more."""
        self._kept += found[: max(0, _MOST_KEPT - len(self._kept))]

    def shown(self, text: str, found: list[Finding]) -> str:
        """The text as the caller may see it."""
        if self.guard.mode != "redact" or not found:
            return text
        self._changed = True
        return redact(text, found)

    def whole(self, text: str) -> str:
        """Complete arguments of a tool as the caller may see them."""
        texts = Texts({"arguments": text})
        found = list(self.guard.screen_part(texts.text).findings)
        self.weigh(found)
        self.keep(found)
        if self.guard.mode != "redact" or not found:
            return text
        self._changed = True
        return str(texts.redacted(found)["arguments"])

    def _assessment(self, found: list[Finding]) -> Assessment:
        return replace(self.guard.screen_part(""), findings=tuple(found))

    def _held_for(self, key: Key) -> _Held:
        if key not in self._held:
            self._held[key] = _Held(self, whole=key[-1] in _JSON_FIELDS)
        return self._held[key]

    def _pass(self, item: dict[str, Any]) -> Iterator[dict[str, Any]]:
        if "choices" in item:
            yield from self._chunk(item)
            return
        kind, key = item.get("type"), ("block", item.get("index"))
        if kind == "content_block_delta":
            delta = item["delta"]
            shown = self._fields(delta, key)
            if shown or not _checked(delta):
                yield {**item, "delta": {**delta, **shown}}
            return
        if kind == "content_block_start":
            block = item["content_block"]
            begun = {name: block[name] for name in _DELTA_TYPES if block.get(name)}
            item = {**item, "content_block": {**block, **dict.fromkeys(begun, ""), **self._fields(begun, key)}}
        elif kind == "content_block_stop":
            yield from self._rest(key)
        elif kind in ("message_delta", "message_stop"):
            yield from self._rest()
        yield item

    def _chunk(self, item: dict[str, Any]) -> Iterator[dict[str, Any]]:
        choices = []
        self._head = {name: value for name, value in item.items() if name not in ("choices", "usage")}
        for piece in item["choices"]:
            key = ("choice", piece.get("index") or 0)
            delta = piece.get("delta") or {}
            waiting = {*_checked(delta), "tool_calls"}
            shown = {name: value for name, value in delta.items() if name not in waiting} | self._fields(delta, key)
            if calls := list(self._calls(delta.get("tool_calls") or (), key)):
                shown["tool_calls"] = calls
            done = piece.get("finish_reason") is not None
            if done:
                yield from self._rest(key)
            if shown or done or not delta:
                choices.append({**piece, "delta": shown, **({"logprobs": None} if "logprobs" in piece else {})})
        if choices or not item["choices"] or item.get("usage"):
            yield {**item, "choices": choices}

    def _calls(self, parts: Iterable[dict[str, Any]], key: Key) -> Iterator[dict[str, Any]]:
        for part in parts:
            function = part.get("function") or {}
            if function.get("arguments"):
                self._held_for((*key, part.get("index") or 0, "arguments")).push(function["arguments"])
            if part.get("id") or function.get("name"):
                yield {**part, "function": {**function, "arguments": ""}}

    def _fields(self, delta: Mapping[str, Any], key: Key) -> dict[str, Any]:
        """The text fields of a delta as they may be sent now; a text of which nothing may be sent yet is left out."""
        shown: dict[str, Any] = {}
        for name, value in _checked(delta).items():
            if isinstance(value, str) and (key[0] == "choice" or name in _DELTA_TYPES):
                released = self._held_for((*key, name)).push(value)
                if released:
                    shown[name] = released
            else:
                shown[name] = self._other(value)
        return shown

    def _other(self, value: Any) -> Any:
        """A field that is no plain text, such as a citation: checked on its own."""
        texts = Texts({"content": value})
        found = list(self.guard.screen_part(texts.text).findings)
        self.weigh(found)
        self.keep(found)
        if self.guard.mode != "redact" or not found:
            return value
        self._changed = True
        return texts.redacted(found)["content"]

    def _rest(self, prefix: Key = ()) -> Iterator[dict[str, Any]]:
        """What was held back of the texts under this key, as chunks or events of its own."""
        for key in [key for key in self._held if key[: len(prefix)] == prefix]:
            rest = self._held.pop(key).finish()
            if rest:
                yield {**_item(key, rest), **(self._head if key[0] == "choice" else {})}

    def _gather(self, item: Mapping[str, Any]) -> None:
        for piece in item.get("choices") or ():
            delta, key = piece.get("delta") or {}, ("choice", piece.get("index") or 0)
            for name, value in delta.items():
                if isinstance(value, str) and name not in _NOT_TEXT:
                    self._gathered.setdefault((*key, name), []).append(value)
            for part in delta.get("tool_calls") or ():
                said = (part.get("function") or {}).get("arguments")
                if said:
                    self._gathered.setdefault((*key, part.get("index") or 0, "arguments"), []).append(said)
        if item.get("type") == "content_block_delta":
            for name, value in item["delta"].items():
                if isinstance(value, str) and name not in _NOT_TEXT:
                    self._gathered.setdefault(("block", item["index"], name), []).append(value)

    async def _look_at_gathered(self) -> None:
        if not self._gathered:
            return
        text = "\n".join("".join(pieces) for pieces in self._gathered.values())
        screen = self.guard.screen_part
        seen = await asyncio.to_thread(screen, text) if len(text) > _LONG_TEXT else screen(text)
        self.keep(list(seen.findings))


def _checked(delta: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a delta that may hold words."""
    return {name: value for name, value in delta.items() if value and name not in _NOT_TEXT}


def _item(key: Key, text: str) -> dict[str, Any]:
    """A chunk or an event that carries a text of its own."""
    if key[0] == "block":
        return {
            "type": "content_block_delta",
            "index": key[1],
            "delta": {"type": _DELTA_TYPES[key[2]], key[2]: text},
        }
    if key[-1] == "arguments":
        delta: dict[str, Any] = {"tool_calls": [{"index": key[2], "function": {"arguments": text}}]}
    else:
        delta = {key[-1]: text}
    return {"choices": [{"index": key[1], "delta": delta, "finish_reason": None}]}
