"""The operations on the gateway's own state."""

from __future__ import annotations

from typing import Any

from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from smartflow._version import __version__
from smartflow.gateway.clock import iso
from smartflow.gateway.contract import Call, Reply, operation
from smartflow.gateway.store import StoreError


@operation("getLiveness")
async def get_liveness(call: Call) -> dict[str, Any]:
    """That the process answers."""
    return {"status": "ok", "version": __version__, "timestamp": iso(call.now)}


@operation("getReadiness")
async def get_readiness(call: Call) -> Reply:
    """That the store answers too. `redis` is the documented name of the store's state."""
    try:
        call.gateway.store.check()
    except StoreError:
        return Reply({"status": "not_ready", "redis": "disconnected"}, 503)
    return Reply({"status": "ready", "redis": "connected"})


@operation("getComprehensiveHealth")
async def get_comprehensive_health(call: Call) -> dict[str, Any]:
    """The state of the whole gateway."""
    providers = {snapshot["provider"]: snapshot for snapshot in call.gateway.routing.health()}
    states = [snapshot["status"] for snapshot in providers.values()]
    status = "healthy"
    if states and all(state == "unhealthy" for state in states):
        status = "unhealthy"
    elif any(state != "healthy" for state in states):
        status = "degraded"
    return {
        "status": status,
        "uptime_seconds": call.gateway.uptime_seconds,
        "version": __version__,
        "providers": providers,
        "cache": call.gateway.cache.stats(call.now),
        "timestamp": iso(call.now),
    }


@operation("getProviderPerformance")
async def get_provider_performance(call: Call) -> dict[str, Any]:
    """How well each provider has answered."""
    return {"data": {"snapshots": call.gateway.routing.health()}}


@operation("getMetrics")
async def get_metrics(call: Call) -> Reply:
    """The metrics in Prometheus's text format."""
    headers = {"content-type": CONTENT_TYPE_PLAIN_0_0_4}
    return Reply(call.gateway.metrics.text(), headers=headers, media_type="text/plain")


@operation("queryChatbot")
async def query_chatbot(call: Call) -> dict[str, Any]:
    """An answer from the gateway's own rows."""
    question = call.json["query"]
    answer = call.gateway.chatbot.answer(question, call.now)
    with call.effects() as audit:
        audit.request_content, audit.response_content = question, answer.text
    return {"response": answer.text, "intent": answer.intent, "data": answer.data, "timestamp": iso(call.now)}
