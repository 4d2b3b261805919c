"""The ledger in a SQL database: what happened, what was said about it and what was decided, in one transaction."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, Select, Table, exists, func, insert, select
from sqlalchemy.exc import NoResultFound

from gatehouse.adapters.sql import bulk, hash_chain, rows
from gatehouse.adapters.sql.chains import Batch, ChainKey, EventKey, digests, standing
from gatehouse.adapters.sql.engine import Database
from gatehouse.adapters.sql.faults import unkept
from gatehouse.adapters.sql.lookup import among
from gatehouse.adapters.sql.outbox import put
from gatehouse.adapters.sql.outbox_tables import at_present
from gatehouse.adapters.sql.tables import (
    cases,
    decisions,
    enforcements,
    events,
    feature_rows,
    policy_outcomes,
    runs,
    signals,
)
from gatehouse.errors import Fault, OutsideError, UserError
from gatehouse.ports.ledger import Judged, Matches, Run, Unlinked, Walked
from gatehouse.records.case import Case
from gatehouse.records.decision import Decision, PolicyOutcome
from gatehouse.records.enforcement import Enforcement
from gatehouse.records.event import Event
from gatehouse.records.hash_chain import Link
from gatehouse.records.signal import Signal

_TABLES = (
    events,
    decisions,
    feature_rows,
    policy_outcomes,
    signals,
    enforcements,
    cases,
    hash_chain.hash_chain,
)
"""What a commit inserts into, in this order: what another row names comes first."""


class SqlLedger:
    """Events and decisions in a ledger file; `writer` names who records, and stands beside each decision."""

    def __init__(self, database: Database, *, writer: str = "local") -> None:
        self._database = database
        self._writer = writer

    def digests(self, event_ids: Sequence[str]) -> dict[str, str]:
        """Content digest of each of these events that is known, of its latest revision."""
        with self._database.reading() as connection:
            return {id_: digest for (id_, _), digest in _known(connection, event_ids).items()}

    def standing(self, events: Sequence[Event]) -> list[Decision | None]:
        """The live decision that stands for each of these events, in order; None for one that has none.

        Raises ConflictError for events known with other content.
        """
        ids = [event.id for event in events]
        with self._database.reading() as connection:
            known = _known(connection, ids)
            heads = standing(events, known, _chains(connection, ids) if known else {}, where=self._database.where)
            found = _decisions(connection, [head for head in heads if head is not None])
        return [None if head is None else found[head] for head in heads]

    def commit(self, judged: Sequence[Judged]) -> list[Decision]:
        """Record all of them in one transaction and give back the decision that now stands for each, in order.

        Raises ConflictError for events known with other content and UserError for events that cannot be kept as
        they are, in both cases naming all of them and with nothing written.
        """
        contents = digests(judged)
        ids = [one.event.id for one in judged]
        with self._database.writing() as connection:
            # Looked up under the right to write: what is new here still is when it is inserted.
            batch = Batch(_known(connection, ids), _chains(connection, ids))
            batch.add(judged, contents, where=self._database.where)
            _write(connection, batch, self._writer)
            own = {one.decision.id: one.decision for one, _ in batch.decided}
            heads = [batch.head(one.decision) for one in judged]
            others = _decisions(connection, [head for head in heads if head not in own])
        return [own.get(head) or others[head] for head in heads]

    def find(self, event_id: str) -> Judged | None:
        """The event's latest revision with its standing decision and what that was decided on.

        Enforcements and cases are those of the whole chain of decisions, for they outlive the one that opened them.
        Where it was only tried in shadow, the latest shadow decision is given.
        """
        with self._database.reading() as connection:
            wanted = select(events).order_by(events.c.revision.desc()).limit(1)
            found = list(among(connection, wanted, events.c.id, [event_id]))
            if not found:
                return None
            with self._unchanged(event_id):
                event = _event(found[0])
            return self._belonging(connection, [event])[0]

    def judged(self, recorded: Sequence[Event]) -> list[Judged]:
        """What belongs to each of these recorded events, in order, as `find` gives it for a latest revision."""
        with self._database.reading() as connection:
            return self._belonging(connection, recorded)

    def decisions(self, since: int = 0, limit: int | None = None) -> list[Decision]:
        """Standing live decisions made at or after `since` (microseconds UTC), oldest first."""
        later = decisions.alias()
        wanted = (
            select(decisions.c.id)
            .where(decisions.c.decided >= since, decisions.c.mode == "live")
            .where(~exists().where(later.c.supersedes == decisions.c.id))
            .order_by(decisions.c.decided, decisions.c.id)
            .limit(limit)
        )
        with self._database.reading() as connection:
            return list(_decisions(connection, connection.scalars(wanted).all()).values())

    def matches(self, detector: str) -> list[Matches]:
        """What a detector of any version gave as evidence of matches in standing live decisions, by evidence."""
        later = decisions.alias()
        said = signals.c
        wanted = (
            select(said.evidence, func.count(), func.min(decisions.c.decided), func.max(decisions.c.decided))
            .join(decisions, decisions.c.id == said.decision_id)
            .where(said.detector == detector, said.state == "matched", decisions.c.mode == "live")
            .where(said.evidence.is_not(None), ~exists().where(later.c.supersedes == decisions.c.id))
            .group_by(said.evidence)
            .order_by(said.evidence)
        )
        with self._database.reading() as connection:
            return [Matches(*row) for row in connection.execute(wanted)]

    def log(self, after: int = 0, most: int = 10_000) -> list[tuple[int, Event]]:
        """Events with their numbers, in the order of their commit, from the first whose number is over `after`."""
        wanted = select(events).where(events.c.number > after).order_by(events.c.number).limit(most)
        found = []
        with self._database.reading() as connection:
            for row in connection.execute(wanted):
                with self._unchanged(row.id):
                    found.append((row.number, _event(row)))
        return found

    def last(self) -> int:
        """The number of the event that was committed last; 0 where there is none."""
        with self._database.reading() as connection:
            return connection.scalar(select(func.max(events.c.number))) or 0

    def heads(self) -> list[Link]:
        """The last link of each writer's hash chain, by writer."""
        with self._database.reading() as connection:
            return hash_chain.heads(connection)

    def walk(self, writer: str, after: int = 0, most: int = 1_000) -> list[Walked]:
        """Links of a writer in their order, from the first whose `seq` is over `after`, and what stands there now."""
        with self._database.reading() as connection:
            return hash_chain.walk(connection, writer, after, most)

    def first_since(self, writer: str, since: int) -> int | None:
        """The first link of a writer whose decision was made at or after `since`, or is gone."""
        with self._database.reading() as connection:
            return hash_chain.first_since(connection, writer, since)

    def unlinked(self) -> Unlinked:
        """Decisions without a link."""
        with self._database.reading() as connection:
            return hash_chain.unlinked(connection)

    def _belonging(self, connection: Connection, recorded: Sequence[Event]) -> list[Judged]:
        """Everything about some events, a table at a time."""
        chains: list[list[str]] = []
        tracks: dict[EventKey, dict[str, list[str]]] = {}
        for (id_, revision, track), chain in _chains(connection, [event.id for event in recorded]).items():
            tracks.setdefault((id_, revision), {})[track] = chain
        for event in recorded:
            with self._unchanged(event.id):
                chains.append(_standing_chain(connection, tracks[event.id, event.revision]))
        belongings = _Belongings(connection, chains)
        found = []
        for event, chain in zip(recorded, chains, strict=True):
            with self._unchanged(event.id):
                found.append(belongings.of(event, chain))
        return found

    @contextmanager
    def _unchanged(self, event_id: str) -> Iterator[None]:
        """Turn what an event's rows can only be after somebody changed them into an error that says so."""
        try:
            yield
        except (LookupError, NoResultFound, msgspec.DecodeError) as error:
            raise OutsideError(
                f"event {event_id!r} was changed after it was written",
                where=self._database.where,
                fix="bring the ledger back from a copy",
            ) from error

    def add_run(self, run: Run) -> None:
        """Remember a run of `score`; adding it again changes nothing."""
        found = [Fault(what, f"run {run.id!r}", fix) for what, fix in unkept(run)]
        if found:
            raise UserError(found)
        with self._database.writing() as connection:
            if connection.scalar(select(runs.c.id).where(runs.c.id == run.id)) is None:
                connection.execute(insert(runs), rows.run_row(run))

    def runs(self) -> list[Run]:
        """All runs of `score`, newest first."""
        with self._database.reading() as connection:
            return [
                rows.run_of(row._mapping)
                for row in connection.execute(select(runs).order_by(runs.c.at.desc(), runs.c.number.desc()))
            ]


def _write(connection: Connection, batch: Batch, writer: str) -> None:
    """Insert everything, a table at a time; what another row names comes first."""
    if not batch.events and not batch.decided:
        return
    # Whoever writes holds the only right to, so that nobody else takes these numbers or links to the same end.
    last, end = hash_chain.end_of(connection, writer)
    brought = {(event.id, event.revision): number for number, (event, _) in enumerate(batch.events, last + 1)}
    values: dict[Table, list[rows.Row]] = {table: [] for table in _TABLES}
    values[events] = [
        (*rows.event_row(*new), number) for new, number in zip(batch.events, brought.values(), strict=True)
    ]
    for one, place in batch.decided:
        key = (one.event.id, one.event.revision)
        decision, features = rows.decision_row(one.decision, place, writer), rows.to_json(one.features)
        outcomes, said = rows.outcome_rows(one.decision), rows.signal_rows(one)
        planned = rows.placed_rows(one.enforcements)
        event = hash_chain.event_part(one.event, batch.known[key], brought.pop(key, None))
        link = end.link(event, decision, features, outcomes, said, planned)
        values[decisions].append(decision)
        values[feature_rows].append((one.decision.id, features))
        values[policy_outcomes] += outcomes
        values[signals] += said
        values[enforcements] += planned
        values[cases] += rows.placed_rows(one.cases)
        values[hash_chain.hash_chain].append(link)
    for table in _TABLES:
        bulk.insert(connection, table, values[table])
    live = [one for one, _ in batch.decided if one.decision.mode == "live"]
    put(connection, [(deed, one.decision.decided) for one in live for deed in one.enforcements])


def _known(connection: Connection, event_ids: Sequence[str]) -> dict[EventKey, str]:
    """Digests of the revisions of these events that are recorded, latest last."""
    wanted = select(events.c.id, events.c.revision, events.c.digest).order_by(events.c.revision)
    return {(row.id, row.revision): row.digest for row in among(connection, wanted, events.c.id, event_ids)}


def _chains(connection: Connection, event_ids: Sequence[str]) -> dict[ChainKey, list[str]]:
    """The chains of decisions of these events, as ids with the original first."""
    made = decisions.c
    wanted = select(made.id, made.event_id, made.revision, made.track).order_by(made.place)
    chains: dict[ChainKey, list[str]] = {}
    for row in among(connection, wanted, made.event_id, event_ids):
        chains.setdefault((row.event_id, row.revision, row.track), []).append(row.id)
    return chains


def _decisions(connection: Connection, ids: Sequence[str]) -> dict[str, Decision]:
    """The decisions with these ids, in the order of the ids."""
    outcomes: dict[str, list[PolicyOutcome]] = {}
    wanted = select(policy_outcomes).order_by(policy_outcomes.c.decision_id, policy_outcomes.c.place)
    for row in among(connection, wanted, policy_outcomes.c.decision_id, ids):
        outcomes.setdefault(row.decision_id, []).append(PolicyOutcome(**_said(row, "decision_id")))
    found = {
        row.id: rows.decision_of(row._mapping, outcomes.get(row.id, ()))
        for row in among(connection, select(decisions), decisions.c.id, ids)
    }
    return {id_: found[id_] for id_ in ids}


class _Belongings:
    """The rows that belong to some chains of decisions, by decision."""

    def __init__(self, connection: Connection, chains: Sequence[Sequence[str]]) -> None:
        heads = [chain[-1] for chain in chains]
        all_of_them = [id_ for chain in chains for id_ in chain]
        self._decisions = _decisions(connection, heads)
        made = feature_rows.c
        self._features = {
            row.decision_id: row.features for row in among(connection, select(feature_rows), made.decision_id, heads)
        }
        self._signals = _by_decision(connection, select(signals), signals, heads)
        self._enforcements = _by_decision(connection, at_present(), enforcements, all_of_them)
        self._cases = _by_decision(connection, select(cases), cases, all_of_them)

    def of(self, event: Event, chain: Sequence[str]) -> Judged:
        """An event with its chain's head and all that the chain planned; raises LookupError where rows are gone."""
        head = chain[-1]
        return Judged(
            event=event,
            features=msgspec.json.decode(self._features[head]),
            signals=tuple(
                Signal(event_id=event.id, **_said(row, "decision_id")) for row in self._signals.get(head, ())
            ),
            decision=self._decisions[head],
            enforcements=tuple(Enforcement(**_said(row)) for id_ in chain for row in self._enforcements.get(id_, ())),
            cases=tuple(Case(**_said(row)) for id_ in chain for row in self._cases.get(id_, ())),
        )


def _event(row: Row[Any]) -> Event:
    """The event of a row; raises LookupError where it is not the one that was written."""
    event = rows.event_of(row._mapping)
    if event.digest() != row.digest:
        raise LookupError(event.id)
    return event


def _standing_chain(connection: Connection, tracks: Mapping[str, list[str]]) -> list[str]:
    """The live chain of an event, else the shadow one that was decided last."""
    if "live" in tracks:
        return tracks["live"]
    heads = _decisions(connection, [chain[-1] for chain in tracks.values()])
    return max(tracks.values(), key=lambda chain: heads[chain[-1]].decided)


def _by_decision(
    connection: Connection, wanted: Select[Any], table: Table, ids: Sequence[str]
) -> dict[str, list[Row[Any]]]:
    """Rows of some decisions, each decision's in the order of their place in the table."""
    found: dict[str, list[Row[Any]]] = {}
    for row in among(connection, wanted.order_by(table.c.place), table.c.decision_id, ids):
        found.setdefault(row.decision_id, []).append(row)
    return found


def _said(row: Row[Any], *keys: str) -> dict[str, Any]:
    """What a record says: its row without its place and the keys that lead to it."""
    return {name: value for name, value in row._mapping.items() if name not in {"place", *keys}}
