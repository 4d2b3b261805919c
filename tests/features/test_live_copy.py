"""Copies that are taken in pieces while a table goes on: they are of one moment, and nothing changes them later."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.features.streams import EVERYTHING, in_log, streams

from gatehouse.features import live_copy, snapshot
from gatehouse.features.live import LiveHistory

PLAN = EVERYTHING.plan
VERSION = "0123456789ab"
MONTH = 31 * 86_400_000_000


@pytest.fixture(autouse=True)
def one_row_is_a_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_copy, "PIECE", 1)


def say(actors: range, seen: int, made: str) -> pa.RecordBatch:
    """An event of each actor at a time; `made` sets their ids apart."""
    said = dict.fromkeys(PLAN.coded.names, 1)
    return next(in_log(PLAN, [[said | _codes(actor) | {"id": f"{made}{actor}", "seen": seen} for actor in actors]]))


def _codes(actor: int) -> dict[str, int]:
    return {name: actor for name in PLAN.coded.names if name.startswith("k_")}


def known(history: LiveHistory) -> list[np.ndarray]:
    return [table.rows.copy() for table in history.tables]


def read(path: Path) -> tuple[list[np.ndarray], int]:
    """What a snapshot says of every table, as the file has it, and its position."""
    with path.open("rb") as file:
        header = snapshot._header(path, file)
        return [snapshot._table(file, shape) for shape in header.shapes], header.position


def same(found: list[np.ndarray], expected: list[np.ndarray]) -> bool:
    return all(np.array_equal(one, other) for one, other in zip(found, expected, strict=True))


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(streams(), st.data())
def test_a_copy_made_while_events_come_is_what_was_known_when_it_was_finished(
    tmp_path: Path, batches: list[pa.RecordBatch], data: st.DataObject
) -> None:
    begun, finished = sorted(data.draw(st.tuples(*[st.integers(0, len(batches))] * 2)))
    history, path = LiveHistory(PLAN), tmp_path / "history.snapshot"
    for batch in batches[:begun]:
        history.advance(batch)
    ahead = snapshot.Ahead(history)
    pieces = iter(ahead.pieces())
    for batch in batches[begun:finished]:
        for _ in range(data.draw(st.integers(0, 3))):
            next(pieces, int)()
        match data.draw(st.sampled_from(["advance", "take back", "evict"])):
            case "take back":
                history.advance(batch)
                for _ in range(data.draw(st.integers(0, 3))):
                    next(pieces, int)()
                history.roll_back()
            case "evict":
                history.evict()
        history.advance(batch)
    if data.draw(st.booleans()):
        history.roll_back()
    expected = known(history)
    save = snapshot.taken(path, history, finished, VERSION, ahead)
    for batch in batches[finished:]:
        history.advance(batch)
    for late in pieces:
        late()
    save()
    assert same(read(path)[0], expected)


def test_those_who_went_and_came_while_it_was_copied_stand_as_they_are(tmp_path: Path) -> None:
    path, now = tmp_path / "history.snapshot", 1_700_000_000_000_000
    history = LiveHistory(PLAN)
    history.advance(say(range(60), now, "a"))
    history.advance(say(range(30, 60), now + MONTH // 2, "b"))
    ahead = snapshot.Ahead(history)
    for piece in ahead.pieces():
        piece()
    # The first are over, so the others move to their places; then there come more than the copy has room for.
    history.advance(say(range(30, 40), now + MONTH // 2 + 2_000_000, "c"))
    history.evict()
    assert {len(table) for table in history.tables} == {30}
    history.advance(say(range(1_000, 1_200), now + MONTH // 2 + 3_000_000, "d"))
    snapshot.taken(path, history, 7, VERSION, ahead)()
    assert same(read(path)[0], known(history))
    restored, position = snapshot.load(path, PLAN, VERSION)
    assert (position, restored.entities, restored.clock) == (7, history.entities, history.clock)
    later = say(range(20, 1_100, 7), now + MONTH // 2 + 9_000_000, "e")
    assert restored.advance(later).equals(history.advance(later))


def test_a_snapshot_is_not_changed_by_the_next_that_is_taken_before_it_is_written(tmp_path: Path) -> None:
    first, second, now = tmp_path / "first", tmp_path / "second", 1_700_000_000_000_000
    history, saves, expected = LiveHistory(PLAN), [], []
    for number, path in enumerate((first, second)):
        history.advance(say(range(40), now + number, f"{number}"))
        ahead = snapshot.Ahead(history)
        for piece in ahead.pieces()[::2]:
            piece()
        expected.append(known(history))
        saves.append(snapshot.taken(path, history, number, VERSION, ahead))
    history.advance(say(range(40), now + 2, "2"))
    for save in saves:
        save()
    assert [read(path)[1] for path in (first, second)] == [0, 1]
    assert same(read(first)[0], expected[0])
    assert same(read(second)[0], expected[1])
    assert not same(expected[0], expected[1])


def test_what_was_copied_ahead_and_not_touched_since_is_not_copied_again() -> None:
    history, now = LiveHistory(PLAN), 1_700_000_000_000_000
    history.advance(say(range(50), now, "a"))
    copy = live_copy.TableCopy(history.tables[0])
    for piece in copy.pieces():
        piece()
    history.advance(say(range(3), now + 1, "b"))
    touched = np.flatnonzero((copy._rows != history.tables[0].rows).any(axis=1))
    assert len(touched) == 3
    # A mark in a row that is not touched stays, for it is not read again.
    copy._rows[10, -1] = 12_345
    assert copy.finished()[0][10, -1] == 12_345
