"""A TCP proxy between a process and what it depends on, that slows, stalls, cuts and refuses.

with Proxy(("127.0.0.1", 5432)) as proxy:
    proxy.delay = 0.2       # each part of an answer comes so many seconds later
    proxy.stall()           # connections are accepted, and nothing goes through any more
    proxy.cut()             # all connections end now, in the middle of what they say
    proxy.refuse()          # nobody listens
    proxy.mend()            # as if nothing had been
"""

import socket
import struct
import threading
import time
from collections.abc import Callable
from contextlib import suppress

Address = tuple[str, int] | str
"""Host and port, or the path of a socket."""

_PART = 65_536


class Proxy:
    """Passes bytes on between whoever connects to `port` and the target; `changed` rewrites what the target answers,
    given the port.
    """

    def __init__(self, target: Address, changed: Callable[[bytes, int], bytes] = lambda said, port: said) -> None:
        self._target, self._changed = target, changed
        self.delay = 0.0
        self.connections = 0
        """How many were accepted."""
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._left: int | None = None
        self._flows = threading.Event()
        self._flows.set()
        self._listener: socket.socket | None = None
        self.port = 0
        self._listen()

    def stall(self) -> None:
        """From now on connections are accepted and bytes taken, and none comes out at either end."""
        self._flows.clear()

    def cut(self) -> None:
        """End all connections at once, as a reset; new ones go through."""
        with self._lock:
            for one in self._open:
                # No lingering: what was not yet read is thrown away, and the other end is told so.
                with suppress(OSError):
                    one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                with suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)

    def cut_after(self, answered: int) -> None:
        """Cut all connections when so many more bytes have been answered: in the middle of an answer."""
        self._left = answered

    def refuse(self) -> None:
        """End all connections, and let nobody connect."""
        if self._listener is not None:
            # A thread that waits in accept keeps the port open until it is woken.
            with suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None
        self.cut()

    def mend(self) -> None:
        """Pass everything on again; what was held up while it stalled is lost with its connection."""
        self.delay, self._left = 0.0, None
        if not self._flows.is_set():
            self.cut()
            self._flows.set()
        if self._listener is None:
            self._listen()

    def __enter__(self) -> "Proxy":
        return self

    def __exit__(self, *_: object) -> None:
        self.refuse()
        self._flows.set()

    def _listen(self) -> None:
        made = socket.socket()
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(("127.0.0.1", self.port))
        made.listen(128)
        self._listener, self.port = made, made.getsockname()[1]
        threading.Thread(target=self._accept, args=(made,), daemon=True).start()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                came, _ = listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._connect, args=(came,), daemon=True).start()

    def _connect(self, came: socket.socket) -> None:
        with self._lock:
            self._open.add(came)
        self._flows.wait()
        try:
            there = _connected(self._target)
        except OSError:
            self._close(came)
            return
        with self._lock:
            self._open.add(there)
        threading.Thread(target=self._pass, args=(came, there, False), daemon=True).start()
        self._pass(there, came, True)

    def _pass(self, source: socket.socket, sink: socket.socket, answers: bool) -> None:
        try:
            while part := source.recv(_PART):
                self._flows.wait()
                if answers:
                    part = self._slowed(self._changed(part, self.port))
                sink.sendall(part)
                if answers and self._left == 0:
                    self._left = None
                    self.cut()
        except OSError:
            pass
        finally:
            self._close(sink)
            self._close(source)

    def _slowed(self, part: bytes) -> bytes:
        if self.delay:
            time.sleep(self.delay)
        if self._left is None:
            return part
        part = part[: self._left]
        self._left -= len(part)
        return part

    def _close(self, one: socket.socket) -> None:
        with suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)
        with self._lock:
            self._open.discard(one)
        one.close()


def _connected(target: Address) -> socket.socket:
    if isinstance(target, str):
        made = socket.socket(socket.AF_UNIX)
        made.connect(target)
        return made
    return socket.create_connection(target, timeout=None)


def renamed_port(real: int) -> Callable[[bytes, int], bytes]:
    """Rewrites how a Kafka broker at `real` names itself, so that clients come back by the proxy's port."""
    host = b"127.0.0.1"
    named = host + struct.pack(">i", real)
    return lambda said, port: said.replace(named, host + struct.pack(">i", port))
