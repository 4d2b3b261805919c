"""A house writes the hash chain that the environment names, in a file and on a server."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.adapters.conftest import new_postgres, postgres  # noqa: F401, fixtures

from gatehouse import bootstrap
from gatehouse.adapters.sql.engine import Database
from gatehouse.bootstrap import House, open_enforcing, open_house, open_watched
from gatehouse.bootstrap.erasing import erase_everywhere
from gatehouse.flows.ledger_check import check, heads
from gatehouse.records.event import Entity
from gatehouse.settings import read
from gatehouse.testing.makers import NOW, make_decision, make_event, make_judged

SAM = Entity("account", "sam")


@pytest.fixture(params=["file", "server"])
def environment(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[dict[str, str]]:
    """A house of its own, whose ledger is in its folder, then on a server; what is opened is closed in the end."""
    given = {"GATEHOUSE_HOME": str(tmp_path / "home")}
    if request.param == "server":
        given["GATEHOUSE_LEDGER"] = request.getfixturevalue("new_postgres")("writers")
    opened: list[Database] = []

    def open_database(place: Path | str) -> Database:
        opened.append(Database(place))
        return opened[-1]

    monkeypatch.setattr(bootstrap, "Database", open_database)
    yield given
    for database in opened:
        database.close()


def house_of(environment: dict[str, str], writer: str) -> House:
    return open_house(read({**environment, "GATEHOUSE_WRITER": writer}))


def ends(house: House) -> dict[str, int]:
    return {link.writer: link.seq for link in house.ledger.heads()}


def test_a_writer_that_takes_another_name_leaves_its_chain_whole(environment: dict[str, str]) -> None:
    before, after = house_of(environment, "gate-1"), house_of(environment, "gate-2")
    first, other = make_event("a", actor=SAM), make_event("b")
    [made] = before.ledger.commit([make_judged(first)])
    known = heads(before.ledger, NOW)
    # What one decided another may decide anew, and the link of each is in the chain of who wrote it.
    following = make_decision(first, id="later", supersedes=made.id)
    after.ledger.commit([make_judged(first, decision=following), make_judged(other)])
    assert ends(before) == ends(after) == {"gate-1": 1, "gate-2": 2}
    assert check(after.ledger, known=known).whole
    assert [one.checked for one in check(after.ledger, writer="gate-2").writers] == [2]
    erase_everywhere(after, SAM, by="privacy", why="asked for it", at=NOW)
    report = check(before.ledger, known=known)
    assert report.whole
    assert {one.head.writer: (one.checked, one.erased) for one in report.writers} == {
        "gate-1": (1, 1),
        "gate-2": (2, 1),
    }


def test_houses_of_one_name_add_to_one_chain_in_turn(environment: dict[str, str]) -> None:
    houses = [house_of(environment, "gate-1") for _ in range(2)]
    for number in range(6):
        houses[number % 2].ledger.commit([make_judged(make_event(f"e{number}"))])
    assert ends(houses[0]) == {"gate-1": 6}
    assert check(houses[1].ledger).whole


def test_whatever_opens_the_ledger_writes_the_named_chain(environment: dict[str, str]) -> None:
    settings = read({**environment, "GATEHOUSE_WRITER": "gate-1"})
    house = open_house(settings)
    for number, opened in enumerate((house, open_enforcing(settings), open_watched(settings))):
        opened.ledger.commit([make_judged(make_event(f"e{number}"))])
    assert ends(house) == {"gate-1": 3}
