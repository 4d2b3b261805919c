"""Parts of training rows by time and author: nobody on two sides, and what is tested came later."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from gatehouse.datasets.as_of_parts import EACH_SIDE, best_split, parts_of
from gatehouse.datasets.split import part_of
from gatehouse.errors import UserError
from gatehouse.records.dataset import PARTS
from gatehouse.records.event import EVENT_SCHEMA, Entity, Event, to_batch


def table(rows: list[tuple[int, str | None, str | None]]) -> pa.Table:
    events = [
        Event(id=f"e{i}", seen=at, occurred=at, text=text, actor=Entity("account", actor) if actor else None)
        for i, (at, actor, text) in enumerate(rows)
    ]
    return pa.Table.from_batches([to_batch(events)], EVENT_SCHEMA)


def test_by_time_what_is_tested_came_later_and_the_sizes_are_those_of_the_fixed_split() -> None:
    rng = np.random.default_rng(1)
    times = rng.permutation(1_000)
    parts, note = parts_of(table([(int(at), f"a{at}", None) for at in times]), "time")
    by_part = {part: [at for at, its in zip(times, parts, strict=True) if its == part] for part in PARTS}
    assert [len(by_part[part]) for part in PARTS] == [560, 80, 160, 200]
    ends = [(min(its), max(its)) for its in by_part.values()]
    assert all(ends[i][1] < ends[i + 1][0] for i in range(3))
    assert note.endswith("all rows of train end before 1970-01-01T00:00:00.000560Z")


_ROWS = st.lists(
    st.tuples(
        st.integers(0, 60),
        st.one_of(st.none(), st.integers(0, 60).map("u{}".format)),
        st.one_of(
            st.sampled_from([None, "", "thank you"]), st.integers(0, 60).map("a text that is long enough {}".format)
        ),
    ),
    min_size=30,
    max_size=60,
)


@settings(max_examples=60, deadline=None)
@given(_ROWS)
def test_by_time_no_author_and_no_text_stands_on_two_sides(rows) -> None:
    try:
        parts, _ = parts_of(table(rows), "time")
    except UserError:
        # Too much hangs together: nothing could be tested that came later.
        reject()
    for place in (1, 2):
        sides: dict[str, set[str]] = {}
        for row, part in zip(rows, parts, strict=True):
            if row[place] and row[place] != "thank you":
                sides.setdefault(row[place], set()).add(part)
        assert all(len(found) == 1 for found in sides.values())
    train_ends = max(row[0] for row, part in zip(rows, parts, strict=True) if part == "train")
    assert all(
        any(other[0] > train_ends for other, its in zip(rows, parts, strict=True) if its == part)
        for part in set(parts) - {"train"}
    )


def test_an_author_whose_last_row_is_late_is_tested_with_all_of_his_rows() -> None:
    rows = [(at, f"a{at}", None) for at in range(100)] + [
        (0, "a99", "an early text of some length"),
        (3, "friend", "AN EARLY TEXT OF SOME LENGTH"),
        (4, "a4", "an early"),
    ]
    parts, _ = parts_of(table(rows), "time")
    assert parts[99:] == ["test", "test", "test", "train"]


def test_times_that_tell_nothing_apart_are_refused() -> None:
    with pytest.raises(UserError) as error:
        parts_of(table([(7, f"a{i}", None) for i in range(50)]), "time")
    assert str(error.value) == (
        "the times of 50 rows leave a part of the data set empty: they end at 1 moments\n"
        "    → give more rows, or split them by author: split='author'"
    )


def test_by_author_the_fixed_split_is_kept_and_shared_texts_are_counted() -> None:
    rows = [(5, f"u_{i}", "one text that is for all of them") for i in range(60)] + [
        (5, None, "by nobody"),
        (5, None, None),
    ]
    parts, note = parts_of(table(rows), "author")
    assert parts == [*(part_of(f"u_{i}") for i in range(60)), part_of("by nobody"), part_of("e61")]
    assert note.endswith("; 60 rows have a text that stands on another side too")


def claims_of(values: list[int]) -> pa.Table:
    n = len(values)
    said = {"event_id": [f"e{i}" for i in range(n)], "label": ["bot"] * n, "value": values}
    return pa.table({**said, "value": pa.array(values, pa.int8())})


def test_time_splits_where_every_part_can_tell_both_sides_and_else_the_author_does() -> None:
    n = 400
    apart = table([(i, f"u{i}", None) for i in range(n)])
    assert best_split(apart, claims_of([i % 2 for i in range(n)])) == "time"
    assert best_split(apart, claims_of([int(i < n // 2) for i in range(n)])) == "author", "no late one holds"
    profiles = table([(7, f"u{i}", None) for i in range(n)])
    assert best_split(profiles, claims_of([i % 2 for i in range(n)])) == "author", "they have no time of their own"
    copied = table([(i, f"u{i}", "claim your prize at once" if i % 2 else None) for i in range(n)])
    assert best_split(copied, claims_of([i % 2 for i in range(n)])) == "author", "one text holds them together"
    few = EACH_SIDE * 4
    assert best_split(apart.slice(0, few), claims_of([i % 2 for i in range(few)])) == "author"
