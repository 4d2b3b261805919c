"""A ledger in memory: it keeps the same contract as those on disk."""

import hashlib
import secrets
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from threading import Lock

import msgspec

from gatehouse.adapters.sql.chains import Batch, ChainKey, Known, standing
from gatehouse.adapters.sql.commit import Ready, ready
from gatehouse.adapters.sql.faults import unkept
from gatehouse.adapters.sql.holds import faults_of, kept_by, unknown
from gatehouse.adapters.sql.seals import KEY_BYTES, event_seal, owner_of
from gatehouse.errors import Fault, RefusedError, UserError
from gatehouse.ports.ledger import EventKey, Grounds, Judged, Matches, Run, Walked, WalkedErasure
from gatehouse.records.decision import Decision
from gatehouse.records.erasure import Erased, Erasure, Hold, Stripped
from gatehouse.records.event import ERASED, Entity, Event
from gatehouse.records.hash_chain import GENESIS, Link, linked


@dataclass
class _Kept:
    """An event on record with its chains of decisions; `owner` is whose key commits to it."""

    event: Event
    number: int
    owner: str
    known: Known
    chains: dict[str, list[str]] = field(default_factory=dict)


class MemoryLedger:
    """A ledger that lasts as long as the object."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._keys: dict[str, bytes] = {}
        self._kept: dict[EventKey, _Kept] = {}
        self._latest: dict[str, int] = {}
        self._judged: dict[str, Judged] = {}
        self._log: list[EventKey] = []
        self._links: list[tuple[Link, bytes]] = []
        self._erasures: list[tuple[Erased, list[EventKey]]] = []
        self._holds: dict[str, Hold] = {}
        self._runs: dict[str, Run] = {}

    def revisions(self, event_ids: Sequence[str]) -> dict[str, int]:
        """The latest revision of each of these events that is known."""
        return {id_: self._latest[id_] for id_ in event_ids if id_ in self._latest}

    def standing(self, events: Sequence[Event]) -> list[Decision | None]:
        """The live decision that stands for each of these events, in order; None for one that has none."""
        with self._lock:
            heads = standing(events, *self._of(events), where="memory")
            return [None if head is None else self._judged[head].decision for head in heads]

    def commit(self, judged: Sequence[Judged]) -> list[Decision]:
        """Record all of them or none, and give back the decision that now stands for each, in order."""
        made = ready(judged)
        with self._lock:
            batch = Batch(*self._of([one.event for one in judged]))
            batch.add(judged, where="memory")
            new = {judged[i].decision.id: judged[i] for i, _ in batch.decided}
            taken = sorted(self._judged.keys() & new.keys())
            if taken or len(new) < len(batch.decided):
                raise UserError(f"a decision's id is taken: {taken}", where="memory", fix="give each one of its own")
            for event in batch.events:
                self._keep(event)
            for (id_, revision, track), chain in batch.chains.items():
                self._kept[id_, revision].chains[track] = chain
            for i, _ in batch.decided:
                self._decide(made[i])
            return [self._judged[head].decision for head in batch.heads()]

    def _of(self, events: Sequence[Event]) -> tuple[dict[EventKey, Known], dict[ChainKey, list[str]]]:
        """What is known of these events, and their chains."""
        keys = {(event.id, event.revision) for event in events}
        found = {key: self._kept[key] for key in keys if key in self._kept}
        chains = {(*key, track): list(chain) for key, one in found.items() for track, chain in one.chains.items()}
        return {key: one.known for key, one in found.items()}, chains

    def _keep(self, event: Event) -> None:
        owner, key = owner_of(event), (event.id, event.revision)
        secret = self._keys.setdefault(owner, secrets.token_bytes(KEY_BYTES))
        known = Known(secret, event_seal(secret, event.digest()))
        self._log.append(key)
        self._kept[key] = _Kept(event, len(self._log), owner, known)
        self._latest[event.id] = max(self._latest.get(event.id, 0), event.revision)

    def _decide(self, one: Ready) -> None:
        judged = one.judged
        kept = self._kept[judged.event.id, judged.event.revision]
        if kept.event.kind == ERASED:
            judged = _bare(judged, kept.event)
        self._judged[judged.decision.id] = judged
        previous = self._links[-1][0].hash if self._links else GENESIS
        opened = msgspec.msgpack.encode(judged.decision)
        content = opened + msgspec.msgpack.encode((one.blobs.features, one.blobs.signals, judged.enforcements))
        sealed = hashlib.sha256(kept.known.sealed + content).digest()
        link = Link(
            writer="memory",
            seq=len(self._links) + 1,
            decision_id=judged.decision.id,
            sealed=sealed,
            hash=linked(previous, sealed, opened),
        )
        self._links.append((link, opened))

    def find(self, event_id: str) -> Judged | None:
        """The event's latest revision with its standing decision and what that was decided on."""
        revision = self._latest.get(event_id)
        return None if revision is None else self._belonging(self._kept[event_id, revision])

    def judged(self, recorded: Sequence[Event]) -> list[Judged]:
        """What belongs to each of these recorded events, in order."""
        found = [self._kept.get((event.id, event.revision)) for event in recorded]
        return [self._belonging(one) for one in found if one is not None]

    def _belonging(self, kept: _Kept) -> Judged:
        chains = {track: [self._judged[id_] for id_ in chain] for track, chain in kept.chains.items()}
        chain = chains.get("live") or max(chains.values(), key=lambda chain: chain[-1].decision.decided)
        return replace(
            chain[-1],
            event=kept.event,
            enforcements=tuple(one for judged in chain for one in judged.enforcements),
            cases=tuple(one for judged in chain for one in judged.cases),
        )

    def grounds(self, decision_id: str) -> Grounds | None:
        """What stands now for the event revision that a live decision is about; None where there is none such."""
        about = self._judged.get(decision_id)
        if about is None or about.decision.mode != "live":
            return None
        found = self._belonging(self._kept[about.event.id, about.event.revision])
        return Grounds(found.event, found.decision, () if found.decision.supersedes is None else found.cases)

    def decisions(self, since: int = 0, limit: int | None = None) -> list[Decision]:
        """Standing live decisions made at or after `since` (microseconds UTC), oldest first."""
        live = [one.chains["live"][-1] for one in self._kept.values() if "live" in one.chains]
        heads = [self._judged[id_].decision for id_ in live]
        wanted = sorted((one for one in heads if one.decided >= since), key=lambda one: (one.decided, one.id))
        return wanted[:limit]

    def matches(self, detector: str) -> list[Matches]:
        """What a detector gave as evidence of matches in standing live decisions, by evidence."""
        found: dict[str, list[int]] = {}
        for decision in self.decisions():
            for signal in self._judged[decision.id].signals:
                if (signal.detector, signal.state) == (detector, "matched") and signal.evidence is not None:
                    found.setdefault(signal.evidence, []).append(decision.decided)
        return [Matches(said, len(times), min(times), max(times)) for said, times in sorted(found.items())]

    def log(self, after: int = 0, most: int = 10_000) -> list[tuple[int, Event]]:
        """Events with their numbers, in the order of their commit, from the first whose number is over `after`."""
        return [(number, self._kept[key].event) for number, key in enumerate(self._log[after:][:most], after + 1)]

    def last(self) -> int:
        """The number of the event that was committed last; 0 where there is none."""
        return len(self._log)

    def heads(self) -> list[Link]:
        """The last link of the one writer's hash chain."""
        return [link for link, _ in self._links[-1:]]

    def walk(self, writer: str, after: int = 0, most: int = 1_000) -> list[Walked]:
        """Links in their order, from the first whose `seq` is over `after`."""
        found = self._links[max(after, 0) :][:most] if writer == "memory" else []
        return [self._walked(link, opened) for link, opened in found]

    def _walked(self, link: Link, opened: bytes) -> Walked:
        decision = self._judged[link.decision_id].decision
        kept = self._kept[decision.event_id, decision.revision]
        if kept.event.kind != ERASED:
            return Walked(link, opened, "whole")
        return Walked(link, opened, "erased" if kept.known.key is None else "stripped")

    def first_since(self, writer: str, since: int) -> int | None:
        """The first link whose decision was made at or after `since`; None where there is none."""
        late = (one.seq for one, _ in self._links if self._judged[one.decision_id].decision.decided >= since)
        return next(late, None)

    def erase(self, erasure: Erasure) -> Erased:
        """Forget an actor: its key, the content of all its events, and its name."""
        with self._lock:
            name = str(erasure.entity)
            reached = [one for one in self._kept.values() if one.owner == name]
            entities = {name, *(said for one in reached for said in (f"event:{one.event.id}", str(one.event.target)))}
            held = [hold for hold in self._holds.values() if str(hold.entity) in entities and hold.holds(erasure.at)]
            if held:
                raise RefusedError([kept_by(hold, "memory") for hold in held])
            pseudonym = Entity("erased", secrets.token_hex(8))
            for one in reached:
                self._take(one, key=None)
            self._keys.pop(name, None)
            elsewhere = self._rename(erasure.entity, pseudonym)
            return self._record("erasure", (erasure.at, erasure.by, erasure.why), str(pseudonym), reached, elsewhere)

    def _rename(self, entity: Entity, pseudonym: Entity) -> dict[str, int]:
        counts: Counter[str] = Counter()
        for one in self._kept.values():
            if one.event.target == entity:
                one.event = msgspec.structs.replace(one.event, target=pseudonym)
                assert one.known.key is not None
                one.known = one.known._replace(amended=event_seal(one.known.key, one.event.digest()))
                counts["events"] += 1
        for id_, judged in self._judged.items():
            if named := sum(deed.subject == str(entity) for deed in judged.enforcements):
                deeds = [
                    msgspec.structs.replace(deed, subject=str(pseudonym)) if deed.subject == str(entity) else deed
                    for deed in judged.enforcements
                ]
                self._judged[id_] = replace(judged, enforcements=tuple(deeds))
                counts["enforcements"] += named
        return dict(counts)

    def strip(self, before: int, *, at: int, by: str, why: str, most: int = 10_000) -> Stripped:
        """Take away the content of events seen before a moment."""
        with self._lock:
            held: Counter[str] = Counter()
            free = []
            in_force = {str(hold.entity): hold for hold in self._holds.values() if hold.holds(at)}
            for one in self._kept.values():
                if one.event.seen < before and one.event.kind != ERASED:
                    names = (str(one.event.actor), str(one.event.target), f"event:{one.event.id}")
                    holding = [in_force[name].id for name in names if name in in_force]
                    held.update(holding[:1])
                    if not holding:
                        free.append(one)
            made = []
            for start in range(0, len(free), most):
                for one in free[start : start + most]:
                    self._take(one, key=one.known.key)
                made.append(self._record("retention", (at, by, why), "", free[start : start + most], {}))
            return Stripped(erased=tuple(made), held=dict(held))

    def _take(self, one: _Kept, key: bytes | None) -> None:
        said = one.event
        one.event = Event(id=said.id, kind=ERASED, revision=said.revision, seen=said.seen, imported=said.imported)
        one.known = Known(key, one.known.sealed, None, True)
        for id_ in [id_ for chain in one.chains.values() for id_ in chain]:
            self._judged[id_] = _bare(self._judged[id_], one.event)

    def _record(
        self, kind: str, said: tuple[int, str, str], pseudonym: str, taken: list[_Kept], elsewhere: dict[str, int]
    ) -> Erased:
        keys = [(one.event.id, one.event.revision) for one in sorted(taken, key=lambda one: one.number)]
        at, by, why = said
        record = Erased(
            number=len(self._erasures) + 1,
            kind="erasure" if kind == "erasure" else "retention",
            at=at,
            by=by,
            why=why,
            pseudonym=pseudonym,
            events=len(keys),
            decisions=sum(len(chain) for one in taken for chain in one.chains.values()),
            elsewhere=elsewhere,
            covered=hashlib.sha256(msgspec.json.encode(keys)).hexdigest(),
        )
        self._erasures.append((record, keys))
        return record

    def erasures(self) -> list[WalkedErasure]:
        """All that was erased or stripped, in order."""
        return [WalkedErasure(record, True, True) for record, _ in self._erasures]

    def erased_at(self, event_id: str, revision: int) -> Erased | None:
        """The last erasure or retention that took an event's content; None where none did."""
        took = [record for record, keys in self._erasures if (event_id, revision) in keys]
        return took[-1] if took else None

    def said_by(self, entity: Entity) -> list[Event]:
        """Every revision of the events that an erasure of this entity would reach, in the order of commit."""
        found = map(self._kept.__getitem__, self._log)
        return [one.event for one in found if one.owner == str(entity) and one.known.key]

    def hold(self, hold: Hold) -> None:
        """Keep an entity from being erased or stripped."""
        if found := faults_of(hold, hold.id in self._holds, "memory"):
            raise UserError(found)
        self._holds[hold.id] = hold

    def release_hold(self, id: str, at: int) -> None:
        """End a hold before its time."""
        if id not in self._holds:
            raise unknown(id, "memory")
        hold = self._holds[id]
        if hold.ended is None or hold.ended > at:
            self._holds[id] = msgspec.structs.replace(hold, ended=at)

    def holds(self) -> list[Hold]:
        """All holds, by when they were made."""
        return sorted(self._holds.values(), key=lambda hold: (hold.made, hold.id))

    def add_run(self, run: Run) -> None:
        """Remember a run of `score`; adding it again changes nothing."""
        found = [Fault(what, f"run {run.id!r}", fix) for what, fix in unkept(run)]
        if found:
            raise UserError(found)
        self._runs.setdefault(run.id, run)

    def runs(self) -> list[Run]:
        """All runs of `score`, newest first."""
        return sorted(self._runs.values(), key=lambda run: run.at)[::-1]


def _bare(judged: Judged, event: Event) -> Judged:
    """A decision without what it was decided on."""
    return replace(judged, event=event, features={}, signals=())
