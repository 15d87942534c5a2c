"""Group G of the defects, and A11: one client for many threads, loops and processes; nothing is left open."""

from __future__ import annotations

import asyncio
import gc
import os
import subprocess
import sys
import textwrap
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import List

import pytest

from smartflow import SmartflowClient, SyncSmartflowClient
from tests.support.answers import DONE, chat, reply, sse, text_chunk
from tests.support.hostile import Answer, HostileServer, Request, Wait

THREADS = 64


def echo(request: Request) -> Answer:
    return [Wait(0.002), *reply(chat(request.json()["messages"][0]["content"]))]


def run_script(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "error", "-c", textwrap.dedent(code), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_64_threads_share_one_sync_client(server: HostileServer) -> None:
    """The existing SDK: 1 call of 8 succeeds."""
    server.answer(echo)
    start = threading.Barrier(THREADS)
    with SyncSmartflowClient(server.url, timeout=30) as sf:

        def work(number: int) -> List[str]:
            start.wait(30)
            return [sf.chat(f"{number}-{turn}") for turn in range(3)]

        with ThreadPoolExecutor(THREADS) as pool:
            answers = list(pool.map(work, range(THREADS)))
    assert answers == [[f"{number}-{turn}" for turn in range(3)] for number in range(THREADS)]
    assert server.connections <= THREADS
    assert server.wait_open(0)


def test_threads_never_use_more_connections_than_allowed(server: HostileServer) -> None:
    server.answer(echo)
    with SyncSmartflowClient(server.url, timeout=30, max_connections=4) as sf, ThreadPoolExecutor(32) as pool:
        answers = list(pool.map(sf.chat, map(str, range(200))))
    assert answers == [str(number) for number in range(200)]
    assert server.peak <= 4


def test_tasks_never_use_more_connections_than_allowed(server: HostileServer) -> None:
    server.answer(echo)

    async def scenario() -> List[str]:
        async with SmartflowClient(server.url, timeout=30, max_connections=4) as sf:
            return list(await asyncio.gather(*(sf.chat(str(number)) for number in range(200))))

    assert asyncio.run(scenario()) == [str(number) for number in range(200)]
    assert server.peak <= 4


def test_64_threads_stream_from_one_sync_client(server: HostileServer) -> None:
    server.answer(sse(text_chunk("Hel"), text_chunk("lo"), DONE))
    with SyncSmartflowClient(server.url, timeout=30) as sf, ThreadPoolExecutor(THREADS) as pool:
        answers = list(pool.map(lambda number: "".join(sf.stream_chat(str(number))), range(THREADS)))
    assert answers == ["Hello"] * THREADS


# The connections of a loop that is gone cannot be closed; asyncio says so when they are collected.
GONE = pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")


@GONE
def test_an_async_client_outlives_its_loop(server: HostileServer) -> None:
    server.answer(echo)
    sf = SmartflowClient(server.url)
    assert asyncio.run(sf.chat("one")) == "one"
    assert asyncio.run(sf.chat("two")) == "two"
    asyncio.run(sf.close())
    gc.collect()


@GONE
def test_an_async_client_serves_loops_of_several_threads(server: HostileServer) -> None:
    server.answer(echo)
    sf = SmartflowClient(server.url, timeout=30)

    def work(number: int) -> str:
        return asyncio.run(sf.chat(str(number)))

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(work, range(24))) == [str(number) for number in range(24)]
    asyncio.run(sf.close())
    gc.collect()


def test_the_sync_client_works_inside_a_running_loop(server: HostileServer) -> None:
    """As in a notebook."""
    server.answer(echo)

    async def cell() -> str:
        with SyncSmartflowClient(server.url) as sf:
            return sf.chat("hi")

    assert asyncio.run(cell()) == "hi"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
def test_a_forked_child_does_not_share_its_parents_connections(server: HostileServer) -> None:
    server.answer(echo)
    script = """
        import os, sys
        from smartflow import SyncSmartflowClient
        with SyncSmartflowClient(sys.argv[1]) as sf:
            assert sf.chat("before") == "before"
            child = os.fork()
            answers = [sf.chat(f"{bool(child)}-{turn}") for turn in range(20)]
            assert answers == [f"{bool(child)}-{turn}" for turn in range(20)], answers
            if child == 0:
                os._exit(0)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        print("ok")
    """
    done = run_script(script, server.url)
    assert (done.returncode, done.stdout, done.stderr) == (0, "ok\n", "")
    assert server.connections == 2


@pytest.mark.parametrize(
    "use",
    [
        "sf.chat('hi')",
        "list(sf.stream_chat('stream'))",
        "next(sf.stream_chat('stream'))",
        "sf.with_options(timeout=9).chat('hi')",
    ],
)
def test_a_closed_sync_client_leaves_nothing_open(server: HostileServer, use: str) -> None:
    server.answer(lambda request: sse(text_chunk("Hi"), DONE) if b"stream" in request.body else echo(request))
    script = f"""
        import gc, sys
        from smartflow import SyncSmartflowClient
        with SyncSmartflowClient(sys.argv[1]) as sf:
            {use}
        del sf
        gc.collect()
        print("ok")
    """
    done = run_script(script, server.url)
    assert (done.returncode, done.stdout, done.stderr) == (0, "ok\n", "")


@pytest.mark.parametrize(
    "use",
    ["await sf.chat('hi')", "[x async for x in sf.stream_chat('stream')]", "await sf.chat_completions(M, stream=True)"],
)
def test_a_closed_async_client_leaves_nothing_open(server: HostileServer, use: str) -> None:
    server.answer(lambda request: sse(text_chunk("Hi"), DONE) if b"stream" in request.body else echo(request))
    script = f"""
        import asyncio, gc, sys
        from smartflow import SmartflowClient
        M = [{{"role": "user", "content": "hi"}}]
        async def main():
            async with SmartflowClient(sys.argv[1]) as sf:
                {use}
        asyncio.run(main())
        gc.collect()
        print("ok")
    """
    done = run_script(script, server.url)
    assert (done.returncode, done.stdout, done.stderr) == (0, "ok\n", "")


def test_closing_a_client_closes_its_connections(server: HostileServer) -> None:
    server.answer(echo)
    sf = SyncSmartflowClient(server.url)
    sf.chat("hi")
    assert server.open == 1
    sf.close()
    assert server.wait_open(0)
