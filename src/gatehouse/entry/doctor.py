"""What `gatehouse doctor` looks at: everything that a house needs, whether it runs or not."""

import os
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import msgspec
import yaml

from gatehouse.adapters.sql.sqlite_driver import SOUND, driver
from gatehouse.bootstrap import ACTUATORS, LOG, Bus, House, open_enforcing, open_house, open_watched, redis_faults
from gatehouse.entry.cli.show import now
from gatehouse.entry.observing import ENDPOINT, of_database, open_access, traces
from gatehouse.errors import Fault, GatehouseError
from gatehouse.flows import health, life, packs
from gatehouse.flows.asked import Asked, LateError
from gatehouse.flows.observe import Tally
from gatehouse.settings import Settings

EXTRAS = {
    "kafka": "confluent_kafka",
    "otel": "opentelemetry.sdk",
    "postgres": "psycopg",
    "redis": "redis",
    "spark": "pyspark",
}
"""The module of each extra."""

KEY_FILE = "GATEHOUSE_SIGNING_KEY_FILE"

_BUS_MEND = "see that the brokers run; where they want a login, gatehouse doctor --bus-options FILE"

ANSWER_SECONDS = 3.0
"""How long what is outside may take to answer; nobody's readiness hangs on it here."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What was found at one place, and what mends it; `missing` is what was not set up, which may be meant."""

    name: str
    state: Literal["ok", "missing", "degraded", "broken"]
    what: str
    mend: str = ""


def findings(
    settings: Settings,
    *,
    reach: bool = False,
    bus_options: Path | None = None,
    environment: Mapping[str, str] = os.environ,
) -> Iterator[Finding]:
    """All findings; with `reach` the hosts of webhooks are looked up too.

    `bus_options` is the file of the Kafka client's settings that workers are given.
    """
    house, home = _house(settings)
    yield home
    yield from _sqlite(settings)
    questions = [health.of_disk(settings.home)]
    if house is not None:
        questions += _of_house(house)
        yield _keys(settings)
        for said in life.remarks(house.shelf.registry):
            yield Finding(name="versions", state="ok", what=said, mend="gatehouse versions")
    questions += _outside(settings, bus_options)
    yield from _asked(questions)
    yield _signing_key(environment.get(KEY_FILE))
    yield from _actuators(settings, house is not None, reach)
    yield _traces(environment)
    yield from _perspective(settings, house)
    yield from _extras(settings)
    yield from _data(settings)
    yield from _packs(settings, house)


def _house(settings: Settings) -> tuple[House | None, Finding]:
    if not settings.ledger_there:
        what = f"no ledger at {settings.ledger_name}"
        return None, Finding(name="house", state="missing", what=what, mend="gatehouse init")
    try:
        house = open_house(settings)
    except GatehouseError as error:
        return None, _broken("house", error.faults[0])
    return house, Finding(name="house", state="ok", what=f"ledger {settings.ledger_name}")


def _sqlite(settings: Settings) -> Iterator[Finding]:
    """What is to be said of a SQLite that does not empty its log without risk."""
    if settings.server is None and driver.sqlite_version_info < SOUND:
        what = f"SQLite {driver.sqlite_version} can, very rarely, damage a file that several processes write at once"
        mend = "run one process at a time, keep the ledger on PostgreSQL (GATEHOUSE_LEDGER), or install a later SQLite"
        yield Finding(name="sqlite", state="degraded", what=what, mend=mend)


def _broken(name: str, fault: Fault) -> Finding:
    where = f"{fault.where}: " if fault.where else ""
    return Finding(name=name, state="broken", what=f"{where}{fault.what}", mend=fault.fix)


def _of_house(house: House) -> list[health.Question]:
    return [*of_database(open_watched(house.settings)), health.of_models(house.shelf, lambda: _live(house))]


def _live(house: House) -> dict[str, str]:
    releases = house.shelf.registry.releases()
    return {release.pack: release.version for release, last in releases if last.state == "live"}


def _outside(settings: Settings, bus_options: Path | None) -> list[health.Question]:
    """What is asked of servers that the settings name and whose clients are installed."""
    questions = []
    if settings.redis and _installed("redis"):
        questions.append(health.of_history(lambda: redis_faults(settings)()))
    if settings.bus != "memory" and _installed("kafka"):
        ask = lambda: _bus(settings.bus, bus_options)  # noqa: E731
        questions.append(
            health.Question("bus", ask, mend="see that the brokers run; --bus-options, where they want a login")
        )
    return questions


def _bus(url: str, options: Path | None) -> health.Check:
    bus = Bus(url, options)
    n = bus.partitions(ANSWER_SECONDS / 2)
    return health.Check(name="bus", state="ok", what=f"the bus answers, '{bus.topic}' has partitions: {n}")


def _asked(questions: list[health.Question]) -> Iterator[Finding]:
    for check in health.Readiness(questions, seconds=ANSWER_SECONDS)().checks:
        yield Finding(name=check.name, state=check.state, what=check.what, mend=check.mend)


def _keys(settings: Settings) -> Finding:
    try:
        usable = open_access(settings).keys.usable(now())
    except GatehouseError as error:
        return _broken("keys", error.faults[0])
    if not usable:
        mend = "gatehouse keys make NAME --scope SCOPE; the first gatehouse serve makes one too"
        return Finding(name="keys", state="missing", what="no API key is good", mend=mend)
    scopes = sorted({scope for key in usable for scope in key.scopes})
    return Finding(name="keys", state="ok", what=f"{len(usable)} API keys are good, for {', '.join(scopes)}")


def _signing_key(path: str | None) -> Finding:
    from gatehouse.flows.ledger_check import SHORTEST_KEY

    make = "openssl rand -hex 32 > FILE, and name it in GATEHOUSE_SIGNING_KEY_FILE"
    if not path:
        return Finding(name="signing key", state="missing", what="heads are exported without a signature", mend=make)
    try:
        length = len(Path(path).read_bytes().strip())
    except OSError as error:
        fault = Fault(f"the signing key cannot be read: {error.strerror}", path, make)
        return _broken("signing key", fault)
    if length < SHORTEST_KEY:
        return _broken("signing key", Fault(f"the signing key has {length} bytes of {SHORTEST_KEY}", path, make))
    return Finding(name="signing key", state="ok", what=f"signing key {path}")


def _actuators(settings: Settings, opened: bool, reach: bool) -> Iterator[Finding]:
    path = settings.home / ACTUATORS
    if not path.exists():
        what = f"no {ACTUATORS}: enforcements are only written to {settings.home / LOG}"
        yield Finding(name="actuators", state="missing", what=what, mend="write one: docs/enforcement.md")
        return
    if not opened:
        return
    try:
        open_enforcing(settings).actuator(now)
    except GatehouseError as error:
        yield from (_broken("actuators", fault) for fault in error.faults)
        return
    hosts = _hosts(path)
    yield Finding(name="actuators", state="ok", what=f"{path}, webhooks to {', '.join(hosts) or 'none'}")
    if reach:
        yield from (_resolved(host, private) for host, private in hosts.items())


def _hosts(path: Path) -> dict[str, bool]:
    """The hosts of a good file's webhooks, and whether they may be private."""
    named: dict[str, Any] = yaml.safe_load(path.read_text())["actuators"]
    webhooks = [said["webhook"] for said in named.values() if "webhook" in said]
    return {urlsplit(one["url"]).hostname or "": bool(one.get("private")) for one in webhooks}


def _resolved(host: str, private: bool) -> Finding:
    from gatehouse.adapters.webhooks import is_public

    name = f"webhook {host}"
    look: Callable[[], list[Any]] = lambda: socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)  # noqa: E731
    try:
        found = Asked(look).answer(ANSWER_SECONDS)
    except (LateError, OSError):
        return _broken(name, Fault(f"{host} is no known host", fix="correct the url in actuators.yaml, or the DNS"))
    if not private and not any(is_public(str(one[4][0])) for one in found):
        fix = "add private: true to the webhook if that is meant"
        return _broken(name, Fault(f"{host} leads to addresses that are not of the public internet", fix=fix))
    return Finding(name=name, state="ok", what=f"{host} is known")


def _traces(environment: Mapping[str, str]) -> Finding:
    if not environment.get(ENDPOINT):
        return Finding(
            name="traces", state="missing", what="no traces are sent", mend=f"name a collector in {ENDPOINT}"
        )
    try:
        traces("gatehouse", Tally(), environment)
    except GatehouseError as error:
        return _broken("traces", error.faults[0])
    return Finding(name="traces", state="ok", what=f"traces go to {urlsplit(environment[ENDPOINT]).hostname}")


def _perspective(settings: Settings, house: House | None) -> Iterator[Finding]:
    from gatehouse.entry.cli.perspective import analyser_of, mapping
    from gatehouse.flows.perspective import FILE, load

    path = settings.home / FILE
    if not path.exists():
        return
    try:
        load(*mapping(settings))
        offered = analyser_of(settings).offered if house and any(_live(house)) else {}
    except GatehouseError as error:
        yield from (_broken("perspective", fault) for fault in error.faults)
        return
    what = f"{path}, attributes that can be asked for: {', '.join(offered) or 'none'}"
    yield Finding(name="perspective", state="ok", what=what)


def _installed(extra: str) -> bool:
    with suppress(ModuleNotFoundError):
        return find_spec(EXTRAS[extra]) is not None
    return False


def _extras(settings: Settings) -> Iterator[Finding]:
    wanted = {"kafka": settings.bus != "memory", "postgres": settings.server, "redis": settings.redis}
    for extra in EXTRAS:
        if _installed(extra):
            yield Finding(name=f"extra {extra}", state="ok", what=f"extra {extra} is installed")
            continue
        mend = f"pip install 'gatehouse[{extra}]'"
        if wanted.get(extra):
            fault = Fault(f"extra {extra} is not installed, and the settings name what it is for", fix=mend)
            yield _broken(f"extra {extra}", fault)
        else:
            yield Finding(name=f"extra {extra}", state="missing", what=f"extra {extra} is not installed", mend=mend)


def _data(settings: Settings) -> Iterator[Finding]:
    from gatehouse.datasets import sources

    for name, source in sources.SOURCES.items():
        if sources.locate(source, settings.data_roots):
            yield Finding(name=f"data {name}", state="ok", what=f"data set {name}")
        else:
            mend = f"gatehouse data fetch {name}"
            yield Finding(name=f"data {name}", state="missing", what=f"data set {name}", mend=mend)


def _packs(settings: Settings, house: House | None) -> Iterator[Finding]:
    for name, folder in packs.folders(settings.pack_roots).items():
        try:
            packs.load(str(folder))
        except GatehouseError as error:
            what, mend = f"pack {name}: {error.faults[0]}", f"mend it in {folder}"
            yield Finding(name=f"pack {name}", state="broken", what=what, mend=mend)
            continue
        if house is not None and (release := house.shelf.registry.live(name)):
            yield Finding(name=f"pack {name}", state="ok", what=f"pack {name}, live {release.version}")
        else:
            step = f"gatehouse train {name} && gatehouse promote {name}"
            what = f"pack {name} has no live release"
            yield Finding(name=f"pack {name}", state="missing", what=what, mend=step)
