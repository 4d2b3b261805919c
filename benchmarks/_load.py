"""An open-loop load of HTTP requests: sent when their time has come, whether or not the server keeps up.

    python benchmarks/_load.py HOST PORT --rate 500 --seconds 10 --key KEY [--list 64] [--actors 5000]

Arrivals are a Poisson process with a fixed seed. A request's time begins when it was due, not when a connection was
free for it, so a server that stalls is not spared the requests that it kept from being sent (no coordinated omission).
Prints one JSON object: counts by status, latencies in milliseconds, and how late the load itself was.
"""

import argparse
import asyncio
import json
import random
import sys
import time
from collections import Counter, deque
from typing import cast

import numpy as np

LONGEST_SECONDS = 60
"""How long the last answers may take."""

TALK = (
    "good morning everyone see you at lunch tomorrow the meeting moved to three please bring the notes "
    "great match yesterday who is in for the weekend thanks that helped a lot i will look at it tonight"
)
SPAM = "winner claim your free prize now call 0900 000 000 or text WIN to 80082"
SPAM_SHARE = 0.03
"""Of the events; what a policy wants looked at or acted upon costs more than what it lets be."""


def bodies(n: int, in_list: int, actors: int, seed: int) -> list[bytes]:
    """Bodies of n requests with events of their own, one each or a list of `in_list`."""
    chance = random.Random(seed)
    words = TALK.split()

    def event(number: int) -> dict[str, object]:
        said: dict[str, object] = {
            "id": f"load-{seed}-{number}",
            "kind": "post",
            "text": SPAM if chance.random() < SPAM_SHARE else " ".join(chance.choices(words, k=chance.randint(5, 30))),
            "actor": f"account:{chance.randint(1, actors)}",
            "attributes": {},
        }
        if chance.random() < 0.3:
            said["target"] = f"account:{chance.randint(1, actors)}"
        if chance.random() < 0.5:
            said["language"] = "en"
        return said

    size = in_list or 1
    made = ([event(number * size + place) for place in range(size)] for number in range(n))
    return [json.dumps(events if in_list else events[0]).encode() for events in made]


class Connection(asyncio.Protocol):
    """One kept connection with at most one request on its way."""

    def __init__(self, load: "Load") -> None:
        self._load = load
        self._data = b""
        self._transport: asyncio.Transport | None = None
        self.due = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._load.free(self)

    def connection_lost(self, _: Exception | None) -> None:
        self._transport = None
        self._load.lost(self)

    def send(self, request: bytes, due: float) -> None:
        assert self._transport is not None
        self.due = due
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._data += data
        head, ended, body = self._data.partition(b"\r\n\r\n")
        if not ended:
            return
        lines = head.split(b"\r\n")
        length = next((int(line.split(b":")[1]) for line in lines if line.lower().startswith(b"content-length")), 0)
        if len(body) < length:
            return
        self._data = b""
        waits = any(line.lower().startswith(b"retry-after") for line in lines)
        self._load.answered(self, int(lines[0].split()[1]), waits, body)


class Load:
    """Sends requests at their times and keeps what became of each."""

    def __init__(self, requests: list[bytes], due: np.ndarray, lists: bool) -> None:
        self._requests, self._due, self._lists = requests, due, lists
        self._idle: deque[Connection] = deque()
        self._queue: deque[int] = deque()
        self._at_work: dict[Connection, int] = {}
        self.latency = np.full(len(requests), np.nan)
        self.late = np.zeros(len(requests))
        self.status: Counter[str] = Counter()
        self.unnamed = 0
        self._left = len(requests)
        self.done = asyncio.Event()

    def free(self, connection: Connection) -> None:
        if self._queue:
            self._send(connection, self._queue.popleft())
        else:
            self._idle.append(connection)

    def lost(self, connection: Connection) -> None:
        if connection in self._idle:
            self._idle.remove(connection)
        if (number := self._at_work.pop(connection, None)) is not None:
            self._ended(number, "cut")

    def answered(self, connection: Connection, status: int, waits: bool, body: bytes) -> None:
        number = self._at_work.pop(connection, None)
        if number is None:  # the server ends connections of its own accord
            return
        self.latency[number] = time.perf_counter() - connection.due
        if status in (429, 503) and not waits:
            self.unnamed += 1
        if self._lists and status == 200:
            self.status.update(f"entry {one['status']}" for one in json.loads(body))
        self._ended(number, str(status))
        self.free(connection)

    def _ended(self, number: int, status: str) -> None:
        self.status[status] += 1
        self._left -= 1
        if not self._left:
            self.done.set()

    def _send(self, connection: Connection, number: int) -> None:
        self._at_work[connection] = number
        connection.send(self._requests[number], self._begun + self._due[number])

    async def run(self) -> float:
        """Send all of it, and wait for the answers; gives back the seconds until the last of them."""
        self._begun = time.perf_counter()
        for number, due in enumerate(self._due):
            ahead = self._begun + due - time.perf_counter()
            if ahead > 0:
                await asyncio.sleep(ahead)
            elif number % 16 == 0:
                await asyncio.sleep(0)
            self.late[number] = max(time.perf_counter() - self._begun - due, 0.0)
            if self._idle:
                self._send(self._idle.popleft(), number)
            else:
                self._queue.append(number)
        await asyncio.wait_for(self.done.wait(), LONGEST_SECONDS)
        return time.perf_counter() - self._begun


async def load(options: argparse.Namespace) -> dict[str, object]:
    chance = np.random.default_rng(options.seed)
    n = max(int(options.rate * options.seconds), 1)
    due = np.cumsum(chance.exponential(1 / options.rate, n))
    head = f"{options.method} {options.path} HTTP/1.1\r\nHost: gate\r\nAuthorization: Bearer {options.key}\r\n"
    if options.method == "GET":
        requests = [f"{head}\r\n".encode()] * n
    else:
        made = bodies(n, options.list, options.actors, options.seed)
        kind = "Content-Type: application/json\r\n"
        requests = [f"{head}{kind}Content-Length: {len(body)}\r\n\r\n".encode() + body for body in made]
    work = Load(requests, due, bool(options.list))
    loop = asyncio.get_running_loop()
    opened = [
        await loop.create_connection(lambda: Connection(work), options.host, options.port)
        for _ in range(options.connections)
    ]
    seconds = await work.run()
    for transport, _ in opened:
        transport.close()
    answered = work.latency[~np.isnan(work.latency)] * 1e3
    return {
        "requests": n,
        "seconds": seconds,
        "status": dict(work.status),
        "refused without Retry-After": work.unnamed,
        "sent late by ms (p99)": float(np.quantile(work.late, 0.99) * 1e3),
        "latencies": np.round(answered, 3).tolist(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("host")
    parser.add_argument("port", type=int)
    parser.add_argument("--rate", type=float, default=500)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--key", default="")
    parser.add_argument("--list", type=int, default=0, help="events a request; 0 sends one event, not in a list")
    parser.add_argument("--connections", type=int, default=128, help="as many requests can be on their way at once")
    parser.add_argument("--actors", type=int, default=5_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--method", default="POST")
    parser.add_argument("--path", default="/v1/decisions")
    options = parser.parse_args()
    try:
        import uvloop

        found = uvloop.run(load(options))
    except ImportError:
        found = asyncio.run(load(options))
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
