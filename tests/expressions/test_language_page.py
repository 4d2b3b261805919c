"""Every example of docs/expressions.md is true, and the page names every function."""

import re
from pathlib import Path

import pyarrow as pa
import pytest

from gatehouse.detectors.rules import RulesDetector
from gatehouse.errors import UserError
from gatehouse.expressions import compile_expression
from gatehouse.expressions.functions import FUNCTIONS
from gatehouse.expressions.tree import Type
from gatehouse.expressions.values import CASTS

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "expressions.md").read_text()
ARROW = {"VARCHAR": pa.string(), "BIGINT": pa.int64(), "DOUBLE": pa.float64(), "BOOLEAN": pa.bool_()}
TRUTH = {"TRUE": True, "FALSE": False, "NULL": None}

COLUMNS = re.findall(r"^\| `(\w+)` \| (BOOLEAN|BIGINT|DOUBLE|VARCHAR) \| `?(.*?)`? \|$", PAGE, re.MULTILINE)
EXAMPLES = re.findall(r"^\| `(.+)` \| (TRUE|FALSE|NULL) \|$", PAGE, re.MULTILINE)
ERRORS = re.findall(r"```sql\n(.*?)\n```\n\n```text\n(.*?)\n```", PAGE, re.DOTALL)


def _event() -> pa.RecordBatch:
    read = {"VARCHAR": str, "BIGINT": int, "DOUBLE": float, "BOOLEAN": TRUTH.__getitem__}
    return pa.RecordBatch.from_arrays(
        [pa.array([None if value == "NULL" else read[kind](value)], ARROW[kind]) for _, kind, value in COLUMNS],
        [name for name, _, _ in COLUMNS],
    )


def test_the_page_is_read_as_it_is_meant() -> None:
    assert (len(COLUMNS), len(ERRORS)) == (9, 2)
    assert len(EXAMPLES) > 60


@pytest.mark.parametrize(("text", "gives"), EXAMPLES)
def test_an_example_gives_what_the_page_says(text: str, gives: str) -> None:
    event = _event()
    compiled = compile_expression(text, event.schema, "docs")
    row = event.to_pylist()[0]
    assert compiled.row(tuple(row[name] for name in compiled.used)) is TRUTH[gives]
    values, known = compiled.columns(event)
    assert (bool(values[0]) if known[0] else None) is TRUTH[gives]


@pytest.mark.parametrize(("text", "message"), ERRORS)
def test_an_error_is_shown_as_the_page_says(text: str, message: str) -> None:
    with pytest.raises(UserError) as caught:
        compile_expression(text, _event().schema, "rules.yaml")
    assert str(caught.value) == message


def test_the_rules_of_the_page_load() -> None:
    (text,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    detector = RulesDetector.from_yaml(text, "docs", "spam.rules", _event().schema)
    assert detector.labels == ("spam",)


def test_every_function_and_conversion_is_on_the_page() -> None:
    for function in FUNCTIONS.values():
        assert f"| `{function.usage}` | {function.gives or 'as its arguments'} | {function.says} |" in PAGE
    for source, target in [*CASTS, (Type.BOOLEAN, Type.BIGINT)]:
        assert f"| {source} | {target} |" in PAGE
