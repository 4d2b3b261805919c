"""What the API itself costs beside the judge: CPU and time of a request, with a judge that answers at once.

    python benchmarks/api.py [--requests 20000] [--connections 16] [--list 1] [--judge nothing|spam]

The server is a process of its own with uvicorn, uvloop, httptools, real keys and real metrics, as `gatehouse serve`
puts it together; the client is asyncio on raw sockets, and each of its connections sends a request when the one before
is answered. CPU is what the server's process spent, without its judge's. With `--judge spam` the pack decides, on its
own examples, and each decision is on record in SQLite with synchronous=FULL before it is answered.
"""

import argparse
import asyncio
import os
import signal
import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import psutil

from gatehouse.bootstrap import open_enforcing, open_house
from gatehouse.entry.api import server
from gatehouse.entry.api.judging import JudgeProcess
from gatehouse.entry.observing import open_access
from gatehouse.flows import learn, packs, releases
from gatehouse.flows.access import first_key
from gatehouse.flows.live import Answer
from gatehouse.flows.live_gate import LiveGate
from gatehouse.records.event import Event
from gatehouse.settings import Settings
from gatehouse.testing.makers import make_decision

HOST, PORT = "127.0.0.1", 18_080


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--requests", type=int, default=20_000)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--list", type=int, default=1, help="events a request")
    parser.add_argument("--judge", choices=("nothing", "spam"), default="nothing")
    options = parser.parse_args()
    with TemporaryDirectory() as folder:
        home = Path(folder)
        key = prepare(home)
        child = os.fork()
        if not child:
            serve(home, options.judge == "nothing")
            os._exit(0)
        try:
            asyncio.run(measure(child, key, options))
        finally:
            os.kill(child, signal.SIGTERM)
            os.waitpid(child, 0)


def prepare(home: Path) -> str:
    """A home in which `spam` is live, and a key."""
    settings = Settings(home=home)
    house = open_house(settings)
    pack = packs.load("spam")
    dataset, examples = learn.dataset_for(pack, house.shelf, settings.datasets, ())
    release = learn.train(pack, dataset, examples, house.shelf, at=1, by="benchmark").release
    releases.promote(house.shelf, pack.name, release.version, at=1, by="benchmark", why="to be measured")
    made = first_key(open_access(house.settings, print).keys, time.time_ns() // 1_000, "benchmark")
    assert made is not None
    return made.secret


def serve(home: Path, nothing: bool) -> None:
    settings = Settings(home=home)
    if nothing:
        LiveGate.decide = at_once  # type: ignore[method-assign]
    how = server.Serving(HOST, PORT, performs=False)
    with JudgeProcess(settings, start="fork") as decides:
        access = open_access(settings, print)
        server.serve(open_house(settings), open_enforcing(settings), access, decides, how, lambda _: None)


def at_once(gate: LiveGate, events: Sequence[Event]) -> list[Answer]:
    now = time.time_ns() // 1_000
    return [make_decision(event, decided=now) for event in events]


async def measure(child: int, key: str, options: argparse.Namespace) -> None:
    process = psutil.Process(child)
    warm = max(options.connections * 20, 500)
    await run(key, "w", warm, options)
    before, begun = process.cpu_times(), time.perf_counter()
    seconds = await run(key, "e", options.requests, options)
    wall, after = time.perf_counter() - begun, process.cpu_times()
    cpu = (after.user + after.system - before.user - before.system) / options.requests
    cuts = statistics.quantiles(seconds, n=1000)
    print(
        f"{options.requests:,} requests of {options.list} events by {options.connections} connections, judge: "
        f"{options.judge}\n  {options.requests / wall:,.0f} requests a second, "
        f"server's CPU {cpu * 1e3:.3f} ms a request"
        f"\n  answered in {cuts[499] * 1e3:.2f} ms (half), {cuts[989] * 1e3:.2f} ms (99 of 100), "
        f"{cuts[998] * 1e3:.2f} ms (999 of 1,000)"
    )


async def run(key: str, prefix: str, requests: int, options: argparse.Namespace) -> list[float]:
    numbers = iter(range(requests))
    seconds: list[float] = []

    async def client() -> None:
        for _ in range(600):
            try:
                reader, writer = await asyncio.open_connection(HOST, PORT)
                break
            except OSError:
                await asyncio.sleep(0.1)
        for number in numbers:
            body = said(prefix, number, options.list)
            head = (
                f"POST /v1/decisions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n"
                f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
            )
            begun = time.perf_counter()
            writer.write(head.encode() + body)
            answer = await reader.readuntil(b"\r\n\r\n")
            length = int(answer.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
            text = await reader.readexactly(length)
            seconds.append(time.perf_counter() - begun)
            if b" 200 OK" not in answer[:20]:
                raise SystemExit(f"answered {answer.decode()}{text.decode()}")
        writer.close()

    await asyncio.gather(*(client() for _ in range(options.connections)))
    return seconds


def said(prefix: str, number: int, events: int) -> bytes:
    made = [
        {"id": f"{prefix}{number}-{place}", "actor": f"account:{number % 500}", "text": "see you at lunch tomorrow"}
        for place in range(events)
    ]
    return msgspec.json.encode(made if events > 1 else made[0])


if __name__ == "__main__":
    main()
