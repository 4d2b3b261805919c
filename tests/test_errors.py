"""Errors say every fault with its place and the next step, and name by class who must act."""

import pytest

from gatehouse.errors import Fault, Faults, OutsideError, RefusedError, UserError, did_you_mean, nearest, suggestion


def test_an_error_tells_every_fault_with_place_and_next_step() -> None:
    error = UserError([Fault("no column 'txt'", "a.csv", "did you mean 'text'?"), Fault("the file is old")])
    assert str(error) == "a.csv: no column 'txt'\n    → did you mean 'text'?\nthe file is old"


def test_the_class_says_who_must_act_by_the_exit_code() -> None:
    assert [kind("x").exit_code for kind in (RefusedError, UserError, OutsideError)] == [1, 2, 3]


def test_faults_of_several_parts_are_raised_together() -> None:
    faults = Faults()
    with faults.gather():
        raise UserError("one", where="a")
    faults.add("two", "b", "mend it")
    with pytest.raises(UserError) as raised:
        faults.raise_found()
    assert str(raised.value) == "a: one\nb: two\n    → mend it"


def test_nothing_is_raised_where_nothing_was_found() -> None:
    Faults().raise_found()


def test_what_is_not_the_users_to_mend_is_not_gathered() -> None:
    with pytest.raises(OutsideError), Faults().gather():
        raise OutsideError("the disk is full")


def test_the_nearest_known_word_is_guessed_whatever_its_capitals() -> None:
    assert nearest("URL_Cuont", ["word_count", "url_count"]) == "url_count"
    assert nearest("zzz", ["word_count"]) is None
    assert did_you_mean("spma", ["spam"]) == "did you mean 'spam'? "
    assert did_you_mean("zzz", ["spam"]) == ""
    assert suggestion("spma", ["spam"]) == "did you mean 'spam'?"
    assert suggestion("zzz", {"b", "a"}) == "known: a, b"
