"""Appeals: only the actor contests, somebody else decides, and what is overturned is taken back whole."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.flows.reviewing import CLEAR, Desked

from gatehouse.errors import RefusedError, UserError
from gatehouse.flows.appeals import Asked, contest, known_appeal, read_appeal
from gatehouse.flows.held import approve
from gatehouse.flows.perform import Round
from gatehouse.flows.reports import known_report
from gatehouse.ports.cases import ContradictionError, Taken, UnknownError
from gatehouse.records.enforcement import Kind
from gatehouse.records.erasure import Erasure
from gatehouse.records.event import Entity
from gatehouse.records.policy import Step
from gatehouse.records.standing import Ladder, Reporter, Rung
from gatehouse.testing.makers import make_decision, make_event, make_judged

MINE = Asked("a1", "account:a1", "it was a joke", event_id="e1")


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Desked]:
    made = Desked(tmp_path / "ledger.db")
    yield made
    made.database.close()


def test_an_overturned_appeal_takes_back_everything(house: Desked) -> None:
    rungs = (Rung(strikes=1, enforce="limit", seconds=3600),)
    house.with_policy(ladder=Ladder(rungs=rungs, expires=86400))
    before = house.judged(enforce="strike")
    house.performer().until_idle()
    assert house.receiver.told == ["d-e1-0-remove", "d-e1-0-strike", "d-e1-0-strike-limit"]
    case_id = house.appealed()
    found = house.closed(case_id, "overturned")
    after = house.standing_decision()
    assert (after.decision.outcome, after.decision.enforce) == ("clear", "none")
    assert after.decision.supersedes == before.decision.id
    house.receiver.told.clear()
    house.performer().until_idle()
    assert house.receiver.told[-1] != house.receiver.told[0]
    assert sorted(house.receiver.told) == sorted(
        f"{id_}-undo" for id_ in ("d-e1-0-remove", "d-e1-0-strike", "d-e1-0-strike-limit")
    )
    assert {one.state for one in house.outbox.find() if one.undoes is None} == {"undone"}
    (strike,) = house.standing.strikes("account:a1")
    assert strike.removed is not None
    assert [(label.label, label.value, label.source) for label in house.cases.labels("e1")] == [("spam", 0, "appeal")]
    assert found.notice is not None
    assert found.notice.text == (
        "Your post e1: a person who had no part in it looked at the decision that you contested and found that it was "
        "wrong.\n\nWhat was done is taken back: remove and strike. Strikes that it led to no longer count."
    )
    assert known_appeal(house.desk, "a1")[1].closing == found.closing


def test_signals_of_a_superseded_decision_stay_so_that_a_replay_gives_it(house: Desked) -> None:
    before = house.judged()
    house.closed(house.appealed(), "overturned")
    after = house.standing_decision()
    assert (after.signals, after.features) == (before.signals, before.features)
    assert after.decision.releases == before.decision.releases


def test_an_appeal_that_is_not_upheld_by_a_person_leaves_all_as_it_was(house: Desked) -> None:
    before = house.judged()
    house.performer().until_idle()
    found = house.closed(house.appealed(), "upheld")
    assert house.standing_decision().decision == before.decision
    assert house.performer().round().idle
    assert [label.value for label in house.cases.labels("e1")] == [1]
    assert found.notice is not None
    assert found.notice.text.startswith(
        "A person who had no part in it looked at the decision that you contested. It stands.\n\n"
        "Your post e1: it was removed.\n\n"
    )
    assert "Automated means decided; automated means found it." in found.notice.text
    assert found.notice.text.endswith(
        "What you can do: this was decided on your appeal. You can turn to a certified body for out-of-court dispute "
        "settlement, or to a court."
    )


def test_what_waits_or_is_held_is_dropped_without_a_word(house: Desked) -> None:
    step = Step(name="harsh", detector="d", label="s", clause="S1", enforce=Kind.SUSPEND, review=True)
    house.with_policy(steps=(step,))
    house.judged(enforce="suspend", review=True)
    assert house.performer().until_idle() == Round(done=1, held=1)
    found = house.closed(house.appealed(), "overturned")
    house.receiver.told.clear()
    house.performer().until_idle()
    assert house.receiver.told == ["d-e1-0-remove-undo"]
    assert found.notice is not None
    assert "taken back: remove." in found.notice.text


def test_who_decided_first_does_not_decide_the_appeal(house: Desked) -> None:
    step = Step(name="harsh", detector="d", label="s", clause="S1", enforce=Kind.SUSPEND, review=True)
    house.with_policy(steps=(step,))
    house.judged(**CLEAR)
    house.closed(house.reported(), "violating", "sam")
    house.performer().until_idle()
    (held,) = house.outbox.find(states=["held"])
    approve(house.outbox, held.id, by="kim", why="yes", now=house.clock())
    case_id = house.appealed()
    for name in ("sam", "kim"):
        with pytest.raises(RefusedError, match=f"{name} took part in the decision that is contested"):
            house.closed(case_id, "overturned", name)
    assert house.closed(case_id, "overturned", "lee").case.state == "closed"


def test_reports_that_an_appeal_overturns_were_not_right(house: Desked) -> None:
    house.judged(**CLEAR)
    house.closed(house.reported(), "violating", "sam")
    assert house.cases.reporters(["account:b1"]) == {"account:b1": Reporter(1, 0)}
    assert known_report(house.cases, "r1")[2] == "upheld"
    house.closed(house.appealed(), "overturned", "lee")
    assert house.cases.reporters(["account:b1"]) == {"account:b1": Reporter(0, 1)}
    assert known_report(house.cases, "r1")[2] == "rejected"


def test_only_the_actor_contests_and_only_what_found_or_did_something(house: Desked) -> None:
    house.judged("e1")
    house.judged("calm", **CLEAR)
    nobody = make_event("nobody", actor=None)
    house.ledger.commit([make_judged(nobody), make_judged(make_event("tried"), decision=shadow())])
    refused = {
        "this is not the actor of the event": asking(by="account:b"),
        "the event names no actor": asking(event_id="nobody"),
    }
    for said, asked in refused.items():
        with pytest.raises(RefusedError, match=said):
            contest(house.desk, asked, vouched="platform", now=1)
    for asked in (
        asking(event_id="x"),
        asking(event_id="tried"),
        asking(event_id=None, decision_id="y"),
        asking(event_id=None, decision_id="shadow"),
    ):
        with pytest.raises(UnknownError):
            contest(house.desk, asked, vouched="platform", now=1)
    with pytest.raises(UserError, match="found nothing and did nothing"):
        contest(house.desk, asking(event_id="calm"), vouched="platform", now=1)
    with pytest.raises(ContradictionError, match="the decision is about another event"):
        contest(house.desk, asking(event_id="calm", decision_id="d-e1-0"), vouched="platform", now=1)
    assert house.cases.appealed("a1") is None
    with pytest.raises(UnknownError, match="no appeal 'a1'"):
        known_appeal(house.desk, "a1")


def asking(**said: str | None) -> Asked:
    return Asked(**{**vars(MINE), **said})  # type: ignore[arg-type]


def shadow():  # type: ignore[no-untyped-def]
    return make_decision(make_event("tried"), id="shadow", mode="shadow")


def test_the_same_appeal_again_changes_nothing_even_when_it_is_decided(house: Desked) -> None:
    house.judged()
    appeal, taken = contest(house.desk, MINE, vouched="platform", now=5)
    assert (appeal.decision_id, appeal.vouched, taken.known) == ("d-e1-0", "platform", False)
    with pytest.raises(ContradictionError, match="appeal 'a1' of this decision is open"):
        contest(house.desk, asking(id="a2"), vouched="platform", now=6)
    assert taken.case_id is not None
    house.closed(taken.case_id, "overturned")
    again = contest(house.desk, asking(decision_id="d-e1-0"), vouched="other", now=9)
    assert again == (appeal, Taken(taken.case_id, True))
    for other in ({"statement": "x"}, {"by": "account:b"}, {"event_id": "e2"}, {"decision_id": "d"}):
        with pytest.raises(ContradictionError, match="appeal 'a1' is known with other content"):
            contest(house.desk, asking(**other), vouched="platform", now=9)


def test_an_appeal_that_comes_again_after_its_actor_was_erased_is_known(house: Desked) -> None:
    house.judged()
    _, taken = contest(house.desk, MINE, vouched="platform", now=5)
    house.ledger.erase(Erasure(entity=Entity("account", "a1"), at=6, by="sam", why="asked for"))
    appeal, again = contest(house.desk, MINE, vouched="platform", now=7)
    assert (appeal.statement, again) == ("", Taken(taken.case_id, True))
    with pytest.raises(ContradictionError, match="appeal 'a1' is known with other content"):
        contest(house.desk, asking(event_id="e2"), vouched="platform", now=8)


def test_an_appeal_is_read_or_every_fault_is_told() -> None:
    said = {"id": "a1", "by": "a1", "statement": "it was a joke", "event_id": "e1"}
    assert read_appeal(json.dumps(said).encode()) == MINE
    with pytest.raises(UserError) as told:
        read_appeal(b'{"statement": "", "bye": 1}')
    assert str(told.value) == (
        "bye: is unknown\n    → did you mean 'by'? known: id, decision_id, event_id, by, statement\n"
        'id: is missing\n    → add "id": "..."\n'
        'by: is missing\n    → add "by": "..."\n'
        'statement: is blank\n    → add "statement": "..."\n'
        "decision_id: is missing\n    → name the decision, or the event with event_id"
    )
