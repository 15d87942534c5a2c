"""Finds the code blocks of the documents, and runs Python ones as a reader would."""

from __future__ import annotations

import ast
import asyncio
import inspect
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from smartflow import SmartflowClient, SyncSmartflowClient

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")])
LANGUAGES = {"python", "console", "text", "json", "yaml"}
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LOCAL = re.compile(r"http://localhost(?=:(?:7775|7778|7777|3500)\b)")


@dataclass(frozen=True)
class Block:
    """One fenced block; `output` is the text block that follows it at once, which is what it prints."""

    document: str
    line: int
    language: str
    source: str
    output: str | None

    def __str__(self) -> str:
        return f"{self.document}:{self.line}"

    @property
    def commands(self) -> list[str]:
        """The commands of a console block: what stands after `$ `, without comments."""
        found = [line[2:] for line in self.source.splitlines() if line.startswith("$ ")]
        return [command.split("  #")[0].strip() for command in found]


def blocks_of(path: Path) -> list[Block]:
    """The blocks of one document, in order."""
    text = path.read_text(encoding="utf-8")
    found = list(_FENCE.finditer(text))
    blocks = []
    for at, match in enumerate(found):
        follower = found[at + 1] if at + 1 < len(found) else None
        at_once = follower is not None and not text[match.end() : follower.start()].strip()
        output = follower[2] if follower is not None and at_once and follower[1] == "text" else None
        name = str(path.relative_to(ROOT))
        blocks.append(Block(name, text.count("\n", 0, match.start()) + 1, match[1], match[2], output))
    return blocks


ALL_BLOCKS = [block for path in DOCUMENTS for block in blocks_of(path)]


def blocks_in(language: str) -> list[Block]:
    """The blocks of all documents in one language."""
    return [block for block in ALL_BLOCKS if block.language == language]


def run_source(source: str, gateway: str, place: str) -> None:
    """Run a block against a gateway.

    A short block uses `sf` without making it: an open sync client or, where the block awaits something, an async one.
    """
    source = _LOCAL.sub(f"http://{urlsplit(gateway).hostname}", source)
    code = compile(source, place, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    # Not "__main__": what stands below that line in a program is for the command line.
    names: dict[str, object] = {"__name__": "document"}
    if code.co_flags & inspect.CO_COROUTINE:

        async def carry_out() -> None:
            async with SmartflowClient(gateway) as sf:
                names["sf"] = sf
                await eval(code, names)  # noqa: S307 - our own documents

        asyncio.run(carry_out())
    else:
        with SyncSmartflowClient(gateway) as sf:
            names["sf"] = sf
            exec(code, names)  # noqa: S102 - our own documents


def pattern_of(output: str) -> re.Pattern[str]:
    """A documented output as a pattern: `...` stands for any text on its line."""
    lines = (r".*".join(map(re.escape, line.rstrip().split("..."))) for line in output.strip().splitlines())
    return re.compile(r"[ ]*\n".join(lines))
