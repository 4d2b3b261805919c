"""A whole deployment of forked processes under fire: killed and frozen at random moments, started again, reconciled."""

import json
import random
import signal
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import msgspec
import psutil

from gatehouse.adapters.kafka.consumer import KafkaConsumer
from gatehouse.adapters.kafka.producer import KafkaProducer
from gatehouse.adapters.kafka.reach import answers
from gatehouse.adapters.sql.dead_letters import SqlDeadLetters
from gatehouse.adapters.sql.engine import Database
from gatehouse.adapters.sql.ledger import SqlLedger
from gatehouse.adapters.sql.outbox import SqlOutbox
from gatehouse.entry.cli.show import now
from gatehouse.flows.undo import Chosen, undo
from gatehouse.records.api import DecisionAnswer
from gatehouse.testing.faults_forks import Child, Forks
from gatehouse.testing.faults_receiver import Receiver, send_to
from gatehouse.testing.faults_reconcile import Reconciliation, Said, Sent, kept, reconcile
from gatehouse.testing.faults_roles import PARTITIONS, TOPIC, is_ready, key_of
from gatehouse.testing.faults_traffic import Senders, Traffic

ROLES = "gatehouse.testing.faults_roles"
FROZEN_SHARE = 0.15
"""Of the blows, how many only freeze a process, for longer than its leases last, before it goes on as a zombie."""

JUDGES_SHARE = 0.5
"""Of the kills of an API that is at work, how many hit only the process that decides for it."""


def free_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


@dataclass(frozen=True)
class Place:
    """What a deployment stands on: its home, its bus, servers of its ledger and of its history where it has them."""

    home: Path
    brokers: str
    server: str | None = None
    redis: str | None = None
    read_at: str | None = None
    """Where workers reach the bus, where that is another way than the senders'."""
    port: int = field(default_factory=free_port)

    @property
    def url(self) -> str:
        """Where its API is."""
        return f"http://127.0.0.1:{self.port}"

    def words(self, role: str) -> dict[str, Any]:
        """What a role has to know."""
        own: dict[str, dict[str, Any]] = {
            "api": {"port": self.port, "redis": self.redis},
            "worker": {"brokers": self.read_at or self.brokers},
        }
        return {"home": str(self.home), "server_url": self.server, **own.get(role, {})}

    def database(self) -> Database:
        """The ledger's database."""
        return Database(self.server or self.home / "ledger.sqlite")


DEPLOYMENT = {
    "api": "api",
    "worker-1": "worker",
    "worker-2": "worker",
    "performer-1": "performer",
    "performer-2": "performer",
}
"""Processes by name, with their roles."""


class Fleet:
    """The processes of a deployment; `instead` are functions that play a role in place of the sound ones."""

    def __init__(
        self,
        forks: Forks,
        place: Place,
        deployment: Mapping[str, str] = DEPLOYMENT,
        instead: Mapping[str, str] | None = None,
    ) -> None:
        self._forks, self.place, self._deployment, self._instead = forks, place, deployment, instead or {}
        self.children: dict[str, Child] = {}
        self.died: list[str] = []
        """Processes that ended by themselves, with their codes."""

    def role(self, name: str) -> str:
        """What a process does."""
        return self._deployment[name]

    def start(self, name: str) -> Child:
        """Start a process, or start it again."""
        role = self.role(name)
        function = self._instead.get(role, f"{ROLES}:{role}")
        self.children[name] = self._forks.start(function, **self.place.words(role))
        return self.children[name]

    def ready(self, name: str) -> bool:
        """Whether a process is past its start."""
        return is_ready(self.place.home, self.children[name].pid)

    def wait_until_ready(self, seconds: float = 30.0) -> None:
        """Until all are past their start."""

        def all_ready() -> bool:
            ended = [name for name, child in self.children.items() if child.poll() is not None]
            assert not ended, f"{', '.join(ended)} ended by itself"
            return all(map(self.ready, self.children))

        wait_for(all_ready, seconds, "not all processes become ready")

    def kill(self, name: str) -> None:
        """End a process at once."""
        code = self.children[name].kill()
        if code != -signal.SIGKILL:
            self.died.append(f"{name} with {code}")

    def kill_judge(self, name: str) -> None:
        """End at once the process that decides for an API, which then ends too."""
        for judge in psutil.Process(self.children[name].pid).children():
            judge.kill()
        if not self.children[name].wait(30.0):
            self.died.append(f"{name} with 0, though its judge was killed")

    @contextmanager
    def running(self) -> Iterator["Fleet"]:
        """All processes, as long as this; killed at the end where `stop` did not come first."""
        for name in self._deployment:
            self.start(name)
        try:
            yield self
        finally:
            for child in self.children.values():
                child.kill()

    def stop(self) -> None:
        """Stop all as people do, and note who does not end well."""
        for child in self.children.values():
            child.signal(signal.SIGTERM)
        for name, child in self.children.items():
            if code := child.wait(30.0):
                self.died.append(f"{name} with {code}")


@dataclass
class Blows:
    """What was done to a deployment: kills and freezes by role, and how many met a process past its start."""

    kills: Counter[str] = field(default_factory=Counter)
    at_work: int = 0
    freezes: int = 0
    seconds: float = 0.0

    def __str__(self) -> str:
        by_role = ", ".join(f"{role} {n}" for role, n in sorted(self.kills.items()))
        kills = f"{self.kills.total()} kills ({by_role}), {self.at_work} of them past the start"
        return f"{kills}; {self.freezes} freezes; {self.seconds:.0f} s"


def strike(
    fleet: Fleet,
    kills: int,
    chance: random.Random,
    *,
    longest: float = 0.25,
    between: Callable[[], None] = lambda: None,
) -> Blows:
    """Kill so many processes at random moments, each started again at once; some are frozen for a while instead.

    `between` is done after each kill.
    """
    blows, begun = Blows(), time.monotonic()
    names = sorted(fleet.children)
    while blows.kills.total() < kills:
        time.sleep(chance.uniform(0.0, longest))
        # Mostly those that work: who is always killed as it starts never has anything to lose.
        working = [name for name in names if fleet.ready(name)]
        among = working if working and chance.random() < 0.9 else names
        role = chance.choice(sorted({fleet.role(name) for name in among}))
        name = chance.choice([name for name in among if fleet.role(name) == role])
        if chance.random() < FROZEN_SHARE and name in working:
            fleet.children[name].signal(signal.SIGSTOP)
            time.sleep(chance.uniform(0.1, 1.0))
            fleet.children[name].signal(signal.SIGCONT)
            blows.freezes += 1
            continue
        blows.at_work += (ready := fleet.ready(name))
        if role == "api" and ready and chance.random() < JUDGES_SHARE:
            fleet.kill_judge(name)
            blows.kills["judge"] += 1
        else:
            fleet.kill(name)
            blows.kills[role] += 1
        fleet.start(name)
        between()
    blows.seconds = time.monotonic() - begun
    return blows


class Trial:
    """A deployment at work with senders: whatever is done to it meanwhile, `end` says what came of it."""

    def __init__(self, fleet: Fleet, receiver: Receiver, seed: int) -> None:
        self.fleet, self.place = fleet, fleet.place
        self._receiver, self._sent = receiver, Sent()
        self._chance = random.Random(seed)
        self.senders = Senders(Traffic(seed), self._sent)

    def send(self) -> None:
        """Begin to send by all ways that the deployment takes events on."""
        roles = {self.fleet.role(name) for name in self.fleet.children}
        if "api" in roles:
            for _ in range(2):
                self.senders.by_http(self.place.url, key_of(self.place.home))
        if "worker" in roles:
            self.senders.by_bus(lambda: KafkaProducer(self.place.brokers))

    def take_back(self) -> None:
        """Take back what some decision of the last seconds enforces: it may be done, under way, or not yet begun."""
        database = self.place.database()
        try:
            lately = SqlLedger(database).decisions(since=now() - 5_000_000)
            if ids := [one.id for one in lately if one.enforce != "none"]:
                chosen = Chosen(decision_id=self._chance.choice(ids))
                undo(SqlOutbox(database), chosen, by="sam", why="a mistake", now=now())
        finally:
            database.close()

    def ask(self, id_: str, text: str = "good morning", actor: str = "account:asking") -> tuple[httpx.Response, float]:
        """Ask the API once for a decision; gives back what it answered, and after how many seconds."""
        said = {"id": id_, "text": text, "actor": actor}
        begun = time.monotonic()
        answer = httpx.post(
            f"{self.place.url}/v1/decisions",
            json=said,
            headers={"Authorization": f"Bearer {key_of(self.place.home)}"},
            timeout=60.0,
        )
        seconds = time.monotonic() - begun
        if answer.is_success:
            self._sent.answered.append((said, msgspec.json.decode(answer.content, type=DecisionAnswer)))
        return answer, seconds

    def tell(self, events: Sequence[Said]) -> None:
        """Send these events by the bus."""
        messages = [json.dumps(said).encode() for said in events]
        KafkaProducer(self.place.brokers).send(TOPIC, messages)
        self._sent.messages += messages

    def rest(self, patience: float = 60.0) -> None:
        """Stop sending, and wait until nothing waits."""
        self.senders.finish()
        drained(self.place, patience)

    def end(self, patience: float = 60.0) -> Reconciliation:
        """Come to rest, stop all processes, and compare."""
        self.rest(patience)
        self.fleet.stop()
        return reconciled(self.place, self._sent, self._receiver)


@contextmanager
def trial(
    forks: Forks,
    place: Place,
    receiver: Receiver,
    *,
    seed: int = 1,
    deployment: Mapping[str, str] = DEPLOYMENT,
    instead: Mapping[str, str] | None = None,
    url: str | None = None,
) -> Iterator[Trial]:
    """A deployment that is ready and sent to; its webhooks go to the receiver, by way of `url` where one is given."""
    send_to(url or receiver.url, place.home)
    # Asked for, a topic makes itself here; whoever reads one that is not there waits long before it looks again.
    answers(place.brokers, TOPIC, 10.0)
    with Fleet(forks, place, deployment, instead).running() as fleet:
        fleet.wait_until_ready()
        found = Trial(fleet, receiver, seed)
        found.send()
        try:
            yield found
        finally:
            found.senders.give_up()


def reconciled(place: Place, sent: Sent, receiver: Receiver) -> Reconciliation:
    """What is on record at a place, compared with what was sent and received."""
    database = place.database()
    try:
        found = kept(SqlLedger(database), SqlOutbox(database), SqlDeadLetters(database))
    finally:
        database.close()
    return reconcile(sent, found, dict(receiver.effects))


def drained(place: Place, seconds: float) -> None:
    """Wait until nothing waits on the bus and nothing is planned; what then still waits is for the reconciliation."""
    database, consumer = place.database(), KafkaConsumer(place.brokers, TOPIC, "workers", partitions=PARTITIONS)
    outbox = SqlOutbox(database)
    end = time.monotonic() + seconds
    try:
        while (consumer.behind() or outbox.waiting().planned) and time.monotonic() < end:
            time.sleep(0.1)
    finally:
        consumer.close()
        database.close()


def wait_for(true: Callable[[], object], seconds: float, otherwise: str) -> None:
    """Until something is true; raises AssertionError where it does not become so."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, otherwise
        time.sleep(0.01)
