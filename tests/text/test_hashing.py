"""Equal texts have equal hashes, wherever they stand in an Arrow array."""

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from gatehouse.text.hashing import hash64

texts = st.lists(st.none() | st.text(max_size=20), max_size=20)


@settings(deadline=None, max_examples=60)
@given(texts)
def test_equal_texts_and_only_those_have_equal_hashes(values: list[str | None]) -> None:
    found = hash64(pa.array(values, pa.string())).tolist()
    assert [found.index(h) for h in found] == [values.index(value) for value in values]


@settings(deadline=None, max_examples=60)
@given(texts, st.integers(0, 5))
def test_slices_and_large_strings_hash_alike(values: list[str | None], start: int) -> None:
    whole = hash64(pa.array(values, pa.string()))[start:]
    for kind in (pa.string(), pa.large_string()):
        assert hash64(pa.array(values, kind).slice(start)).tolist() == whole.tolist()


def test_a_seed_gives_other_hashes() -> None:
    array = pa.array(["a", None])
    assert not set(hash64(array, seed=1).tolist()) & set(hash64(array, seed=2).tolist())
