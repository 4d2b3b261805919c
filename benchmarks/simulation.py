"""Time and memory of a simulated week at 100 k, 300 k and 1 M events, written to Parquet, each in a process of its own.

The peer is what people write without columns: a loop over members with one Python object an event, the same counts of
events, kinds, accounts and views, texts of the same grammar, answers to what is recent. It has no communities, follows,
reports, bad accounts, enforcement or truth, so the ratio flatters it. Times are CPU time of one core.
Exits 1 when a million events take 60 s or more.
"""

import json
import random
import resource
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pyarrow.parquet as pq

from gatehouse.flows.simulate import run
from gatehouse.records.event import EVENT_SCHEMA, Entity, Event, to_batch
from gatehouse.simulation import grammar, tables
from gatehouse.simulation.scenario import Scenario

SIZES = (100_000, 300_000, 1_000_000)
PEER = 100_000
MOST_SECONDS = 60.0
_AT_ONCE = 10_000


def main() -> int:
    print(f"{'events':>10} {'accounts':>9} {'CPU s':>7} {'events/s':>9} {'peak MB':>8}")
    for size in SIZES:
        done = alone("ours", size)
        speed = done["events"] / done["seconds"]
        print(
            f"{done['events']:>10,} {done['accounts']:>9,} {done['seconds']:>7.1f} {speed:>9,.0f} {done['mb']:>8,.0f}"
        )
    ours, theirs = alone("ours", PEER), alone("peer", PEER)
    speed = theirs["events"] / theirs["seconds"]
    print(f"one object an event: {theirs['events']:,} events in {theirs['seconds']:.1f} s ({speed:,.0f}/s)")
    for mine in (ours, done):
        ratio = theirs["seconds"] / theirs["events"] * mine["events"] / mine["seconds"]
        print(f"    {ratio:.1f} times the time an event of ours at {mine['events']:,} events in the same run")
    slow = done["seconds"] >= MOST_SECONDS
    if slow:
        print(f"a million events took {MOST_SECONDS:.0f} s or more", file=sys.stderr)
    return int(slow)


def alone(what: str, size: int) -> dict[str, float]:
    """One measurement in a fresh process, so that peak memory is its own."""
    done = subprocess.run([sys.executable, __file__, what, str(size)], capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def measured(what: str, size: int) -> dict[str, float]:
    with TemporaryDirectory() as scratch:
        out = Path(scratch) / "simulated"
        if what == "peer":
            about = run(Scenario().about(size), out)
            start = time.process_time()
            peer(about, Path(scratch) / "peer.parquet")
            events, accounts = about.events, about.accounts
        else:
            start = time.process_time()
            about = run(Scenario().about(size), out)
            events, accounts = about.events, about.accounts
        seconds = time.process_time() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"events": events, "accounts": accounts, "seconds": seconds, "mb": peak}


class Peer:
    """Members as a loop: who is awake does a session of acts, answers what is recent, and is seen by others."""

    def __init__(self, about: tables.About) -> None:
        self.draw = random.Random(about.seed)
        self.about = about
        self.words = {one: [place.to_pylist() for place in grammar.places("talk", one)] for one in grammar.LANGUAGES}
        self.language = [self.draw.choice(grammar.LANGUAGES) for _ in range(about.accounts)]
        self.statuses = [0] * about.accounts
        self.recent: deque[Event] = deque(maxlen=200)
        self.views: dict[tuple[str, int], int] = {}
        self.kinds = [kind for kind in about.kinds if kind != "report"]
        self.shares = [about.kinds[kind] for kind in self.kinds]

    def events(self) -> Iterator[Event]:
        """As many events as ours, in sessions of three on average."""
        made, number = self.about.events, 0
        while number < made:
            who = self.draw.randrange(self.about.accounts)
            at = self.about.start + int(number / made * self.about.days * 86_400_000_000)
            for _ in range(int(self.draw.expovariate(1 / 3)) + 1):
                at += int(self.draw.lognormvariate(3.7, 1.0) * 1_000_000)
                event = self.event(number, who, at)
                if event.kind in ("post", "comment"):
                    self.look(event)
                yield event
                number += 1

    def event(self, number: int, who: int, at: int) -> Event:
        """One act; what it answers is recent, the newer the likelier."""
        draw = self.draw
        kind = draw.choices(self.kinds, self.shares)[0]
        says = kind in ("post", "comment", "message")
        self.statuses[who] += says
        place = max(0, len(self.recent) - 1 - int(draw.expovariate(1 / 40)))
        answered = self.recent[place] if self.recent and kind in ("comment", "like", "repost") else None
        language = self.language[who]
        said = {"created_at": at, "followers_count": 10, "friends_count": 10, "statuses_count": self.statuses[who]}
        return Event(
            id=f"e{number:08d}",
            kind=kind,
            text=" ".join(draw.choice(choices) for choices in self.words[language]) if says else None,
            language=language if says else None,
            occurred=at,
            seen=at,
            imported=True,
            actor=Entity("account", f"u{who:06d}"),
            target=answered.actor if answered else Entity("account", f"u{draw.randrange(self.about.accounts):06d}"),
            parent=answered.id if answered else None,
            thread=(answered.thread or answered.id) if answered else None,
            address=f"ip{who}",
            device=f"d{who}",
            attributes=said,
        )

    def look(self, event: Event) -> None:
        """It can be answered from now on, and is seen hour by hour."""
        self.recent.append(event)
        for _ in range(int(self.draw.expovariate(1 / self.seen_by))):
            hour = event.id, int(self.draw.expovariate(1 / 6))
            self.views[hour] = self.views.get(hour, 0) + 1

    @property
    def seen_by(self) -> float:
        """Views of a post or comment, as many as in ours."""
        return self.about.views / (self.about.kinds["post"] + self.about.kinds["comment"])


def peer(about: tables.About, path: Path) -> None:
    """Write its events, one object after the other, and its views."""
    made = Peer(about)
    with pq.ParquetWriter(path, EVENT_SCHEMA, compression="zstd") as writer:
        events = made.events()
        while some := list(islice(events, _AT_ONCE)):
            writer.write_batch(to_batch(some))
    columns: dict[str, list[object]] = {"event_id": [], "at": [], "views": []}
    for (event, hour), views in made.views.items():
        for name, value in zip(columns, (event, hour, views), strict=True):
            columns[name].append(value)
    pq.write_table(pa.table(columns), path.with_suffix(".views"))


if __name__ == "__main__":
    if len(sys.argv) == 3:
        print(json.dumps(measured(sys.argv[1], int(sys.argv[2]))))
    else:
        sys.exit(main())
