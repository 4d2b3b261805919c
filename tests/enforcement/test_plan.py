import pytest

from gatehouse.enforcement.plan import in_place_of, next_rung, planned, strike_of
from gatehouse.enforcement.undo import undoing
from gatehouse.records.enforcement import Enforcement, Kind
from gatehouse.records.standing import Ladder, Rung
from gatehouse.testing.makers import make_decision, make_event, make_outcome
from gatehouse.testing.outbox_contract import make_enforcement

LADDER = Ladder(rungs=(Rung(strikes=1, enforce="suspend", seconds=60),), expires=10)


def test_one_deed_a_kind_for_the_first_policy_that_wants_it() -> None:
    event = make_event()
    outcomes = (
        make_outcome("spam"),
        make_outcome("abuse", policy_version="a7", step="bad"),
        make_outcome("hate", enforce="blur", step=None),
        make_outcome("none", enforce="none", outcome="clear"),
    )
    decision = make_decision(event, policies=outcomes)
    assert planned(decision, event) == [
        Enforcement(
            id="d-e1-0-remove",
            decision_id="d-e1-0",
            event_id="e1",
            policy="spam",
            kind="remove",
            policy_version="p1",
            subject="event:e1",
            step="certain_spam",
        ),
        Enforcement(
            id="d-e1-0-blur",
            decision_id="d-e1-0",
            event_id="e1",
            policy="hate",
            kind="blur",
            policy_version="p1",
            subject="event:e1",
        ),
    ]


@pytest.mark.parametrize("kind", ["strike", "suspend", "terminate"])
def test_what_is_done_to_an_actor_takes_the_event_away_as_well(kind: str) -> None:
    event = make_event()
    deeds = planned(make_decision(event, policies=(make_outcome(enforce=kind),)), event)
    assert [(deed.kind, deed.subject) for deed in deeds] == [("remove", "event:e1"), (kind, "account:a1")]
    nobody = make_event(actor=None)
    deeds = planned(make_decision(nobody, policies=(make_outcome(enforce=kind),)), nobody)
    assert [deed.kind for deed in deeds] == ["remove"]


def test_a_strike_expires_as_the_ladder_says_and_leads_to_its_rung() -> None:
    deed = make_enforcement("s", kind="strike", subject="account:a1")
    given = strike_of(deed, LADDER, 5)
    assert (given.id, given.actor, given.at, given.expires) == ("s", "account:a1", 5, 10_000_005)
    assert strike_of(deed, None, 5).expires is None
    reached = next_rung(deed, [given], LADDER, 7)
    assert reached is not None
    assert (reached.id, reached.kind, reached.on, reached.until, reached.follows) == (
        "s-suspend",
        "suspend",
        "account:a1",
        60_000_007,
        "s",
    )
    assert next_rung(deed, [], LADDER, 7) is None
    assert next_rung(deed, [given], Ladder(rungs=(Rung(strikes=2, enforce="warn"),)), 7) is None


def test_only_a_removal_has_something_in_its_place() -> None:
    for kind in Kind:
        instead = in_place_of(make_enforcement("n", kind=kind.word))
        if kind is not Kind.REMOVE:
            assert instead is None
        else:
            assert instead is not None
            assert (instead.id, instead.kind, instead.on, instead.stands_in) == (
                "n-meanwhile",
                "limit",
                "event:e1",
                True,
            )
    assert in_place_of(undoing(make_enforcement())) is None
