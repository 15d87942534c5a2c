"""Operating a gateway: cache, providers, health, audit log, analytics, routing."""

import asyncio
from datetime import date, timedelta

from smartflow import SmartflowClient, VASLog


async def cache(sf: SmartflowClient) -> None:
    stats = await sf.get_cache_stats()
    print(f"cache: {stats.hit_rate:.1%} hits")
    print(f"  by layer: {stats.l1_hits:,} in memory, {stats.l2_hits:,} by meaning, {stats.l3_hits:,} exact")
    print(f"  saved: {stats.tokens_saved:,} tokens, ${stats.cost_saved_cents / 100:.2f}")


async def providers(sf: SmartflowClient) -> None:
    for each in await sf.get_provider_health():
        print(
            f"{each.provider}: {each.status}, {each.latency_ms:.0f} ms, {each.success_rate:.1%} of {each.requests_total:,}"
        )


async def health(sf: SmartflowClient) -> None:
    whole = await sf.health_comprehensive()
    print(f"gateway {whole.version}: {whole.status}, up for {whole.uptime_seconds} s")
    alive = await sf.health()
    print(f"alive: {alive['status']}")


async def logs(sf: SmartflowClient) -> None:
    for log in await sf.get_logs(limit=50, provider="openai", days=7):
        route = log.routing_strategy or "direct"
        saved = f", {log.metacache.tokens_saved} tokens saved" if log.metacache.hit else ""
        print(f"{log.timestamp} {log.provider}/{log.model}: {log.tokens_used} tokens in {log.latency_ms} ms{saved}")
        print(f"  route: {route}, compliance: {log.compliance_status}, conversation: {log.conversation_id}")
        if log.compliance_violations:
            print(f"  violations: {log.compliance_violations}")


async def all_pages(sf: SmartflowClient, page_size: int = 2) -> None:
    rows: list[VASLog] = []
    page = 0
    while True:
        batch = await sf.get_logs(limit=page_size, offset=page * page_size)
        if not batch:
            break
        rows += batch
        page += 1
    print(f"pages: {page}, rows: {len({row.request_id for row in rows})}")


async def analytics(sf: SmartflowClient) -> None:
    today = date.today()
    data = await sf.get_analytics(
        start_date=(today - timedelta(days=7)).isoformat(),
        end_date=(today + timedelta(days=1)).isoformat(),
    )
    print(f"analytics: {sorted(data)}")


async def routing(sf: SmartflowClient) -> None:
    status = await sf.get_routing_status()
    print(
        f"provider: {status['active_provider']}, chain: {status['fallback_chain']}, failure: {status['last_failure']}"
    )
    # While another provider is down.
    await sf.force_provider("openai", duration_seconds=600)
    status = await sf.get_routing_status()
    print(f"forced: {status['override']['provider']}")


async def main() -> None:
    async with SmartflowClient() as sf:
        # Something to look at: a violation, and an answer of the cache.
        told = sf.with_options(conversation_id="example", user_id="example")
        for text in ("My SSN is 123-45-6789", "What is a log?", "What is a log?"):
            await told.chat(text)
        await cache(sf)
        await providers(sf)
        await health(sf)
        await logs(sf)
        await all_pages(sf)
        await analytics(sf)
        await routing(sf)


if __name__ == "__main__":
    asyncio.run(main())
