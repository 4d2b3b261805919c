import pytest

from gatehouse.adapters.sql.engine import Database
from gatehouse.adapters.sql.standing import SqlStanding
from gatehouse.errors import UserError
from gatehouse.records.standing import Mark, Strike


@pytest.fixture
def standing(either: Database) -> SqlStanding:
    return SqlStanding(either)


def strike(id: str, at: int) -> Strike:
    return Strike(id=id, actor="account:a", policy="spam", policy_version="p", decision_id="d", at=at, expires=at + 9)


def test_strikes_stay_on_record_with_when_they_were_taken_back(standing: SqlStanding) -> None:
    for one in (strike("b", 5), strike("a", 7), strike("b", 99)):
        standing.strike(one)
    assert standing.strikes("account:a") == [strike("b", 5), strike("a", 7)]
    standing.take_back("b", 8)
    standing.take_back("b", 9)
    standing.take_back("nothing", 9)
    standing.strike(strike("b", 5))
    assert [one.removed for one in standing.strikes("account:a")] == [8, None]
    assert standing.strikes("account:b") == []


def test_marks_hold_until_their_end_or_until_they_are_taken_off(standing: SqlStanding) -> None:
    flagger = Mark(entity="account:a", name="trusted_flagger", at=1, by="sam", why="40 of 41 upheld", until=10)
    again = Mark(entity="account:a", name="trusted_flagger", at=2, by="kim", why="looked again")
    press = Mark(entity="account:a", name="press", at=1, by="sam", why="known")
    standing.mark(flagger)
    assert standing.marks("account:a", 9) == [flagger]
    assert standing.marks("account:a", 10) == []
    standing.mark(again)
    standing.mark(press)
    assert standing.marks("account:a", 10) == [press, again]
    standing.unmark("account:a", "press", 11)
    assert standing.marks("account:a", 11) == [again]


def test_texts_that_would_not_come_back_are_refused(standing: SqlStanding) -> None:
    with pytest.raises(UserError, match="its why holds a NUL character"):
        standing.mark(Mark(entity="account:a", name="press", at=1, by="sam", why="a\0b"))
