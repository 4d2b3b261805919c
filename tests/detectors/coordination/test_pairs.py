"""Counting pairs by SQL equals counting them one by one, on every engine."""

from collections import Counter
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.detectors.coordination.streams import AT, Row, event, members, ring, stream

from gatehouse.adapters.duckdb.engine import DuckDbEngine
from gatehouse.detectors.coordination import Settings
from gatehouse.detectors.coordination.acts import Acts, read
from gatehouse.detectors.coordination.cells import Counted, counted, rhythm
from gatehouse.detectors.coordination.pairs import count
from gatehouse.ports.sql_engine import SqlEngine

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

LENGTH = 60
CHOSEN = Settings(lengths=(LENGTH,), fewest=2, crowd=5)

ROWS = st.lists(
    st.builds(
        lambda who, whom, home, at: event(f"account:{who}", at, target=f"account:t{whom}", address=f"a{home}"),
        st.integers(0, 6),
        st.integers(0, 3),
        st.integers(0, 2),
        st.integers(-200, 200),
    ),
    max_size=60,
)


def useful(rows: list[Row], chosen: Settings = CHOSEN) -> tuple[Acts, Counted]:
    acts = read(stream(rows), chosen)
    grids = rhythm(acts, chosen.lengths[0]).grids
    return acts, counted(grids, tuple(acts.means_of[grid.thing] for grid in grids), chosen)


def by_sql(engine: SqlEngine, rows: Counted, fewest: int) -> dict[tuple[int, int, int], int]:
    a, b, means, together = count(engine, rows, fewest)
    keys = zip(a.tolist(), b.tolist(), means.tolist(), strict=True)
    return dict(zip(keys, together.tolist(), strict=True))


def one_by_one(rows: list[Row]) -> dict[tuple[str, str, str], int]:
    """Different things that two accounts share in a bucket of either grid with at most a crowd in it."""
    cells: dict[tuple[str, str, int, int], set[str]] = {}
    for row in rows:
        for means in ("target", "address"):
            for grid in (0, 1):
                at = row["seen"] + grid * LENGTH // 2
                # Whole halves of a bucket, so that the moved grid is that of half a length.
                slot = (at // (LENGTH // 2) * (LENGTH // 2)) // LENGTH
                cells.setdefault((means, row[means], grid, slot), set()).add(row["actor"])
    met = {
        (one, other, means, thing)
        for (means, thing, _, _), who in cells.items()
        if len(who) <= CHOSEN.crowd
        for one, other in combinations(sorted(who), 2)
    }
    counts = Counter((one, other, means) for one, other, means, _ in met)
    return {pair: n for pair, n in counts.items() if n >= CHOSEN.fewest}


@settings(deadline=None, max_examples=15)
@given(ROWS)
def test_pairs_by_sql_are_those_counted_one_by_one(rows: list[Row]) -> None:
    acts, kept = useful(rows)
    names = acts.actors.to_pylist()
    found = {}
    for (a, b, means), together in by_sql(DuckDbEngine(threads=1), kept, CHOSEN.fewest).items():
        one, other = sorted((names[a], names[b]))
        found[one, other, ("target", "text", "address")[means]] = together
    assert found == one_by_one(rows)


def test_a_meeting_over_the_edge_of_a_bucket_counts_once() -> None:
    edge = -AT % LENGTH
    rows = [
        event(f"account:{who}", edge + at, target=f"t:{i}") for i in range(2) for who, at in ((1, -1), (2, 1), (2, 2))
    ]
    _, kept = useful(rows)
    assert list(by_sql(DuckDbEngine(threads=1), kept, 2).values()) == [2]


@pytest.mark.engines
@pytest.mark.xdist_group("spark")
def test_spark_counts_the_same_pairs(spark: "SparkSession") -> None:
    from gatehouse.adapters.spark.engine import SparkEngine

    _, kept = useful(members(1) + ring(1), Settings(lengths=(86_400_000_000,)))
    here = by_sql(DuckDbEngine(threads=1), kept, 3)
    assert by_sql(SparkEngine(spark), kept, 3) == here
    assert len(here) >= 66
    assert np.all(np.array(list(here.values())) >= 3)
