"""The page about features: whatever it shows can be declared as it stands."""

import re
from pathlib import Path

import pytest

from gatehouse.features.define import FeatureSet
from gatehouse.features.source import load
from gatehouse.features.windows import MOST_AMOUNT, MOST_CAP, MOST_TOTAL, STEPS, Distinct
from gatehouse.features.words import meaning_of

PAGE = Path(__file__).resolve().parents[2] / "docs" / "features.md"
TEXT = PAGE.read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)


@pytest.mark.parametrize("text", blocks("yaml"))
def test_every_file_on_the_page_can_be_loaded(text: str) -> None:
    declared = load(text, "docs/features.md")
    assert declared.windows or declared.columns


def test_every_kind_of_window_is_shown() -> None:
    shown = {type(said).__name__ for text in blocks("yaml") for said in load(text, "page").windows}
    assert shown == {"Count", "Sum", "Distinct", "RepeatShare", "Age"}


def test_the_python_on_the_page_declares_what_it_shows() -> None:
    [code] = blocks("python")
    found: dict[str, FeatureSet] = {}
    exec(code, found)
    assert found["declared"].schema.names == ["url_count", "verified", "messages_1h", "recipients_1h"]


def test_a_meaning_on_the_page_is_the_one_that_is_made() -> None:
    first = load(blocks("yaml")[0], "page").windows[0]
    assert meaning_of(first) in " ".join(TEXT.split())


def test_limits_on_the_page_are_those_of_the_code() -> None:
    assert (MOST_CAP, MOST_TOTAL, MOST_AMOUNT, STEPS) == (1_024, 10**18, 2**40, 60)
    assert Distinct(name="n", key=("actor",), window=60, of=("target",)).cap == 64
    for said in ("1 to 1,024", "1 to 10^18", "2^40", "60 whole steps", "64 unless given"):
        assert said in TEXT
