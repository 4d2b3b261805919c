"""The API in process: a live gate with `spam`, a ledger, and keys of each scope."""

import asyncio
import shutil
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from litestar.testing import TestClient

from gatehouse.bootstrap import open_enforcing, open_house
from gatehouse.bootstrap.erasing import erase_everywhere
from gatehouse.entry.api.app import create_app
from gatehouse.entry.api.gathering import Gathering, Terms
from gatehouse.entry.api.parts import Parts
from gatehouse.entry.cli.show import now
from gatehouse.entry.live import open_gate
from gatehouse.entry.observing import Observing, open_access
from gatehouse.flows import perspective
from gatehouse.flows.access import make_key
from gatehouse.flows.live import Answer
from gatehouse.flows.observe import Tally
from gatehouse.records.access import SCOPES
from gatehouse.records.event import Entity, Event
from gatehouse.settings import Settings

Judging = Callable[[Sequence[Event]], list[Answer]]


class Api(NamedTuple):
    """A client that has every scope unless it says another key, the parts behind it, and keys by scope."""

    client: TestClient[Any]
    parts: Parts
    keys: dict[str, str]
    tally: Tally

    def events(self) -> int:
        """How many events are on record."""
        return self.parts.house.ledger.last()


def awaited(judging: Judging) -> Callable[..., Awaitable[list[Answer]]]:
    """Decides in a thread, as its own process does for a server."""
    return lambda events, trace=None: asyncio.to_thread(judging, events)


def as_caller(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def open_parts(home: Path, tally: Tally) -> Parts:
    settings = Settings(home=home)
    house, enforcing = open_house(settings), open_enforcing(settings)
    gate, _ = open_gate(house, (), tally)
    access = open_access(settings, lambda _: None)
    scores = perspective.Latest(perspective.load(perspective.DEFAULT, "test"))
    ready = Observing("test", environment={}).watch(house, lambda: gate.judge, lambda: True)

    def erase(entity: Entity, by: str, why: str) -> Mapping[str, int]:
        return erase_everywhere(house, entity, by=by, why=why, at=now()).counts()

    return Parts(
        house,
        enforcing,
        lambda: gate.judge,
        lambda n: None,
        awaited(gate.decide),
        now,
        access,
        tally,
        ready,
        scores,
        erase,
    )


@contextmanager
def serving(parts: Parts, tally: Any, judging: Judging | None = None, terms: Terms | None = None) -> Iterator[Api]:
    """The API of these parts; `judging` takes the place of the live gate."""
    gathering = Gathering(awaited(judging) if judging else parts.decide, tally, terms)
    parts = replace(parts, admit=gathering.admit, decide=gathering.decide)

    @asynccontextmanager
    async def lifespan(_: object) -> Any:
        async with gathering:
            yield

    keys = {scope: make_key(parts.access.keys, scope, [scope], now=now(), by="test").secret for scope in SCOPES}
    keys["all"] = make_key(parts.access.keys, "all", SCOPES, now=now(), by="test").secret
    parts.access.refresh()
    with TestClient(create_app(parts, lifespan=[lifespan]), raise_server_exceptions=False) as client:
        client.headers.update(as_caller(keys["all"]))
        yield Api(client, parts, keys, tally)


@pytest.fixture(scope="module")
def parts_and_tally(trained_home: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Parts, Tally]:
    home = tmp_path_factory.mktemp("api") / ".gatehouse"
    shutil.copytree(trained_home, home)
    tally = Tally()
    return open_parts(home, tally), tally


@pytest.fixture(scope="module")
def api(parts_and_tally: tuple[Parts, Tally]) -> Iterator[Api]:
    """The API as it is served, for the tests of a module together: ids are each test's own."""
    with serving(*parts_and_tally) as served:
        yield served
