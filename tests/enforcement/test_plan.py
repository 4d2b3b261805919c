import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatehouse.enforcement.plan import in_place_of, instead, next_rung, planned, strike_of
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


_KINDS = st.sampled_from(("none", "blur", "limit", "remove", "strike", "suspend"))
_WANTED = st.dictionaries(st.sampled_from(("spam", "abuse", "hate")), _KINDS, min_size=1)
_STATES = st.sampled_from(("planned", "held", "done", "failed", "undone"))


@given(st.lists(_WANTED, min_size=1, max_size=4), st.data())
@settings(deadline=None, max_examples=100)
def test_after_each_decision_just_what_it_wants_stands(chain: list[dict[str, str]], data: st.DataObject) -> None:
    """Whatever was carried out, held or failed in between; and nothing that stays is done twice."""
    event = make_event()
    known: list[Enforcement] = []
    for i, wanted in enumerate(chain):
        outcomes = tuple(make_outcome(policy, enforce=kind) for policy, kind in wanted.items())
        decision = make_decision(event, id=f"d{i}", policies=outcomes)
        missing, unwanted = instead(decision, event, known)
        gone = {one.id for one in unwanted}
        known = [msgspec.structs.replace(one, state="undone") if one.id in gone else one for one in known] + missing
        standing = [(one.kind, one.on) for one in known if one.state not in ("failed", "undone")]
        assert set(standing) == {(one.kind, one.on) for one in planned(decision, event)}
        assert len(standing) == len(set(standing))
        assert instead(decision, event, known) == ([], [])
        known = [
            one if one.state in ("failed", "undone") else msgspec.structs.replace(one, state=data.draw(_STATES))
            for one in known
        ]


def test_what_is_being_taken_back_is_planned_anew_where_it_is_wanted_again() -> None:
    event = make_event()
    decision = make_decision(event)
    (deed,) = planned(decision, event)
    done = msgspec.structs.replace(deed, state="done")
    again = make_decision(event, id="again")
    assert instead(again, event, [done]) == ([], [])
    (anew,), nothing = instead(again, event, [done, undoing(done)])
    assert (anew.id, nothing) == ("again-remove", [])
    assert instead(make_decision(event, policies=(make_outcome(enforce="none"),)), event, [done]) == ([], [done])
