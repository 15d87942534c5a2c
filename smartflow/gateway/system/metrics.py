"""Prometheus metrics of one gateway, in a registry of its own, so that two gateways in one process do not add up."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

from smartflow.gateway.audit.record import AuditRecord

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)
_PROVIDER_FAULTS = frozenset(
    {"provider_error", "provider_unavailable", "provider_timeout", "provider_rate_limited", "provider_stream_cut"}
)


class Metrics:
    """Counts what passes the edge. Labels come from fixed lists only, never from callers, so their number is bounded."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "smartflow_requests_total", "Answered requests.", ["operation", "status"], registry=self._registry
        )
        self._duration = Histogram(
            "smartflow_request_duration_seconds",
            "Time to the whole answer.",
            ["operation"],
            registry=self._registry,
            buckets=_SECONDS,
        )
        self._hits = Counter("smartflow_cache_hits_total", "Answers from MetaCache.", ["tier"], registry=self._registry)
        self._misses = Counter("smartflow_cache_misses_total", "Look-ups that found nothing.", registry=self._registry)
        self._tokens = Counter(
            "smartflow_tokens_total", "Tokens of provider answers.", ["type"], registry=self._registry
        )
        self._saved = Counter("smartflow_tokens_saved_total", "Tokens that MetaCache saved.", registry=self._registry)
        self._cost = Counter(
            "smartflow_cost_usd_total", "Estimated cost in US dollars.", ["provider"], registry=self._registry
        )
        self._errors = Counter(
            "smartflow_provider_errors_total", "Failed calls to providers.", ["provider"], registry=self._registry
        )
        self._violations = Counter(
            "smartflow_compliance_violations_total", "Calls whose text held finds.", registry=self._registry
        )

    def observe(self, record: AuditRecord, status: int, seconds: float) -> None:
        """Count one answered request."""
        self._requests.labels(record.operation, str(status)).inc()
        self._duration.labels(record.operation).observe(max(0.0, seconds))
        if record.cached:
            self._hits.labels(record.cache_tier or "L3").inc()
            self._saved.inc(record.tokens_saved)
        elif record.cache_looked_up and status < 400:
            self._misses.inc()
        self._tokens.labels("prompt").inc(record.prompt_tokens)
        self._tokens.labels("completion").inc(record.completion_tokens)
        if record.cost:
            self._cost.labels(record.provider).inc(record.cost)
        if record.error_code in _PROVIDER_FAULTS:
            self._errors.labels(record.provider).inc()
        if record.compliance_status == "violated":
            self._violations.inc()

    def text(self) -> bytes:
        """All metrics in the text exposition format."""
        return generate_latest(self._registry)
