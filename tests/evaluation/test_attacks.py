"""Disguises are the same for the same text and seed, leave the rest of a text alone, and change what they say."""

import subprocess
import sys
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatehouse.evaluation.attacks import FAMILIES, Family, attacked, inside, long_words, only

BY_NAME = {family.name: family for family in FAMILIES}
OF_WORDS = [family for family in FAMILIES if family.name not in ("benign padding", "words run together")]


def test_there_are_at_least_fourteen_families_with_names_of_their_own() -> None:
    assert len(BY_NAME) == len(FAMILIES) >= 14


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_each_family_changes_a_plain_sentence(family: Family) -> None:
    assert attacked("please forward this sentence", family) != "please forward this sentence"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("spaced letters", "a c l o w n!"),
        ("masked vowels", "a cl*wn!"),
        ("words run together", "aclown!"),
        ("respelt by sound", "a klown!"),
    ],
)
def test_families_without_chance_do_what_their_name_says(name: str, expected: str) -> None:
    assert attacked("a clown!", BY_NAME[name]) == expected


def test_families_with_chance_keep_what_they_do_not_touch() -> None:
    word = "nonsense"
    assert attacked(word, BY_NAME["alternating case"]).lower() == word
    assert sorted(attacked(word, BY_NAME["swapped neighbours"])) == sorted(word)
    assert len(attacked(word, BY_NAME["dropped letter"])) == len(word) - 1
    assert attacked(word, BY_NAME["split words"]).replace(" ", "") == word
    assert attacked(word, BY_NAME["broken lines"]).replace("-\n", "") == word
    assert unicodedata.normalize("NFKC", attacked(word, BY_NAME["styled letters"])) == word
    marked = unicodedata.normalize("NFD", attacked(word, BY_NAME["combining marks"]))
    assert "".join(c for c in marked if not unicodedata.combining(c)) == word
    assert word in attacked(word, BY_NAME["benign padding"])


def test_an_attack_is_the_same_in_another_process_and_another_with_another_seed() -> None:
    text = "this sentence is plain enough"
    code = f"from gatehouse.evaluation.attacks import *; print([attacked({text!r}, f, seed=3) for f in FAMILIES])"
    elsewhere = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert elsewhere.strip() == str([attacked(text, family, seed=3) for family in FAMILIES])
    assert any(attacked(text, family, seed=3) != attacked(text, family, seed=4) for family in FAMILIES)


def test_only_the_words_that_are_picked_are_attacked() -> None:
    text = "One clown, two CLOWNS and a Clown"
    assert attacked(text, BY_NAME["masked vowels"], only(["clown"])) == "One cl*wn, two CLOWNS and a Cl*wn"
    assert [text[a:b] for a, b in long_words(text)] == ["clown", "CLOWNS", "Clown"]
    assert [text[a:b] for a, b in inside(text, [(2, 6), (32, 33)])] == ["One", "clown", "Clown"]


@settings(deadline=None, max_examples=60)
@given(st.text(max_size=40), st.sampled_from(OF_WORDS))
def test_any_text_is_taken_and_stays_as_it_is_where_nothing_is_picked(text: str, family: Family) -> None:
    attacked(text, family)
    assert attacked(text, family, lambda _: []) == text


def test_the_normaliser_is_not_asked() -> None:
    code = "import sys, gatehouse.evaluation.attacks; assert not [m for m in sys.modules if 'gatehouse.text' in m]"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
