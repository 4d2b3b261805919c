"""Writing a batch: what can be made ready before anyone waits for it, and what is made under the right to write."""

from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter
from secrets import token_bytes
from typing import Any

from sqlalchemy import Connection, select

from gatehouse.adapters.sql import bulk, rows
from gatehouse.adapters.sql.blobs import Blobs, Encoder, Repeated
from gatehouse.adapters.sql.chains import Batch, Known
from gatehouse.adapters.sql.faults import faults, surely_kept
from gatehouse.adapters.sql.layouts import Layouts
from gatehouse.adapters.sql.lookup import Last
from gatehouse.adapters.sql.outbox import put
from gatehouse.adapters.sql.seals import KEY_BYTES, decision_seal, event_seal, open_part, owner_of
from gatehouse.adapters.sql.tables import (
    actor_keys,
    cases,
    decisions,
    enforcements,
    events,
    matched,
)
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

_END = """
INSERT INTO chain_ends (writer, seq, decision_id, hash) VALUES ({0}, {0}, {0}, {0})
ON CONFLICT (writer) DO UPDATE SET seq = excluded.seq, decision_id = excluded.decision_id, hash = excluded.hash
"""


@dataclass(frozen=True, slots=True)
class Ready:
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
            clean = blobs.clean and policies.clean and surely_kept(one, blobs.features)
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
        if self._releases[0] != said or list(self._releases[0]) != list(said):
            self._releases = (said, rows.to_json(said))
        return self._releases[1]


def write(connection: Connection, batch: Batch, made: Sequence[Ready], writer: str, layouts: Layouts) -> set[bytes]:
    """Insert all that is new, a table at a time; what another row names comes first.

    Gives back the digests of what repeats that are on record when the transaction ends well.
    """
    writing = _Writing(connection, batch, made, writer)
    new = layouts.new(one for i, _ in batch.decided for one in (made[i].policies, made[i].blobs.layout))
    layouts.put(connection, new)
    bulk.insert_all(connection, writing.insertions())
    writing.end(connection)
    live = [made[i].judged for i, _ in batch.decided if made[i].judged.decision.mode == "live"]
    put(connection, [(deed, one.decision.decided) for one in live for deed in one.enforcements])
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
        self._number = last.number
        self._keys: list[rows.Row] = []
        self._events = [
            self._event(event, owner, number, last)
            for number, (event, owner) in enumerate(zip(batch.events, owners, strict=True), last.number + 1)
        ]
        self._last_decision = ""

    def _event(self, event: Event, owner: str, number: int, last: Last) -> tuple[EventKey, Known, rows.Row]:
        if (known := last.keys.get(owner)) is None:
            last.key += 1
            known = last.keys[owner] = (last.key, token_bytes(KEY_BYTES))
            self._keys.append((last.key, owner, known[1], event.seen))
        id_, key = known
        sealed = event_seal(key, event.digest())
        return (event.id, event.revision), Known(key, sealed), rows.event_row(event, number, id_, sealed)

    def insertions(self) -> list[bulk.Rows]:
        """Everything to insert, in order."""
        brought = {key: (number, known) for number, (key, known, _) in enumerate(self._events, self._number + 1)}
        decided: list[rows.Row] = []
        matches: list[rows.Row] = []
        planned: list[rows.Row] = []
        opened: list[rows.Row] = []
        for i, place in self._batch.decided:
            one = self._made[i]
            event = one.judged.event
            key = (event.id, event.revision)
            number, known = brought.pop(key, (None, None))
            if number is None:
                known = self._known(key)
            assert known is not None
            decided.append(self._decision(one, place, number, known))
            if known.key is not None and not known.erased:
                id_ = one.judged.decision.id
                matches += [(id_, *said) for said in one.blobs.matched]
            planned += rows.placed_rows(one.judged.enforcements)
            opened += rows.placed_rows(one.judged.cases)
        return [
            (actor_keys, actor_keys.columns.keys(), self._keys),
            (events, events.columns.keys(), [row for _, _, row in self._events]),
            (decisions, decisions.columns.keys(), decided),
            (matched, matched.columns.keys(), matches),
            (enforcements, _PLANNED, planned),
            (cases, _OPENED, opened),
        ]

    def _known(self, key: EventKey) -> Known:
        found = self._batch.known.get(key)
        # A second decision of this batch about an event that the batch itself brought.
        return found if found is not None else next(known for other, known, _ in self._events if other == key)

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
        self._last_decision = said[0]
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

    def end(self, connection: Connection) -> None:
        """Note where the writer's chain ends now."""
        if not self._last_decision:
            return
        mark = "?" if connection.dialect.name == "sqlite" else "%s"
        values = (self._writer, self._seq, self._last_decision, self._hash)
        bulk.run(connection, _END.format(mark), values)


def _end_of(connection: Connection, writer: str) -> tuple[int, bytes]:
    """The end of a chain of which no end is noted: most often of one that begins."""
    made = decisions.c
    wanted = select(made.seq, made.hash).where(made.writer == writer).order_by(made.seq.desc()).limit(1)
    row = connection.execute(wanted).one_or_none()
    return (0, GENESIS) if row is None else (row.seq, bytes(row.hash))


def planned_row(row: Any) -> rows.Row:
    """A row of `enforcements` in the form that is sealed."""
    return (*_sealed(row), row.place)
