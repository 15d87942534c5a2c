"""Socket options for every connection."""

from __future__ import annotations

import socket
from typing import List, Tuple

__all__ = ["KEEPALIVE"]

# Long answers are silent for minutes, and address translators drop silent connections (AWS after 350 s, GCP after 120 s).
KEEPALIVE: List[Tuple[int, int, int]] = [
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    *(
        (socket.IPPROTO_TCP, getattr(socket, name), value)
        for name, value in (("TCP_KEEPIDLE", 60), ("TCP_KEEPINTVL", 30), ("TCP_KEEPCNT", 5))
        if hasattr(socket, name)
    ),
    (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
]
