"""An open-loop load of HTTP requests: sent when their time has come, whether or not the server keeps up.

    python benchmarks/_load.py HOST PORT --rate 500 --seconds 10 --key KEY --events FILE [--list 64]

Arrivals are a Poisson process with a fixed seed. A request's time begins when it was due, not when a connection was
free for it, so a server that stalls is not spared the requests that it kept from being sent (no coordinated omission).
FILE holds events as `_events.py` writes them. Each event sent has the actor of one of them and the content of another,
both drawn anew, so that actors repeat themselves only by chance; ids are given here.
Prints one JSON object: counts by status, latencies in milliseconds, how late the load itself was, and its own CPU.

It shares the server's cores, so it does as little as it can: one thread, blocking sockets, and answers that are
searched and not read.
"""

import argparse
import ctypes
import gc
import json
import os
import select
import socket
import sys
import time
from collections import Counter, deque
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np

LONGEST_SECONDS = 60
"""How long the last answers may take."""

RECEIVED = 1 << 18
"""Bytes that are taken from a connection at once."""

OF_ACTOR = ("actor", "attributes", "address", "device")
"""What an event says of its actor; the rest is its content."""

Request = Callable[[int], bytes]
"""The bytes of a request by its number."""


class Drawn:
    """Events by their place, each of an actor and with a content drawn from those of a file.

    `who` are the actors by their lines.
    """

    def __init__(self, path: Path, n: int, seed: int) -> None:
        self._actors, self._contents = [], []
        for line in path.read_bytes().splitlines():
            said = msgspec.json.decode(line)
            who = {name: said.pop(name) for name in OF_ACTOR if name in said}
            # The inside of a JSON object, to be joined with an id and the other half.
            self._actors.append(msgspec.json.encode(who)[1:-1])
            self._contents.append(msgspec.json.encode(said)[1:-1])
        chance = np.random.default_rng([seed, 1])
        self._seed = seed
        self.who, self._what = (chance.integers(0, len(self._actors), n).tolist() for _ in range(2))

    def __call__(self, place: int) -> bytes:
        """The event as JSON."""
        said = self._actors[self.who[place]], self._contents[self._what[place]]
        return b'{"id":"load-%d-%d",%b,%b}' % (self._seed, place, *said)


def requests_of(options: argparse.Namespace, n: int) -> Request:
    """What each of n requests is: events of its own, one or a list, or nothing but a question."""
    head = f"{options.method} {options.path} HTTP/1.1\r\nHost: gate\r\nAuthorization: Bearer {options.key}\r\n".encode()
    if options.method == "GET":
        asked = head + b"\r\n"
        return lambda _: asked
    size = options.list or 1
    event = Drawn(options.events, n * size, options.seed)
    head += b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"

    def request(number: int) -> bytes:
        body = event(number)
        return head % (len(body), body)

    def a_list(number: int) -> bytes:
        body = b"[%b]" % b",".join(map(event, range(number * size, (number + 1) * size)))
        return head % (len(body), body)

    return a_list if options.list else request


class Connection:
    """One kept connection with at most one request on its way; `number` is that of the request."""

    def __init__(self, host: str, port: int) -> None:
        self.socket = socket.create_connection((host, port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.number: int | None = None
        self._data = b""

    def answer(self) -> tuple[int, bytes, bytes] | None:
        """Status, head and body once all of an answer has come, else None; raises OSError at its end."""
        data = self.socket.recv(RECEIVED)
        if not data:
            raise ConnectionResetError
        data = self._data + data
        end = data.find(b"\r\n\r\n")
        if end < 0 or len(data) < end + 4 + _length(head := data[:end].lower()):
            self._data = data
            return None
        self._data = b""
        return int(data[9:12]), head, data[end + 4 :]


def _length(head: bytes) -> int:
    begins = head.find(b"content-length:")
    return 0 if begins < 0 else int(head[begins + 15 :].partition(b"\r\n")[0])


class Alarm:
    """A clock of the kernel's that an epoll waits for beside connections: to the nanosecond, and set once a request.

    Times are those of `time.monotonic_ns`. A timeout of epoll's own counts milliseconds, and select's is set again
    for every answer that comes before it: each setting costs more than reading the answer.
    """

    def __init__(self) -> None:
        self._kernel = ctypes.CDLL(None)
        self.descriptor = self._kernel.timerfd_create(time.CLOCK_MONOTONIC, os.O_NONBLOCK)
        # The time of the next ring as seconds and nanoseconds stands behind how often it is to ring again: never.
        self._when = (ctypes.c_long * 4)()

    def ring_at(self, moment: int) -> None:
        """Wake who waits for `descriptor` then; at once where it is past."""
        self._when[2:] = divmod(moment, 10**9)
        absolute = 1
        self._kernel.timerfd_settime(self.descriptor, absolute, self._when, None)


class Load:
    """Sends requests at their times, `due` in nanoseconds from the beginning, and keeps what became of each."""

    def __init__(self, connections: list[Connection], request: Request, due: list[int], lists: bool) -> None:
        self._idle, self._queue = deque(connections), deque[int]()
        self._open = {one.socket.fileno(): one for one in connections}
        self._request, self._due, self._lists = request, due, lists
        self._poll, self._alarm = select.epoll(), Alarm()
        self._poll.register(self._alarm.descriptor, select.EPOLLIN | select.EPOLLET)
        for descriptor in self._open:
            self._poll.register(descriptor, select.EPOLLIN)
        self._left = len(due)
        self.latency: list[int | None] = [None] * len(due)
        self.late = [0] * len(due)
        self.status: Counter[str] = Counter()
        self.unnamed = 0

    def run(self) -> float:
        """Send all of it, and wait for the answers; gives back the seconds until the last of them."""
        clock, due, n, number = time.monotonic_ns, self._due, len(self._due), 0
        self._begun = clock()
        end = due[-1] + LONGEST_SECONDS * 10**9
        self._alarm.ring_at(self._begun + due[0])
        while self._left and self._open and (now := clock() - self._begun) < end:
            if number < n and due[number] <= now:
                while number < n and due[number] <= now:
                    self.late[number] = now - due[number]
                    self._queue.append(number)
                    number += 1
                self._alarm.ring_at(self._begun + (due[number] if number < n else end))
            while self._queue and self._idle:
                self._send(self._idle.popleft(), self._queue.popleft())
            for descriptor, _ in self._poll.poll():
                if connection := self._open.get(descriptor):
                    self._take(connection)
        self.status.update({"unanswered": self._left} if self._left else {})
        return (clock() - self._begun) / 1e9

    def _send(self, connection: Connection, number: int) -> None:
        connection.number = number
        try:
            connection.socket.sendall(self._request(number))
        except OSError:
            self._lost(connection)

    def _take(self, connection: Connection) -> None:
        try:
            answer = connection.answer()
        except OSError:
            self._lost(connection)
            return
        if answer is None:
            return
        status, head, body = answer
        number, connection.number = connection.number, None
        if number is None:  # the server ends connections of its own accord
            return
        self.latency[number] = time.monotonic_ns() - self._begun - self._due[number]
        if status in (429, 503) and b"\r\nretry-after:" not in head:
            self.unnamed += 1
        if self._lists and status == 200:
            decided = body.count(b'"status":200')
            self.status.update({"entry 200": decided, "entry refused": body.count(b'{"status":') - decided})
        self.status[str(status)] += 1
        self._left -= 1
        self._idle.append(connection)

    def _lost(self, connection: Connection) -> None:
        self._poll.unregister(connection.socket)
        del self._open[connection.socket.fileno()]
        connection.socket.close()
        if connection in self._idle:
            self._idle.remove(connection)
        if connection.number is not None:
            self.status["cut"] += 1
            self._left -= 1


def load(options: argparse.Namespace) -> dict[str, object]:
    """Send it and tell what came of it."""
    n = max(int(options.rate * options.seconds), 1)
    gaps = np.random.default_rng(options.seed).exponential(1e9 / options.rate, n)
    due = np.cumsum(gaps).astype(np.int64).tolist()
    request = requests_of(options, n)
    work = Load(
        [Connection(options.host, options.port) for _ in range(options.connections)], request, due, options.list
    )
    gc.collect()
    gc.freeze()
    gc.disable()
    busy = time.process_time()
    seconds = work.run()
    busy = time.process_time() - busy
    return {
        "requests": n,
        "seconds": seconds,
        "status": {name: count for name, count in work.status.items() if count},
        "refused without Retry-After": work.unnamed,
        "sent late by ms (p99)": float(np.quantile(work.late, 0.99) / 1e6),
        "µs of CPU a request": busy / n * 1e6,
        "latencies": [round(one / 1e6, 3) for one in work.latency if one is not None],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("host")
    parser.add_argument("port", type=int)
    parser.add_argument("--rate", type=float, default=500)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--key", default="")
    parser.add_argument("--events", type=Path, help="file of events, for any method but GET")
    parser.add_argument("--list", type=int, default=0, help="events a request; 0 sends one event, not in a list")
    parser.add_argument("--connections", type=int, default=128, help="as many requests can be on their way at once")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--method", default="POST")
    parser.add_argument("--path", default="/v1/decisions")
    options = parser.parse_args()
    if options.method != "GET" and options.events is None:
        parser.error("--events names the file of events to send")
    json.dump(load(options), sys.stdout)


if __name__ == "__main__":
    main()
