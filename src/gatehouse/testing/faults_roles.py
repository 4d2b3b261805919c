"""What forked children do: serve the API, work on the bus, perform; each opens all of its own after the fork."""

import os
import shutil
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from gatehouse.adapters.kafka.consumer import KafkaConsumer
from gatehouse.adapters.sql.access import SqlKeys
from gatehouse.adapters.sql.engine import Database
from gatehouse.bootstrap import Bus, open_enforcing, open_house
from gatehouse.entry.api import server
from gatehouse.entry.api.judging import JudgeProcess
from gatehouse.entry.cli.score import live_releases
from gatehouse.entry.cli.show import now
from gatehouse.entry.live import Stop
from gatehouse.entry.observing import open_access
from gatehouse.entry.worker import Working, work
from gatehouse.flows import learn, life, packs
from gatehouse.flows.access import make_key
from gatehouse.flows.live_gate import LiveGate
from gatehouse.flows.perform import Performer, Terms
from gatehouse.flows.releases import open_judge
from gatehouse.records.access import SCOPES
from gatehouse.settings import Settings
from gatehouse.testing.memory import MemoryLedger

PACK = "spam"
REMOVED = "gatehouse canary text: known spam sample 1"
"""A text of the pack's bank, which its policy removes."""

TOPIC = "events"
PARTITIONS = range(4)
QUICK_GROUP = {"session.timeout.ms": "6000", "heartbeat.interval.ms": "100"}
"""The shortest time that brokers allow after which a member that says nothing is taken for dead."""

TERMS = Terms(most=8, threads=4, lease=600_000, tries=1_000, first=20_000, longest=100_000)
"""Leases so short that what a killed performer held need not be waited for."""

_KEY, _READY = "key", "ready"


def settings_of(home: str | Path, server: str | None = None, redis: str | None = None) -> Settings:
    """The settings of a home that finds no data."""
    return Settings(home=Path(home), server=server, redis=redis)


def prepare(home: str, server: str | None = None) -> None:
    """Make a home whose ledger has the pack live, learnt from its own examples, and a key for everything."""
    settings = settings_of(home, server)
    house = open_house(settings)
    pack = packs.load(PACK)
    dataset, examples = learn.dataset_for(pack, house.shelf, settings.datasets, ())
    release = learn.train(pack, dataset, examples, house.shelf, at=1, by="faults").release
    life.go_live(house.shelf, release.pack, release.version, at=2, by="faults", why="faults")
    database = Database(settings.server or settings.ledger)
    made = make_key(SqlKeys(database), "faults", SCOPES, now=now(), by="faults", rate=100_000)
    database.close()
    (settings.home / _KEY).write_text(made.secret)
    (settings.home / _READY).mkdir()


def copied(template: Path, home: Path) -> Path:
    """A home like the template."""
    shutil.copytree(template, home)
    return home


def key_of(home: Path) -> str:
    """The key that was made with a home."""
    return (home / _KEY).read_text()


def is_ready(home: Path, pid: int) -> bool:
    """Whether a child has said so."""
    return (home / _READY / str(pid)).exists()


def warm(template: Path) -> None:
    """Load and compile what children need; it leaves nothing open but ledgers that no child opens."""
    prepare(str(template))
    # SQLite's locks do not survive a fork, so nobody may open a file after it that was open before.
    shutil.copytree(template, apart := template.with_name("warmed"))
    house = open_house(settings_of(apart))
    LiveGate(open_judge(house.shelf, live_releases(house, ())), MemoryLedger(), None, now).warm()


def api(home: str, port: int, server_url: str | None = None, redis: str | None = None) -> None:
    """`gatehouse serve`, which leaves enforcements to performers."""
    settings = settings_of(home, server_url, redis)
    with JudgeProcess(settings, start="fork") as decides:
        access = open_access(settings, _ready(settings.home))
        how = server.Serving(port=port, performs=False)
        house, enforcing = open_house(settings), open_enforcing(settings)
        server.serve(house, enforcing, access, decides, how, _ready(settings.home))


def worker(home: str, brokers: str, server_url: str | None = None, once: bool = False) -> None:
    """`gatehouse work` on all partitions, as if each time another worker had been taken for dead."""
    settings = settings_of(home, server_url)
    house, bus = open_house(settings), SharedPartitions(brokers)
    work(house, (), bus, Working(group="workers", batch=20, once=once), _ready(settings.home))


def member(home: str, brokers: str, server_url: str | None = None, **how: str) -> None:
    """`gatehouse work` as one of a group that shares the partitions out, with a hash chain of its own.

    `how` are more of the client's settings.
    """
    settings = replace(settings_of(home, server_url), writer=f"member-{os.getpid()}")
    options = settings.home / f"member-{os.getpid()}.properties"
    options.write_text("".join(f"{name}={value}\n" for name, value in {**QUICK_GROUP, **how}.items()))
    bus = Bus(f"kafka://{brokers}/{TOPIC}", options)
    work(open_house(settings), (), bus, Working(group="workers", batch=20), _ready(settings.home))


class SharedPartitions(Bus):
    """A bus all of whose consumers read all partitions."""

    def __init__(self, brokers: str) -> None:
        super().__init__(f"kafka://{brokers}/{TOPIC}")
        self._at = brokers

    def consumer(self, group: str) -> KafkaConsumer:
        """One more that reads everything, from where the group left off."""
        return KafkaConsumer(self._at, self.topic, group, partitions=PARTITIONS)


def performer(home: str, server_url: str | None = None) -> None:
    """`gatehouse perform`, with short leases."""
    settings = settings_of(home, server_url)
    enforcing = open_enforcing(settings)
    made = Performer(
        f"p{os.getpid()}",
        enforcing.outbox,
        enforcing.standing,
        enforcing.actuator(now),
        enforcing.policy,
        now,
        terms=TERMS,
    )
    ready = _ready(settings.home)
    stop = threading.Event()
    with Stop() as asked:
        watch = threading.Thread(target=_passed_on, args=(asked, stop), daemon=True)
        watch.start()
        ready("ready")
        server.performs(made, stop, ready)


def _passed_on(asked: Stop, stop: threading.Event) -> None:
    while not asked():
        stop.wait(0.05)
    stop.set()


def _ready(home: Path) -> Callable[[str], None]:
    """Takes what a process says, and keeps that it is ready: everything else of it is looked at from outside."""

    def said(what: str) -> None:
        if what.startswith("ready"):
            (home / _READY / str(os.getpid())).touch()

    return said
