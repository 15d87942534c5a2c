"""The audit record of one call: handlers fill it in, the audit log keeps it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

CONTENT_TYPES = {
    "createChatCompletion": "chat",
    "createMessage": "chat",
    "createMessageAlias": "chat",
    "createEmbedding": "embedding",
    "createImage": "image",
    "createTranscription": "audio",
    "createSpeech": "audio",
    "rerankDocuments": "rerank",
    "queryChatbot": "chatbot",
    "callMcpServer": "mcp",
    "sendAgentTask": "a2a",
    "overrideRouting": "routing",
    "scanContent": "scan",
    "intelligentScan": "scan",
    "submitFeedback": "feedback",
    "saveComplianceData": "persistence",
    "createVirtualKey": "keys",
    "updateVirtualKey": "keys",
    "revokeVirtualKey": "keys",
}
"""The audited operations with the kind of call that their rows show. Every other operation only reads and writes no row."""

GATEWAY_PROVIDER = "smartflow"


@dataclass
class AuditRecord:
    """What is known about one call. Texts are redacted when the row is written; keys and headers never come in."""

    request_id: str
    timestamp: str
    operation: str
    content_type: str
    key_id: str | None = None
    user_id: str | None = None
    conversation_id: str | None = None
    conversation_stage: str | None = None
    provider: str = GATEWAY_PROVIDER
    model: str = ""
    model_provider: str = ""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float = 0.0
    latency_ms: int | None = None
    processing_time_ms: int | None = None
    provider_time_ms: int = 0
    routing_strategy: str | None = None
    routing_reason: str | None = None
    cached: bool = False
    cache_looked_up: bool = False
    cache_tier: str | None = None
    cache_query: str = ""
    tokens_saved: int = 0
    status_code: int = 200
    error_code: str | None = None
    compliance_status: str | None = None
    compliance: dict[str, Any] = field(default_factory=dict)
    request_content: str | None = None
    response_content: str | None = None

    @property
    def tokens_used(self) -> int:
        """Tokens of prompt and completion together."""
        return self.prompt_tokens + self.completion_tokens

    @property
    def success(self) -> bool:
        """False when the call was refused or failed."""
        return self.status_code < 400 and self.error_code is None
