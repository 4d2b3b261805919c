"""Few events are read value by value, many by columns, and both have the same feature rows and codes."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gatehouse.features.define import FeatureSet, ScoreColumn
from gatehouse.features.live import LiveHistory, advance
from gatehouse.features.profile import ProfileColumn
from gatehouse.features.text import COLUMNS
from gatehouse.features.windows import MOST_AMOUNT, Count, Distinct, RepeatShare, Sum, duration
from gatehouse.records.event import EVENT_SCHEMA, Entity, Event, to_batch, values_of
from gatehouse.text import rows
from gatehouse.text.arrow import text_bytes
from gatehouse.text.hashing import hash_bytes
from gatehouse.text.rows import FEW, Rows

DAY = duration("1d")
FEATURES = FeatureSet(
    columns=tuple(COLUMNS),
    profile=(
        ProfileColumn("age", "BIGINT"),
        ProfileColumn("ratio", "DOUBLE"),
        ProfileColumn("plan", "VARCHAR"),
        ProfileColumn("verified", "BOOLEAN"),
    ),
    scores=(ScoreColumn("heat", "pack.linear", "hot"),),
    windows=(
        Count(name="all", key=("actor",), window=DAY),
        Count(name="hot", key=("actor", "plan"), window=DAY, where="heat >= 500 OR verified"),
        Sum(name="paid", key=("target",), window=DAY, of="amount"),
        Sum(name="ages", key=("address",), window=DAY, of="age"),
        Distinct(name="ways", key=("actor",), window=DAY, of=("age", "verified"), cap=3),
        RepeatShare(name="same", key=("actor",), window=DAY, of=("text_hash",), cap=8),
    ),
)

texts = st.sampled_from([None, "", "Win a fr33 prize!!! https://a.example", "todo mundo vai hoje para casa"]) | st.text(
    st.characters(exclude_categories=["Cs"]), max_size=12
)
numbers = st.sampled_from([0, 1, -5, MOST_AMOUNT + 1, (1 << 63) - 1])
entities = st.none() | st.builds(Entity, st.just("account"), st.sampled_from(["a", "b", "é"]))
attributes = st.none() | st.fixed_dictionaries(
    {},
    optional={
        "age": numbers | st.sampled_from([1 << 63, "no number"]),
        "ratio": st.floats() | st.integers(-3, 3),
        "plan": st.sampled_from(["free", "", "no plan"]) | st.booleans(),
        "verified": st.booleans() | st.just(1),
    },
)
events_of = st.lists(
    st.tuples(
        st.fixed_dictionaries(
            {
                "text": texts,
                "language": st.sampled_from([None, "en", "pt"]),
                "actor": entities,
                "target": entities,
                "address": st.sampled_from([None, "x"]),
                "amount": st.none() | st.integers(0, 1 << 62),
                "attributes": attributes,
            }
        ),
        st.none() | st.integers(0, 1_000),
    ),
    max_size=6,
)


@settings(deadline=None, max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(said=events_of)
def test_few_events_have_the_features_and_codes_of_many(
    said: list[tuple[dict[str, Any], int | None]], monkeypatch: pytest.MonkeyPatch
) -> None:
    events = [Event(id=str(place), seen=place, **one) for place, (one, _) in enumerate(said)]
    scores = {"heat": [score for _, score in said]}
    windows = pa.RecordBatch.from_pylist(
        [dict.fromkeys(FEATURES.plan.schema.names, place) for place in range(len(said))], FEATURES.plan.schema
    )
    found = []
    for few in (FEW, -1):
        monkeypatch.setattr(rows, "FEW", few)
        given = Rows(EVENT_SCHEMA, len(events), values=values_of(events)) if few == FEW else Rows.of(to_batch(events))
        own = FEATURES.compute_rows(given)
        coded = FEATURES.plan.code_rows(given, own, scores, 7)
        coded.validate(full=True)
        known, unknown = (FEATURES.rows_with_windows(own, told) for told in (windows, None))
        assert known.batch.schema.equals(pa.schema([*FEATURES.schema, *list(own.schema)[-2:]]))
        found.append((own.batch, coded, known.batch, unknown.batch))
        assert all(list(one.values) == one.schema.names for one in (own, known, unknown))
        assert repr(list(known.values.items())) == repr([(name, known.one(name)) for name in known.schema.names])
    for one, other in zip(*found, strict=True):
        assert one.schema.equals(other.schema)
        assert repr(one.to_pylist()) == repr(other.to_pylist())


@settings(deadline=None, max_examples=60)
@given(said=events_of, copies=st.sampled_from([1, FEW]))
def test_a_code_is_made_of_hashes_of_its_columns(said: list[tuple[dict[str, Any], int | None]], copies: int) -> None:
    events = [Event(id=str(place), seen=place, **one) for place, (one, _) in enumerate(said * copies)]
    batch = to_batch(events)
    own = FEATURES.compute(batch)
    found = FEATURES.plan.code_rows(Rows.of(batch), Rows.of(own), {"heat": [score for _, score in said * copies]})
    actors, plans = batch.column("actor"), own.column("plan")
    alone = hash_bytes(text_bytes(actors))
    together = (alone ^ (alone >> np.uint64(31))) * np.uint64(0x9E3779B97F4A7C15) + hash_bytes(text_bytes(plans), 1)
    for name, hashed, columns in (("k_actor", alone, (actors,)), ("k_actor_and_plan", together, (actors, plans))):
        known = [all(column[row].is_valid for column in columns) for row in range(len(events))]
        wanted = [int(one) >> 1 if there else None for one, there in zip(hashed, known, strict=True)]
        assert found.column(name).to_pylist() == wanted


@settings(deadline=None, max_examples=60)
@given(said=events_of, copies=st.sampled_from([1, FEW]))
def test_a_history_says_the_same_past_arrow(said: list[tuple[dict[str, Any], int | None]], copies: int) -> None:
    # Times that are alike and out of order have to be put in order.
    events = [Event(id=str(place), seen=place * 7 % 5, **one) for place, (one, _) in enumerate(said * copies)]
    given_ = Rows(EVENT_SCHEMA, len(events), values=values_of(events))
    coded = FEATURES.plan.coded_of(given_, FEATURES.compute_rows(given_), {"heat": [900] * len(events)})

    class Shared:
        """A history that takes batches alone, as one on another machine does."""

        def __init__(self) -> None:
            self.live = LiveHistory(FEATURES.plan)
            self.roll_back, self.replay, self.advance = self.live.roll_back, self.live.replay, self.live.advance

    past, through = advance(LiveHistory(FEATURES.plan), coded), advance(Shared(), coded)
    assert past.batch.equals(through.batch)
    assert past.values == through.values == past.batch.to_pydict()
    past.batch.validate(full=True)
