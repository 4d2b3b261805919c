"""Scores that a pack's windows count: each is one that a detector of the pack gives."""

import shutil
from pathlib import Path

import pytest

from gatehouse.errors import UserError
from gatehouse.flows import packs

SHIPPED = "{name: spam_score, detector: spam.linear, label: spam}"


def with_score(folder: Path, score: str) -> Path:
    """A copy of the pack `spam` whose score is declared so."""
    copy = folder / "spam"
    shutil.copytree(packs.locate("spam"), copy)
    file = copy / "features.yaml"
    text = file.read_text(encoding="utf-8")
    assert SHIPPED in text
    file.write_text(text.replace(SHIPPED, score), encoding="utf-8")
    return copy


@pytest.mark.parametrize(
    ("score", "message"),
    [
        (
            "{name: spam_score, detector: spam.liner, label: spam}",
            "score 'spam_score' is of 'spam.liner', which this pack does not have\n"
            "    → did you mean 'spam.linear'? 'spam.linear' gives scores",
        ),
        (
            "{name: spam_score, detector: spam.rules, label: spam}",
            "score 'spam_score' is of 'spam.rules', which matches or not and gives no score\n"
            "    → 'spam.linear' gives scores",
        ),
        (
            "{name: spam_score, detector: spam.linear, label: scam}",
            "score 'spam_score' is of 'spam.linear', which does not speak of the label 'scam'\n    → it speaks of spam",
        ),
    ],
)
def test_a_score_that_nobody_gives_is_refused_where_it_is_declared(tmp_path: Path, score: str, message: str) -> None:
    copy = with_score(tmp_path, score)
    line = (copy / "features.yaml").read_text(encoding="utf-8").split(score)[0].count("\n") + 1
    with pytest.raises(UserError) as caught:
        packs.load(str(copy))
    assert str(caught.value) == f"{copy / 'features.yaml'}:{line}:5: {message}"
