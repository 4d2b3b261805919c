"""The closed list of functions, with what they take and give."""

from dataclasses import dataclass

from gatehouse.expressions.tree import Type


@dataclass(frozen=True)
class Function:
    """A function of the language.

    `takes` has a word for each argument: `text` (VARCHAR), `quoted` (a 'text' written out), `number`
    (BIGINT or DOUBLE), `double` (a number, widened), `same` (any type, all alike). With `more`, the last may repeat.
    `gives` is None where the result has the type of the arguments.
    """

    name: str
    takes: tuple[str, ...]
    gives: Type | None
    usage: str
    says: str
    more: bool = False


_ALL = (
    Function("contains", ("text", "quoted"), Type.BOOLEAN, "contains(text, 'x')", "whether x is somewhere in the text"),
    Function("starts_with", ("text", "quoted"), Type.BOOLEAN, "starts_with(text, 'x')", "whether the text starts so"),
    Function("ends_with", ("text", "quoted"), Type.BOOLEAN, "ends_with(text, 'x')", "whether the text ends so"),
    Function(
        "regexp_matches",
        ("text", "quoted"),
        Type.BOOLEAN,
        "regexp_matches(text, 'pattern')",
        "whether an RE2 pattern is found somewhere in the text",
    ),
    Function(
        "word_in",
        ("text", "quoted"),
        Type.BOOLEAN,
        "word_in(text, 'a', 'b')",
        "whether one of the words stands in the text with no letter, digit or _ beside it",
        more=True,
    ),
    Function("lower", ("text",), Type.VARCHAR, "lower(text)", "in small letters, character by character"),
    Function("upper", ("text",), Type.VARCHAR, "upper(text)", "in capital letters, character by character"),
    Function("length", ("text",), Type.BIGINT, "length(text)", "number of characters (Unicode code points)"),
    Function("abs", ("number",), None, "abs(x)", "without its sign"),
    Function("floor", ("double",), Type.DOUBLE, "floor(x)", "the next whole number at or below"),
    Function("ceil", ("double",), Type.DOUBLE, "ceil(x)", "the next whole number at or above"),
    Function("coalesce", ("same", "same"), None, "coalesce(x, y)", "the first value that is not NULL", more=True),
    Function("nullif", ("same", "same"), None, "nullif(x, y)", "NULL where x = y, else x"),
    Function("least", ("same", "same"), None, "least(x, y)", "the smallest; NULL where one is NULL", more=True),
    Function("greatest", ("same", "same"), None, "greatest(x, y)", "the largest; NULL where one is NULL", more=True),
)

FUNCTIONS: dict[str, Function] = {function.name: function for function in _ALL}
"""Every function by its name, in the order of the documentation."""
