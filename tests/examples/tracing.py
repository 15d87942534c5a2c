"""Run as `python tracing.py OUT PROGRAM ARGUMENTS`: runs a program as `__main__` and writes down which of its lines ran."""

from __future__ import annotations

import json
import runpy
import sys
import threading
from pathlib import Path
from types import FrameType
from typing import Any


def main() -> None:
    out, program, *arguments = sys.argv[1:]
    lines: set[int] = set()

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        if frame.f_code.co_filename != program:
            return None
        lines.add(frame.f_lineno)
        return trace

    sys.argv = [program, *arguments]
    # As for a program that is run directly: its folder, not that of this file, is searched for modules.
    sys.path[0] = str(Path(program).parent)
    threading.settrace(trace)
    sys.settrace(trace)
    try:
        runpy.run_path(program, run_name="__main__")
    finally:
        sys.settrace(None)
        Path(out).write_text(json.dumps(sorted(lines)), "utf-8")


if __name__ == "__main__":
    main()
