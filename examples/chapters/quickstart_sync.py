"""The first program, sync: the gateway comes from the environment or the configuration file."""

from smartflow import SyncSmartflowClient

sf = SyncSmartflowClient()
response = sf.chat("What is machine learning?")
print(response)
stats = sf.get_cache_stats()
print(f"cache hit rate: {stats.hit_rate:.1%}")
print(f"tokens saved: {stats.tokens_saved:,}")
sf.close()
