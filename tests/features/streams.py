"""Streams of coded events that are hard on windows, and a set of declarations of every kind."""

from collections.abc import Iterator, Sequence

import pyarrow as pa
from hypothesis import strategies as st

from gatehouse.features.define import FeatureSet
from gatehouse.features.plan import Plan, code_name, in_log_order
from gatehouse.features.windows import MOST_AMOUNT, Age, Count, Distinct, RepeatShare, Sum, duration

ACTOR, TARGET, PAIR = ("actor",), ("target",), ("actor", "target")

EVERYTHING = FeatureSet(
    windows=(
        Count(name="posts", key=ACTOR, window=duration("1h")),
        Count(name="messages", key=ACTOR, window=duration("90m"), where="kind = 'message'"),
        Count(name="posts_at_most", key=ACTOR, window=duration("1d"), cap=3),
        Count(name="received", key=ACTOR, under=TARGET, window=duration("1h")),
        Count(name="between", key=PAIR, window=duration("7d"), where="kind <> 'follow'"),
        Sum(name="paid", key=ACTOR, window=duration("1h"), of="amount"),
        Sum(name="paid_at_most", key=ACTOR, window=duration("3s"), of="amount", cap=500, where="kind = 'message'"),
        Sum(name="got", key=ACTOR, under=TARGET, window=duration("1d"), of="amount"),
        Distinct(name="targets", key=ACTOR, window=duration("1h"), of=TARGET, cap=2),
        Distinct(name="actors_here", key=("address",), window=duration("90m"), of=ACTOR, where="kind = 'message'"),
        Distinct(name="pairs_here", key=("address",), window=duration("30s"), of=PAIR, cap=3),
        RepeatShare(name="same_target", key=ACTOR, window=duration("1h"), of=TARGET, cap=3),
        RepeatShare(name="same_sender", key=ACTOR, under=TARGET, window=duration("90m"), of=ACTOR),
        Age(name="age", key=ACTOR, window=duration("1h")),
        Age(name="first_received", key=ACTOR, under=TARGET, window=duration("1d"), where="kind = 'message'"),
    )
)

_DAY = 86_400_000_000
_START = 1_700_000_000_000_000
_GAPS = st.one_of(
    st.sampled_from([0, 0, 0, 1, 49_999, 50_000, 500_000, 60_000_000, 1_500_000_000]),
    st.sampled_from([0, 0, 1, 20_000, 50_000, 1_000_000]),
    # What falls on the edges of windows and of steps, and what comes late.
    st.sampled_from(
        [-1, -60_000_000, -3_660_000_000, -_DAY, 3_599_999_999, 3_600_000_000, 3_660_000_000, 5_400_000_000]
    ),
    st.integers(-7_200_000_000, 7_200_000_000),
    st.sampled_from([_DAY, 3 * _DAY, 8 * _DAY]),
)
# The same few codes for actors and targets, so that one is read under what the other was counted; hot ones first.
_CODES = st.sampled_from([7, 7, 7, 7, -1, -1, 0, -(2**63), 2**63 - 1, None])
_AMOUNTS = st.sampled_from([0, 1, 2, 250, 300, -40, MOST_AMOUNT, -MOST_AMOUNT, None])
_EVENTS = st.tuples(_GAPS, _CODES, _CODES, _CODES, st.booleans(), st.booleans(), _AMOUNTS)


@st.composite
def streams(draw: st.DrawFn, most_events: int = 40, first_place: int = 0) -> list[pa.RecordBatch]:
    """Batches of events coded for EVERYTHING, as a log would know them; ids are unique and in no order.

    Each batch stands in the order of (seen, id), places begin at `first_place`, `row` counts through the stream.
    """
    # Left to itself, a list of events is mostly short, and little would happen in it.
    n = draw(st.sampled_from([1, most_events // 4, most_events // 2, most_events, most_events]))
    events = draw(st.lists(_EVENTS, min_size=n, max_size=n))
    sizes = draw(st.lists(st.integers(1, 9), min_size=1, max_size=6))
    ids = draw(st.permutations(range(len(events))))
    rows, time = [], draw(st.sampled_from([_START, _START + 1, 0, 8 * _DAY]))
    for id_, (gap, *said) in zip(ids, events, strict=True):
        seen = max(time + gap, 0)
        rows.append(_coded(f"e{id_:03d}", seen, *said))
        # A late event is late by itself: those after it go on where the others were.
        time = max(time, seen)
    return list(in_log(EVERYTHING.plan, list(_cut(rows, sizes)), first_place))


def in_log(plan: Plan, batches: Sequence[list[dict]], first_place: int = 0) -> Iterator[pa.RecordBatch]:
    """Batches of rows as a log that advanced them one after the other knows them."""
    clock, place, row = 0, first_place, 0
    for rows in batches:
        rows = sorted(rows, key=lambda row: (row["seen"], row["id"]))
        rows = [{**one, "row": row + i, "place": 0, "known": one["seen"]} for i, one in enumerate(rows)]
        batch = in_log_order(pa.RecordBatch.from_pylist(rows, schema=plan.coded), clock, place)
        clock, place, row = batch.column("known")[-1].as_py(), place + len(rows), row + len(rows)
        yield batch


def _coded(
    id_: str,
    seen: int,
    actor: int | None,
    target: int | None,
    address: int | None,
    message: bool,
    no_follow: bool,
    amount: int | None,
) -> dict:
    pair = None if actor is None or target is None else hash((actor, target))
    codes = {ACTOR: actor, TARGET: target, ("address",): address, PAIR: pair}
    said = {code_name(columns): code for columns, code in codes.items()}
    return {"id": id_, "seen": seen, **said, "f_0": int(message), "f_1": int(no_follow or message), "a_amount": amount}


def _cut(rows: list[dict], sizes: list[int]) -> Iterator[list[dict]]:
    start = 0
    while start < len(rows):
        for size in sizes:
            if start < len(rows):
                yield rows[start : start + size]
                start += size
