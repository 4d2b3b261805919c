"""Names and types are checked when an expression is loaded; every fault says what to write instead."""

from collections.abc import Sequence

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatehouse.errors import Fault, UserError
from gatehouse.expressions import compile_expression, row_values
from gatehouse.expressions.functions import FUNCTIONS

SCHEMA = pa.schema(
    [
        ("kind", pa.string()),
        ("text", pa.string()),
        ("url_count", pa.int64()),
        ("digit_share", pa.float64()),
        ("imported", pa.bool_()),
        ("created", pa.timestamp("us")),
        ("huge", pa.uint64()),
        ("order", pa.int64()),
        ("select", pa.int64()),
    ]
)

_UNREADABLE = "column '{}' is {}, which expressions cannot read"
_WORDS = (
    *("kind", "text", "url_count", "digit_share", "imported", "NULL", "1", "2.5", "'a'", "(", ")", ",", "=", "<"),
    *("AND", "OR", "NOT", "IN", "LIKE", "BETWEEN", "IS", "CASE", "WHEN", "THEN", "ELSE", "END", "CAST", "AS"),
    *("BIGINT", "abs(", "coalesce(", "word_in(", "+", "-", "/", "%"),
)


def _told(text: str) -> list[tuple[str, str, str]]:
    """Column, what and fix of each fault, without the caret."""
    with pytest.raises(UserError) as caught:
        compile_expression(text, SCHEMA, "rules.yaml")
    return [(fault.where.split(":")[-1], fault.what.splitlines()[0], fault.fix) for fault in caught.value.faults]


@pytest.mark.parametrize(
    ("text", "column", "what", "fix"),
    [
        ("urlcount > 3", "1", "there is no column 'urlcount'", "did you mean 'url_count'?"),
        ("URL_COUNT > 3", "1", "there is no column 'URL_COUNT'", "did you mean 'url_count'?"),
        ('kind = "post"', "8", "there is no column 'post'", "for a text use single quotes: 'post'"),
        ("lenght(text) > 3", "1", "there is no function 'lenght'", "did you mean 'length'?"),
        ("len(text) > 3", "1", "there is no function 'len'", "write length(text)"),
        ("max(url_count) > 3", "1", "there is no function 'max'", "for the larger of two values write greatest(x, y)"),
        (
            "count(text) > 3",
            "1",
            "count looks at many rows; an expression looks at one",
            "use a feature that counts, such as messages_1h",
        ),
        ("exec('1') = 1", "1", "there is no function 'exec'", f"known: {', '.join(sorted(FUNCTIONS))}"),
        ("kind = NULL", "1", "a comparison with NULL is never TRUE", "write kind IS NULL"),
        ("NULL <> kind", "1", "a comparison with NULL is never TRUE", "write kind IS NOT NULL"),
        ("abs(NULL) = 1", "5", "NULL stands where a value is needed", "ask with IS NULL or IS NOT NULL"),
        ("imported AND NULL", "14", "NULL stands where a value is needed", "ask with IS NULL or IS NOT NULL"),
        (
            "url_count = '3'",
            "1",
            "url_count is BIGINT and '3' is VARCHAR: they cannot be compared",
            "write url_count = 3, without quotes",
        ),
        (
            "'3' < url_count",
            "1",
            "'3' is VARCHAR and url_count is BIGINT: they cannot be compared",
            "write url_count > 3, without quotes",
        ),
        (
            "kind = 3",
            "1",
            "kind is VARCHAR and 3 is BIGINT: they cannot be compared",
            "write '3' in quotes for the text, or CAST(kind AS BIGINT) for its number",
        ),
        (
            "kind = url_count",
            "1",
            "kind is VARCHAR and url_count is BIGINT: they cannot be compared",
            "convert one side, for example CAST(url_count AS VARCHAR)",
        ),
        (
            "text = digit_share",
            "1",
            "text is VARCHAR and digit_share is DOUBLE: they cannot be compared",
            "convert one side, for example CAST(text AS DOUBLE)",
        ),
        (
            "imported = 1",
            "1",
            "imported is BOOLEAN and 1 is BIGINT: they cannot be compared",
            "a BOOLEAN is a condition by itself: write it alone or with NOT, and join conditions with AND and OR",
        ),
        ("imported > FALSE", "1", "conditions have no order, so '>' says nothing", "use AND, OR and NOT"),
        ("url_count", "1", "url_count is BIGINT, a condition is needed", "compare it, for example url_count > 0"),
        ("NOT kind", "5", "kind is VARCHAR, a condition is needed", "compare it, for example kind = 'x'"),
        ("kind + 1 > 2", "1", "kind is VARCHAR, a number is needed", "write CAST(... AS BIGINT)"),
        ("url_count + '1' > 2", "13", "'1' is VARCHAR, a number is needed", "write the number without quotes"),
        ("length(url_count) > 2", "8", "url_count is BIGINT, a VARCHAR is needed", "write CAST(url_count AS VARCHAR)"),
        (
            "created > 3",
            "1",
            "column 'created' is timestamp[us], which expressions cannot read",
            "declare a feature from it",
        ),
        ("huge > 3", "1", _UNREADABLE.format("huge", "uint64"), "declare a feature from it"),
        (
            "url_count > 9223372036854775808",
            "13",
            "9223372036854775808 does not fit BIGINT",
            "write 9223372036854775808.0 for a DOUBLE",
        ),
        ("digit_share > 1e400", "15", "1e400 does not fit DOUBLE", "the largest is about 1.8e308"),
        ("CAST(kind AS INT) = 1", "14", "there is no type 'INT'", "write BIGINT"),
        ("CAST(kind AS JSON) = 1", "14", "there is no type 'JSON'", "the types are BOOLEAN, BIGINT, DOUBLE, VARCHAR"),
        (
            "CAST(digit_share AS VARCHAR) = '1'",
            "1",
            "DOUBLE cannot be converted to VARCHAR",
            "DOUBLE can become BIGINT",
        ),
        ("CAST(url_count AS BOOLEAN)", "1", "BIGINT cannot be converted to BOOLEAN", "compare it, for example x <> 0"),
        ("coalesce(kind) = 'x'", "1", "coalesce takes 2 or more arguments, 1 are given", "write coalesce(x, y)"),
        ("abs(1, 2) = 1", "1", "abs takes 1 arguments, 2 are given", "write abs(x)"),
        (
            "coalesce(kind, 1) = 'x'",
            "16",
            "the arguments of coalesce have different types: kind is VARCHAR, 1 is BIGINT",
            "convert one with CAST",
        ),
        ("coalesce(NULL, NULL) = 'x'", "10", "the arguments of coalesce are all NULL", "give at least one value"),
        ("least(imported, imported)", "1", "least does not take conditions", "use AND, OR, NOT and CASE"),
        (
            "CASE WHEN imported THEN 1 ELSE 'x' END = 1",
            "32",
            "the branches of CASE have different types: 1 is BIGINT, 'x' is VARCHAR",
            "convert one with CAST",
        ),
        ("text LIKE kind", "11", "LIKE needs a text in single quotes here", "write it out: 'x'"),
        ('text LIKE "a%"', "11", "LIKE needs a text in single quotes here", "use single quotes: 'a%'"),
        (
            "text LIKE 'a\\d'",
            "11",
            "a backslash stands before something else than %, _ or another backslash",
            "write \\% and \\_ for the signs, \\\\ for a backslash",
        ),
        ("contains(text, '')", "16", "contains looks for an empty text", "write what it shall find"),
        (
            "regexp_matches(text, '(?=a)')",
            "22",
            "the pattern cannot be read: invalid perl operator: (?=",
            "RE2 has no look-around: split the pattern in two and join them with AND or AND NOT",
        ),
        ("regexp_matches(text, '(a')", "22", "the pattern cannot be read: missing ): (a", "see RE2's syntax"),
        ("imported IN ('x')", "1", "IN looks for numbers and texts, this is BOOLEAN", "write the condition alone"),
        ("kind IN (post)", "10", "the list of IN holds numbers and 'texts' only", "for a text write 'post'"),
        (
            "url_count IN (order)",
            "15",
            "the list of IN holds numbers and 'texts' only",
            "compare with = and join with OR",
        ),
        (
            "kind IN ('a', NULL)",
            "15",
            "NULL in the list of IN never matches",
            "remove it; ask OR x IS NULL beside the list",
        ),
        (
            "url_count IN (1, '2')",
            "18",
            "url_count is BIGINT and '2' is VARCHAR: they cannot be compared",
            "write url_count = 2, without quotes",
        ),
    ],
)
def test_a_fault_says_what_is_wrong_where_and_what_to_write(text: str, column: str, what: str, fix: str) -> None:
    assert _told(text) == [(column, what, fix)]


def test_all_faults_of_an_expression_are_told_at_once_in_reading_order() -> None:
    with pytest.raises(UserError) as caught:
        compile_expression("urlcount > 3 AND kind = NULL\n OR len(text) > '4'", SCHEMA, "rules.yaml", line=7)
    assert str(caught.value) == (
        "rules.yaml:7:1: there is no column 'urlcount'\n"
        "    urlcount > 3 AND kind = NULL\n"
        "    ^^^^^^^^\n"
        "    → did you mean 'url_count'?\n"
        "rules.yaml:7:18: a comparison with NULL is never TRUE\n"
        "    urlcount > 3 AND kind = NULL\n"
        "                     ^^^^^^^^^^^\n"
        "    → write kind IS NULL\n"
        "rules.yaml:8:5: there is no function 'len'\n"
        "     OR len(text) > '4'\n"
        "        ^^^^^^^^^\n"
        "    → write length(text)"
    )


def test_a_long_line_is_shown_around_the_caret() -> None:
    with pytest.raises(UserError) as caught:
        compile_expression(" AND ".join(["url_count > 3"] * 20 + ["urls > 3"] + ["imported"] * 20), SCHEMA, "r")
    _, line, caret = caught.value.faults[0].what.splitlines()
    assert len(line) < 110
    assert line[caret.index("^") :].startswith("urls > 3")
    assert caret.count("^") == len("urls")


def test_a_column_named_like_a_word_of_the_language_stands_in_double_quotes() -> None:
    assert compile_expression('"select" > 3 AND order > 2', SCHEMA, "r").used == ("select", "order")


def test_columns_are_named_in_order_of_appearance_once() -> None:
    assert compile_expression("text = 'a' AND url_count > 1 OR text = 'b'", SCHEMA, "r").used == ("text", "url_count")


def test_what_would_grow_beyond_measure_is_refused() -> None:
    text = "(" * 20 + "imported" + " = imported)" * 20
    assert _told(text) == [("1", "the expression asks for more than 4,000 things", "split it into several")]


def test_the_deepest_expressions_compile() -> None:
    for text in (
        "(" * 30 + "url_count" + " / digit_share)" * 30 + " > 1",
        "CASE WHEN url_count > 1 THEN " * 29 + "1" + " ELSE 0 END" * 29 + " = 1",
        "coalesce(" * 29 + "digit_share" + ", url_count)" * 29 + " > 1",
        "NOT (" * 15 + "imported" + " OR url_count > 1)" * 15,
    ):
        compiled = compile_expression(text, SCHEMA, "r")
        batch = pa.RecordBatch.from_pylist([{"url_count": 1, "digit_share": 0.5, "imported": True}], schema=SCHEMA)
        values, known = compiled.columns(batch)
        assert known[0]
        assert compiled.row(row_values(batch, compiled.used)[0]) is bool(values[0])


@settings(deadline=None, max_examples=300)
@given(st.lists(st.sampled_from(_WORDS), max_size=14))
def test_any_words_compile_or_are_refused_with_a_place(words: list[str]) -> None:
    refused = _refusal(" ".join(words))
    assert all(fault.where.startswith("r:1:") and fault.fix for fault in refused)


def _refusal(text: str) -> Sequence[Fault]:
    try:
        compile_expression(text, SCHEMA, "r")
    except UserError as error:
        return error.faults
    return ()
