"""What to write instead, where names and types do not fit."""

import math
from collections.abc import Sequence

from gatehouse.expressions import syntax
from gatehouse.expressions.tree import Type

_TURNED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}


def reconcile(operator: str, nodes: Sequence[syntax.Node], written: Sequence[str], types: Sequence[Type]) -> str:
    """How to compare two sides, as nodes and as text, whose types cannot meet."""
    for here, there in ((0, 1), (1, 0)):
        node, other, facing = nodes[here], written[there], types[there]
        if isinstance(node, syntax.Text) and facing.is_number and _spells_number(node.text):
            sign = operator if here else _TURNED.get(operator, operator)
            return f"write {other} {sign} {node.text}, without quotes"
        if isinstance(node, syntax.Number) and facing is Type.VARCHAR:
            return f"write '{node.written}' in quotes for the text, or CAST({other} AS BIGINT) for its number"
    if Type.BOOLEAN in types:
        return "a BOOLEAN is a condition by itself: write it alone or with NOT, and join conditions with AND and OR"
    if Type.BIGINT in types:
        return f"convert one side, for example CAST({written[types.index(Type.BIGINT)]} AS VARCHAR)"
    return f"convert one side, for example CAST({written[types.index(Type.VARCHAR)]} AS DOUBLE)"


def _spells_number(text: str) -> bool:
    try:
        return math.isfinite(float(text)) and "_" not in text
    except ValueError:
        return False
