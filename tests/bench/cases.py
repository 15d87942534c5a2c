"""One measurement in a process of its own: `python cases.py CASE PORT` prints a number.

Each case exists twice: what the SDK does, and the plain httpx code that it is compared with.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import resource
import sys
import time
from typing import Any, Awaitable, Callable

CALLS = 400
TEXTS = [f"Explain container {number}" for number in range(2000)]
AT_A_TIME = 64
BODY = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Explain Docker containers"}], "temperature": 0.7}


def cpu(run: Callable[[], Any], times: int) -> float:
    """CPU seconds of this process per call, the least of several rounds."""
    run()
    rounds = []
    for _ in range(5):
        gc.collect()
        start = time.process_time()
        for _ in range(times):
            run()
        rounds.append((time.process_time() - start) / times)
    return min(rounds)


async def cpu_async(run: Callable[[], Awaitable[Any]], times: int) -> float:
    await run()
    rounds = []
    for _ in range(5):
        gc.collect()
        start = time.process_time()
        for _ in range(times):
            await run()
        rounds.append((time.process_time() - start) / times)
    return min(rounds)


def sdk_sync(url: str) -> Any:
    from smartflow import SyncSmartflowClient

    port = int(url.rsplit(":", 1)[1])
    return SyncSmartflowClient(url, management_port=port)


def sdk_async(url: str) -> Any:
    from smartflow import SmartflowClient

    port = int(url.rsplit(":", 1)[1])
    return SmartflowClient(url, management_port=port)


def chat_sync(url: str) -> float:
    with sdk_sync(url) as sf:
        return cpu(lambda: sf.chat("Explain Docker containers"), CALLS)


def chat_sync_raw(url: str) -> float:
    import httpx

    with httpx.Client() as client:
        return cpu(
            lambda: client.post(f"{url}/v1/chat/completions", json=BODY).json()["choices"][0]["message"]["content"],
            CALLS,
        )


async def chat_async(url: str) -> float:
    async with sdk_async(url) as sf:
        return await cpu_async(lambda: sf.chat("Explain Docker containers"), CALLS)


async def chat_async_raw(url: str) -> float:
    import httpx

    async with httpx.AsyncClient() as client:

        async def run() -> Any:
            answer = await client.post(f"{url}/v1/chat/completions", json=BODY)
            return answer.json()["choices"][0]["message"]["content"]

        return await cpu_async(run, CALLS)


async def stream_async(url: str) -> float:
    async with sdk_async(url) as sf:

        async def run() -> int:
            return sum([1 async for _ in sf.stream_chat("Explain Docker containers")])

        chunks = await run()
        return chunks / await cpu_async(run, 5)


async def stream_async_raw(url: str) -> float:
    import httpx

    async with httpx.AsyncClient() as client:

        async def run() -> int:
            count = 0
            text = []
            body = {**BODY, "stream": True}
            content = json.dumps(body, separators=(",", ":"))
            async with client.stream("POST", f"{url}/v1/chat/completions", content=content) as answer:
                async for line in answer.aiter_lines():
                    if line.startswith("data: ") and line != "data: [DONE]":
                        text.append(json.loads(line[6:])["choices"][0]["delta"]["content"])
                        count += 1
            return count

        chunks = await run()
        return chunks / await cpu_async(run, 5)


def stream_sync(url: str) -> float:
    with sdk_sync(url) as sf:

        def run() -> int:
            return sum(1 for _ in sf.stream_chat("Explain Docker containers"))

        return run() / cpu(run, 5)


def stream_sync_raw(url: str) -> float:
    import httpx

    with httpx.Client() as client:

        def run() -> int:
            count = 0
            text = []
            content = json.dumps({**BODY, "stream": True}, separators=(",", ":"))
            with client.stream("POST", f"{url}/v1/chat/completions", content=content) as answer:
                for line in answer.iter_lines():
                    if line.startswith("data: ") and line != "data: [DONE]":
                        text.append(json.loads(line[6:])["choices"][0]["delta"]["content"])
                        count += 1
            return count

        return run() / cpu(run, 5)


async def batch(url: str) -> float:
    """Chats per second of a batch."""
    async with sdk_async(url) as sf:

        async def run() -> int:
            done = await sf.map_chat(TEXTS, concurrency=AT_A_TIME)
            return int(done.summary.succeeded)

        return await per_second(run)


async def batch_raw(url: str) -> float:
    """Chats per second of what people write by hand, on the same client."""
    async with sdk_async(url) as sf:

        async def run() -> int:
            places = asyncio.Semaphore(AT_A_TIME)

            async def one(text: str) -> Any:
                async with places:
                    return await sf.chat_completions([{"role": "user", "content": text}])

            return len(await asyncio.gather(*(one(text) for text in TEXTS)))

        return await per_second(run)


async def per_second(run: Callable[[], Awaitable[int]]) -> float:
    """The best of several rounds: others may use the machine meanwhile."""
    rates = []
    for _ in range(4):
        gc.collect()
        start = time.perf_counter()
        done = await run()
        rates.append(done / (time.perf_counter() - start))
        assert done == len(TEXTS)
    return max(rates[1:])


async def batch_at_work(url: str) -> float:
    """How many calls of a batch the server has at work, on average."""
    async with sdk_async(url) as sf:
        done = await sf.map_chat(TEXTS, concurrency=AT_A_TIME, held=True)
        assert done.summary.succeeded == len(TEXTS)
        return float(await sf._get(f"{url}/at-work"))


def batch_at_work_wanted(url: str) -> float:
    return float(AT_A_TIME)


def logs(url: str) -> float:
    with sdk_sync(url) as sf:
        return cpu(lambda: sf.get_logs(10_000), 1)


def logs_raw(url: str) -> float:
    import httpx

    content = httpx.get(f"{url}/api/vas/logs").content
    return cpu(lambda: json.loads(content), 1)


def resident() -> float:
    """The memory of this process now, in KB."""
    if os.path.exists("/proc/self/statm"):
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * resource.getpagesize() / 1024
    return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


async def memory(url: str) -> float:
    first = sdk_async(url)
    await first.chat("warm")
    gc.collect()
    before = resident()
    clients = [sdk_async(url) for _ in range(200)]
    for client in clients:
        await client.chat("Explain Docker containers")
    gc.collect()
    return (resident() - before) / len(clients)


async def memory_raw(url: str) -> float:
    import httpx

    first = httpx.AsyncClient()
    await first.post(f"{url}/v1/chat/completions", json=BODY)
    gc.collect()
    before = resident()
    clients = [httpx.AsyncClient() for _ in range(200)]
    for client in clients:
        await client.post(f"{url}/v1/chat/completions", json=BODY)
    gc.collect()
    return (resident() - before) / len(clients)


def timed_import(statement: str) -> float:
    start = time.perf_counter()
    exec(statement)
    return time.perf_counter() - start


IMPORTS = {
    "import_smartflow": "import smartflow",
    "import_client": "from smartflow import SmartflowClient",
    "import_httpx": "import httpx",
}


def main() -> None:
    case, port = sys.argv[1], sys.argv[2]
    if case in IMPORTS:
        print(timed_import(IMPORTS[case]))
        return
    result = globals()[case](f"http://127.0.0.1:{port}")
    if asyncio.iscoroutine(result):
        result = asyncio.run(result)
    print(result)


if __name__ == "__main__":
    main()
