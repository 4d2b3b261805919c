"""The check of a new actor model: rows on every limit, and a refusal where a graph is not what was fitted."""

import numpy as np
import pytest

from gatehouse.errors import RefusedError
from gatehouse.training.actor_check import at_the_limits, check
from gatehouse.training.actor_onnx import Forest, to_onnx

TREE = {
    "split_feature": 0,
    "threshold": 2.5,
    "missing_type": "None",
    "left_child": {"leaf_value": -1.0},
    "right_child": {"leaf_value": 1.0},
}


def test_rows_stand_on_each_limit_and_next_to_it_and_one_is_unknown() -> None:
    rows = at_the_limits([[1.0, 2.0, 3.0], [], [5.0]])
    assert rows.shape == (10, 3)
    assert rows[:3].tolist()[0][0] == 1.0
    assert set(rows[:9, 0]) == {near for limit in (1.0, 2.0, 3.0) for near in (limit, *np.nextafter(limit, [-9, 9]))}
    assert set(rows[:9, 2]) == {5.0, *np.nextafter(5.0, [0, 9])}
    assert np.isnan(rows[:, 1]).all()
    assert np.isnan(rows[-1]).all()
    assert at_the_limits([[], []]).shape == (1, 2)
    assert at_the_limits([[1e300]])[:3, 0].tolist() == [1e300, np.nextafter(1e300, 0), 1e300]


def test_a_graph_that_scores_as_was_fitted_passes_and_another_is_refused() -> None:
    graph = to_onnx([Forest([TREE], 1.0, 0.0)], [0])
    rows = at_the_limits([[2.5]])
    expected = 1 / (1 + np.exp(np.array([[1.0], [1.0], [-1.0], [1.0]])))
    check(graph, rows, expected, "made.actor")
    with pytest.raises(RefusedError, match=r"made\.actor: ONNX Runtime [\d.]+ and LightGBM are 4\.6e-01 apart"):
        check(graph, rows, 1 - expected, "made.actor")
    with pytest.raises(RefusedError, match="LightGBM are nan apart"):
        check(graph, rows, np.full_like(expected, np.nan), "made.actor")
