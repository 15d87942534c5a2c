"""Only type-checked, never run: what the public API of the async client gives back, and what it refuses."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional, Union

from typing_extensions import assert_type

from smartflow import (
    AIChunk,
    AIResponse,
    AsyncBatch,
    AsyncChatStream,
    BatchItem,
    BatchResult,
    BatchSummary,
    CacheStats,
    ComplianceInfo,
    ComplianceResult,
    IntelligentScanResult,
    LearningStatus,
    LearningSummary,
    MetacacheData,
    MLStats,
    OrgBaseline,
    PersistenceStats,
    ProviderHealth,
    ProviderMetrics,
    ResponseInfo,
    SmartflowClient,
    SystemHealth,
    Timeouts,
    Usage,
    VASLog,
)

ASK: List[Dict[str, str]] = [{"role": "user", "content": "What is REST?"}]


async def chat(sf: SmartflowClient, streamed: bool) -> None:
    assert_type(await sf.chat("Hello", "gpt-4o", system_prompt=None, temperature=0.3, max_tokens=9, seed=1), str)
    assert_type(await sf.chat_completions(ASK), AIResponse)
    assert_type(await sf.chat_completions(ASK, stream=False, n=2), AIResponse)
    assert_type(await sf.chat_completions(ASK, stream=True, tools=[]), AsyncChatStream)
    assert_type(await sf.chat_completions(ASK, "gpt-4o", 0.1, 9, False), AIResponse)
    assert_type(await sf.chat_completions(ASK, stream=streamed), Union[AIResponse, AsyncChatStream])
    assert_type(await sf.chat_completions([{"role": "user", "content": [{"type": "text"}]}]), AIResponse)
    async for piece in sf.stream_chat("Hello"):
        assert_type(piece, str)
    assert_type(await sf.claude_message("Hello", system="Be brief.", anthropic_key=None), str)


async def answers(sf: SmartflowClient) -> None:
    answer = await sf.chat_completions(ASK)
    assert_type(answer.content, str)
    assert_type(answer.choices, List[Dict[str, Any]])
    assert_type(answer.usage, Usage)
    assert_type(answer.usage.total_tokens, int)
    assert_type(answer.cached, bool)
    assert_type(answer.cache_hit_type, Optional[str])
    assert_type(answer.provider, Optional[str])
    assert_type(answer.tool_calls, List[Dict[str, Any]])
    assert_type(answer.finish_reason, Optional[str])
    assert_type(answer.request_id, Optional[str])
    assert_type(answer.headers, Mapping[str, str])
    assert_type(answer.extra, Mapping[str, Any])
    answer.content = "other"  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]
    answer.contents()  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]


async def streams(sf: SmartflowClient) -> None:
    async with await sf.chat_completions(ASK, stream=True) as stream:
        assert_type(stream, AsyncChatStream)
        async for chunk in stream:
            assert_type(chunk, AIChunk)
            assert_type(chunk.content, str)
            assert_type(chunk.usage, Optional[Usage])
    assert_type(stream.response, AIResponse)
    assert_type(await stream.get_final_response(), AIResponse)
    list(stream)  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType]


async def dicts(sf: SmartflowClient) -> None:
    assert_type((await sf.embeddings(["a", "b"]))["data"][0]["index"], int)
    assert_type((await sf.image_generation("A city"))["created"], int)
    assert_type((await sf.rerank("q", ["a"]))["results"][0]["relevance_score"], float)
    assert_type((await sf.list_models())[0]["id"], str)
    assert_type((await sf.chatbot_query("stats"))["response"], str)
    assert_type((await sf.get_analytics())["total_cost"], float)
    assert_type((await sf.force_provider("openai"))["duration_seconds"], int)
    assert_type((await sf.submit_compliance_feedback("scan_1", True))["status"], str)
    assert_type(await sf.audio_transcription(b"", model="whisper-1"), Dict[str, Any])
    assert_type(await sf.text_to_speech("Hello"), bytes)
    (await sf.embeddings("a"))["vectors"]  # type: ignore[typeddict-item]  # pyright: ignore[reportGeneralTypeIssues]


async def results(sf: SmartflowClient) -> None:
    assert_type(await sf.check_compliance("text"), ComplianceResult)
    assert_type(await sf.intelligent_scan("text"), IntelligentScanResult)
    assert_type((await sf.intelligent_scan("text")).regex_violations, List[Dict[str, Any]])
    assert_type((await sf.check_compliance("text")).redacted_content, Optional[str])
    assert_type(await sf.redact_pii("text"), str)
    assert_type(await sf.get_learning_summary(), LearningSummary)
    assert_type(await sf.get_learning_status("alice"), LearningStatus)
    assert_type(await sf.get_ml_stats(), MLStats)
    assert_type(await sf.get_org_baseline("acme"), OrgBaseline)
    assert_type(await sf.get_persistence_stats(), PersistenceStats)
    assert_type(await sf.get_org_summary(), Dict[str, Any])
    assert_type(await sf.save_compliance_data(), Dict[str, Any])
    assert_type(await sf.get_intelligent_health(), Dict[str, Any])
    assert_type(await sf.get_cache_stats(), CacheStats)
    assert_type((await sf.get_cache_stats()).cost_saved_cents, int)
    assert_type(await sf.get_provider_health(), List[ProviderHealth])
    assert_type(await sf.health_comprehensive(), SystemHealth)
    assert_type(await sf.health(), Dict[str, Any])
    assert_type(await sf.readiness(), Dict[str, Any])


async def logs(sf: SmartflowClient) -> None:
    rows = await sf.get_logs(limit=5, provider="openai")
    assert_type(rows, List[VASLog])
    assert_type(rows[0].request_id, str)
    assert_type(rows[0].user_id, Optional[str])
    assert_type(rows[0].compliance, ComplianceInfo)
    assert_type(rows[0].metacache, MetacacheData)
    assert_type(rows[0].metrics, ProviderMetrics)
    assert_type(await sf.get_logs_hybrid(), List[Dict[str, Any]])
    async for row in sf.iter_logs(page_size=10):
        assert_type(row, VASLog)
    assert_type(await sf.export_logs("audit.jsonl", status=403, start_date="2026-02-01"), int)
    assert_type((await sf.get_audit_logs(actor="dave"))[0]["seq"], int)
    async for entry in sf.iter_audit_logs():
        assert_type(entry["entry_hmac"], str)
    result = await sf.verify_audit_chain()
    assert_type(result["first_bad_seq"], Optional[int])
    if result["head"] is not None:
        await sf.verify_audit_chain(anchor=result["head"])


async def batches(sf: SmartflowClient) -> None:
    batch = await sf.map_chat(["Hello", ASK], concurrency=8, rpm=60, tpm=1000, budget=1.5, progress=True, resume="file")
    assert_type(batch, BatchResult[AIResponse])
    assert_type(batch.results, List[Optional[AIResponse]])
    assert_type(batch.items[0].result, Optional[AIResponse])
    assert_type(batch.items[0].error, Optional[Exception])
    assert_type(batch.summary.cache_hit_rate, float)
    assert_type(await sf.map(sf.chat, ["Hello"], progress=print), BatchResult[str])
    assert_type(sf.iter_map(sf.check_compliance, ["Hello"]), AsyncBatch[ComplianceResult])
    running = sf.iter_map_chat(["Hello"], ordered=True)
    async for each in running:
        assert_type(each, BatchItem[AIResponse])
    assert_type(running.summary, BatchSummary)


class Mine(SmartflowClient):
    """A client of a user's own."""


async def clients(mine: Mine) -> None:
    def watch(info: ResponseInfo) -> None:
        assert_type(info.attempts, int)

    assert_type(mine.with_options(timeout=Timeouts(total=3.0), user_id="alice", on_response=watch), Mine)
    assert_type(mine.with_options(timeout=None, max_retries=0, headers={"x-a": "b"}), Mine)
    async with mine as same:
        assert_type(same, Mine)
    assert_type(mine.mode, str)
    assert_type(mine.is_gateway_mode(), bool)
    assert_type(mine.base_url, str)
    assert_type(await mine.close(), None)


async def refused(sf: SmartflowClient) -> None:
    sf.with_options(unknown=1)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    sf.with_options(user_id=7)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    SmartflowClient(url="http://smartflow:7775")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    await sf.chat()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    await sf.chat(7)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await sf.chat_completions("Hello")  # type: ignore[arg-type]  # pyright: ignore[reportCallIssue, reportArgumentType]
    await sf.get_logs(limit="5")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await sf.get_logs(page=2)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    await sf.submit_compliance_feedback("scan_1", "yes")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    with sf:  # type: ignore[attr-defined]  # pyright: ignore[reportGeneralTypeIssues]
        pass
