"""The trees that score: what ONNX Runtime and LightGBM make of them, in any shape; and graphs that are none."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache
from typing import Any

import lightgbm
import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatehouse.detectors.actor_graph import read_graph
from gatehouse.detectors.actor_trees import Trees
from gatehouse.training.actor_onnx import Forest, to_onnx

LARGE = 2**53
LIMITS = (-1e300, -LARGE, -1.5, -0.0, 0.0, 1e-35, 0.5, 3.0, LARGE, LARGE + 2, 2.0**62, 1e300)


def by_runtime(graph: bytes, x: np.ndarray) -> np.ndarray:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    found: np.ndarray = session.run(["probability"], {"x": x})[0]
    return found


def grown(rng: np.random.Generator, leaves: int, columns: int) -> dict[str, Any]:
    """A tree of any shape, as LightGBM's `dump_model` would give it."""
    if leaves == 1:
        return {"leaf_value": float(rng.normal())}
    left = int(rng.integers(1, leaves))
    return {
        "split_feature": int(rng.integers(columns)),
        "threshold": float(rng.choice(LIMITS)),
        "missing_type": str(rng.choice(["None", "NaN"])),
        "default_left": bool(rng.integers(2)),
        "left_child": grown(rng, left, columns),
        "right_child": grown(rng, leaves - left, columns),
    }


def rows(rng: np.random.Generator, n: int, columns: int) -> np.ndarray:
    """Rows of what is hard: on a limit, next to it, unknown, infinite, large, small."""
    limits = np.array(LIMITS)
    hard = np.concatenate(
        [limits, np.nextafter(limits, -np.inf), np.nextafter(limits, np.inf), [np.nan] * 9, [np.inf, -np.inf, 2.0**63]]
    )
    found: np.ndarray = np.where(
        rng.random((n, columns)) < 0.8, rng.choice(hard, (n, columns)), rng.normal(size=(n, columns))
    )
    return found


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 2**32),
    leaves=st.lists(st.lists(st.integers(1, 200), max_size=6), min_size=1, max_size=3),
    columns=st.integers(1, 7),
    n=st.sampled_from([0, 1, 7, 8, 63, 64, 65, 200]),
)
def test_trees_of_any_shape_give_what_onnx_runtime_gives(
    seed: int, leaves: list[list[int]], columns: int, n: int
) -> None:
    rng = np.random.default_rng(seed)
    forests = [
        Forest([grown(rng, some, columns) for some in each], float(rng.normal()), float(rng.normal()))
        for each in leaves
    ]
    x = rows(rng, n, columns)
    graph = to_onnx(forests, range(columns))
    found = Trees(graph, columns, len(forests)).probabilities(x)
    np.testing.assert_allclose(found, by_runtime(graph, x) if n else np.empty((0, len(forests))), rtol=0, atol=1e-12)
    alone = [Trees(graph, columns, len(forests)).probabilities(row[None]) for row in x[:5]]
    np.testing.assert_array_equal(np.concatenate([*alone, found[:0]]), found[:5])


Shape = tuple[int, int, int, int, int]
"""Labels, trees, leaves, columns of numbers and of truth values."""

SHAPES: dict[str, Shape] = {
    "bots": (1, 100, 31, 9, 6),
    "fake-engagement": (1, 50, 15, 15, 0),
    "others": (3, 20, 90, 4, 2),
}


@cache
def fitted(shape: Shape) -> tuple[tuple[lightgbm.Booster, ...], bytes]:
    labels, trees, leaves, numbers, flags = shape
    rng = np.random.default_rng(0)
    x = np.column_stack([rng.poisson(30, (3_000, numbers)) ** 3, rng.random((3_000, flags)) < 0.5]).astype(float)
    x[:, 0] = LARGE + 2 * rng.integers(0, 3_000, 3_000)
    x[:, 1::2][rng.random(x[:, 1::2].shape) < 0.1] = np.nan
    boosters = []
    for label in range(labels):
        y = np.nansum(np.sign(x - np.nanmedian(x, axis=0)), axis=1) + rng.normal(size=3_000) > label
        said = {"objective": "binary", "num_leaves": leaves, "num_threads": 1, "verbosity": -1, "seed": label}
        boosters.append(lightgbm.train(said, lightgbm.Dataset(x, y.astype(float)), trees))
    forests = [
        Forest([tree["tree_structure"] for tree in one.dump_model()["tree_info"]], 0.7, -0.2) for one in boosters
    ]
    return tuple(boosters), to_onnx(forests, range(numbers + flags))


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 2**32))
def test_trees_of_shipped_shapes_onnx_runtime_and_lightgbm_are_one(shape: Shape, seed: int) -> None:
    boosters, graph = fitted(shape)
    columns = shape[3] + shape[4]
    rng = np.random.default_rng(seed)
    limits = _limits(graph, columns)
    on = np.column_stack([rng.choice(limits[column], 150) for column in range(columns)])
    ordinary = np.where(rng.random((150, columns)) < 0.1, np.nan, rng.poisson(30, (150, columns)) ** 3)
    x = np.vstack([on, np.nextafter(on, -np.inf), np.nextafter(on, np.inf), ordinary, rows(rng, 150, columns)])
    found = Trees(graph, columns, len(boosters)).probabilities(x)
    np.testing.assert_allclose(found, by_runtime(graph, x), rtol=0, atol=1e-12)
    # LightGBM writes a limit above all values as 1e300, which what is infinite does not pass.
    told = ~(np.abs(x) > 1e300).any(axis=1)
    log_odds = [0.7 * one.predict(x[told], raw_score=True, num_threads=1) - 0.2 for one in boosters]
    np.testing.assert_allclose(found[told], 1 / (1 + np.exp(-np.column_stack(log_odds))), rtol=0, atol=1e-12)


def _limits(graph: bytes, columns: int) -> list[np.ndarray]:
    read = read_graph(graph, columns, len(set(_targets(graph))))
    features = np.array(read.features)
    return [np.append(read.limits[features == column], 0.0) for column in range(columns)]


def _targets(graph: bytes) -> Sequence[int]:
    return attribute(onnx.load_from_string(graph), "leaf_targetids").ints


def attribute(model: onnx.ModelProto, name: str) -> onnx.AttributeProto:
    return next(one for one in model.graph.node[0].attribute if one.name == name)


def test_what_is_read_is_what_the_library_of_onnx_reads() -> None:
    _, graph = fitted(SHAPES["others"])
    read, model = read_graph(graph, 6, 3), onnx.load_from_string(graph)
    for name, found in {
        "tree_roots": read.roots,
        "nodes_featureids": read.features,
        "nodes_missing_value_tracks_true": read.missing,
        "nodes_truenodeids": read.true,
        "nodes_trueleafs": read.true_is_leaf,
        "nodes_falsenodeids": read.false,
        "nodes_falseleafs": read.false_is_leaf,
        "leaf_targetids": read.labels,
    }.items():
        assert list(attribute(model, name).ints) == found
    np.testing.assert_array_equal(onnx.numpy_helper.to_array(attribute(model, "nodes_splits").t), read.limits)
    np.testing.assert_array_equal(onnx.numpy_helper.to_array(attribute(model, "leaf_weights").t), read.weights)


def test_log_odds_beyond_all_bounds_are_certainties() -> None:
    leaf = {"leaf_value": 1.0}
    graph = to_onnx([Forest([leaf], 2_000.0, 0.0), Forest([leaf], -2_000.0, 0.0)], [0])
    assert Trees(graph, 1, 2).probabilities(np.zeros((1, 1))).tolist() == [[1.0, 0.0]]


def _small() -> onnx.ModelProto:
    rng = np.random.default_rng(1)
    return onnx.load_from_string(to_onnx([Forest([grown(rng, 5, 2), grown(rng, 4, 2)], 1.0, 0.0)], [0, 1]))


def _other_mode(model: onnx.ModelProto) -> None:
    attribute(model, "nodes_modes").t.int32_data[2] = 1


def _minimum(model: onnx.ModelProto) -> None:
    attribute(model, "aggregate_function").i = 2


def _circle(model: onnx.ModelProto) -> None:
    ids, leafs = attribute(model, "nodes_truenodeids").ints, attribute(model, "nodes_trueleafs").ints
    ids[2], leafs[2] = 0, 0


def _one_in_two_trees(model: onnx.ModelProto) -> None:
    attribute(model, "tree_roots").ints[1] = 0


def _nowhere(model: onnx.ModelProto) -> None:
    attribute(model, "nodes_falsenodeids").ints[1] = 99


def _unknown_column(model: onnx.ModelProto) -> None:
    attribute(model, "nodes_featureids").ints[1] = 2


def _no_tree(model: onnx.ModelProto) -> None:
    del attribute(model, "tree_roots").ints[:]
    attribute(model, "tree_roots").i = 10**6


def _infinite(model: onnx.ModelProto) -> None:
    attribute(model, "nodes_splits").t.double_data[1] = np.inf


def _negative(model: onnx.ModelProto) -> None:
    attribute(model, "nodes_truenodeids").ints[0] = -1


def _shorter(model: onnx.ModelProto) -> None:
    del attribute(model, "nodes_featureids").ints[0]


def _no_sigmoid(model: onnx.ModelProto) -> None:
    del model.graph.node[1]


def _unnamed(model: onnx.ModelProto) -> None:
    attribute(model, "tree_roots").name = "roots"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_other_mode, "it has another nodes_modes"),
        (_minimum, "it has another aggregate_function"),
        (_circle, "a split leads back to itself"),
        (_one_in_two_trees, "a split stands in two trees"),
        (_nowhere, "a split leads nowhere"),
        (_negative, "a split leads nowhere"),
        (_no_tree, "a split leads nowhere"),
        (_unknown_column, "it splits or speaks of what there is not"),
        (_infinite, "it splits or speaks of what there is not"),
        (_shorter, "its lists are not of one length"),
        (_no_sigmoid, "it is no sigmoid of summed trees"),
        (_unnamed, "it is cut short or of another make"),
    ],
)
def test_a_graph_of_another_make_is_refused_and_never_read_as_something_else(
    change: Callable[[onnx.ModelProto], None], message: str
) -> None:
    model = _small()
    Trees(model.SerializeToString(), 2, 1)
    change(model)
    with pytest.raises(ValueError, match=message):
        Trees(model.SerializeToString(), 2, 1)


def test_a_graph_of_other_labels_is_refused() -> None:
    with pytest.raises(ValueError, match="it has another n_targets"):
        Trees(_small().SerializeToString(), 2, 2)


@settings(deadline=None, max_examples=80)
@given(cut=st.integers(0, 10**6), flip=st.integers(0, 10**6), bit=st.integers(0, 7), shorten=st.booleans())
def test_a_broken_graph_is_refused_or_read_but_never_anything_worse(
    cut: int, flip: int, bit: int, shorten: bool
) -> None:
    data = bytearray(_small().SerializeToString())
    if shorten:
        data = data[: cut % len(data)]
    else:
        data[flip % len(data)] ^= 1 << bit
    with suppress(ValueError):
        found = Trees(bytes(data), 2, 1).probabilities(np.zeros((3, 2)))
        assert found.shape == (3, 1)
