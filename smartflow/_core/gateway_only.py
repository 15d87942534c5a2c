"""What only a gateway can do, and the error that says so in direct mode."""

from __future__ import annotations

from ..exceptions import DirectModeError

__all__ = ["feature_of", "gateway_only"]

# By the beginning of an operation's path, the first that fits.
_FEATURES = (
    ("/api/vas/", "VAS audit logs"),
    ("/api/redis/", "The hybrid bridge"),
    ("/api/hybrid/", "The hybrid bridge"),
    ("/api/analytics", "Usage analytics"),
    ("/api/audit/", "The audit chain"),
    ("/api/admin/audit/", "The audit chain"),
    ("/api/compliance", "Compliance scanning"),
    ("/api/chatbot/", "The operations chatbot"),
    ("/api/providers/", "Provider health"),
    ("/api/routing/", "Routing control"),
    ("/api/metacache/", "MetaCache"),
    ("/api/enterprise/vkeys", "Virtual key management"),
    ("/api/health/", "System health"),
    ("/health/", "A health check"),
    ("/metrics", "Prometheus metrics"),
    ("/api/mcp", "The MCP gateway"),
    ("/{server_id}/mcp", "The MCP gateway"),
    ("/api/admin/mcp", "The MCP gateway"),
    ("/a2a/", "The A2A gateway"),
    ("/api/a2a/", "The A2A gateway"),
)
_UNLOCKED = (
    "BERT KNN semantic cache (55\u201375% cost savings)",
    "Real-time policy engine (PII detection, jailbreak guard)",
    "SSO identity integration (Entra ID, LDAP, SAML)",
    "Full VAS audit trail (per-user request logging)",
    "MCP gateway + A2A orchestration",
)


def feature_of(path: str) -> str:
    """What people call the thing that a path of the contract gives; empty for a path that has no name yet."""
    return next((feature for start, feature in _FEATURES if path.startswith(start)), "")


def gateway_only(what: str, operation: str = "") -> DirectModeError:
    """The error for something that needs a gateway, with what else one brings."""
    lines = "\n".join(f"  \u2022 {each}" for each in _UNLOCKED)
    return DirectModeError(
        f"{what} requires a Smartflow Enterprise gateway.\n"
        f"Run `smartflow configure` to connect to a gateway and unlock:\n{lines}",
        code="direct_mode",
        operation=operation or None,
    )
