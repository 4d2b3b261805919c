"""Ids that came before are found, over any split into calls."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatehouse.datasets import repeats
from gatehouse.datasets.repeats import Came, Repeats


def plain(rows: list[tuple[int, int]]) -> list[Came]:
    """What `came` means, one row after the other."""
    first: dict[int, int] = {}
    answer = []
    for id_, content in rows:
        if id_ not in first:
            first[id_] = content
            answer.append(Came.NEW)
        else:
            answer.append(Came.AGAIN if first[id_] == content else Came.AGAIN_WITH_OTHER_CONTENT)
    return answer


@settings(deadline=None, max_examples=60)
@given(
    rows=st.lists(st.tuples(st.integers(0, 12), st.integers(0, 2)), max_size=60),
    size=st.integers(1, 9),
    largest=st.integers(2, 20),
)
def test_equal_to_the_plain_form_however_the_rows_are_cut(rows: list[tuple[int, int]], size: int, largest: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(repeats, "LARGEST_RUN", largest)
        seen = Repeats()
        answer: list[int] = []
        for start in range(0, len(rows), size):
            part = np.array(rows[start : start + size], np.uint64).reshape(-1, 2)
            answer.extend(seen.came(part[:, 0], part[:, 1]).tolist())
        seen.close()
    assert answer == plain(rows)
