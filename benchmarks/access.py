"""Microseconds that the door of the API takes of a request: who asks, whether they may, how often.

    python benchmarks/access.py [--requests 50000] [--keys 1000]

The middleware in front of an application that does nothing, with the headers of a common client; that application alone
beside it. Ends with 1 where the door takes more than it promises.
"""

import argparse
import asyncio
import statistics
import sys
import time
from typing import Any

from gatehouse.entry.api.access import authentication
from gatehouse.flows.access import Access, make_key
from gatehouse.testing.access_contract import MemoryKeys, MemoryReads

PROMISED_MICROSECONDS = 30.0
ROUNDS = 5


class Route:
    """What the router found."""

    opt = {"scope": "ingest"}  # noqa: RUF012


def clock() -> int:
    return time.time_ns() // 1_000


async def nothing(scope: Any, receive: Any, send: Any) -> None:
    pass


async def one_took(app: Any, headers: list[tuple[bytes, bytes]], n: int) -> float:
    """Microseconds a request."""
    begun = time.perf_counter()
    for _ in range(n):
        await app({"type": "http", "headers": headers, "route_handler": Route}, None, None)
    return (time.perf_counter() - begun) / n * 1e6


async def measure(n: int, many: int) -> tuple[float, float]:
    keys = MemoryKeys()
    for number in range(many):
        secret = make_key(keys, f"key {number}", ["ingest"], now=clock(), by="benchmark", rate=10_000_000).secret
    guarded = authentication(Access(keys, MemoryReads(), clock), clock)(nothing)
    headers = [
        (b"host", b"gate.example"),
        (b"user-agent", b"python-httpx/0.28.1"),
        (b"accept", b"*/*"),
        (b"accept-encoding", b"gzip, deflate"),
        (b"connection", b"keep-alive"),
        (b"content-type", b"application/json"),
        (b"content-length", b"300"),
        (b"authorization", f"Bearer {secret}".encode()),
    ]
    await one_took(guarded, headers, 100)
    taken = [(await one_took(guarded, headers, n), await one_took(nothing, headers, n)) for _ in range(ROUNDS)]
    return statistics.median(one for one, _ in taken), statistics.median(other for _, other in taken)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=50_000)
    parser.add_argument("--keys", type=int, default=1_000)
    chosen = parser.parse_args()
    door, alone = asyncio.run(measure(chosen.requests, chosen.keys))
    print(f"{chosen.requests:,} requests, {chosen.keys:,} keys, median of {ROUNDS} rounds")
    print(f"with the door    {door:6.2f} µs a request")
    print(f"the application  {alone:6.2f} µs a request, which does nothing")
    if door > PROMISED_MICROSECONDS:
        print(f"missed: more than {PROMISED_MICROSECONDS:.0f} µs")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
