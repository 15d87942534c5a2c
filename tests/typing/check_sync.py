"""Only type-checked, never run: where the sync client differs from the async one, and what both share."""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Union

from typing_extensions import assert_type

from smartflow import (
    AIChunk,
    AIResponse,
    BatchItem,
    BatchResult,
    CacheStats,
    SmartflowClient,
    SyncBatch,
    SyncChatStream,
    SyncSmartflowClient,
    Usage,
    VASLog,
)

ASK: List[Dict[str, Any]] = [{"role": "user", "content": "What is REST?"}]


def chat(sf: SyncSmartflowClient, streamed: bool) -> None:
    assert_type(sf.chat("Hello"), str)
    assert_type(sf.chat_completions(ASK), AIResponse)
    assert_type(sf.chat_completions(ASK, stream=False), AIResponse)
    assert_type(sf.chat_completions(ASK, stream=True), SyncChatStream)
    assert_type(sf.chat_completions(ASK, stream=streamed), Union[AIResponse, SyncChatStream])
    for piece in sf.stream_chat("Hello"):
        assert_type(piece, str)
    with sf.chat_completions(ASK, stream=True) as stream:
        for chunk in stream:
            assert_type(chunk, AIChunk)
    assert_type(stream.get_final_response(), AIResponse)
    assert_type(stream.usage, Optional[Usage])


def results(sf: SyncSmartflowClient) -> None:
    assert_type(sf.get_cache_stats(), CacheStats)
    assert_type(sf.get_logs(), List[VASLog])
    for row in sf.iter_logs():
        assert_type(row, VASLog)
    assert_type(sf.embeddings("a")["usage"]["total_tokens"], int)
    assert_type(sf.health(), Dict[str, Any])


def batches(sf: SyncSmartflowClient) -> None:
    assert_type(sf.map_chat(["Hello", ASK]), BatchResult[AIResponse])
    assert_type(sf.map(sf.chat, ["Hello"]), BatchResult[str])
    assert_type(sf.iter_map_chat(["Hello"]), SyncBatch[AIResponse])
    for each in sf.iter_map(len, ["Hello"]):
        assert_type(each, BatchItem[int])


class Mine(SyncSmartflowClient):
    """A client of a user's own."""


def clients(mine: Mine) -> None:
    assert_type(mine.with_options(timeout=3), Mine)
    with mine as same:
        assert_type(same, Mine)


async def refused(sf: SyncSmartflowClient) -> None:
    sf.with_options(unknown=1)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await sf.chat("Hello")  # type: ignore[misc]  # pyright: ignore[reportGeneralTypeIssues]
    async with sf:  # type: ignore[attr-defined]  # pyright: ignore[reportGeneralTypeIssues]
        pass
    async for _ in sf.stream_chat("Hello"):  # type: ignore[attr-defined]  # pyright: ignore[reportGeneralTypeIssues, reportUnknownVariableType]
        pass
    other: SmartflowClient = sf  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]
    print(other)
