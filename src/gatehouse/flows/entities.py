"""Entities: what is on an entity's record now, and marks that people put on it."""

from dataclasses import dataclass

from gatehouse.errors import UserError
from gatehouse.flows.read_event import LONGEST
from gatehouse.flows.read_said import Said
from gatehouse.policies.standing import counting, reliability
from gatehouse.ports.cases import Cases, UnknownError
from gatehouse.ports.outbox import Outbox
from gatehouse.ports.standing import Standing
from gatehouse.records.enforcement import Enforcement, Kind
from gatehouse.records.event import Entity
from gatehouse.records.standing import Mark, Reporter, Strike

MARK_KEYS = ("name", "why", "until")
ERASE_KEYS = ("why",)

_SUSPENDING = frozenset({Kind.SUSPEND.word, Kind.TERMINATE.word})


@dataclass(frozen=True)
class Record:
    """What is on an entity's record at a moment.

    `strikes` are those that count, `enforcements` those on the entity itself that are planned, held or in force,
    `suspensions` the ones of them that keep it out now, and `decisions` how many decisions did anything to it.
    `reporter` is how its own reports ended, `reliability` the share of them that is expected to be upheld.
    """

    entity: str
    strikes: tuple[Strike, ...]
    marks: tuple[Mark, ...]
    enforcements: tuple[Enforcement, ...]
    suspensions: tuple[Enforcement, ...]
    decisions: int
    reporter: Reporter
    reliability: float


def record_of(entity: Entity, standing: Standing, outbox: Outbox, cases: Cases, now: int) -> Record:
    """What is on an entity's record now; one of which nothing is known has an empty one."""
    name = str(entity)
    strikes = standing.strikes(name)
    known = outbox.find(subject=name)
    taken_back = {one.undoes for one in known}
    deeds = [one for one in known if one.undoes is None]
    present = tuple(
        one for one in deeds if one.state in ("planned", "held", "done") and not _over(one, now, one.id in taken_back)
    )
    policies = dict.fromkeys(strike.policy for strike in strikes)
    reporter = cases.reporters([name]).get(name, Reporter())
    return Record(
        entity=name,
        strikes=tuple(strike for policy in policies for strike in counting(strikes, policy, now)),
        marks=tuple(standing.marks(name, now)),
        enforcements=present,
        suspensions=tuple(one for one in present if one.kind in _SUSPENDING and one.state == "done"),
        decisions=len({one.decision_id for one in deeds}),
        reporter=reporter,
        reliability=reliability(reporter),
    )


def _over(one: Enforcement, now: int, taken_back: bool) -> bool:
    """Whether one has ended, though nobody has carried out its end yet, or is being taken back before it was done."""
    return (one.until is not None and one.until <= now) or (taken_back and one.state != "done")


def read_entity(said: str) -> Entity:
    """The entity that a path or a command names. Raises UserError for what names none, or none that can be kept."""
    if "\0" in said or len(said) > LONGEST:
        raise UserError("names no entity that can be on record", where="entity", fix="write it as kind:id")
    return Entity.parse(said)


def read_mark(data: bytes, entity: Entity, *, by: str, now: int) -> Mark:
    """The mark that a JSON object says. Raises UserError with every fault."""
    said = Said(data, MARK_KEYS)
    name, why = said.name("name", wanted=True), said.text("why", wanted=True)
    until = said.time("until", now, ahead=None)
    if until is not None and until <= now:
        said.fault("until", "is over already", "leave it out for a mark that lasts")
    if name is not None and "/" in name:
        said.fault("name", "holds a slash", "use letters, digits, '_' and '-'")
    said.finish()
    assert name is not None
    assert why is not None
    return Mark(entity=str(entity), name=name, at=now, by=by, why=why, until=until)


def read_why(data: bytes) -> str:
    """The reason for an erasure that a JSON object says. Raises UserError with every fault."""
    said = Said(data, ERASE_KEYS)
    why = said.text("why", wanted=True)
    said.finish()
    assert why is not None
    return why


def unmark(standing: Standing, entity: Entity, name: str, now: int) -> None:
    """Take a mark off an entity; it stays on record. Raises UnknownError where it bears none of that name."""
    if name not in {mark.name for mark in standing.marks(str(entity), now)}:
        raise UnknownError(f"{entity} bears no mark '{name}'", fix="gatehouse standing shows its marks")
    standing.unmark(str(entity), name, now)
