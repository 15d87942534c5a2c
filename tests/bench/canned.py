"""A server that costs next to nothing: it answers each path with bytes that were made beforehand.

Run as `python canned.py`; it prints its port. Both sides of each comparison talk to it.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import time

CHUNKS = 2000
LOGS = 10_000
HELD_SECONDS = 0.2
HELD_AT_ENDS = 256


def chat() -> bytes:
    message = {"role": "assistant", "content": "Containers package an application with all that it needs. " * 4}
    return json.dumps(
        {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1_760_000_000,
            "model": "gpt-4o",
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 12, "completion_tokens": 40, "total_tokens": 52},
            "provider": "openai",
            "cached": False,
            "cache_hit_type": None,
        }
    ).encode()


def stream() -> bytes:
    events = []
    for number in range(CHUNKS):
        chunk = {
            "id": "chatcmpl-1",
            "object": "chat.completion.chunk",
            "created": 1_760_000_000,
            "model": "gpt-4o",
            "choices": [{"index": 0, "delta": {"content": f"word{number} "}, "finish_reason": None}],
        }
        data = b"data: " + json.dumps(chunk).encode() + b"\n\n"
        events.append(b"%x\r\n%s\r\n" % (len(data), data))
    end = b"data: [DONE]\n\n"
    return b"".join(events) + b"%x\r\n%s\r\n0\r\n\r\n" % (len(end), end)


def logs() -> bytes:
    rows = []
    for number in range(LOGS):
        rows.append(
            {
                "request_id": f"req_{number:08x}",
                "timestamp": "2026-11-23T10:00:00Z",
                "provider": "openai",
                "model": "gpt-4o",
                "model_provider": "openai",
                "tokens_used": 52 + number % 7,
                "cost": 0.00042,
                "latency_ms": 412,
                "processing_time_ms": 415,
                "content_type": "chat",
                "user_id": f"user-{number % 50}",
                "conversation_id": None,
                "conversation_stage": None,
                "routing_strategy": "direct",
                "routing_reason": "provider:openai",
                "compliance_status": "compliant",
                "compliance_violations": None,
                "compliance": {
                    "data_classification": "public",
                    "compliance_score": 100.0,
                    "violations_details": [],
                    "regulatory_frameworks": [],
                },
                "metacache": {"hit": False, "query": "Explain Docker containers", "tokens_saved": 0},
                "metrics": {
                    "prompt_tokens": 12,
                    "completion_tokens": 40,
                    "processing_time_ms": 400,
                    "success": True,
                },
                "cached": False,
                "request_content": "Explain Docker containers",
                "response_content": "Containers package an application with all that it needs. " * 4,
            }
        )
    return json.dumps({"data": rows, "total": LOGS, "limit": LOGS, "offset": 0}).encode()


def plain(body: bytes) -> bytes:
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx-smartflow-request-id: req_1\r\ncontent-length: %d\r\n\r\n"
    return head % len(body) + body


class Work:
    """Calls that take as long as a model does, each another time; and how many of them were at work on average."""

    def __init__(self) -> None:
        self._changes: list[tuple[float, int]] = []
        self._now = 0
        self._begun = 0

    async def held(self) -> None:
        self._begun += 1
        self._change(1)
        await asyncio.sleep(HELD_SECONDS * (0.5 + self._begun * 37 % 64 / 64))
        self._change(-1)

    def _change(self, by: int) -> None:
        self._now += by
        self._changes.append((time.perf_counter(), self._now))

    def mean(self) -> float:
        """The mean over time, without the beginning and the end."""
        within = self._changes[HELD_AT_ENDS:-HELD_AT_ENDS]
        self._changes = []
        held = sum(number * (later - at) for (at, number), (later, _) in itertools.pairwise(within))
        return held / (within[-1][0] - within[0][0])


async def main() -> None:
    stream_head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
    answers = {b"/v1/chat/completions": plain(chat()), b"/api/vas/logs": plain(logs())}
    streamed = stream_head + stream()
    work = Work()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                path = head.split(b" ", 2)[1].partition(b"?")[0]
                length = 0
                for line in head.lower().split(b"\r\n"):
                    if line.startswith(b"content-length:"):
                        length = int(line[15:])
                body = await reader.readexactly(length) if length else b""
                if b'"held":true' in body:
                    await work.held()
                if path == b"/at-work":
                    writer.write(plain(json.dumps(work.mean()).encode()))
                else:
                    writer.write(streamed if b'"stream":true' in body else answers[path])
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, limit=1 << 20)
    print(server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
