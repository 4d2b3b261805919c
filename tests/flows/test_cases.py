"""Closing cases: what is found leads to what is done or taken back, once, whatever is cut off or comes at once."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import count
from pathlib import Path

import msgspec
import pytest
from tests.flows.reviewing import CLEAR, Desked

from gatehouse.errors import RefusedError, UserError
from gatehouse.flows import cases as flow
from gatehouse.flows import held
from gatehouse.flows.cases import catch_up, queue
from gatehouse.flows.held import approve
from gatehouse.flows.perform import Round
from gatehouse.ports.cases import ContradictionError, UnknownError
from gatehouse.ports.outbox import Outbox
from gatehouse.records.case import Label
from gatehouse.records.decision import PolicyOutcome
from gatehouse.records.enforcement import Kind
from gatehouse.records.policy import Clause, Quota, Step
from gatehouse.records.standing import Ladder, Reporter, Rung
from gatehouse.testing.makers import make_outcome


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Desked]:
    made = Desked(tmp_path / "ledger.db")
    yield made
    made.database.close()


def test_a_violation_that_was_missed_is_decided_anew_and_carried_out(house: Desked) -> None:
    before = house.judged(**CLEAR)
    case_id = house.reported(reporter="account:b1")
    found = house.closed(case_id, "violating")
    after = house.standing_decision()
    assert after.decision.supersedes == before.decision.id
    assert found.decision_id == after.decision.id
    assert (after.decision.outcome, after.decision.enforce) == ("violating", "remove")
    assert after.decision.policies == (
        PolicyOutcome(
            policy="spam",
            policy_version="p1",
            outcome="violating",
            enforce="remove",
            review=False,
            step="known_spam",
            clause="S1",
            reason=f"a person decided in case {case_id}",
        ),
    )
    assert (after.signals, after.features) == (before.signals, before.features)
    assert house.performer().until_idle() == Round(done=1)
    assert house.receiver.told == [f"{after.decision.id}-remove"]
    assert found.closing is not None
    assert house.cases.labels("e1") == [
        Label(
            event_id="e1",
            label="spam",
            value=1,
            source="review",
            rater="sam",
            at=found.closing.at,
            policy_version="p1",
            chance=1.0,
        )
    ]
    assert house.cases.reporters(["account:b1"]) == {"account:b1": Reporter(1, 0)}
    assert found.notice is not None
    assert found.notice.to == "account:a1"
    assert found.notice.text == (
        "Your post e1: it was removed.\n\n"
        "This holds everywhere on this service.\n\n"
        "Facts: Others reported it to us. A person decided; automated means did not find it.\n\n"
        "Why: it violates clause S1, 'Unsolicited offers', of our policy 'Spam and scams', which says: "
        "Offers nobody asked for.\n\n"
        "The ground is our own policy; we do not say that it is against the law.\n\n"
        "What you can do: you can contest this decision free of charge within six months, and a person who had no part "
        "in it decides. You can also turn to a certified body for out-of-court dispute settlement, or to a court."
    )


def test_a_finding_that_agrees_changes_nothing(house: Desked) -> None:
    before = house.judged()
    house.performer().until_idle()
    found = house.closed(house.reported(), "violating")
    assert (found.case.state, found.decision_id, found.notice) == ("closed", None, None)
    assert house.standing_decision().decision == before.decision
    assert house.performer().round().idle
    assert house.cases.unsettled() == []


def test_what_was_wrong_is_taken_back_and_what_another_policy_wants_stays(house: Desked) -> None:
    abuse = make_outcome("abuse", policy_version="p7", enforce="strike")
    house.judged("e1", make_outcome(enforce="strike"), abuse)
    house.performer().until_idle()
    assert house.states() == {"d-e1-0-remove": "done", "d-e1-0-strike": "done"}
    house.closed(house.reported(), "not_violating")
    after = house.standing_decision().decision
    assert [(said.policy, said.outcome, said.enforce) for said in after.policies] == [
        ("spam", "clear", "none"),
        ("abuse", "violating", "strike"),
    ]
    house.receiver.told.clear()
    house.performer().until_idle()
    assert sorted(house.receiver.told) == sorted(["d-e1-0-strike-undo", f"{after.id}-strike"])
    assert house.states()["d-e1-0-remove"] == "done", "the other policy removes it as well"
    house.closed(house.reported("r2", policy="abuse"), "not_violating")
    house.performer().until_idle()
    assert {one.state for one in house.outbox.find() if one.undoes is None} == {"undone"}
    assert all(strike.removed for strike in house.standing.strikes("account:a1"))


def test_an_undecided_event_takes_the_step_that_was_for_a_person_to_confirm(house: Desked) -> None:
    steps = (*house.policy.steps, Step(name="maybe", detector="d", label="s", clause="S1", enforce=Kind.BLUR))
    house.with_policy(steps=steps)
    house.judged(outcome="undecided", enforce="none", step="maybe", review=True)
    house.closed(house.reported(), "violating")
    assert house.standing_decision().decision.enforce == "blur"


def test_a_case_without_a_policy_wants_one_for_a_violation_and_none_for_its_absence(house: Desked) -> None:
    house.judged(**CLEAR)
    case_id = house.reported(policy=None, category="rude")
    with pytest.raises(UserError, match="policy: is missing\n    → say which is violated: spam"):
        house.closed(case_id, "violating")
    found = house.closed(case_id, "not_violating", policy=None)
    assert found.closing is not None
    assert [label.value for label in house.cases.labels("e1")] == [0]
    assert house.cases.reporters(["account:b1"]) == {"account:b1": Reporter(0, 1)}


def test_every_fault_of_a_closing_is_told_at_once(house: Desked) -> None:
    house.with_policy(
        steps=(
            *house.policy.steps,
            Step(name="harsh", detector="d", label="s", clause="S1", enforce=Kind.STRIKE),
        )
    )
    house.judged(**CLEAR)
    case_id = house.reported()
    with pytest.raises(UserError) as told:
        house.closed(case_id, "upheld", why=" ", policy="spum")
    assert str(told.value) == (
        "value: the case is no appeal\n    → find violating or not_violating\n"
        "why: is blank\n    → say why, for the record and for whoever looks at it again\n"
        "policy: policy 'spum' did not judge this event\n    → did you mean 'spam'?"
    )
    with pytest.raises(UserError, match="policy 'spam' has no step 'hrsh'\n    → did you mean 'harsh'"):
        house.closed(case_id, "violating", step="hrsh")
    with pytest.raises(UserError, match=r"several steps enforce.*\n    → say which applies: known_spam \(remove\), .*"):
        house.closed(case_id, "violating")
    with pytest.raises(UserError, match="a step belongs to what is violating"):
        house.closed(case_id, "not_violating", step="harsh")
    with pytest.raises(UnknownError, match="no case 'x' is known\n    → gatehouse cases list"):
        house.closed("x", "violating")
    assert house.cases.labels("e1") == []
    assert house.closed(case_id, "violating", step="harsh").case.state == "closed"
    assert house.standing_decision().decision.enforce == "strike"


def test_of_two_reviewers_at_once_one_wins_and_the_other_is_told(house: Desked) -> None:
    house.judged(**CLEAR)
    case_id = house.reported()

    def close_it(by: str) -> str:
        try:
            return "won" if house.closed(case_id, "violating", by) else ""
        except ContradictionError as told:
            return str(told)

    with ThreadPoolExecutor(2) as threads:
        said = dict(zip(("sam", "kim"), threads.map(close_it, ("sam", "kim")), strict=True))
    (winner,) = [name for name, one in said.items() if one == "won"]
    (loser,) = {"sam", "kim"} - {winner}
    assert said[loser].startswith(f"{case_id}: {winner} closed the case already and found it violating")
    assert len(house.cases.labels("e1")) == 1
    assert len(house.outbox.find()) == 1
    assert house.closed(case_id, "violating", winner).case.state == "closed", "the same again changes nothing"
    with pytest.raises(ContradictionError, match=f"{winner} closed the case already"):
        house.closed(case_id, "not_violating", winner)


@pytest.mark.parametrize("cut", ["instead", "undo", "agree", "_notice"])
@pytest.mark.parametrize("finding", ["violating", "not_violating"])
def test_what_is_cut_off_is_finished_by_whoever_looks_next(
    house: Desked, monkeypatch: pytest.MonkeyPatch, cut: str, finding: str
) -> None:
    house.judged(**(CLEAR if finding == "violating" else {"enforce": "strike"}))
    house.performer().until_idle()
    case_id = house.reported()
    with monkeypatch.context() as patch:
        patch.setattr(flow, cut, lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
        try:
            house.closed(case_id, finding)  # type: ignore[arg-type]
        except KeyboardInterrupt:
            assert house.cases.unsettled() == [case_id]
    for _ in range(2):
        catch_up(house.desk, house.clock())
    assert house.cases.unsettled() == []
    house.performer().until_idle()
    after = house.standing_decision()
    assert after.decision.outcome == ("violating" if finding == "violating" else "clear")
    assert after.decision.supersedes == "d-e1-0"
    states = {one.state for one in after.enforcements if one.undoes is None}
    assert states == ({"done"} if finding == "violating" else {"undone"})
    assert len(house.receiver.effects) == len(set(house.receiver.effects)) == (1 if finding == "violating" else 4)
    assert house.cases.find(case_id).notice is not None  # type: ignore[union-attr]


@pytest.mark.parametrize("carried_out", [False, True], ids=["before it was done", "after it was done"])
def test_who_is_cut_off_and_who_finishes_later_tell_the_actor_the_same(
    house: Desked, monkeypatch: pytest.MonkeyPatch, carried_out: bool
) -> None:
    told = []
    for id_, cut in (("e1", False), ("e2", True)):
        house.judged(id_, enforce="strike")
        if carried_out:
            house.performer().until_idle()
        case_id = house.reported(f"r-{id_}", event_id=id_)
        with monkeypatch.context() as patch, suppress(KeyboardInterrupt):
            if cut:
                patch.setattr(flow, "_notice", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
            house.closed(case_id, "not_violating")
        house.performer().until_idle()
        catch_up(house.desk, house.clock())
        filed = house.cases.find(case_id)
        assert filed is not None
        assert filed.notice is not None
        told.append(filed.notice.text.replace(id_, "it"))
    assert told[0] == told[1]
    assert ("taken back: remove and strike." in told[0]) == carried_out


def test_two_who_finish_the_same_closing_at_once_disturb_nobody(house: Desked, monkeypatch: pytest.MonkeyPatch) -> None:
    house.with_policy(quota=Quota(hour=1))
    house.judged("e0")
    house.judged("e1")
    house.performer().until_idle()
    case_id = house.reported()
    real, asked = held.approvals, count()

    def late(outbox: Outbox, id: str) -> tuple[str, ...]:
        found = real(outbox, id)
        if next(asked) == 1:
            catch_up(house.desk, house.clock())
        return found

    monkeypatch.setattr(held, "approvals", late)
    assert house.closed(case_id, "violating").settled is not None
    assert house.states()["d-e1-0-remove"] == "planned"


def test_a_suspension_that_a_person_finds_waits_for_a_second_one(house: Desked) -> None:
    step = Step(name="harsh", detector="d", label="s", clause="S1", enforce=Kind.SUSPEND, review=True)
    house.with_policy(steps=(step,), quota=Quota(hour=1))
    house.judged(**CLEAR)
    house.closed(house.reported(), "violating")
    assert house.performer().until_idle() == Round(done=1, held=1)
    (waits,) = house.outbox.find(states=["held"])
    assert waits.kind == "suspend"
    with pytest.raises(RefusedError, match="sam approved"):
        approve(house.outbox, waits.id, by="sam", why="once more", now=house.clock())
    assert approve(house.outbox, waits.id, by="kim", why="so do I", now=house.clock()) == "planned"
    assert house.performer().until_idle() == Round(done=1)


def test_what_a_quota_holds_is_let_go_by_a_persons_finding(house: Desked) -> None:
    house.with_policy(quota=Quota(hour=1))
    house.judged("e0")
    house.judged("e1")
    assert house.performer().until_idle() == Round(done=2, held=1)
    house.closed(house.reported(), "violating")
    assert house.performer().until_idle() == Round(done=1)
    assert "d-e1-0-remove" in house.receiver.told


def test_a_decision_of_another_writer_meanwhile_is_superseded_too(
    house: Desked, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = house.judged(**CLEAR)
    case_id = house.reported()
    real = flow.concluded

    def late(closing, decision, policies, now):  # type: ignore[no-untyped-def]
        made = real(closing, decision, policies, now)
        if decision.id == before.decision.id:
            other = msgspec.structs.replace(decision, id="rejudged", supersedes=decision.id)
            house.ledger.commit([msgspec_judged(before, other)])
        return made

    def msgspec_judged(one, decision):  # type: ignore[no-untyped-def]
        return type(one)(one.event, one.features, one.signals, decision)

    monkeypatch.setattr(flow, "concluded", late)
    house.closed(case_id, "violating")
    after = house.standing_decision().decision
    assert (after.supersedes, after.outcome) == ("rejudged", "violating")


def test_a_case_of_a_revision_before_is_about_that_revision(house: Desked) -> None:
    house.judged()
    case_id = house.reported()
    edited = house.standing_decision()
    event = msgspec.structs.replace(edited.event, revision=1, text="hello")
    decision = msgspec.structs.replace(edited.decision, id="edited", revision=1, policies=(make_outcome(**CLEAR),))
    house.ledger.commit([type(edited)(event, edited.features, (), decision)])
    house.performer().until_idle()
    found = house.closed(case_id, "not_violating")
    assert found.decision_id is not None
    assert house.standing_decision().decision.id == "edited"
    house.performer().until_idle()
    assert house.states()["d-e1-0-remove"] == "undone"


def test_rungs_of_a_ladder_fall_with_the_strikes_that_led_to_them(house: Desked) -> None:
    house.with_policy(
        clauses=(Clause(id="S1", title="t", text="x"),), ladder=Ladder(rungs=(Rung(strikes=2, enforce="warn"),))
    )
    for id_ in ("e1", "e2"):
        house.judged(id_, enforce="strike")
    house.performer().until_idle()
    assert house.states()["d-e2-0-strike-warn"] == "done"
    house.closed(house.reported(), "not_violating")
    house.performer().until_idle()
    assert house.states()["d-e2-0-strike-warn"] == "undone"
    assert [bool(strike.removed) for strike in house.standing.strikes("account:a1")] == [True, False]


def test_a_closing_that_cannot_be_finished_keeps_nobody_from_the_queue(
    house: Desked, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.judged("e1", **CLEAR)
    house.judged("e2", **CLEAR)
    stuck, other = house.reported("r1"), house.reported("r2", event_id="e2")

    def cannot(*_: object) -> None:
        raise UserError("no")

    with monkeypatch.context() as patch:
        patch.setattr(flow, "_concluded", cannot)
        with pytest.raises(UserError, match="no"):
            house.closed(stuck, "violating")
        assert [case.id for _, case in queue(house.desk, now=house.clock()).cases] == [other]
        assert house.cases.unsettled() == [stuck]
    queue(house.desk, now=house.clock())
    assert house.cases.unsettled() == []
