"""Recipes: what they say, and what a misspelt one is told."""

from importlib import resources

import pytest

from gatehouse.datasets.sources import SOURCES
from gatehouse.errors import UserError
from gatehouse.training.recipe import Fitting, LinearRecipe, load

WHOLE = """
pack: spam
dataset: sms-spam
languages: [en]
labels: [spam, scam]
sensitive: true
linear: {buckets: 131072, c: 4, idf: 1.5, contrast: 0, normalise: false, labels: {scam: {contrast: 0.25}}}
"""


def test_a_recipe_says_what_is_written() -> None:
    recipe = load(WHOLE, "recipe.yaml")
    assert (recipe.pack, recipe.dataset, recipe.languages) == ("spam", "sms-spam", ("en",))
    assert (recipe.labels, recipe.sensitive) == (("spam", "scam"), True)
    assert (recipe.linear.buckets, recipe.linear.normalise) == (131072, False)
    assert recipe.linear.fitting("spam") == Fitting(c=4.0, idf=1.5, contrast=0.0)
    assert recipe.linear.fitting("scam") == Fitting(c=4.0, idf=1.5, contrast=0.25)


def test_what_is_left_out_takes_the_usual_value() -> None:
    recipe = load("pack: p\ndataset: d\nlabels: [l]\n", "recipe.yaml")
    assert (recipe.languages, recipe.sensitive, recipe.linear) == ((), False, LinearRecipe())


def test_its_version_changes_with_what_it_says_and_not_with_how_it_is_written() -> None:
    recipe = load(WHOLE, "recipe.yaml")
    assert load(f"# a comment\n{WHOLE}", "elsewhere.yaml").version == recipe.version
    assert load(WHOLE.replace("c: 4", "c: 5"), "recipe.yaml").version != recipe.version


def test_every_fault_is_named_with_its_place_and_the_next_step() -> None:
    linear = "{buckets: 1000, c: 0, idf: high, normalise: 1, labels: {b: {}}}"
    written = f"pack: spam\ndatset: x\nlabels: [a, a]\nlinear: {linear}\n"
    with pytest.raises(UserError) as caught:
        load(written, "recipe.yaml")
    assert [str(fault) for fault in caught.value.faults] == [
        "recipe.yaml:2:1: unknown key 'datset' in the recipe\n    → did you mean 'dataset'?",
        "recipe.yaml:3:13: 'a' is there twice in labels\n    → keep one of them",
        "recipe.yaml:4:19: buckets is 1000, no power of two from 1024 to 1048576\n    → write 1024",
        "recipe.yaml:4:28: c is 0, which is too small\n    → for example 'c: 8'",
        "recipe.yaml:4:36: idf must be a number, not 'high'\n    → write 'idf: 1'",
        "recipe.yaml:4:53: normalise must be true or false, not a number\n    → write 'normalise: true'",
        "recipe.yaml:4:65: unknown key 'b' in 'linear.labels'\n    → known: a",
    ]


@pytest.mark.parametrize("written", ["", "\n \n", "# nothing\n"])
def test_an_empty_file_says_how_to_start(written: str) -> None:
    with pytest.raises(UserError, match=r"recipe.yaml:1:1: the file is empty\n    → start with 'pack: NAME'|policy"):
        load(written, "recipe.yaml")


@pytest.mark.parametrize("value", [".nan", ".inf", "-1", "[1]"])
def test_a_number_that_is_none_is_refused(value: str) -> None:
    with pytest.raises(UserError, match=r"recipe.yaml:4:14: c "):
        load(f"pack: p\ndataset: d\nlabels: [l]\nlinear: {{c:  {value}}}\n", "recipe.yaml")


@pytest.mark.parametrize("pack", ["spam", "sexism", "toxicity", "hate", "extremism", "toxicity-pt", "injection"])
def test_a_shipped_pack_learns_labels_that_its_data_have_and_stays_under_two_megabytes(pack: str) -> None:
    text = (resources.files("gatehouse") / "packs" / pack / "recipe.yaml").read_text(encoding="utf-8")
    recipe = load(text, "recipe.yaml")
    assert recipe.pack == pack
    assert set(recipe.labels) <= set(SOURCES[recipe.dataset].labels)
    width = 2 if len(recipe.labels) == 1 else 1
    header = 10_000
    assert recipe.linear.buckets * len(recipe.labels) * width + header < 2_000_000
