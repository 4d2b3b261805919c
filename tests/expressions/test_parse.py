"""Expressions bind as SQL does, and what is no part of the language is refused with its place."""

import contextlib

import pytest
import sqlglot
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlglot import exp

from gatehouse.expressions import syntax
from gatehouse.expressions.parse import MAX_DEPTH, MAX_LENGTH, parse
from gatehouse.expressions.tokens import UnreadableError

_VALUE = st.sampled_from(["a", "b", "c", "1", "2.5", "'x'", "-3", "- a", "f(a, b)", "CAST(a AS BIGINT)"])
_SUM = st.lists(_VALUE, min_size=1, max_size=4).flatmap(
    lambda values: st.lists(st.sampled_from("+-*/%"), min_size=3, max_size=3).map(
        lambda signs: " ".join(part for pair in zip(values, signs, strict=False) for part in pair).rstrip("+-*/% ")
    )
)
_ENDINGS = ["IS NULL", "IS NOT NULL", "IN (1, 2)", "NOT IN ('x')", "LIKE 'y%'"]
_PREDICATE = st.one_of(
    st.tuples(_SUM, st.sampled_from(["=", "<>", "<", "<=", ">", ">="]), _SUM).map(" ".join),
    st.tuples(_SUM, st.sampled_from(["IS NULL", "IS NOT NULL", "IN (1, 2)", "NOT IN ('x')", "LIKE 'y%'"])).map(
        " ".join
    ),
    st.tuples(_SUM, _SUM, _SUM).map(lambda three: f"{three[0]} BETWEEN {three[1]} AND {three[2]}"),
    st.just("p"),
    st.just("CASE WHEN p OR q AND a = 1 THEN a + 1 ELSE b END > 2"),
)
_CONDITIONS = st.lists(
    st.tuples(st.sampled_from(["AND", "OR"]), st.sampled_from(["", "NOT ", "NOT NOT "]), _PREDICATE),
    min_size=1,
    max_size=5,
).map(lambda parts: " ".join(f"{word} {no}{one}" for word, no, one in parts).split(" ", 1)[1])


def _bracketed(node: syntax.Node, text: str) -> str:
    """The text of an expression with brackets around every part."""
    inner = [_bracketed(part, text) for part in syntax.parts(node)]
    match node:
        case syntax.Unary(operator=operator):
            return f"({operator} {inner[0]})"
        case syntax.Binary(operator=operator):
            return f"({inner[0]} {operator} {inner[1]})"
        case syntax.Chain(operator=operator):
            chained = inner[0]
            for part in inner[1:]:
                chained = f"({chained} {operator} {part})"
            return chained
        case syntax.Between():
            return f"({inner[0]} BETWEEN {inner[1]} AND {inner[2]})"
        case syntax.Is(negated=negated):
            return f"({inner[0]} IS {'NOT ' if negated else ''}NULL)"
        case syntax.Among(negated=negated):
            return f"({inner[0]} {'NOT ' if negated else ''}IN ({', '.join(inner[1:])}))"
        case syntax.Like():
            return f"({inner[0]} LIKE {inner[1]})"
        case syntax.When():
            return f"(CASE WHEN {inner[0]} THEN {inner[1]} ELSE {inner[2]} END)"
        case syntax.Convert():
            return f"(CAST({inner[0]} AS BIGINT))"
        case syntax.Call(name=name):
            return f"({name}({', '.join(inner)}))"
        case _:
            return f"({text[node.start : node.end]})"


@settings(deadline=None, max_examples=80)
@given(_CONDITIONS)
def test_expressions_bind_as_sql_does(text: str) -> None:
    def plain(written: str) -> exp.Expression:
        tree = sqlglot.parse_one(f"SELECT {written}")
        while bracket := tree.find(exp.Paren):
            bracket.replace(bracket.this)
        return tree

    assert plain(_bracketed(parse(text), text)) == plain(text)


@pytest.mark.parametrize(
    ("text", "at", "what"),
    [
        ("", 0, "the expression is empty"),
        ("   ", 3, "the expression is empty"),
        ("a >", 3, "the expression ends where a value is needed"),
        ("a = 'x", 4, "a quote is opened here and never closed"),
        ("a = 1 -- b", 4, "a comment (-- or /* */) follows here"),
        ("-- b", 0, "there is only a comment here"),
        ("a = 1 /* b", 0, "a comment is opened and never closed"),
        ("a == 1", 2, "equality is written with one ="),
        ("a = 1 && b", 6, "'&&' is not part of the language"),
        ("a || b", 2, "'||' is not part of the language: texts cannot be joined"),
        ("!a", 0, "'!' is not part of the language"),
        ("a::int", 1, "'::' is not part of the language"),
        ("a = 1; b", 5, "only one expression can stand here"),
        ("a -> b", 2, "lambdas and paths are not part of the language"),
        ("lambda a: a", 0, "lambdas are not part of the language"),
        ("a = ?", 4, "placeholders are not part of the language"),
        ("a = :b", 4, "placeholders are not part of the language"),
        ("a ~ 'b'", 2, "this match operator is not part of the language"),
        ("a[1] = 2", 1, "lists and objects are not part of the language"),
        ("a = `b`", 4, "this quote is not part of the language"),
        ("a = “b”", 4, "this quote is not part of the language"),
        ("a ≥ 1", 2, "'≥' is not part of the language"),
        ("t.a = 1", 1, "columns have no table before them, and numbers start with a digit"),
        ("a = .5", 4, "columns have no table before them, and numbers start with a digit"),
        ("a = 1_000", 4, "'1_000' is no number"),
        ("a = 1e", 4, "'1e' is no number"),
        ("SELECT a", 0, "queries are not part of the language"),
        ("a IN (SELECT b)", 6, "queries are not part of the language"),
        ("EXISTS (SELECT b)", 0, "queries are not part of the language"),
        ("sum(a) OVER () > 1", 7, "window functions are not part of the language"),
        ("a = 1 AS b", 6, "a result has no name here"),
        ("WHERE a = 1", 0, "WHERE is not part of the language"),
        ("a > date '2020-01-01'", 4, "dates and intervals are not part of the language"),
        ("TRY_CAST(a AS BIGINT) = 1", 0, "TRY_CAST is not part of the language"),
        ("1 < a < 3", 6, "comparisons cannot be chained"),
        ("a = 1 IS NULL", 6, "comparisons cannot be chained"),
        ("a IN ()", 6, "the list of IN is empty"),
        ("a IN 1", 5, "IN needs a list in brackets before '1'"),
        ("a BETWEEN 1", 11, "BETWEEN needs two ends"),
        ("a IS 3", 5, "IS is followed by NULL, TRUE or FALSE"),
        ("(a = 1", 6, "a bracket is not closed"),
        ("a = 1)", 5, "')' stands after the expression ended"),
        ("a = 1 b", 6, "'b' stands after the expression ended"),
        ("(a, b) = 1", 2, "a list stands here"),
        ("CASE a END = 1", 7, "CASE needs at least one WHEN"),
        ("CASE WHEN a = 1 END = 1", 16, "CASE needs THEN after its condition before 'END'"),
        ("CAST(a) = 1", 6, "CAST needs AS and a type"),
        ("x'ab' = a", 1, "''ab'' stands after the expression ended"),
    ],
)
def test_what_is_no_part_of_the_language_is_refused_at_its_place(text: str, at: int, what: str) -> None:
    with pytest.raises(UnreadableError) as caught:
        parse(text)
    problem = caught.value.problem
    assert (problem.start, problem.what) == (at, what)
    assert problem.fix


@pytest.mark.parametrize(
    "text",
    [
        "(" * 40 + "a = 1" + ")" * 40,
        "NOT " * 40 + "a = 1",
        " + ".join(["a"] * 40) + " = 1",
        "abs(" * 40 + "a" + ")" * 40 + " = 1",
        "- " * 40 + "a = 1",
    ],
)
def test_what_is_too_deep_is_refused(text: str) -> None:
    with pytest.raises(UnreadableError, match=f"nested more than {MAX_DEPTH} levels deep"):
        parse(text)


def test_what_is_too_long_is_refused_and_a_long_chain_is_not_deep() -> None:
    with pytest.raises(UnreadableError, match="at most 10,000 are read"):
        parse(" AND ".join(["a = 1"] * (MAX_LENGTH // 10)) + " AND a = 1")
    parse(" AND ".join(["a = 1"] * 900))


@settings(deadline=None, max_examples=200)
@given(st.text(max_size=30) | st.text(st.sampled_from("ab1 .'\"()=<>!-+*/%,;:?@[]{}|&~^`\\\n"), max_size=20))
def test_any_text_is_read_or_refused_and_nothing_else(text: str) -> None:
    with contextlib.suppress(UnreadableError):
        parse(text)
