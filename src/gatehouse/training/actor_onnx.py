"""Boosted trees as one ONNX graph that gives calibrated probabilities, with float64 throughout.

Known converters write the thresholds as float32, with which a time in microseconds falls on the wrong side of a split.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

OPSETS = {"": 18, "ai.onnx.ml": 5}
"""Versions of the operators: the fifth of ai.onnx.ml is the first whose trees take and give float64."""

_IR_VERSION = 10
_LEQ, _SUM, _AS_THEY_ARE = 0, 1, 0

Tree = Mapping[str, Any]
"""A node as LightGBM's `dump_model` gives it, with its children in it."""


@dataclass(frozen=True, eq=False)
class Forest:
    """One label's trees, none where nothing was learnt; its log-odds are `slope * their sum + offset`."""

    trees: Sequence[Tree]
    slope: float
    offset: float


@dataclass(eq=False)
class _Nodes:
    """The attributes of ONNX's TreeEnsemble."""

    tree_roots: list[int] = field(default_factory=list)
    nodes_featureids: list[int] = field(default_factory=list)
    nodes_splits: list[float] = field(default_factory=list)
    nodes_truenodeids: list[int] = field(default_factory=list)
    nodes_falsenodeids: list[int] = field(default_factory=list)
    nodes_trueleafs: list[int] = field(default_factory=list)
    nodes_falseleafs: list[int] = field(default_factory=list)
    nodes_missing_value_tracks_true: list[int] = field(default_factory=list)
    leaf_targetids: list[int] = field(default_factory=list)
    leaf_weights: list[float] = field(default_factory=list)

    def add(self, tree: Tree, place: Sequence[int], target: int, slope: float, offset: float) -> None:
        """Add one tree whose leaves give `slope * value + offset`; `place` is where each of its features stands."""
        self.tree_roots.append(len(self.nodes_splits))
        if "leaf_value" in tree:
            # A root must be a split, so one leaf becomes a split with the same leaf on both sides.
            tree, place = {**_STUMP, "left_child": tree, "right_child": tree}, (0,)
        waiting = [(tree, self._node(tree, place))]
        while waiting:
            parent, node = waiting.pop()
            sides = (
                (parent["left_child"], self.nodes_truenodeids, self.nodes_trueleafs),
                (parent["right_child"], self.nodes_falsenodeids, self.nodes_falseleafs),
            )
            for child, ids, leafs in sides:
                if "leaf_value" in child:
                    ids[node], leafs[node] = len(self.leaf_weights), 1
                    self.leaf_targetids.append(target)
                    self.leaf_weights.append(slope * child["leaf_value"] + offset)
                else:
                    ids[node] = self._node(child, place)
                    waiting.append((child, ids[node]))

    def _node(self, split: Tree, place: Sequence[int]) -> int:
        """The number of a new split, whose sides are still open."""
        self.nodes_featureids.append(place[split["split_feature"]])
        self.nodes_splits.append(split["threshold"])
        # Trees that never saw a value missing take it for 0.
        learnt = split["missing_type"] == "NaN"
        self.nodes_missing_value_tracks_true.append(int(split["default_left"] if learnt else split["threshold"] >= 0))
        for sides in (self.nodes_truenodeids, self.nodes_falsenodeids, self.nodes_trueleafs, self.nodes_falseleafs):
            sides.append(0)
        return len(self.nodes_splits) - 1


_STUMP = {"split_feature": 0, "threshold": 0.0, "missing_type": "None"}


def to_onnx(forests: Sequence[Forest], place: Sequence[int]) -> bytes:
    """The graph from `x`, float64 [n, columns], NaN where not known, to `probability`, float64 [n, labels].

    `place` is the column of `x` in which each feature that the trees were fitted on stands. Equal forests give equal
    bytes.
    """
    from onnx import TensorProto, helper

    nodes = _Nodes()
    for target, forest in enumerate(forests):
        first, *others = forest.trees or [{"leaf_value": 0.0}]
        nodes.add(first, place, target, forest.slope, forest.offset)
        for tree in others:
            nodes.add(tree, place, target, forest.slope, 0.0)
    said = dict(vars(nodes))
    splits, weights = said.pop("nodes_splits"), said.pop("leaf_weights")
    node = helper.make_node(
        "TreeEnsemble",
        ["x"],
        ["log_odds"],
        domain="ai.onnx.ml",
        n_targets=len(forests),
        aggregate_function=_SUM,
        # ONNX Runtime leaves the transform out where there is one target, so it is a node of its own.
        post_transform=_AS_THEY_ARE,
        nodes_modes=helper.make_tensor("modes", TensorProto.UINT8, [len(splits)], [_LEQ] * len(splits)),
        nodes_splits=helper.make_tensor("splits", TensorProto.DOUBLE, [len(splits)], splits),
        leaf_weights=helper.make_tensor("weights", TensorProto.DOUBLE, [len(weights)], weights),
        **said,
    )
    graph = helper.make_graph(
        [node, helper.make_node("Sigmoid", ["log_odds"], ["probability"])],
        "actor",
        [helper.make_tensor_value_info("x", TensorProto.DOUBLE, ["n", max(place, default=0) + 1])],
        [helper.make_tensor_value_info("probability", TensorProto.DOUBLE, ["n", len(forests)])],
    )
    opsets = [helper.make_opsetid(domain, version) for domain, version in OPSETS.items()]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=_IR_VERSION, producer_name="gatehouse")
    found: bytes = model.SerializeToString(deterministic=True)
    return found
