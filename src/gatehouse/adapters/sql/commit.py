"""Writing a batch: what can be made ready before anyone waits for it, and what is made under the right to write."""

from collections.abc import Sequence
from operator import attrgetter
from secrets import token_bytes
from typing import Any, NamedTuple

from sqlalchemy import Connection, select

from gatehouse.adapters.sql import rows
from gatehouse.adapters.sql.blobs import Blobs, Encoder, Repeated
from gatehouse.adapters.sql.bulk import Insertion, insert_all
from gatehouse.adapters.sql.chains import Batch, Known
from gatehouse.adapters.sql.faults import faults, surely_kept
from gatehouse.adapters.sql.layouts import Layouts
from gatehouse.adapters.sql.lookup import Last
from gatehouse.adapters.sql.outbox import into_outbox
from gatehouse.adapters.sql.seals import KEY_BYTES, decision_seal, event_seal, open_part, owner_of
from gatehouse.adapters.sql.tables import (
    actor_keys,
    cases,
    chain_ends,
    decisions,
    enforcements,
    events,
    matched,
)
from gatehouse.adapters.sql.tables import layouts as repeated
from gatehouse.errors import Fault, UserError
from gatehouse.ports.ledger import EventKey, Judged
from gatehouse.records.case import Case
from gatehouse.records.decision import PolicyOutcome
from gatehouse.records.enforcement import Enforcement
from gatehouse.records.event import Event
from gatehouse.records.hash_chain import GENESIS, linked

UNSEALED = bytes(KEY_BYTES)
"""In the place of a seal: a decision about an event whose key was destroyed has no content to commit to."""

_PLANNED = (*Enforcement.__struct_fields__, "place")
_OPENED = (*Case.__struct_fields__, "place")

# Named one by one: a column that comes later is not in what was sealed before it.
_SEALED = ("id", "decision_id", "event_id", "policy", "kind", "state", "policy_version", "subject", "step", "until")
_sealed = attrgetter(*_SEALED, "undoes", "follows")

_ACTOR_KEYS, _EVENTS, _DECISIONS = (tuple(table.columns.keys()) for table in (actor_keys, events, decisions))
_MATCHED, _LAYOUTS, _ENDS = (tuple(table.columns.keys()) for table in (matched, repeated, chain_ends))

_UNLESS_THERE = "ON CONFLICT (digest) DO NOTHING"
_MOVED = """
ON CONFLICT (writer) DO UPDATE SET seq = excluded.seq, decision_id = excluded.decision_id, hash = excluded.hash
"""


class Ready(NamedTuple):
    """One of a batch with all that does not depend on what is on record."""

    judged: Judged
    blobs: Blobs
    policies: Repeated
    releases: str


def ready(judged: Sequence[Judged]) -> list[Ready]:
    """Make a batch ready; raises UserError, naming all of them, for events that cannot be recorded."""
    found: list[Fault] = []
    made = []
    encoder, texts = Encoder(), _Texts()
    for one in judged:
        try:
            blobs, policies = encoder.blobs(one), texts.policies(one.decision.policies)
            clean = blobs.clean and policies.clean and surely_kept(one)
        except (ArithmeticError, LookupError, TypeError, ValueError):
            # What has no form in a blob is a fault, and the long way has the words for it.
            found += faults(one)
            if not found:
                raise
            continue
        if clean or not (bad := faults(one)):
            made.append(Ready(one, blobs, policies, texts.releases(one.decision.releases)))
        else:
            found += bad
    if found:
        raise UserError(found)
    return made


class _Texts:
    """Texts of a batch, each made once for all decisions that share it."""

    def __init__(self) -> None:
        self._policies: dict[tuple[int, ...], Repeated] = {}
        self._releases: tuple[dict[str, str], str] = ({}, "{}")

    def policies(self, outcomes: Sequence[PolicyOutcome]) -> Repeated:
        """The policies' outcomes; a judge shares the records of those that conclude the same."""
        key = tuple(map(id, outcomes))
        if (found := self._policies.get(key)) is None:
            found = self._policies[key] = Repeated.of(outcomes)
        return found

    def releases(self, said: dict[str, str]) -> str:
        """The releases as JSON; all of a batch are most often the same."""
        if self._releases[0] is not said and (self._releases[0] != said or list(self._releases[0]) != list(said)):
            self._releases = (said, rows.to_json(said))
        return self._releases[1]


def write(connection: Connection, batch: Batch, made: Sequence[Ready], writer: str, layouts: Layouts) -> set[bytes]:
    """Insert all that is new, a table at a time; what another row names comes first.

    Gives back the digests of what repeats that are on record when the transaction ends well.
    """
    new = layouts.new(one for i, _ in batch.decided for one in (made[i].policies, made[i].blobs.layout))
    kept = Insertion(repeated, _LAYOUTS, [(one.digest, one.content.decode()) for one in new.values()], _UNLESS_THERE)
    insert_all(connection, [kept, *_Writing(connection, batch, made, writer).insertions()])
    return set(new)


class _Writing:
    """The rows of a batch. Whoever writes holds the only right to, so nobody else takes these numbers or this end."""

    def __init__(self, connection: Connection, batch: Batch, made: Sequence[Ready], writer: str) -> None:
        self._batch = batch
        self._made = made
        self._writer = writer
        owners = [owner_of(event) for event in batch.events]
        last = Last(connection, owners, writer)
        self._seq, self._hash = last.end or _end_of(connection, writer)
        self._keys: list[rows.Row] = []
        self._events: list[rows.Row] = []
        self._brought: dict[EventKey, tuple[int | None, Known]] = {}
        for number, (event, owner) in enumerate(zip(batch.events, owners, strict=True), last.number + 1):
            self._add(event, owner, number, last)

    def _add(self, event: Event, owner: str, number: int, last: Last) -> None:
        if (known := last.keys.get(owner)) is None:
            last.key += 1
            known = last.keys[owner] = (last.key, token_bytes(KEY_BYTES))
            self._keys.append((last.key, owner, known[1], event.seen))
        id_, key = known
        sealed = event_seal(key, event.digest())
        self._events.append(rows.event_row(event, number, id_, sealed))
        self._brought[event.id, event.revision] = number, Known(key, sealed)

    def insertions(self) -> list[Insertion]:
        """Everything to insert, in order, and where the writer's chain ends then."""
        decided: list[rows.Row] = []
        matches: list[rows.Row] = []
        planned: list[rows.Row] = []
        opened: list[rows.Row] = []
        acting: list[tuple[Enforcement, int]] = []
        for i, place in self._batch.decided:
            one = self._made[i]
            event, decision, deeds = one.judged.event, one.judged.decision, one.judged.enforcements
            number, known = self._known((event.id, event.revision))
            decided.append(self._decision(one, place, number, known))
            if one.blobs.matched and known.key is not None and not known.erased:
                matches += [(decision.id, *said) for said in one.blobs.matched]
            if deeds:
                planned += rows.placed_rows(deeds)
                if decision.mode == "live":
                    acting += [(deed, decision.decided) for deed in deeds]
            opened += rows.placed_rows(one.judged.cases)
        ends = [(self._writer, self._seq, decided[-1][0], self._hash)] if decided else []
        return [
            Insertion(actor_keys, _ACTOR_KEYS, self._keys),
            Insertion(events, _EVENTS, self._events),
            Insertion(decisions, _DECISIONS, decided),
            Insertion(matched, _MATCHED, matches),
            Insertion(enforcements, _PLANNED, planned),
            Insertion(cases, _OPENED, opened),
            into_outbox(acting),
            Insertion(chain_ends, _ENDS, ends, _MOVED),
        ]

    def _known(self, key: EventKey) -> tuple[int | None, Known]:
        """What a decision is about, and its number where this is the first decision of an event that came with it."""
        number, known = self._brought.get(key) or (None, self._batch.known[key])
        if number is not None:
            self._brought[key] = None, known
        return number, known

    def _decision(self, one: Ready, place: int, number: int | None, known: Known) -> rows.Row:
        """The row of `decisions` with its link, which follows the one made before."""
        event, (layout, features, signals, matches, _) = one.judged.event, one.blobs
        said = rows.decision_row(one.judged.decision, place, self._writer, one.releases)
        part = (number, event.seen, event.imported)
        deeds = len(one.judged.enforcements)
        opened = open_part(said, number, deeds, one.policies.digest, layout.digest, part)
        content: tuple[Any, ...] = (features, signals)
        if known.key is None or known.erased:
            sealed, content = UNSEALED, (None, None)
        else:
            planned = [(*_sealed(deed), i) for i, deed in enumerate(one.judged.enforcements)]
            sealed = decision_seal(known.key, known.sealed, opened, (*content, matches, planned))
        self._seq += 1
        self._hash = linked(self._hash, sealed, opened)
        return (
            *said,
            self._seq,
            number,
            deeds,
            one.policies.digest,
            layout.digest,
            sealed,
            self._hash,
            None,
            *content,
        )


def _end_of(connection: Connection, writer: str) -> tuple[int, bytes]:
    """The end of a chain of which no end is noted: most often of one that begins."""
    made = decisions.c
    wanted = select(made.seq, made.hash).where(made.writer == writer).order_by(made.seq.desc()).limit(1)
    row = connection.execute(wanted).one_or_none()
    return (0, GENESIS) if row is None else (row.seq, bytes(row.hash))


def planned_row(row: Any) -> rows.Row:
    """A row of `enforcements` in the form that is sealed."""
    return (*_sealed(row), row.place)
