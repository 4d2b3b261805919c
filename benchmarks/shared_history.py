"""Speed, round trips and size of the history shared by Redis, beside the one in memory, on one core each.

The stream is that of benchmarks/live_features.py: actors, targets and addresses by Zipf's law, 100 events a second.
A Redis server is started on a socket of its own, so no network is in the figures: add your round trip to each batch.
After 40,000 events in batches of 500, batches of 1, 64 and 500 go through both histories in turns. The time of a batch
is wall time, the median. CPU times are those of this process (median) and of Redis (INFO cpu, mean), which other work
on the machine disturbs less. Round trips are the commands that MONITOR shows to come from outside a script. Exits 1
when an answer differs, or a batch takes more than one round trip.
"""

import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gatehouse.adapters.redis.history import RedisHistory, empty_state
from gatehouse.adapters.redis.server import Server
from gatehouse.features.define import FeatureSet
from gatehouse.features.live import LiveHistory
from live_features import FOUR, TWENTY, coded, make_stream

WARM = 80
BATCHES = {1: 1_000, 64: 200, 500: 60}
WATCHED = 20


@contextmanager
def running() -> Iterator[Server]:
    """A Redis server that keeps nothing."""
    beside = Path(sys.executable).parent / "redis-server"
    program = shutil.which("redis-server") or str(beside)
    with tempfile.TemporaryDirectory(prefix="gr") as folder:
        where = f"{folder}/s"
        said = [program, "--port", "0", "--unixsocket", where, "--save", "", "--dir", folder]
        process = subprocess.Popen(said, stdout=subprocess.DEVNULL)
        try:
            while not Path(where).exists():
                time.sleep(0.01)
            server = Server(f"unix://{where}", timeout=10)
            print(f"Redis {server.client.info()['redis_version']}")
            yield server
        finally:
            process.kill()
            process.wait()


def round_trips(server: Server, run: list) -> float:
    """Commands from outside scripts for each of these calls."""
    seen: list[str] = []
    ready, over = threading.Event(), threading.Event()

    def watch() -> None:
        # A server of its own: what its connections say when they are made is none of the history's.
        with Server(f"unix://{server.where.split()[-1]}", timeout=10).client.monitor() as monitor:
            ready.set()
            for command in monitor.listen():
                if command["command"] == "ECHO over":
                    over.set()
                    return
                if command["client_type"] != "lua":
                    seen.append(command["command"])

    server.client.ping()
    threading.Thread(target=watch, daemon=True).start()
    ready.wait()
    for call in run:
        call()
    server.client.echo("over")
    over.wait(10)
    return len(seen) / len(run)


def worked(server: Server) -> float:
    """Seconds of CPU that Redis has used so far."""
    used = server.client.info("cpu")
    return used["used_cpu_user"] + used["used_cpu_sys"]


def measure(server: Server, windows: tuple) -> bool:
    """Print what one set of declarations costs; whether all answers were equal, in one round trip each."""
    plan = FeatureSet(windows=windows).plan
    stream, live, shared = make_stream(plan), LiveHistory(plan), RedisHistory(plan, "benchmark", server)
    server.client.flushdb()
    server.client.hset(shared.names.state, mapping=empty_state("1", "benchmark"))
    for place in range(WARM):
        batch = coded(plan, stream, 500 * place, 500)
        live.advance(batch)
        shared.advance(batch)
    at, same = 500 * WARM, True
    print(f"{len(windows)} windows")
    for size, many in BATCHES.items():
        batches = [coded(plan, stream, at + size * i, size) for i in range(many)]
        at += size * many
        mine, its, cpu, before = [], [], [], worked(server)
        for batch in batches:
            start, cpu_start = time.perf_counter(), time.process_time()
            found = shared.advance(batch)
            middle = time.perf_counter()
            cpu.append(time.process_time() - cpu_start)
            expected = live.advance(batch)
            its.append(time.perf_counter() - middle)
            mine.append(middle - start)
            same &= found.equals(expected)
        script = 1e6 * (worked(server) - before) / many
        shared_us, live_us = 1e6 * statistics.median(mine), 1e6 * statistics.median(its)
        slow = 1e6 * statistics.quantiles(mine, n=100)[98]
        most = 1e6 * size / script
        speed = 1e6 * size / shared_us
        print(f"  batch {size:3}: {shared_us:8,.0f} µs (99 in 100 under {slow:,.0f}), {speed:9,.0f} events/s")
        print(f"    the worker's CPU {1e6 * statistics.median(cpu):8,.0f} µs")
        print(f"    Redis's CPU      {script:8,.0f} µs: at most {most:9,.0f} events/s of all workers together")
        print(f"    in memory        {live_us:8,.0f} µs, {1e6 * size / live_us:9,.0f} events/s")
    batches = [coded(plan, stream, at + 64 * i, 64) for i in range(WATCHED)]
    trips = round_trips(server, [lambda one=one: shared.advance(one) for one in batches])
    actors = server.client.scan_iter(f"{shared.names.prefix}1:1:*", count=1000)
    sizes = [server.client.memory_usage(key) for key in actors]
    used = server.client.info("memory")["used_memory"] / 2**20
    print(f"  round trips a batch: {trips:g}; answers are {'equal' if same else 'NOT equal'}; {used:.0f} MiB in all")
    print(f"  bytes an actor: mean {statistics.mean(sizes):,.0f}, largest {max(sizes):,} (n = {len(sizes):,})")
    return same and trips == 1


def main() -> int:
    with running() as server:
        return 0 if all([measure(server, FOUR), measure(server, TWENTY)]) else 1


if __name__ == "__main__":
    sys.exit(main())
