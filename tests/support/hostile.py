"""A scripted HTTP server on raw sockets: it answers exactly as badly as a test asks for, and remembers what it was sent."""

from __future__ import annotations

import contextlib
import json
import socket
import struct
import threading
from typing import Any, Callable, Dict, Iterator, List, Mapping, NamedTuple, Sequence, Tuple, Union

__all__ = [
    "CLOSE",
    "RESET",
    "SILENCE",
    "Answer",
    "Dribble",
    "Hold",
    "HostileServer",
    "Pings",
    "Request",
    "Wait",
    "full_backlog",
    "refusing_port",
]

BOUND = 10.0


class Request(NamedTuple):
    """One request as it arrived: the target is raw, header names are in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    connection: int

    @property
    def path(self) -> str:
        return self.target.split("?")[0]

    def json(self) -> Any:
        return json.loads(self.body)


class _Gone(Exception):
    """The connection is over: the client left, the script closed it, or the server stops."""


class _Line:
    """The server's end of one connection."""

    def __init__(self, sock: socket.socket, number: int) -> None:
        self.sock = sock
        self.number = number
        self._buffer = b""

    def send(self, data: bytes) -> None:
        self.sock.settimeout(BOUND)
        try:
            self.sock.sendall(data)
        except OSError:
            raise _Gone from None

    def wait(self, seconds: float) -> None:
        """Let time pass; ends at once when the client leaves."""
        self.sock.settimeout(seconds)
        try:
            data = self.sock.recv(65536)
        except socket.timeout:
            return
        except OSError:
            raise _Gone from None
        if not data:
            raise _Gone
        self._buffer += data

    def receive(self) -> Request:
        while b"\r\n\r\n" not in self._buffer:
            self._more()
        head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        method, target, _ = first.split(" ", 2)
        headers: Dict[str, str] = {}
        for line in lines:
            name, _, value = line.partition(":")
            headers[name.strip().lower()] = value.strip()
        return Request(method, target, headers, self._body(headers), self.number)

    def _body(self, headers: Mapping[str, str]) -> bytes:
        if headers.get("transfer-encoding", "").lower() != "chunked":
            return self._exactly(int(headers.get("content-length", "0")))
        body = b""
        while True:
            while b"\r\n" not in self._buffer:
                self._more()
            size, _, self._buffer = self._buffer.partition(b"\r\n")
            piece = self._exactly(int(size, 16) + 2)[:-2]
            if not piece:
                return body
            body += piece

    def _exactly(self, size: int) -> bytes:
        parts, have = [self._buffer], len(self._buffer)
        while have < size:
            self._buffer = b""
            self._more()
            parts.append(self._buffer)
            have += len(self._buffer)
        whole = b"".join(parts)
        self._buffer = whole[size:]
        return whole[:size]

    def _more(self) -> None:
        before = len(self._buffer)
        while len(self._buffer) == before:
            self.wait(BOUND)

    def close(self) -> None:
        self.sock.close()

    def wake(self) -> None:
        """End every wait on this connection, from another thread."""
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)


class Fault:
    """A part of an answer that is more, or less, than bytes."""

    def play(self, line: _Line) -> None:
        raise NotImplementedError


class _Reset(Fault):
    """A TCP reset."""

    def play(self, line: _Line) -> None:
        line.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raise _Gone


class _Close(Fault):
    """An orderly end of the connection."""

    def play(self, line: _Line) -> None:
        raise _Gone


class _Silence(Fault):
    """Nothing, until the client leaves."""

    def play(self, line: _Line) -> None:
        line.wait(BOUND)
        raise _Gone


class Pings(Fault):
    """The same bytes again and again, until the client leaves."""

    def __init__(self, data: bytes = b": ping\n\n", every: float = 0.02) -> None:
        self.data, self.every = data, every

    def play(self, line: _Line) -> None:
        for _ in range(int(BOUND / self.every)):
            line.send(self.data)
            line.wait(self.every)
        raise _Gone


class Dribble(Fault):
    """Bytes, one by one."""

    def __init__(self, data: bytes, every: float = 0.02) -> None:
        self.data, self.every = data, every

    def play(self, line: _Line) -> None:
        for position in range(len(self.data)):
            line.send(self.data[position : position + 1])
            line.wait(self.every)


class Wait(Fault):
    """A pause of the server's."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def play(self, line: _Line) -> None:
        line.wait(self.seconds)


class Hold(Fault):
    """A pause that the test ends."""

    def __init__(self, event: threading.Event) -> None:
        self.event = event

    def play(self, line: _Line) -> None:
        self.event.wait(BOUND)


RESET, CLOSE, SILENCE = _Reset(), _Close(), _Silence()
Part = Union[bytes, Fault]
Answer = Sequence[Part]
Script = Union[Answer, Callable[[Request], Answer]]


class HostileServer:
    """Serves scripts, in turn; the last one of a list is repeated. Use it as a context manager."""

    def __init__(self) -> None:
        self.requests: List[Request] = []
        self.connections = 0
        self.peak = 0
        self._open: Dict[int, _Line] = {}
        self._scripts: Dict[str, List[Script]] = {}
        self._changed = threading.Condition()
        self._stopping = threading.Event()
        # A deaf server reads nothing, so that the client's own buffers fill up.
        self.deaf = False
        # What is said before anything is read, if anything.
        self.greeting = b""
        self._listener = socket.socket()
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen(128)
        self._listener.settimeout(0.5)
        self.port: int = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._accept, daemon=True)

    def __enter__(self) -> HostileServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        # Wakes accept() on Linux; elsewhere its timeout does.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join(2)
        self._listener.close()
        self.hang_up()
        self.wait_open(0)

    def answer(self, *scripts: Script, path: str = "") -> None:
        """Set what is answered to any path, or to this one."""
        self._scripts[path] = list(scripts)

    def hang_up(self) -> None:
        """Close all connections that are open now."""
        with self._changed:
            lines = list(self._open.values())
        for line in lines:
            line.wake()

    @property
    def request(self) -> Request:
        """The one request that there was."""
        assert len(self.requests) == 1, [f"{seen.method} {seen.target}" for seen in self.requests]
        return self.requests[0]

    @property
    def open(self) -> int:
        """How many connections are open now."""
        return len(self._open)

    def wait_open(self, count: int) -> bool:
        """Whether, within a bound, exactly so many connections are open."""
        with self._changed:
            return self._changed.wait_for(lambda: len(self._open) == count, 5)

    def wait_requests(self, count: int) -> bool:
        """Whether, within a bound, so many requests have arrived."""
        with self._changed:
            return self._changed.wait_for(lambda: len(self.requests) >= count, 5)

    def _accept(self) -> None:
        while not self._stopping.is_set():
            try:
                sock, _ = self._listener.accept()
            except socket.timeout:
                continue
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._changed:
                self.connections += 1
                line = _Line(sock, self.connections)
                self._open[line.number] = line
                self.peak = max(self.peak, len(self._open))
                self._changed.notify_all()
            threading.Thread(target=self._serve, args=(line,), daemon=True).start()

    def _serve(self, line: _Line) -> None:
        try:
            if self.greeting:
                line.send(self.greeting)
            while not self._stopping.is_set():
                if self.deaf:
                    self._stopping.wait(BOUND)
                    return
                for part in self._script(line.receive()):
                    line.send(part) if isinstance(part, bytes) else part.play(line)
        except _Gone:
            pass
        finally:
            # Closed first, so that whoever waits for the count finds the socket really closed.
            line.close()
            with self._changed:
                self._open.pop(line.number, None)
                self._changed.notify_all()

    def _script(self, request: Request) -> Answer:
        with self._changed:
            self.requests.append(request)
            self._changed.notify_all()
            scripts = self._scripts.get(request.path) or self._scripts.get("")
            if not scripts:
                return [b"HTTP/1.1 500 Unscripted\r\ncontent-length: 10\r\n\r\nunscripted"]
            script = scripts.pop(0) if len(scripts) > 1 else scripts[0]
        return script(request) if callable(script) else script


@contextlib.contextmanager
def refusing_port() -> Iterator[int]:
    """A port at which nobody listens, kept so that nobody else gets it."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


@contextlib.contextmanager
def full_backlog() -> Iterator[int]:
    """A port whose listener takes no more connections: attempts to connect get no answer at all."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        address: Tuple[str, int] = listener.getsockname()
        for _ in range(4):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(address)
        yield address[1]
