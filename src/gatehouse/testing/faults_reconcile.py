"""Reconciliation: what was sent, answered, decided, planned and received, compared with one another."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from gatehouse.flows import ledger_check
from gatehouse.ports.dead_letters import DeadLetters
from gatehouse.ports.ledger import Ledger
from gatehouse.ports.outbox import Outbox
from gatehouse.records.api import DecisionAnswer
from gatehouse.records.decision import Decision
from gatehouse.records.enforcement import Enforcement

Said = Mapping[str, Any]
"""An event as it was sent."""

_ALL = 1_000_000


@dataclass
class Sent:
    """What senders did and were told: by HTTP each event with its answer, by the bus each message as it was.

    `refused` are events by HTTP with the status of their refusal.
    """

    answered: list[tuple[Said, DecisionAnswer]] = field(default_factory=list)
    refused: list[tuple[Said, int]] = field(default_factory=list)
    messages: list[bytes] = field(default_factory=list)

    def texts(self) -> dict[str, set[str]]:
        """The contents that were sent of each event that is one, by its id."""
        said = [one for one, _ in (*self.answered, *self.refused)] + [json.loads(one) for one in self.messages]
        found: dict[str, set[str]] = {}
        for one in said:
            if is_event(one):
                found.setdefault(one["id"], set()).add(one["text"])
        return found


def is_event(said: Said) -> bool:
    """Whether it can be decided on; what is sent wrongly here has a number for a text."""
    return isinstance(said["text"], str)


@dataclass(frozen=True)
class Kept:
    """What is on record: texts of events with their ids (one entry a time that it stands there), decisions,
    enforcements, letters' values, and where the hash chains are broken.
    """

    texts: Sequence[tuple[str, str | None]]
    decisions: Sequence[Decision]
    enforcements: Sequence[Enforcement]
    letters: Sequence[bytes]
    breaks: Sequence[str]


def kept(ledger: Ledger, outbox: Outbox, letters: DeadLetters) -> Kept:
    """What is on record now."""
    report = ledger_check.check(ledger)
    return Kept(
        [(event.id, event.text) for _, event in ledger.log(most=_ALL)],
        ledger.decisions(),
        outbox.find(),
        [letter.value for letter in letters.list(limit=_ALL)],
        [str(one) for one in report.breaks],
    )


@dataclass(frozen=True)
class Reconciliation:
    """What was found wrong, by kind, as ids; how much was compared stands in `compared`."""

    compared: dict[str, int]
    lost: tuple[str, ...] = ()
    """Sent and neither decided nor refused."""
    decided_twice: tuple[str, ...] = ()
    """On record more than once."""
    not_sent: tuple[str, ...] = ()
    """On record with a content that nobody sent."""
    answered_otherwise: tuple[str, ...] = ()
    """Answered with another decision than the one on record."""
    wrongly_refused: tuple[str, ...] = ()
    """Refused though nothing was wrong, or taken though something was."""
    not_planned: tuple[str, ...] = ()
    """Decisions that enforce something, without a plan; or plans without a decision."""
    not_done: tuple[str, ...] = ()
    """Planned and neither done nor taken back at the end."""
    not_received: tuple[str, ...] = ()
    """Done by the record, and no effect at the receiver."""
    repeated: tuple[str, ...] = ()
    """Effects that the receiver saw more than once."""
    not_wanted: tuple[str, ...] = ()
    """Effects of nothing that was planned, or that take back what had none."""
    out_of_order: tuple[str, ...] = ()
    """Effects that take back what took effect after them."""
    breaks: tuple[str, ...] = ()
    """Where the ledger's hash chains do not hold."""

    def found(self) -> dict[str, tuple[str, ...]]:
        """The kinds of which something was found."""
        named = {one.name: getattr(self, one.name) for one in fields(self) if one.name != "compared"}
        return {name: ids for name, ids in named.items() if ids}

    @property
    def agrees(self) -> bool:
        """Whether nothing was found."""
        return not self.found()

    def __str__(self) -> str:
        counts = ", ".join(f"{n:,} {name}" for name, n in self.compared.items())
        wrong = [f"  {len(ids):,} {name.replace('_', ' ')}: {', '.join(ids[:5])}" for name, ids in self.found().items()]
        return "\n".join([f"compared {counts}; {'all agrees' if self.agrees else 'found'}", *wrong])


def reconcile(sent: Sent, kept: Kept, effects: Mapping[str, int]) -> Reconciliation:
    """Compare; `effects` is how often the receiver saw each enforcement's id take effect, in the order of the first."""
    texts = dict(kept.texts)
    wanted = sent.texts()
    times = Counter(id_ for id_, _ in kept.texts)
    decided = Counter(decision.event_id for decision in kept.decisions)
    by_event = {decision.event_id: decision for decision in kept.decisions}
    return Reconciliation(
        compared={
            "events sent": len(wanted),
            "messages": len(sent.messages),
            "answers": len(sent.answered) + len(sent.refused),
            "decisions": len(kept.decisions),
            "enforcements": len(kept.enforcements),
            "taken back": sum(one.undoes is not None for one in kept.enforcements),
            "effects": len(effects),
        },
        lost=_sorted(id_ for id_ in wanted if not (times[id_] and decided[id_])),
        decided_twice=_sorted({id_ for found in (times, decided) for id_, n in found.items() if n > 1}),
        not_sent=_sorted(id_ for id_, text in kept.texts if text not in wanted.get(id_, ())),
        answered_otherwise=_sorted(
            {said["id"] for said, answer in sent.answered if not _same(answer, by_event.get(said["id"]))}
        ),
        wrongly_refused=_wrongly_refused(sent, kept, texts),
        breaks=tuple(kept.breaks),
        **_enforced(kept, effects),
    )


def _enforced(kept: Kept, effects: Mapping[str, int]) -> dict[str, tuple[str, ...]]:
    """What is wrong with what was planned, done and received."""
    planned = {one.id for one in kept.enforcements}
    ended = {one.id for one in kept.enforcements if one.state in ("done", "undone")}
    enforcing = {one.id for one in kept.decisions if one.enforce != "none"}
    deeds = {one.decision_id for one in kept.enforcements}
    # What was dropped before anybody had carried it out has no effect, and neither has what takes it back.
    back = {one.id: one.undoes for one in kept.enforcements if one.undoes is not None}
    due = {one.id for one in kept.enforcements if one.state == "done" and one.undoes is None}
    due |= {id_ for id_, undone in back.items() if undone in effects}
    idle = {id_ for id_, undone in back.items() if id_ in effects and undone not in effects}
    place = {id_: number for number, id_ in enumerate(effects)}
    early = {id_ for id_, undone in back.items() if id_ in place and place[id_] < place.get(undone, 0)}
    return {
        "not_planned": _sorted((enforcing - deeds) | (deeds - {one.id for one in kept.decisions})),
        "not_done": _sorted(planned - ended),
        "not_received": _sorted(due - effects.keys()),
        "repeated": _sorted(id_ for id_, n in effects.items() if n > 1),
        "not_wanted": _sorted((effects.keys() - planned) | idle),
        "out_of_order": _sorted(early),
    }


def _same(answer: DecisionAnswer, decision: Decision | None) -> bool:
    """Whether an answer tells of the decision on record."""
    if decision is None:
        return False
    told = (answer.decision_id, answer.revision, answer.outcome, answer.enforce, answer.policies, answer.decided)
    return told == (
        decision.id,
        decision.revision,
        decision.outcome,
        decision.enforce,
        decision.policies,
        decision.decided,
    )


def _wrongly_refused(sent: Sent, kept: Kept, texts: Mapping[str, str | None]) -> tuple[str, ...]:
    """An event is refused where it is none, or is on record with another content; by the bus it becomes a letter."""

    def status(said: Said) -> int:
        # What is not on record at all is lost, and not refused.
        return 400 if not is_event(said) else 200 if texts.get(said["id"], said["text"]) == said["text"] else 409

    wrong = {said["id"] for said, _ in sent.answered if status(said) != 200}
    wrong |= {said["id"] for said, given in sent.refused if status(said) != given}
    due = Counter(one for one in sent.messages if status(json.loads(one)) != 200)
    set_aside = Counter(kept.letters)
    # A message that was sent again, for nobody said that it had arrived, may lie there twice.
    for value in (due - set_aside).keys() | (set_aside.keys() - due.keys()):
        wrong.add(f"letter {json.loads(value)['id']}")
    return _sorted(wrong)


def _sorted(ids: Any) -> tuple[str, ...]:
    return tuple(sorted(ids))
