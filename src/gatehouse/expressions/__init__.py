"""The rule language: conditions with the syntax of SQL and one meaning of their own."""

from gatehouse.expressions.compiled import (
    Compiled,
    CompiledSet,
    Expression,
    compile_expression,
    read_expression,
    row_values,
)
from gatehouse.expressions.place import Place
from gatehouse.expressions.scalars import place_of

__all__ = [
    "Compiled",
    "CompiledSet",
    "Expression",
    "Place",
    "compile_expression",
    "place_of",
    "read_expression",
    "row_values",
]
