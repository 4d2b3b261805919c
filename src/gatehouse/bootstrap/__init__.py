"""The one place where adapters are chosen and parts are put together."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from gatehouse.adapters.duckdb.engine import DuckDbEngine
from gatehouse.adapters.files.campaigns import FolderCampaigns
from gatehouse.adapters.files.models import FolderModelFiles
from gatehouse.adapters.files.scores import ParquetLake
from gatehouse.adapters.memory_bus import MemoryBus
from gatehouse.adapters.sql import reach
from gatehouse.adapters.sql.access import SqlKeys, SqlReads
from gatehouse.adapters.sql.cases import SqlCases
from gatehouse.adapters.sql.dead_letters import SqlDeadLetters
from gatehouse.adapters.sql.engine import Database
from gatehouse.adapters.sql.ledger import SqlLedger
from gatehouse.adapters.sql.outbox import SqlOutbox
from gatehouse.adapters.sql.registry import SqlRegistry
from gatehouse.adapters.sql.standing import SqlStanding
from gatehouse.adapters.sql.tables import SCHEMA
from gatehouse.adapters.sql.tried import SqlTried
from gatehouse.errors import Fault, OutsideError, UserError, did_you_mean
from gatehouse.flows.judge import Judge
from gatehouse.flows.local_history import LocalHistory
from gatehouse.flows.releases import Shelf
from gatehouse.flows.scored import Scored
from gatehouse.flows.spec import pack_files
from gatehouse.ports.access import Keys, Reads
from gatehouse.ports.actuator import Actuator
from gatehouse.ports.bus import Consumer, Producer
from gatehouse.ports.campaigns import Campaigns
from gatehouse.ports.cases import Cases
from gatehouse.ports.dead_letters import DeadLetters
from gatehouse.ports.history import History
from gatehouse.ports.lake import Lake
from gatehouse.ports.ledger import Ledger, Registry
from gatehouse.ports.outbox import Outbox
from gatehouse.ports.sql_engine import SqlEngine
from gatehouse.ports.standing import Standing
from gatehouse.ports.tried import TriedDecisions
from gatehouse.records.dataset import Release
from gatehouse.records.event import Event
from gatehouse.records.policy import Policy
from gatehouse.settings import Settings

ACTUATORS = "actuators.yaml"
"""The file in the home folder that says what carries out which kind."""

LOG = "enforcements.jsonl"
"""Where enforcements are written while there is no such file."""


@dataclass(frozen=True)
class House:
    """Everything that a command needs, opened."""

    settings: Settings
    ledger: Ledger
    lake: Lake
    shelf: Shelf
    engine: SqlEngine
    campaigns: Campaigns
    letters: DeadLetters


def open_house(settings: Settings) -> House:
    """Open the home folder, making it and bringing its ledger up to date where needed."""
    settings.home.mkdir(parents=True, exist_ok=True)
    database = Database(settings.server or settings.ledger)
    return House(
        settings,
        SqlLedger(database, writer=settings.writer),
        ParquetLake(),
        Shelf(SqlRegistry(database), FolderModelFiles(settings.models)),
        DuckDbEngine(),
        FolderCampaigns(settings.home / "campaigns"),
        SqlDeadLetters(database),
    )


def spark_engine(master: str | None) -> SqlEngine:
    """The Spark session that is there, else a new one on `master`, as an engine."""
    from gatehouse.adapters.spark.engine import SparkEngine
    from gatehouse.adapters.spark.session import session

    return SparkEngine(session(master))


@dataclass(frozen=True)
class Enforcing:
    """The outbox with what belongs to it, opened."""

    settings: Settings
    ledger: Ledger
    registry: Registry
    outbox: Outbox
    standing: Standing
    cases: Cases

    def policy(self, name: str, version: str) -> Policy | None:
        """A policy version, or None where it is not known."""
        try:
            return self.registry.policy(name, version)
        except UserError:
            return None

    def actuator(self, clock: Callable[[], int]) -> Actuator:
        """What the file of actuators names; without one, a log in the home folder."""
        from gatehouse.adapters import actuators

        home = self.settings.home
        try:
            text = (home / ACTUATORS).read_text()
        except FileNotFoundError:
            return actuators.LogActuator(home / LOG, clock)
        return actuators.load(text, str(home / ACTUATORS), folder=home, clock=clock, content=self._event)

    def _event(self, event_id: str) -> Event | None:
        found = self.ledger.find(event_id)
        return None if found is None else found.event


def open_enforcing(settings: Settings) -> Enforcing:
    """Open the ledger's outbox; raises UserError where there is no ledger yet."""
    if not settings.ledger_there:
        raise UserError("no ledger yet, so nothing was decided", where=str(settings.home), fix="gatehouse init")
    database = Database(settings.server or settings.ledger)
    return Enforcing(
        settings,
        SqlLedger(database, writer=settings.writer),
        SqlRegistry(database),
        SqlOutbox(database),
        SqlStanding(database),
        SqlCases(database),
    )


@dataclass(frozen=True)
class Doors:
    """Who may ask the API for what, and who looked at what, opened."""

    keys: Keys
    reads: Reads


def open_doors(settings: Settings) -> Doors:
    """Open the keys and the record of reads; raises UserError where there is no ledger yet, which keeps them."""
    if not settings.ledger_there:
        raise UserError("no ledger yet, where keys are kept", where=str(settings.home), fix="gatehouse init")
    database = Database(settings.server or settings.ledger)
    return Doors(SqlKeys(database), SqlReads(database))


@dataclass(frozen=True)
class Watched:
    """What readiness and metrics ask of a ledger's database, by connections which a busy gate does not hold up.

    `schema` gives the version of the schema that stands there now, which should be `newest`; `may_write` raises
    OutsideError where nothing can be written.
    """

    ledger: Ledger
    outbox: Outbox
    letters: DeadLetters
    newest: str
    schema: Callable[[], str | None]
    may_write: Callable[[], None]
    close: Callable[[], None]


def open_watched(settings: Settings) -> Watched:
    """Open the ledger's database once more, to look at it."""
    database = Database(settings.server or settings.ledger)
    return Watched(
        SqlLedger(database, writer=settings.writer),
        SqlOutbox(database),
        SqlDeadLetters(database),
        SCHEMA,
        lambda: reach.schema_found(database),
        lambda: reach.may_write(database),
        database.close,
    )


def redis_faults(settings: Settings, judge: Callable[[], Judge] | None = None) -> Callable[[], Sequence[Fault]]:
    """What is wrong with the Redis of the settings, and whether it knows the features of the judge."""
    from gatehouse.adapters.redis.rebuild import is_filled
    from gatehouse.adapters.redis.server import Server

    server = Server(settings.redis or "")

    def faults() -> Sequence[Fault]:
        found = list(server.faults())
        if judge is not None and not is_filled(judge(), server):
            fix = "start this process again: it is filled from the ledger then"
            found.append(Fault("knows no history of the live features", server.where, fix))
        return found

    return faults


def score_on_spark(
    house: House,
    source: Path,
    out: Path,
    releases: Sequence[Release],
    *,
    given: Mapping[str, str],
    at: int,
    master: str | None,
    progress: Callable[[str], None],
) -> Scored:
    """Score by these releases on the Spark session that is there, else on a new one on `master`."""
    from gatehouse.adapters.spark import score, session

    spec, bundle = pack_files(house.shelf, releases)
    spark = session.session(master)
    return score.score_on_spark(source, out, spec, bundle, session=spark, given=given, at=at, progress=progress)


def open_history(house: House, judge: Judge) -> tuple[History, tuple[str, ...]]:
    """What was known before each event, and sentences on how it came to be: in Redis where one is named, else here.

    A Redis that holds nothing for this judge's features is filled from the ledger first.
    """
    if house.settings.redis is None:
        local = LocalHistory(house.ledger, judge, house.settings.home / "history.snapshot")
        return local, local.said
    with _installed("redis", "Redis' client"):
        from gatehouse.adapters.redis.history import RedisHistory
        from gatehouse.adapters.redis.rebuild import is_filled, rebuild
        from gatehouse.adapters.redis.server import Server

    server = Server(house.settings.redis)
    said: tuple[str, ...] = ()
    try:
        if not is_filled(judge, server):
            said = (rebuild(house.ledger, judge, server),)
    except OutsideError as down:
        said = (f"deciding goes on without the shared history until it can be asked: {down}",)
    return RedisHistory(judge.features.plan, judge.features_version, server), said


def open_tried(settings: Settings) -> TriedDecisions:
    """Decisions by the releases that made them."""
    return SqlTried(Database(settings.server or settings.ledger))


BUSES = ("memory", "kafka://HOST:PORT/TOPIC")
TOPIC = "events"


class Bus:
    """The two ends of the bus that a URL names: `memory`, or `kafka://HOST:PORT/TOPIC` with more hosts by commas."""

    def __init__(self, url: str, options: Path | None = None) -> None:
        scheme, _, rest = url.partition("://")
        self.in_process = url == "memory"
        self._brokers, _, topic = rest.partition("/")
        self.topic = topic or TOPIC
        self._options = options
        self._memory = MemoryBus()
        if self.in_process:
            return
        if scheme != "kafka":
            near = did_you_mean(scheme, ("memory", "kafka"))
            raise UserError(f"no bus is called '{url[:60]}'", fix=f"{near}known: {', '.join(BUSES)}")
        if not self._brokers or not topic or "/" in topic:
            raise UserError(f"'{url[:60]}' does not name brokers and a topic", fix=f"write {BUSES[1]}")

    def consumer(self, group: str) -> Consumer:
        """One more consumer of a group."""
        if self.in_process:
            return self._memory.consumer(self.topic, group)
        with _installed("kafka", "Kafka's client"):
            from gatehouse.adapters.kafka.connection import options_in
            from gatehouse.adapters.kafka.consumer import KafkaConsumer

        options = options_in(self._options) if self._options else None
        return KafkaConsumer(self._brokers, self.topic, group, options)

    def partitions(self, seconds: float) -> int:
        """How many partitions the topic has; raises OutsideError where no broker says so in time."""
        from gatehouse.adapters.kafka.connection import options_in
        from gatehouse.adapters.kafka.reach import answers

        return answers(self._brokers, self.topic, seconds, options_in(self._options) if self._options else None)

    def producer(self) -> Producer:
        """Something that sends to the bus."""
        if self.in_process:
            return self._memory.producer()
        with _installed("kafka", "Kafka's client"):
            from gatehouse.adapters.kafka.connection import options_in
            from gatehouse.adapters.kafka.producer import KafkaProducer

        return KafkaProducer(self._brokers, options_in(self._options) if self._options else None)


@contextmanager
def _installed(extra: str, what: str) -> Iterator[None]:
    try:
        yield
    except ImportError as error:
        raise UserError(f"{what} is not installed", fix=f"pip install 'gatehouse[{extra}]'") from error
