"""Notices go with deeds: the actor is told of what is done and of what a person takes back, and of nothing else."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.flows.reviewing import CLEAR, Desked

from gatehouse.flows.notices import Notices
from gatehouse.flows.perform import Performer, Terms
from gatehouse.flows.undo import Chosen, undo
from gatehouse.records.enforcement import Enforcement, Told
from gatehouse.records.erasure import Erasure
from gatehouse.records.event import Entity
from gatehouse.records.policy import Quota
from gatehouse.records.standing import Ladder, Rung
from gatehouse.testing.makers import make_event, make_judged, make_outcome


class Post:
    """A platform that keeps what it was to tell."""

    def __init__(self) -> None:
        self.told: dict[str, str | None] = {}

    def act(self, enforcement: Enforcement, key: str) -> str:
        assert isinstance(enforcement, Told)
        self.told[key] = enforcement.notice
        return ""


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Desked]:
    made = Desked(tmp_path / "ledger.db")
    yield made
    made.database.close()


def sent(house: Desked) -> dict[str, str | None]:
    """What the platform is to tell by the keys of what is done now."""
    post = Post()
    notice = Notices(house.desk, house.clock)
    Performer(
        "p1", house.outbox, house.standing, post, lambda *_: house.policy, house.clock, notice=notice
    ).until_idle()
    return post.told


def test_what_automated_means_decided_comes_with_its_reasons(house: Desked) -> None:
    house.judged("e1", make_outcome(), make_outcome("abuse", **CLEAR))
    (notice,) = sent(house).values()
    assert notice is not None
    first, *_, facts, why, ground, redress = notice.split("\n\n")
    assert first == "Your post e1: it was removed."
    assert facts == "Facts: We found it of our own accord. Automated means decided; automated means found it."
    assert why.startswith("Why: it violates clause S1")
    assert ground.startswith("The ground is our own policy")
    assert redress.startswith("What you can do: you can contest this decision")


def test_each_deed_is_told_by_itself(house: Desked) -> None:
    house.with_policy(ladder=Ladder(rungs=(Rung(strikes=1, enforce="limit", seconds=3600),)))
    house.judged("e1", enforce="strike")
    told = sent(house)
    removal, strike, rung = (told[f"d-e1-0-{deed}"] for deed in ("remove", "strike", "strike-limit"))
    assert removal is not None
    assert removal.startswith("Your post e1: it was removed.\n")
    assert strike is not None
    assert strike.startswith("Your post e1: a strike was put on your record.\n")
    assert rung is not None
    assert "fewer people are shown it until 2023-11-1" in rung


@pytest.mark.parametrize("kind", ["escalate", "offer_help"])
def test_nobody_is_warned_of_what_is_for_officers_or_told_of_help(house: Desked, kind: str) -> None:
    house.judged("e1", enforce=kind)
    assert sent(house) == {f"d-e1-0-{kind}": None}
    undo(house.outbox, Chosen(decision_id="d-e1-0"), by="sam", why="a mistake", now=house.clock())
    assert sent(house) == {f"d-e1-0-{kind}-undo": None}


def test_what_people_find_is_told_as_theirs(house: Desked) -> None:
    house.judged("e1", **CLEAR)
    house.closed(house.reported(), "violating", step="certain_spam")
    (notice,) = sent(house).values()
    assert notice is not None
    assert "Facts: Others reported it to us. A person decided; automated means did not find it." in notice
    assert "sam" not in notice


def test_what_is_taken_back_is_told_and_what_ends_by_itself_is_not(house: Desked) -> None:
    house.with_policy(ladder=Ladder(rungs=(Rung(strikes=1, enforce="limit", seconds=3600),)))
    house.judged("e1", enforce="strike")
    sent(house)
    house.clock.advance(3600)
    assert sent(house) == {"d-e1-0-strike-limit-undo": None}
    undo(house.outbox, Chosen(enforcement_id="d-e1-0-remove"), by="sam", why="a mistake", now=house.clock())
    assert sent(house) == {
        "d-e1-0-remove-undo": (
            "Your post e1: a person looked again and found that our decision was wrong.\n\n"
            "What was done is taken back: remove. Strikes that it led to no longer count."
        )
    }


def test_a_limit_in_the_place_of_a_held_removal_is_told_and_so_is_its_end(house: Desked) -> None:
    house.with_policy(quota=Quota(hour=1))
    house.judged("e1")
    house.judged("e2")
    assert "fewer people are shown it" in (sent(house)["d-e2-0-remove-meanwhile"] or "")
    undo(house.outbox, Chosen(decision_id="d-e2-0"), by="sam", why="a mistake", now=house.clock())
    (notice,) = sent(house).values()
    assert notice is not None
    assert "found that our decision was wrong" in notice


def test_each_deed_is_told_what_is_true_when_it_is_performed(house: Desked) -> None:
    house.judged("e1")
    house.judged("e2")

    class Meanwhile(Post):
        def act(self, enforcement: Enforcement, key: str) -> str:
            if not self.told:
                house.closed(house.reported(event_id="e2"), "not_violating")
            return super().act(enforcement, key)

    post, terms, notice = Meanwhile(), Terms(threads=1), Notices(house.desk, house.clock)
    Performer(
        "p1", house.outbox, house.standing, post, lambda *_: house.policy, house.clock, terms=terms, notice=notice
    ).round()
    assert post.told["d-e1-0-remove"] is not None
    assert post.told["d-e2-0-remove"] is None, "by then it is no longer why"


def test_of_an_actor_who_was_erased_nobody_is_told(house: Desked) -> None:
    house.judged("e1")
    house.ledger.erase(Erasure(entity=Entity.parse("account:a1"), at=house.clock(), by="sam", why="asked"))
    assert sent(house) == {"d-e1-0-remove": None}


def test_an_event_without_an_actor_has_nobody_to_tell(house: Desked) -> None:
    event = make_event("e1", actor=None)
    house.ledger.commit([make_judged(event)])
    assert set(sent(house).values()) == {None}
