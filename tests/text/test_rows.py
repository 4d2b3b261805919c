"""Rows say the same whether they were given as Arrow's or as Python's values."""

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatehouse.text.arrow import bytes_of, joined, text_bytes, texts_of
from gatehouse.text.rows import FEW, Rows

SCHEMA = pa.schema([("said", pa.string()), ("n", pa.int64()), ("share", pa.float64()), ("sure", pa.bool_())])

row = st.fixed_dictionaries(
    {
        "said": st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
        "n": st.none() | st.integers(-(1 << 63), (1 << 63) - 1),
        "share": st.none() | st.floats(allow_nan=False),
        "sure": st.none() | st.booleans(),
    }
)


@settings(deadline=None, max_examples=60)
@given(st.lists(row, max_size=FEW + 3), st.data())
def test_rows_of_values_are_rows_of_the_same_batch(said: list[dict[str, object]], data: st.DataObject) -> None:
    batch = pa.RecordBatch.from_pylist(said, schema=SCHEMA)
    of_batch = Rows.of(batch)
    of_values = Rows(SCHEMA, len(said), values={name: [one[name] for one in said] for name in SCHEMA.names})
    assert of_values.batch.equals(batch)
    assert of_values.few == of_batch.few == (len(said) <= FEW)
    for name in SCHEMA.names:
        assert of_batch.values[name] == of_batch.one(name) == of_values.one(name)
        assert of_values.column(name).equals(of_batch.column(name))
        assert of_values.nulls(name).tolist() == of_batch.nulls(name).tolist()
    mixed = Rows(
        SCHEMA,
        len(said),
        arrays={name: batch.column(name) for name in ("said", "share")},
        values={name: of_batch.values[name] for name in ("n", "sure")},
    )
    assert mixed.values == of_batch.values
    assert mixed.batch.equals(batch)
    for rows in (of_batch, of_values, mixed):
        changed = rows.with_columns(pa.schema([("new", pa.int64()), *list(SCHEMA)[:2]]), {"new": batch.column("n")})
        assert changed.batch.to_pydict() == {"new": of_batch.values["n"], **batch.select([0, 1]).to_pydict()}
        assert ("new" in changed, "said" in changed, "share" in changed, "new" in rows) == (True, True, False, False)
    some = data.draw(st.lists(st.sampled_from(range(len(said))), unique=True)) if said else []
    for rows in (of_values, of_batch, mixed):
        assert rows.take(some).batch.to_pylist() == [said[i] for i in some]
        assert rows.take(some).values == {name: [said[i][name] for i in some] for name in SCHEMA.names}
        assert texts_of(rows.take(some).texts("said")) == [said[i]["said"] for i in some]


@settings(deadline=None, max_examples=60)
@given(st.lists(st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=8), max_size=5))
def test_texts_are_laid_out_alike_and_read_back(texts: list[str | None]) -> None:
    one, other = bytes_of(texts), text_bytes(pa.array(texts, pa.string()))
    assert (one.data.tobytes(), one.offsets.tolist(), one.nulls) == (
        other.data.tobytes(),
        other.offsets.tolist(),
        other.nulls,
    )
    assert one.valid.tolist() == other.valid.tolist()
    assert texts_of(one) == texts_of(other) == texts


def test_joined_columns_are_one_behind_the_other() -> None:
    parts = [["a", None, "éé"], [], [None], ["", "b"]]
    whole = joined([bytes_of(part) for part in parts])
    assert texts_of(whole) == ["a", None, "éé", None, "", "b"]
    assert (whole.nulls, whole.data.flags.writeable) == (2, False)
    assert texts_of(joined([])) == []


def test_half_of_a_pair_is_refused() -> None:
    with pytest.raises(UnicodeEncodeError):
        bytes_of(["\ud800"])
