"""Routing: which provider answers a call, and how well each one has answered so far."""
