"""`make bench`: every promise about speed and weight as a ratio to plain httpx on the same machine, in the same run."""

from __future__ import annotations

import statistics
import subprocess
import sys
from pathlib import Path
from typing import List, NamedTuple

HERE = Path(__file__).parent
ROUNDS = 5


class Promise(NamedTuple):
    title: str
    ours: str
    theirs: str
    limit: float
    at_least: bool = False


PROMISES = (
    Promise("import smartflow / import httpx", "import_smartflow", "import_httpx", 1.0),
    Promise("from smartflow import SmartflowClient / import httpx", "import_client", "import_httpx", 1.3),
    Promise("CPU of chat(), async / httpx post", "chat_async", "chat_async_raw", 1.25),
    Promise("CPU of chat(), sync / httpx post", "chat_sync", "chat_sync_raw", 1.25),
    Promise("chunks per CPU second of stream_chat, async / aiter_lines", "stream_async", "stream_async_raw", 1.0, True),
    Promise("chunks per CPU second of stream_chat, sync / iter_lines", "stream_sync", "stream_sync_raw", 1.0, True),
    Promise("CPU of get_logs(10000) / json.loads of its bytes", "logs", "logs_raw", 4.0),
    Promise("chats per second, map_chat of 2,000 / gather with a semaphore", "batch", "batch_raw", 0.9, True),
    Promise("calls of map_chat at work on average / 64", "batch_at_work", "batch_at_work_wanted", 0.95, True),
    Promise("memory of 200 used clients / 200 httpx clients", "memory", "memory_raw", 0.3),
)


def measure(case: str, port: str) -> float:
    done = subprocess.run(
        [sys.executable, str(HERE / "cases.py"), case, port], capture_output=True, text=True, timeout=300, check=False
    )
    if done.returncode:
        raise SystemExit(f"{case} failed:\n{done.stderr}")
    return float(done.stdout.strip().splitlines()[-1])


def main() -> int:
    server = subprocess.Popen([sys.executable, str(HERE / "canned.py")], stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    missed: List[str] = []
    try:
        port = server.stdout.readline().strip()
        print(f"Ratios to plain httpx, median of {ROUNDS} interleaved rounds [lowest to highest]\n")
        for promise in PROMISES:
            ratios = []
            for _ in range(ROUNDS):
                ours, theirs = measure(promise.ours, port), measure(promise.theirs, port)
                ratios.append(ours / theirs)
            ratio = statistics.median(ratios)
            kept = ratio >= promise.limit if promise.at_least else ratio <= promise.limit
            bound = f"{'>=' if promise.at_least else '<='} {promise.limit:.2f}"
            spread = f"[{min(ratios):.2f} to {max(ratios):.2f}]"
            print(
                f"  {promise.title:<62} {ratio:6.2f}  {spread:<18} {bound:<8} {'ok' if kept else 'MISSED'}", flush=True
            )
            if not kept:
                missed.append(promise.title)
    finally:
        server.kill()
        server.wait()
    print(f"\nbench: {len(PROMISES) - len(missed)} of {len(PROMISES)} promises kept")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
