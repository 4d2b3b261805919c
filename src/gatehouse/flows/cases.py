"""Cases: the queue, and closing one: what is found, the decision that follows, and what is done or taken back."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import cast

from gatehouse.enforcement.notice import kept, reasons, taken_back
from gatehouse.enforcement.plan import instead
from gatehouse.enforcement.undo import undoing
from gatehouse.errors import RefusedError, UserError
from gatehouse.flows.held import agree, approvals
from gatehouse.flows.read_said import Said
from gatehouse.flows.undo import Chosen, undo
from gatehouse.ports.cases import Cases, ContradictionError, Filed, UnknownError
from gatehouse.ports.ledger import Judged, Ledger
from gatehouse.ports.outbox import Outbox
from gatehouse.records.case import FINDINGS, Case, CaseState, Closing, Finding, Notice
from gatehouse.records.decision import Decision, Outcome
from gatehouse.records.enforcement import Enforcement
from gatehouse.records.policy import Policy
from gatehouse.review.appeal import check_apart
from gatehouse.review.close import check, concluded, labels, made_in, meant
from gatehouse.review.queue import UNREPORTED, Place, in_order

KEYS = ("value", "why", "policy", "step")
"""What a closing may say."""

_LIST = "gatehouse cases list shows the open ones"
_TRIES = 5
"""Times that a finding meets a decision that another writer superseded meanwhile."""


@dataclass(frozen=True)
class Desk:
    """Where people look at cases; `policy` gives a policy version, or None where it is not known."""

    cases: Cases
    ledger: Ledger
    outbox: Outbox
    policy: Callable[[str, str], Policy | None]


@dataclass(frozen=True)
class Page:
    """Some of the cases, in order, each with when it was opened or closed; `after` is where the next page begins."""

    cases: tuple[tuple[int, Case], ...]
    after: str | None


def queue(desk: Desk, *, state: CaseState = "open", after: str | None = None, most: int = 50, now: int) -> Page:
    """A page of open cases, what was most likely reported rightly first, or of closed ones, the latest first.

    The order is that of the moment: a page goes on behind the place where the one before it ended. Reports that waited
    for their events come to their cases, and closings that were cut off are finished. Raises UserError for a cursor
    that no page gave.
    """
    catch_up(desk, now)
    last = None if after is None else Place.parse(after)
    if state == "closed":
        found = desk.cases.closed(None if last is None else (last.opened, last.case_id), most)
        places = [Place(0.0, at, case.id) for at, case in found]
        cases = {case.id: case for _, case in found}
    else:
        places = _spoken(desk, last)[:most]
        cases = dict(desk.cases.cases([place.case_id for place in places]))
        if len(places) < most:
            behind = (last.opened, last.case_id) if last is not None and last.doubt == UNREPORTED else None
            others = desk.cases.unspoken(behind, most - len(places))
            places += [Place(UNREPORTED, at, case.id) for at, case in others]
            cases |= {case.id: case for _, case in others}
    # One that somebody closed since the order was made is no longer shown as open.
    shown = [(place.opened, cases[place.case_id]) for place in places]
    shown = [(at, case) for at, case in shown if case.state == state]
    return Page(tuple(shown), str(places[-1]) if len(places) == most else None)


def _spoken(desk: Desk, last: Place | None) -> list[Place]:
    """The places of reported and appealed cases behind one."""
    if last is not None and last.doubt == UNREPORTED:
        return []
    spoken = desk.cases.spoken()
    known = desk.cases.reporters(list({name for one in spoken for name in one.reporters}))
    return [place for place in in_order(spoken, known) if last is None or place > last]


def shown(desk: Desk, case_id: str) -> Filed:
    """A case with what brought and ended it. Raises UnknownError where none has this id."""
    return _filed(desk, case_id)


def read_closing(data: bytes, case_id: str, *, by: str, now: int) -> Closing:
    """What a JSON object says that somebody finds in a case. Raises UserError with every fault."""
    said = Said(data, KEYS)
    value, why = said.choice("value", FINDINGS, wanted=True), said.text("why", wanted=True)
    policy, step = said.name("policy"), said.name("step")
    said.finish()
    assert why is not None
    return Closing(case_id=case_id, finding=cast(Finding, value), by=by, why=why, at=now, policy=policy, step=step)


def catch_up(desk: Desk, now: int) -> None:
    """Bring reports whose events have come to their cases, and finish closings that were cut off."""
    while desk.cases.join():
        pass
    for case_id in desk.cases.unsettled():
        # One that cannot be finished stays unsettled, which showing it says, and keeps nobody from the others.
        with suppress(UserError):
            _settle(desk, _filed(desk, case_id), now)


def close(desk: Desk, closing: Closing) -> Filed:
    """Close a case with what a person finds, and do what follows; the same again changes nothing.

    Where the finding contradicts the decision, one that supersedes it is recorded; what it no longer wants is taken
    back, and what it wants is planned, with the finding as the first person's word. Raises UserError with every fault,
    RefusedError for who decided before and now would decide on the appeal, ContradictionError where another closed it.
    """
    catch_up(desk, closing.at)
    filed = _filed(desk, closing.case_id)
    closing = meant(filed.case, closing)
    if filed.closing is not None:
        _same(filed.closing, closing)
        return filed
    stored = _judged(desk, filed.case)
    check(filed.case, closing, stored.decision, _policies(desk, stored.decision))
    if filed.case.opened_by == "appeal":
        check_apart(closing.by, _took_part(desk, filed.case, stored.enforcements))
    if not desk.cases.close(closing, labels(filed.case, closing, stored.decision)):
        _same(_filed(desk, closing.case_id).closing or closing, closing)
    _settle(desk, _filed(desk, closing.case_id), closing.at)
    return _filed(desk, closing.case_id)


def _filed(desk: Desk, case_id: str) -> Filed:
    filed = desk.cases.find(case_id)
    if filed is None:
        raise UnknownError(f"no case '{case_id}' is known", fix=_LIST)
    return filed


def _same(known: Closing, now: Closing) -> None:
    if known.content != now.content:
        what = f"{known.by} closed the case already and found it {known.finding}"
        raise ContradictionError(what, where=known.case_id, fix=_LIST)


def _judged(desk: Desk, case: Case) -> Judged:
    """The event revision that a case is about, with the decision that stands for it and all that its chain planned."""
    number = desk.cases.place_in_log(case.decision_id)
    if number is None:
        raise UserError("the case is about no live decision", where=case.id, fix="what is in shadow needs no review")
    ((_, event),) = desk.ledger.log(after=number - 1, most=1)
    return desk.ledger.judged([event])[0]


def _policies(desk: Desk, decision: Decision) -> Mapping[str, Policy | None]:
    return {said.policy: desk.policy(said.policy, said.policy_version) for said in decision.policies}


def _took_part(desk: Desk, case: Case, deeds: Sequence[Enforcement]) -> set[str]:
    """Who closed cases of the event, or approved what was done to it or its actor."""
    people = {name for deed in deeds for name in approvals(desk.outbox, deed.id)}
    return people.union(desk.cases.closers(case.event_id))


def _settle(desk: Desk, filed: Filed, now: int) -> None:
    """Do what follows from a closing; doing it again, after it was cut off, repeats nothing."""
    closing, case = filed.closing, filed.case
    assert closing is not None
    stored, policies = _concluded(desk, case, closing, now)
    why = f"case {case.id}: {closing.why}"
    _, unwanted = instead(stored.decision, stored.event, stored.enforcements)
    for deed in unwanted:
        undo(desk.outbox, Chosen(enforcement_id=deed.id), by=closing.by, why=why, now=now)
    if closing.finding == "violating":
        for deed in desk.outbox.find(ids=[one.id for one in stored.enforcements], states=("planned", "held")):
            if deed.undoes is None and closing.policy in (None, deed.policy):
                # Whoever finishes the same closing at this moment says it for them, and then it is said.
                with suppress(UserError, RefusedError):
                    agree(desk.outbox, deed.id, by=closing.by, why=why, now=now)
    led_to = stored.decision.id if made_in(case.id, stored.decision) else None
    gone = _gone(desk, stored.enforcements, unwanted, why)
    desk.cases.settle(case.id, now, led_to, _notice(filed, closing, stored, gone, policies, now))


def _gone(desk: Desk, deeds: Sequence[Enforcement], unwanted: Sequence[Enforcement], why: str) -> Mapping[str, bool]:
    """The deeds that a finding takes back, also those that are taken back by now, and whether each had been done."""
    now, backs = {one.id for one in unwanted}, {one.undoes for one in deeds}
    found = {}
    for one in deeds:
        if one.undoes is not None or one.follows is not None:
            continue
        changes = [*desk.outbox.changes(one.id), *desk.outbox.changes(undoing(one).id)]
        if one.id in now or any(change.why == why and not change.approves for change in changes):
            found[one.id] = one.state == "done" or (one.state == "undone" and one.id in backs)
    return found


def _concluded(desk: Desk, case: Case, closing: Closing, now: int) -> tuple[Judged, Mapping[str, Policy | None]]:
    """The event with the decision that stands after a finding."""
    for _ in range(_TRIES):
        stored = _judged(desk, case)
        policies = _policies(desk, stored.decision)
        decision = concluded(closing, stored.decision, policies, now)
        if decision is None:
            return stored, policies
        missing, _ = instead(decision, stored.event, stored.enforcements)
        desk.ledger.commit(
            [Judged(stored.event, stored.features, stored.signals, decision, enforcements=tuple(missing))]
        )
    raise ContradictionError("the event is being decided on again and again", where=case.id, fix="close it again later")


def _notice(
    filed: Filed,
    closing: Closing,
    stored: Judged,
    gone: Mapping[str, bool],
    policies: Mapping[str, Policy | None],
    now: int,
) -> Notice | None:
    """What the actor is told; None where there is none, or where nothing changed and nobody asked."""
    case, decision = filed.case, stored.decision
    appealed = case.opened_by == "appeal"
    if stored.event.actor is None or not (appealed or made_in(case.id, decision)):
        return None
    firsts = [one for one in stored.enforcements if one.undoes is None and not one.stands_in]
    standing = [one for one in firsts if one.id not in gone and one.state not in ("failed", "undone")]
    done = [one for one in firsts if gone.get(one.id)]
    if closing.finding == "upheld":
        text = kept(stored.event, decision, standing, policies)
    elif decision.outcome == Outcome.VIOLATING.word and closing.finding == "violating":
        text = reasons(stored.event, decision, standing, policies, opened_by=case.opened_by)
    elif gone or appealed:
        text = taken_back(stored.event, done, appealed=appealed)
    else:
        return None
    return Notice(
        case_id=case.id,
        event_id=case.event_id,
        decision_id=decision.id,
        to=str(stored.event.actor),
        text=text,
        at=now,
    )
