"""Patterns are looked for together before each by itself, which changes no answer."""

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from gatehouse.expressions import Compiled, CompiledSet, Place, read_expression, row_values
from gatehouse.expressions.patterns import compile_re2, compile_several

SCHEMA = pa.schema([("text", pa.string()), ("title", pa.string())])
WORDS = [f"word{i}" for i in range(20)]
CONDITIONS = [
    *(f"regexp_matches(text, '{word} +go')" for word in WORDS[:12]),
    *(f"word_in(text, '{word}', 'both')" for word in WORDS[6:]),
    "regexp_matches(title, 'word1')",
    "NOT regexp_matches(text, '(?i)WORD2')",
    "title IS NULL AND regexp_matches(text, 'x*')",
    "regexp_matches(text, '^.{2}')",
]
EXPRESSIONS = [read_expression(text, SCHEMA, Place.of(text, "test")) for text in CONDITIONS]
ASKED = CompiledSet(EXPRESSIONS)
texts = st.none() | st.lists(st.sampled_from([*WORDS, "go", "both", "WORD2", "nothing"]), max_size=8).map(" ".join)


@settings(deadline=None, max_examples=80)
@given(st.lists(st.fixed_dictionaries({"text": texts, "title": texts}), max_size=5))
def test_many_patterns_hold_in_a_row_as_in_a_column(rows: list[dict[str, str | None]]) -> None:
    batch = pa.RecordBatch.from_pylist(rows, schema=SCHEMA)
    true, _ = ASKED.columns(batch)
    wanted = [[i for i in range(len(CONDITIONS)) if true[i, row]] for row in range(len(rows))]
    assert [ASKED.row(values)[0] for values in row_values(batch, ASKED.used)] == wanted
    alone = [Compiled(expression).columns(batch)[0].tolist() for expression in EXPRESSIONS]
    assert true.tolist() == alone


@settings(deadline=None, max_examples=40)
@given(st.lists(st.fixed_dictionaries({"text": texts, "title": texts}), max_size=12), st.integers(0, 12))
def test_a_part_of_a_column_is_looked_at_as_it_is(rows: list[dict[str, str | None]], cut: int) -> None:
    batch = pa.RecordBatch.from_pylist(rows, schema=SCHEMA)
    assert ASKED.columns(batch.slice(cut))[0].tolist() == ASKED.columns(batch)[0][:, cut:].tolist()


def test_what_lies_under_null_is_not_looked_at() -> None:
    hidden = pa.Array.from_buffers(
        pa.string(), 2, [pa.py_buffer(b"\x02"), *pa.array(["word1 go", "word2 go"]).buffers()[1:]]
    )
    batch = pa.RecordBatch.from_arrays([hidden, pa.nulls(2, pa.string())], schema=SCHEMA)
    assert [CONDITIONS[i] for i in ASKED.columns(batch)[0][:, 0].nonzero()[0]] == []
    assert ASKED.columns(batch)[0][:, 1].any()


LOOKED_FOR = [
    "(?i)\\bkelvin\\b",
    "\\b(s|st)reet\\b",
    "stra(ss|\u00df)e",
    "(?i)STRA\u1e9eE",
    "[0-9]{2,}",
    "a.*z$",
    "^.{0,3}b",
    "\u0436+",
    "",
    "k",
    "(?i)\u017f",
]


@settings(deadline=None, max_examples=150)
@given(
    st.lists(st.sampled_from(LOOKED_FOR), min_size=1, unique=True),
    st.text(st.sampled_from("kK\u212aelvinsSt\u017fr aeE\u00df\u1e9e\n12zb\u0436\u0416")) | st.text(max_size=6),
)
def test_several_patterns_are_found_as_each_alone(patterns: list[str], text: str) -> None:
    alone = {place for place, pattern in enumerate(patterns) if compile_re2(pattern)(text) is not None}
    assert set(compile_several(patterns)(text.encode())) == alone
