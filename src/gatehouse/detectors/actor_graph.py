"""The trees that the ONNX graph of an actor model holds, read from its bytes.

ONNX is written as protocol buffers, a row of numbered fields, which take less time to read here than a library for them
takes to load. Only a graph as training writes it is read: the sum of one TreeEnsemble (opset 5 of ai.onnx.ml) whose
splits ask `x <= limit`, and the sigmoid of that sum.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

# Numbers that ONNX gives to the fields of its messages: of the model, the graph, a node, an attribute and a tensor.
_GRAPH = 7
_NODE = 1
_INPUT, _OUTPUT, _OPERATOR, _ATTRIBUTE, _DOMAIN = 1, 2, 4, 5, 7
_NAME, _INTEGER, _TENSOR, _INTEGERS = 1, 3, 5, 8
_SMALL_INTEGERS, _DOUBLES = 5, 10

_VARINT, _EIGHT_BYTES, _BYTES, _FOUR_BYTES = 0, 1, 2, 5

_CHAIN = [(b"ai.onnx.ml", b"TreeEnsemble", b"x", b"log_odds"), (b"", b"Sigmoid", b"log_odds", b"probability")]
_OF_SPLITS = (
    "nodes_featureids",
    "nodes_missing_value_tracks_true",
    "nodes_truenodeids",
    "nodes_trueleafs",
    "nodes_falsenodeids",
    "nodes_falseleafs",
)

_Fields = tuple[dict[int, list[int]], dict[int, list[bytes]]]
"""The fields of a message by their numbers: those that are integers, and those that are bytes."""


@dataclass(frozen=True, eq=False)
class Graph:
    """Trees as ONNX's TreeEnsemble lists them: splits of all trees, and the leaves that they lead to.

    A row goes on to a split's `true` child where its feature is at most the limit, or is NaN and `missing` is set; a
    child is the number of a leaf or of another split. A leaf adds its weight, float64, to the label with its number.
    """

    roots: list[int]
    features: list[int]
    limits: Floats
    missing: list[int]
    true: list[int]
    true_is_leaf: list[int]
    false: list[int]
    false_is_leaf: list[int]
    labels: list[int]
    weights: Floats


def read_graph(data: bytes, columns: int, labels: int) -> Graph:
    """The trees of a graph that reads so many columns and speaks of so many labels.

    Raises ValueError with the reason where it is no such graph.
    """
    try:
        integers, doubles = _trees(data)
        limits, weights = doubles["nodes_splits"], doubles["leaf_weights"]
        usual = {"aggregate_function": [1], "post_transform": [0], "n_targets": [labels]}
        usual |= {"nodes_modes": [0] * len(limits)}
        other = [name for name, values in usual.items() if integers[name] != values]
        features, missing, true, true_is_leaf, false, false_is_leaf = (integers[name] for name in _OF_SPLITS)
        roots, targets = integers["tree_roots"], integers["leaf_targetids"]
    except (IndexError, KeyError):
        raise ValueError("it is cut short or of another make") from None
    if other:
        raise ValueError(f"it has another {', '.join(other)}")
    if any(len(integers[name]) != len(limits) for name in _OF_SPLITS) or len(targets) != len(weights):
        raise ValueError("its lists are not of one length")
    ends = (len(limits), len(weights))
    children = (*zip(true, true_is_leaf, strict=True), *zip(false, false_is_leaf, strict=True))
    if any(child >= ends[bool(leaf)] for child, leaf in children) or max(roots, default=len(limits)) >= len(limits):
        raise ValueError("a split leads nowhere")
    if max(features, default=0) >= columns or max(targets, default=0) >= labels or not np.isfinite(limits).all():
        raise ValueError("it splits or speaks of what there is not")
    return Graph(roots, features, limits, missing, true, true_is_leaf, false, false_is_leaf, targets, weights)


def _trees(data: bytes) -> tuple[dict[str, list[int]], dict[str, Floats]]:
    """The attributes of the TreeEnsemble by their names: those of integers, and those of doubles."""
    graph = _fields(_fields(data)[1][_GRAPH][0])[1]
    nodes = [_fields(node)[1] for node in graph[_NODE]]
    chain = [
        (node.get(_DOMAIN, [b""])[0], *(node[field][0] for field in (_OPERATOR, _INPUT, _OUTPUT))) for node in nodes
    ]
    if chain != _CHAIN:
        raise ValueError("it is no sigmoid of summed trees")
    integers: dict[str, list[int]] = {}
    doubles: dict[str, Floats] = {}
    for attribute in nodes[0][_ATTRIBUTE]:
        numbers, parts = _fields(attribute)
        name = parts[_NAME][0].decode(errors="replace")
        if _TENSOR in parts:
            tensor = _fields(parts[_TENSOR][0])[1]
            if _DOUBLES in tensor:
                doubles[name] = np.frombuffer(b"".join(tensor[_DOUBLES]), "<f8")
            else:
                integers[name] = _varints(b"".join(tensor[_SMALL_INTEGERS]))
        else:
            integers[name] = numbers.get(_INTEGERS) or numbers.get(_INTEGER, [])
    return integers, doubles


def _fields(data: bytes) -> _Fields:
    """The fields of one message; raises IndexError where it is cut short, ValueError where it is none."""
    numbers: dict[int, list[int]] = {}
    parts: dict[int, list[bytes]] = {}
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        field, kind = tag >> 3, tag & 7
        if kind == _VARINT:
            number, at = _varint(data, at)
            numbers.setdefault(field, []).append(number)
            continue
        if kind == _BYTES:
            size, at = _varint(data, at)
        elif kind in (_EIGHT_BYTES, _FOUR_BYTES):
            size = 8 if kind == _EIGHT_BYTES else 4
        else:
            raise ValueError("it is no graph")
        if at + size > len(data):
            raise IndexError
        parts.setdefault(field, []).append(data[at : at + size])
        at += size
    return numbers, parts


def _varints(data: bytes) -> list[int]:
    found, at = [], 0
    while at < len(data):
        number, at = _varint(data, at)
        found.append(number)
    return found


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """A number of seven bits a byte, the lowest first, and where it ends."""
    number = data[at]
    if number < 0x80:
        return number, at + 1
    number, shift = number & 0x7F, 7
    while True:
        at += 1
        byte = data[at]
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number, at + 1
        shift += 7
