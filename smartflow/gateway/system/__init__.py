"""The gateway's own state: probes, health, metrics, and the chatbot that answers questions about it."""
