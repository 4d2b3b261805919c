"""Appeals: an event's actor contests a decision, and learns what became of it."""

from dataclasses import dataclass

from gatehouse.flows.cases import Desk
from gatehouse.flows.read_said import Said
from gatehouse.ports.cases import ContradictionError, Filed, Taken, UnknownError
from gatehouse.ports.ledger import Judged
from gatehouse.records.case import Appeal
from gatehouse.records.case_answers import AppealState
from gatehouse.review.appeal import check_contested

KEYS = ("id", "decision_id", "event_id", "by", "statement")
"""What an appeal may say."""


@dataclass(frozen=True)
class Asked:
    """An appeal as it comes: it names the decision, or the event whose standing decision is meant, or both."""

    id: str
    by: str
    statement: str
    decision_id: str | None = None
    event_id: str | None = None


def read_appeal(data: bytes) -> Asked:
    """The appeal that a JSON object says. Raises UserError with every fault."""
    said = Said(data, KEYS)
    id_, by = said.name("id", wanted=True), said.entity("by", wanted=True)
    statement = said.text("statement", wanted=True)
    decision_id, event_id = said.name("decision_id"), said.name("event_id")
    if not said.has("decision_id") and not said.has("event_id"):
        said.fault("decision_id", "is missing", "name the decision, or the event with event_id")
    said.finish()
    assert id_ is not None
    assert by is not None
    assert statement is not None
    return Asked(id_, by, statement, decision_id, event_id)


def contest(desk: Desk, asked: Asked, *, vouched: str, now: int) -> tuple[Appeal, Taken]:
    """Record an appeal and open its case; the same again changes nothing.

    `vouched` is the caller, who says that it was this actor. Raises RefusedError where `by` is not the event's actor,
    UnknownError where decision or event are not on record, UserError where nothing was found or done, and
    ContradictionError for an id known with other content, or a decision of which an appeal is open.
    """
    known = desk.cases.appealed(asked.id)
    if known is not None:
        appeal, case_id = known
        _same(appeal, asked)
        return appeal, Taken(case_id, True)
    stored, decision_id = _contested(desk, asked)
    standing = [one for one in stored.enforcements if one.undoes is None and one.state in ("planned", "held", "done")]
    check_contested(stored.event, stored.decision, asked.by, standing)
    appeal = Appeal(
        id=asked.id,
        event_id=stored.event.id,
        decision_id=decision_id,
        by=asked.by,
        statement=asked.statement,
        at=now,
        vouched=vouched,
    )
    return appeal, desk.cases.appeal(appeal)


def known_appeal(desk: Desk, id: str) -> tuple[Appeal, Filed]:
    """An appeal and its case. Raises UnknownError where none has this id."""
    found = desk.cases.appealed(id)
    filed = None if found is None else desk.cases.find(found[1], most=0)
    if found is None or filed is None:
        raise UnknownError(f"no appeal '{id}' is known", fix="look at the id")
    return found[0], filed


def state_of(filed: Filed) -> AppealState:
    """What became of an appeal, by its case."""
    if filed.closing is None:
        return "open"
    return "overturned" if filed.closing.finding == "overturned" else "upheld"


def _same(known: Appeal, asked: Asked) -> None:
    of_it = (asked.decision_id or known.decision_id, asked.event_id or known.event_id)
    said = known.forgotten or (asked.by, asked.statement) == (known.by, known.statement)
    if not said or of_it != (known.decision_id, known.event_id):
        what = f"appeal {asked.id!r} is known with other content"
        raise ContradictionError(what, where="id", fix="send another appeal under another id")


def _contested(desk: Desk, asked: Asked) -> tuple[Judged, str]:
    """The event with what stands for it, and the id of the decision that is contested."""
    if asked.decision_id is None:
        found = desk.ledger.find(asked.event_id or "")
        if found is None or found.decision.mode != "live":
            raise UnknownError("no event of this id was decided on", where="event_id", fix="look at the id")
        return found, found.decision.id
    number = desk.cases.place_in_log(asked.decision_id)
    if number is None:
        raise UnknownError("no live decision has this id", where="decision_id", fix="look at the id")
    ((_, event),) = desk.ledger.log(after=number - 1, most=1)
    if asked.event_id not in (None, event.id):
        what = "the decision is about another event"
        raise ContradictionError(what, where="event_id", fix="name one of the two, or both as they belong together")
    return desk.ledger.judged([event])[0], asked.decision_id
