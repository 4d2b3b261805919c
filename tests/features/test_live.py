from collections.abc import Iterable, Sequence

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.features import brute_force
from tests.features.streams import ACTOR, EVERYTHING, TARGET, in_log, streams

from gatehouse.features import live_kernel as kernel
from gatehouse.features.define import FeatureSet
from gatehouse.features.live import LiveHistory
from gatehouse.features.live_table import Table
from gatehouse.features.plan import Plan, in_log_order
from gatehouse.features.windows import MOST_AMOUNT, Age, Count, Distinct, RepeatShare, Sum, duration

PLAN = EVERYTHING.plan
HOUR = 3_600_000_000
START = 1_700_000_000_000_000


def rows_of(batches: Iterable[pa.RecordBatch]) -> list[dict]:
    return [row for batch in batches for row in batch.to_pylist()]


def advanced(history: LiveHistory, batches: Iterable[pa.RecordBatch]) -> list[dict]:
    return rows_of(history.advance(batch) for batch in batches)


def log(plan: Plan, *batches: Sequence[dict]) -> list[pa.RecordBatch]:
    """Batches of a log from what matters of their rows; ids are in the order given."""
    empty = dict.fromkeys(plan.coded.names) | {f"f_{i}": 0 for i in range(len(plan.filters))}
    ids = iter(range(10_000))
    return list(in_log(plan, [[{**empty, "id": f"e{next(ids):04d}", **row} for row in rows] for rows in batches]))


@settings(deadline=None, max_examples=60)
@given(streams())
def test_windows_are_what_their_meaning_says(batches: list[pa.RecordBatch]) -> None:
    assert advanced(LiveHistory(PLAN), batches) == brute_force.windows(PLAN, rows_of(batches))


@settings(deadline=None, max_examples=30)
@given(streams(), st.data())
def test_how_a_log_is_cut_when_it_is_replayed_changes_nothing(
    batches: list[pa.RecordBatch], data: st.DataObject
) -> None:
    whole = pa.Table.from_batches(batches).combine_chunks().to_batches()[0]
    history, got, start = LiveHistory(PLAN), [], 0
    while start < len(whole):
        size = data.draw(st.integers(1, 20))
        got += history.replay(whole.slice(start, size)).to_pylist()
        start += size
    assert got == advanced(LiveHistory(PLAN), batches)


@settings(deadline=None, max_examples=30)
@given(streams(), st.randoms(use_true_random=False))
def test_the_order_within_a_batch_does_not_matter(batches: list[pa.RecordBatch], random) -> None:
    expected, history = LiveHistory(PLAN), LiveHistory(PLAN)
    for batch in batches:
        order = random.sample(range(len(batch)), len(batch))
        assert history.advance(batch.take(order)).equals(expected.advance(batch).take(order))


@settings(deadline=None, max_examples=40)
@given(streams(), streams(most_events=20), st.lists(st.booleans(), min_size=80, max_size=80))
def test_a_batch_rolled_back_might_never_have_come(
    batches: list[pa.RecordBatch], others: list[pa.RecordBatch], fails: list[bool]
) -> None:
    history, expected = LiveHistory(PLAN), LiveHistory(PLAN)
    for batch, other, failed in zip(batches, others * len(batches), fails, strict=False):
        if failed:
            history.advance(other)
            history.roll_back()
            history.roll_back()
            assert (history.clock, history.entities) == (expected.clock, expected.entities)
            for table, same in zip(history.tables, expected.tables, strict=True):
                # All but the stamp, which only says in which batch a row was touched last.
                there = np.arange(table.width) != kernel.STAMP
                assert (table.rows[:, there] == same.rows[:, there]).all()
        assert history.advance(batch).equals(expected.advance(batch))


@settings(deadline=None, max_examples=40)
@given(streams(), st.lists(st.booleans(), min_size=80, max_size=80))
def test_dropping_who_is_over_changes_nothing(batches: list[pa.RecordBatch], now: list[bool]) -> None:
    history, expected = LiveHistory(PLAN), LiveHistory(PLAN)
    for batch, evicted in zip(batches, now, strict=False):
        if evicted:
            history.evict()
        assert history.advance(batch).equals(expected.advance(batch))


SMALL = FeatureSet(
    windows=(
        Count(name="posts", key=ACTOR, window=duration("1h")),
        Sum(name="paid", key=ACTOR, window=duration("1h"), of="amount"),
        Distinct(name="targets", key=ACTOR, window=duration("1h"), of=TARGET, cap=3),
        RepeatShare(name="same", key=ACTOR, window=duration("1h"), of=TARGET, cap=4),
        Age(name="age", key=ACTOR, window=duration("1h")),
        Count(name="received", key=ACTOR, under=TARGET, window=duration("1h")),
    )
).plan


def test_an_event_counts_for_the_next_but_not_for_itself() -> None:
    said = {"k_actor": 1, "k_target": 2, "a_amount": 30}
    (batch,) = log(SMALL, [{"seen": START, **said}, {"seen": START, **said}, {"seen": START + 1_500_000, **said}])
    first, second, third = LiveHistory(SMALL).advance(batch).to_pylist()
    assert first == {"posts": 0, "paid": 0, "targets": 0, "same": None, "age": 0, "received": 0}
    assert second == {"posts": 1, "paid": 30, "targets": 1, "same": 0.0, "age": 0, "received": 0}
    assert third == {"posts": 2, "paid": 60, "targets": 1, "same": 0.5, "age": 1, "received": 0}


def test_nothing_is_known_of_nobody() -> None:
    (batch,) = log(SMALL, [{"seen": START, "k_target": 2}, {"seen": START + 1, "k_target": 2}])
    history = LiveHistory(SMALL)
    assert history.advance(batch).to_pylist()[1] == dict.fromkeys(SMALL.schema.names)
    assert history.entities == 1


def test_answers_have_the_schema_of_the_plan() -> None:
    history = LiveHistory(PLAN)
    for n in (0, 1, 3):
        (batch,) = log(PLAN, [{"seen": START + n * HOUR + i, "k_actor": 5} for i in range(n)]) if n else [_empty(PLAN)]
        answer = history.advance(batch)
        answer.validate(full=True)
        assert answer.schema.equals(PLAN.schema, check_metadata=True)
        assert len(answer) == n


def test_a_plan_without_windows_still_has_a_clock() -> None:
    plan = FeatureSet().plan
    history = LiveHistory(plan)
    answer = history.advance(log(plan, [{"seen": START}])[0])
    assert answer.num_columns == 0
    assert history.clock == START
    history.roll_back()
    assert history.clock == 0


def test_reading_an_entity_makes_none() -> None:
    plan = FeatureSet(
        windows=(
            Count(name="received", key=ACTOR, under=TARGET, window=duration("1h")),
            Count(name="messages", key=("address",), window=duration("1h"), where="kind = 'message'"),
        )
    ).plan
    history = LiveHistory(plan)
    history.advance(log(plan, [{"seen": START + i, "k_actor": i, "k_address": i} for i in range(50)])[0])
    assert history.entities == 0


@pytest.mark.parametrize("carry", ["advance", "replay"])
def test_an_id_that_stands_twice_is_refused_and_nothing_is_counted(carry: str) -> None:
    one, two = log(SMALL, [{"seen": START, "k_actor": 1}], [{"seen": START + i, "k_actor": 1} for i in (1, 2)])
    history = LiveHistory(SMALL)
    history.advance(one)
    repeated = pa.RecordBatch.from_pylist([{**row, "id": "same"} for row in two.to_pylist()], schema=SMALL.coded)
    with pytest.raises(ValueError, match="the id 'same' stands more than once in the batch"):
        getattr(history, carry)(repeated)
    # What came before the refused batch was not its to take back.
    history.roll_back()
    assert history.clock == START
    assert history.advance(two).column("posts").to_pylist() == [1, 2]


def test_events_coded_for_another_plan_are_refused() -> None:
    with pytest.raises(ValueError, match="not coded for this history's plan"):
        LiveHistory(SMALL).advance(_empty(PLAN))


def test_a_failure_between_two_tables_leaves_nothing_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = log(SMALL, [{"seen": START, "k_actor": 1, "k_target": 1}], [{"seen": START + 1, "k_actor": 1}])
    history = LiveHistory(SMALL)
    history.advance(one)
    monkeypatch.setattr(history.tables[1], "advance", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        history.advance(two)
    monkeypatch.undo()
    assert history.clock == START
    assert history.advance(two).to_pylist()[0]["posts"] == 1


def test_memory_is_bounded_by_who_is_within_a_window() -> None:
    history = LiveHistory(SMALL)
    sizes = []
    for hour in range(0, 40, 2):
        rows = [{"seen": START + hour * HOUR + i, "k_actor": hour * 1_000 + i, "k_target": i} for i in range(300)]
        rows.append({"seen": START + hour * HOUR + 300, "k_actor": -1})
        (batch,) = log(SMALL, rows)
        assert history.advance(batch).column("posts").to_pylist() == [0] * 301
        sizes.append(history.nbytes)
    assert sizes[-1] == sizes[3]
    assert history.entities <= 2 * 602 + 300


def test_many_entities_are_told_apart_through_growth() -> None:
    history = LiveHistory(SMALL)
    rows = [{"seen": START + i, "k_actor": (i * 7919) % 5_000, "k_target": 1} for i in range(10_000)]
    got: list[int] = []
    for start in range(0, 10_000, 700):
        (batch,) = log(SMALL, rows[start : start + 700])
        got += history.advance(batch).column("posts").to_pylist()
    assert got == [0] * 5_000 + [1] * 5_000
    assert history.entities == 5_001


def targets_of_one(*said: tuple[int, int | None]) -> list[int]:
    """The `targets` (at most 3, over an hour) of an actor's events, given as minutes and a target."""
    rows = [{"seen": START + minute * HOUR // 60, "k_actor": 1, "k_target": target} for minute, target in said]
    history = LiveHistory(SMALL)
    return [row["targets"] for row in advanced(history, log(SMALL, *([row] for row in rows)))]


def test_a_new_value_takes_the_place_of_the_one_that_ends_first() -> None:
    # The first is over when the last is read; the fourth, which came when all places were taken, is not.
    assert targets_of_one((0, 1), (20, 2), (20, 3), (40, 4), (70, None)) == [0, 1, 2, 3, 3]
    assert targets_of_one((0, 1), (0, 2), (0, 3), (40, 4), (70, None)) == [0, 1, 2, 3, 1]


def test_a_late_value_takes_no_place_from_one_that_ends_later() -> None:
    assert targets_of_one((50, 1), (50, 2), (50, 3), (10, 4), (80, None)) == [0, 1, 2, 3, 3]


def test_a_value_seen_again_late_does_not_end_earlier() -> None:
    assert targets_of_one((50, 1), (10, 1), (80, None)) == [0, 1, 1]


def test_full_cells_stay_full_and_leave_whole() -> None:
    cells = np.zeros(kernel.SUM_CELLS, np.int64)
    ring = np.full(kernel.RING, kernel.MOST_COUNT - 1, np.uint32)
    for _ in range(3):
        kernel.add_one(cells, 0, ring, 5)
    assert ring[5] == kernel.MOST_COUNT
    assert cells[1] == 1
    for amount, most in ((MOST_AMOUNT, kernel.MOST_SUM), (-MOST_AMOUNT, -kernel.MOST_SUM)):
        cells[:] = 0
        for cell in range(2, kernel.SUM_CELLS):
            cells[cell] = most - (1 if most > 0 else -1)
        cells[1] = cells[2:].sum()
        for cell in range(2, kernel.SUM_CELLS):
            kernel.add_amount(cells, 0, cell, amount)
            kernel.add_amount(cells, 0, cell, amount)
        assert (cells[2:] == most).all()
        assert cells[1] == kernel.RING * most


def test_each_declaration_says_what_an_entity_costs() -> None:
    costs = LiveHistory(SMALL).bytes_per_entity()
    assert costs == {"posts": 264, "paid": 504, "targets": 48, "same": 320, "age": 16, "received": 264}


def test_rows_are_found_though_all_fall_into_one_bucket() -> None:
    history, expected = LiveHistory(SMALL), LiveHistory(SMALL)
    for table in history.tables:
        _all_in_one_bucket(table)
    for batch in log(SMALL, *([{"seen": START + i, "k_actor": i % 37, "k_target": i % 5}] for i in range(90))):
        history.advance(batch)
        history.roll_back()
        assert history.advance(batch).equals(expected.advance(batch))


def _all_in_one_bucket(table: Table) -> None:
    table._state[kernel.MULTIPLIER] = 0
    kernel.index_all(table._cells, table._index, table._state)


def test_a_log_is_replayed_as_it_stands_and_a_batch_is_not() -> None:
    early, late = {"seen": START, "k_actor": 1}, {"seen": START + 2 * HOUR, "k_actor": 1}
    (batch,) = log(SMALL, [early, late])
    backwards = in_log_order(batch.take([1, 0]), 0, 0)
    assert LiveHistory(SMALL).replay(backwards).to_pylist()[1]["age"] == 0
    assert LiveHistory(SMALL).replay(backwards).column("posts").to_pylist() == [0, 1]
    assert LiveHistory(SMALL).advance(backwards).column("posts").to_pylist() == [0, 0]


def _empty(plan: Plan) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist([], schema=plan.coded)
