"""The ledger in a SQL database: what happened, what was said about it and what was decided, in one transaction."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from time import monotonic, sleep

from sqlalchemy import Connection, exists, func, insert, select

from gatehouse.adapters.sql import bulk, erasures, hash_chain, holds, rows
from gatehouse.adapters.sql.chains import Batch, standing
from gatehouse.adapters.sql.commit import ready, write
from gatehouse.adapters.sql.engine import Database
from gatehouse.adapters.sql.faults import unkept
from gatehouse.adapters.sql.layouts import Layouts
from gatehouse.adapters.sql.lookup import among, known
from gatehouse.adapters.sql.reading import Reader
from gatehouse.adapters.sql.sqlite import PATIENT
from gatehouse.adapters.sql.tables import decisions, events, matched, runs
from gatehouse.errors import Fault, UserError
from gatehouse.ports.ledger import Grounds, Judged, Matches, Run, Walked, WalkedErasure
from gatehouse.records.decision import Decision
from gatehouse.records.erasure import Erased, Erasure, Hold, Stripped
from gatehouse.records.event import Entity, Event
from gatehouse.records.hash_chain import Link


class SqlLedger:
    """Events and decisions in a ledger file; `writer` names who records, and stands beside each decision."""

    def __init__(self, database: Database, *, writer: str = "local") -> None:
        self._database = database
        self._writer = writer
        self._layouts = Layouts()
        self._reader = Reader(database.where)

    def revisions(self, event_ids: Sequence[str]) -> dict[str, int]:
        """The latest revision of each of these events that is known."""
        wanted = select(events.c.id, func.max(events.c.revision).label("latest")).group_by(events.c.id)
        with self._database.reading() as connection:
            return {row.id: row.latest for row in among(connection, wanted, events.c.id, event_ids)}

    def standing(self, events: Sequence[Event]) -> list[Decision | None]:
        """The live decision that stands for each of these events, in order; None for one that has none.

        Raises ConflictError for events known with other content.
        """
        ids = [event.id for event in events]
        with self._database.looking() as connection:
            found, chains = known(connection, ids)
        if not found:
            standing(events, found, chains, where=self._database.where)
            return [None] * len(events)
        with self._database.reading() as connection:
            found, chains = known(connection, ids)
            heads = standing(events, found, chains, where=self._database.where)
            made = self._reader.decisions(connection, [head for head in heads if head is not None])
        return [None if head is None else made[head] for head in heads]

    def commit(self, judged: Sequence[Judged]) -> list[Decision]:
        """Record all of them in one transaction and give back the decision that now stands for each, in order.

        Raises ConflictError for events known with other content and UserError for events that cannot be kept as
        they are, in both cases naming all of them and with nothing written.
        """
        made = ready(judged)
        new: set[bytes] = set()
        with self._database.writing() as connection:
            # Looked up under the right to write: what is new here still is when it is inserted.
            batch = Batch(*known(connection, [one.event.id for one in judged]))
            batch.add(judged, where=self._database.where)
            if batch.events or batch.decided:
                new = write(connection, batch, made, self._writer, self._layouts)
            own = {judged[i].decision.id: judged[i].decision for i, _ in batch.decided}
            heads = batch.heads()
            if others := [head for head in heads if head not in own]:
                own |= self._reader.decisions(connection, others)
        self._layouts.committed(new)
        return [own[head] for head in heads]

    def find(self, event_id: str) -> Judged | None:
        """The event's latest revision with its standing decision and what that was decided on.

        Enforcements and cases are those of the whole chain of decisions, for they outlive the one that opened them.
        Where it was only tried in shadow, the latest shadow decision is given.
        """
        with self._database.reading() as connection:
            latest = self._reader.latest(connection, event_id)
            return None if latest is None else self._reader.belonging(connection, [latest])[0]

    def judged(self, recorded: Sequence[Event]) -> list[Judged]:
        """What belongs to each of these recorded events, in order, as `find` gives it for a latest revision."""
        with self._database.reading() as connection:
            return self._reader.belonging(connection, recorded)

    def grounds(self, decision_id: str) -> Grounds | None:
        """What stands now for the event revision that a live decision is about; None where there is none such."""
        with self._database.reading() as connection:
            return self._reader.grounds(connection, decision_id)

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
        with self._looking_through() as connection:
            return list(self._reader.decisions(connection, connection.scalars(wanted).all()).values())

    def matches(self, detector: str) -> list[Matches]:
        """What a detector of any version gave as evidence of matches in standing live decisions, by evidence."""
        later = decisions.alias()
        said = matched.c
        wanted = (
            select(said.evidence, func.count(), func.min(decisions.c.decided), func.max(decisions.c.decided))
            .join(decisions, decisions.c.id == said.decision_id)
            .where(said.detector == detector, decisions.c.mode == "live")
            .where(~exists().where(later.c.supersedes == decisions.c.id))
            .group_by(said.evidence)
            .order_by(said.evidence)
        )
        with self._looking_through() as connection:
            return [Matches(*row) for row in connection.execute(wanted)]

    def log(self, after: int = 0, most: int = 10_000) -> list[tuple[int, Event]]:
        """Events with their numbers, in the order of their commit, from the first whose number is over `after`."""
        with self._database.reading() as connection:
            return self._reader.log(connection, after, most)

    def last(self) -> int:
        """The number of the event that was committed last; 0 where there is none."""
        with self._database.looking() as connection:
            return bulk.fetch(connection, "SELECT max(number) FROM events", ())[0][0] or 0

    def heads(self) -> list[Link]:
        """The last link of each writer's hash chain, by writer."""
        with self._looking_through() as connection:
            return hash_chain.heads(connection)

    def walk(self, writer: str, after: int = 0, most: int = 1_000) -> list[Walked]:
        """Links of a writer in their order, from the first whose `seq` is over `after`, and what stands there now."""
        with self._looking_through() as connection:
            return hash_chain.walk(connection, writer, after, most)

    def first_since(self, writer: str, since: int) -> int | None:
        """The first link of a writer whose decision was made at or after `since`, or is gone."""
        with self._looking_through() as connection:
            return hash_chain.first_since(connection, writer, since)

    def erase(self, erasure: Erasure) -> Erased:
        """Forget an actor: its key, the content of all its events, and its name wherever it stands in the ledger."""
        with self._database.writing() as connection:
            # It looks through tables for a name, and must come to its end however large they are.
            patient = connection.execution_options(**{PATIENT: True})
            made = erasures.erase(patient, erasure, where=self._database.where)
        self._database.purge()
        return made

    def strip(self, before: int, *, at: int, by: str, why: str, most: int = 10_000) -> Stripped:
        """Take away the content of events seen before a moment (microseconds UTC), `most` events in one transaction."""
        made: list[Erased] = []
        held: Counter[str] = Counter()
        after = 0
        while True:
            # Looked for before others have to wait: what is old lies behind all that was taken already.
            with self._looking_through() as connection:
                numbers = erasures.old(connection, before, after, most)
            if not numbers:
                break
            began = monotonic()
            with self._database.writing() as connection:
                record = erasures.strip(connection, numbers, (at, by, why), held)
            if record is not None:
                made.append(record)
            if len(numbers) < most:
                break
            after = numbers[-1]
            # Who decides live waited for this block; now it is theirs for as long.
            sleep(monotonic() - began)
        self._database.purge()
        return Stripped(erased=tuple(made), held=dict(held))

    def erasures(self) -> list[WalkedErasure]:
        """All that was erased or stripped, in order."""
        with self._looking_through() as connection:
            return erasures.walk(connection)

    def erased_at(self, event_id: str, revision: int) -> Erased | None:
        """The last erasure or retention that took an event's content; None where none did."""
        with self._database.reading() as connection:
            return erasures.erased_at(connection, event_id, revision)

    def said_by(self, entity: Entity) -> list[Event]:
        """Every revision of the events that an erasure of this entity would reach, in the order of commit."""
        with self._looking_through() as connection:
            return self._reader.of_owner(connection, str(entity))

    def hold(self, hold: Hold) -> None:
        """Keep an entity from being erased or stripped; raises UserError where the hold's id is taken."""
        with self._database.writing() as connection:
            holds.put(connection, hold, where=self._database.where)

    def release_hold(self, id: str, at: int) -> None:
        """End a hold before its time; raises UserError for one that is not known."""
        with self._database.writing() as connection:
            holds.release(connection, id, at, where=self._database.where)

    def holds(self) -> list[Hold]:
        """All holds, also those that are over, by when they were made."""
        with self._database.reading() as connection:
            return holds.read(connection)

    @contextmanager
    def _looking_through(self) -> Iterator[Connection]:
        """A transaction that reads for as long as it needs, on a server too, for nobody's answer waits for it."""
        with self._database.reading() as connection:
            yield connection.execution_options(**{PATIENT: True})

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
