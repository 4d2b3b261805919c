"""What is on an entity's record now, and marks."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.flows.reviewing import CLEAR, Desked

from gatehouse.errors import UserError
from gatehouse.flows.entities import Record, read_mark, read_why, record_of, unmark
from gatehouse.flows.held import approve
from gatehouse.ports.cases import UnknownError
from gatehouse.records.event import Entity
from gatehouse.records.standing import Ladder, Mark, Reporter, Rung

ACTOR = Entity("account", "a1")
DAY = 86400


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Desked]:
    made = Desked(tmp_path / "ledger.db")
    yield made
    made.database.close()


def record(house: Desked, entity: Entity = ACTOR) -> Record:
    return record_of(entity, house.standing, house.outbox, house.cases, house.clock())


def test_a_record_says_what_counts_now(house: Desked) -> None:
    rungs = (Rung(strikes=1, enforce="warn"), Rung(strikes=2, enforce="suspend", seconds=DAY))
    house.with_policy(ladder=Ladder(rungs=rungs, expires=90 * DAY))
    house.judged("e1", enforce="strike")
    house.performer().until_idle()
    house.judged("e2", enforce="strike")
    house.performer().until_idle()
    (held,) = house.outbox.find(states=["held"])
    now = record(house)
    assert [strike.id for strike in now.strikes] == ["d-e1-0-strike", "d-e2-0-strike"]
    assert all(strike.expires == strike.at + 90 * DAY * 1_000_000 for strike in now.strikes)
    assert [(one.kind, one.state) for one in now.enforcements] == [
        ("strike", "done"),
        ("warn", "done"),
        ("strike", "done"),
        ("suspend", "held"),
    ]
    assert (now.suspensions, now.decisions) == ((), 2)
    for name in ("sam", "kim"):
        approve(house.outbox, held.id, by=name, why="yes", now=house.clock())
    house.performer().until_idle()
    assert [one.id for one in record(house).suspensions] == [held.id]
    house.clock.advance(DAY + 60)
    assert record(house).suspensions == (), "it is over, whether its end was carried out or not"
    house.closed(house.reported(event_id="e1"), "not_violating")
    house.performer().until_idle()
    assert [strike.id for strike in record(house).strikes] == ["d-e2-0-strike"]
    house.clock.advance(90 * DAY)
    assert record(house).strikes == ()


def test_a_record_says_how_reports_ended_and_one_of_nobody_is_empty(house: Desked) -> None:
    empty = Record("account:a1", (), (), (), (), 0, Reporter(), 0.5)
    assert record(house) == empty
    house.judged(**CLEAR)
    house.closed(house.reported(reporter="account:a9"), "violating")
    assert record(house, Entity("account", "a9")).reporter == Reporter(1, 0)
    assert record(house, Entity("account", "a9")).reliability == 0.6


def test_marks_are_put_on_and_taken_off_with_who_and_why(house: Desked) -> None:
    now = house.clock()
    said = {"name": "trusted_flagger", "why": "40 of 41 upheld", "until": now + 5_000_000}
    mark = read_mark(json.dumps(said).encode(), ACTOR, by="sam", now=now)
    assert mark == Mark(
        entity="account:a1", name="trusted_flagger", at=now, by="sam", why="40 of 41 upheld", until=now + 5_000_000
    )
    house.standing.mark(mark)
    assert record(house).marks == (mark,)
    unmark(house.standing, ACTOR, "trusted_flagger", house.clock())
    assert record(house).marks == ()
    with pytest.raises(UnknownError, match="account:a1 bears no mark 'trusted_flagger'"):
        unmark(house.standing, ACTOR, "trusted_flagger", house.clock())


def test_every_fault_of_a_mark_is_told_at_once() -> None:
    with pytest.raises(UserError) as told:
        read_mark(b'{"name": "a/b", "until": 5}', ACTOR, by="sam", now=9)
    assert str(told.value) == (
        'why: is missing\n    → add "why": "..."\n'
        "until: is over already\n    → leave it out for a mark that lasts\n"
        "name: holds a slash\n    → use letters, digits, '_' and '-'"
    )
    with pytest.raises(UserError, match="why: is missing"):
        read_why(b"{}")
    assert read_why(b'{"why": "asked to"}') == "asked to"
