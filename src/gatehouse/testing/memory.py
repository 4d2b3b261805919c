"""Ledger, registry and model files in memory: they keep the same contracts as those on disk."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from threading import Lock
from typing import TypeVar

import msgspec

from gatehouse.adapters.sql.chains import Batch, ChainKey, EventKey, digests, standing
from gatehouse.adapters.sql.faults import unkept
from gatehouse.adapters.sql.registry import check_kept, entry_faults
from gatehouse.adapters.sql.versions import Version, differs, key_of, moves, seal, unknown
from gatehouse.errors import Fault, OutsideError, UserError
from gatehouse.ports.ledger import Judged, Matches, Run, Unlinked, Walked
from gatehouse.records.bank import EntryChange
from gatehouse.records.dataset import DatasetInfo, Model, Release, Transition
from gatehouse.records.decision import Decision
from gatehouse.records.event import Event
from gatehouse.records.hash_chain import GENESIS, Link, linked
from gatehouse.records.policy import Policy

_Record = TypeVar("_Record", Policy, Model, DatasetInfo, Release)


class MemoryLedger:
    """A ledger that lasts as long as the object."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._digests: dict[EventKey, str] = {}
        self._chains: dict[ChainKey, list[str]] = {}
        self._judged: dict[str, Judged] = {}
        self._log: list[Event] = []
        self._links: list[Link] = []
        self._runs: dict[str, Run] = {}

    def digests(self, event_ids: Sequence[str]) -> dict[str, str]:
        """Content digest of each of these events that is known, of its latest revision."""
        latest = {id_: digest for (id_, _), digest in sorted(self._digests.items())}
        return {id_: latest[id_] for id_ in event_ids if id_ in latest}

    def standing(self, events: Sequence[Event]) -> list[Decision | None]:
        """The live decision that stands for each of these events, in order; None for one that has none."""
        with self._lock:
            heads = standing(events, self._digests, self._chains, where="memory")
            return [None if head is None else self._judged[head].decision for head in heads]

    def commit(self, judged: Sequence[Judged]) -> list[Decision]:
        """Record all of them or none, and give back the decision that now stands for each, in order."""
        contents = digests(judged)
        with self._lock:
            batch = Batch(dict(self._digests), {key: list(chain) for key, chain in self._chains.items()})
            batch.add(judged, contents, where="memory")
            new = {one.decision.id: one for one, _ in batch.decided}
            taken = sorted(self._judged.keys() & new.keys())
            if taken or len(new) < len(batch.decided):
                raise UserError(f"a decision's id is taken: {taken}", where="memory", fix="give each one of its own")
            self._judged |= new
            for one, _ in batch.decided:
                self._link(one)
            self._log += [event for event, _ in batch.events]
            self._digests, self._chains = batch.known, batch.chains
            return [self._judged[batch.head(one.decision)].decision for one in judged]

    def find(self, event_id: str) -> Judged | None:
        """The event's latest revision with its standing decision and what that was decided on."""
        revision = max((revision for id_, revision in self._digests if id_ == event_id), default=None)
        return None if revision is None else self._belonging(event_id, revision)

    def judged(self, recorded: Sequence[Event]) -> list[Judged]:
        """What belongs to each of these recorded events, in order."""
        found = [self._belonging(event.id, event.revision) for event in recorded]
        return [one for one in found if one is not None]

    def _belonging(self, event_id: str, revision: int) -> Judged | None:
        chains = {
            track: [self._judged[id_] for id_ in chain]
            for (id_, of, track), chain in self._chains.items()
            if (id_, of) == (event_id, revision)
        }
        if not chains:
            return None
        chain = chains.get("live") or max(chains.values(), key=lambda chain: chain[-1].decision.decided)
        return replace(
            chain[-1],
            enforcements=tuple(one for judged in chain for one in judged.enforcements),
            cases=tuple(one for judged in chain for one in judged.cases),
        )

    def decisions(self, since: int = 0, limit: int | None = None) -> list[Decision]:
        """Standing live decisions made at or after `since` (microseconds UTC), oldest first."""
        heads = [self._judged[chain[-1]].decision for (_, _, track), chain in self._chains.items() if track == "live"]
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
        return list(enumerate(self._log[after : after + most], after + 1))

    def last(self) -> int:
        """The number of the event that was committed last; 0 where there is none."""
        return len(self._log)

    def heads(self) -> list[Link]:
        """The last link of the one writer's hash chain."""
        return self._links[-1:]

    def walk(self, writer: str, after: int = 0, most: int = 1_000) -> list[Walked]:
        """Links in their order, from the first whose `seq` is over `after`."""
        found = self._links[after : after + most] if writer == "memory" else []
        return [Walked(link, _content(self._judged[link.decision_id])) for link in found]

    def first_since(self, writer: str, since: int) -> int | None:
        """The first link whose decision was made at or after `since`; None where there is none."""
        late = (one.seq for one in self._links if self._judged[one.decision_id].decision.decided >= since)
        return next(late, None)

    def unlinked(self) -> Unlinked:
        """No decision is without a link."""
        return Unlinked()

    def _link(self, judged: Judged) -> None:
        previous = self._links[-1].hash if self._links else GENESIS
        id_, digest = judged.decision.id, _content(judged)
        hash_ = linked(previous, id_, digest)
        self._links.append(Link(writer="memory", seq=len(self._links) + 1, decision_id=id_, digest=digest, hash=hash_))

    def add_run(self, run: Run) -> None:
        """Remember a run of `score`; adding it again changes nothing."""
        found = [Fault(what, f"run {run.id!r}", fix) for what, fix in unkept(run)]
        if found:
            raise UserError(found)
        self._runs.setdefault(run.id, run)

    def runs(self) -> list[Run]:
        """All runs of `score`, newest first."""
        return sorted(self._runs.values(), key=lambda run: run.at)[::-1]


def _content(judged: Judged) -> bytes:
    return hashlib.sha256(msgspec.json.encode({**vars(judged), "signals": list(judged.signals)})).digest()


class MemoryRegistry:
    """A registry that lasts as long as the object."""

    def __init__(self) -> None:
        self._kept: dict[type[Version], dict[tuple[str, str], Version]] = {}
        self._datasets: dict[tuple[str, str], tuple[DatasetInfo, str]] = {}
        self._life: list[Transition] = []
        self._changes: list[EntryChange] = []

    def add_policy(self, policy: Policy) -> None:
        """Remember a policy version; adding it again changes nothing."""
        self._add(policy)

    def policy(self, name: str, version: str) -> Policy:
        """A policy version; raises UserError when it is not known."""
        return self._get(Policy, name, version)

    def add_dataset(self, info: DatasetInfo, path: str) -> None:
        """Remember a frozen data set and the folder that holds it."""
        seal(info)
        self._datasets[info.name, info.version] = (info, path)

    def datasets(self) -> list[tuple[DatasetInfo, str]]:
        """All frozen data sets with their folders, newest first."""
        return list(reversed(self._datasets.values()))

    def add_model(self, model: Model) -> None:
        """Remember a detector version; adding it again changes nothing."""
        self._add(model)

    def model(self, name: str, version: str) -> Model:
        """A detector version; raises UserError when it is not known."""
        return self._get(Model, name, version)

    def add_release(self, release: Release, *, at: int, by: str, why: str) -> None:
        """Remember a release as a draft; adding it again changes nothing."""
        draft = Transition(pack=release.pack, version=release.version, state="draft", at=at, by=by, why=why)
        check_kept(draft)
        if self._add(release):
            self._life.append(draft)

    def release(self, pack: str, version: str) -> Release:
        """A release; raises UserError when it is not known."""
        return self._get(Release, pack, version)

    def releases(self, pack: str | None = None) -> list[tuple[Release, Transition]]:
        """Releases with the latest transition of each, the one added last first."""
        latest = {(one.pack, one.version): one for one in self._life}
        known = reversed(self._of(Release).items())
        return [(release, latest[key]) for key, release in known if pack in (None, release.pack)]

    def move(self, transition: Transition) -> None:
        """Record a change of state; making one release of a pack live retires the one that was."""
        check_kept(transition)
        states = {one.version: one.state for one in self._life if one.pack == transition.pack}
        if transition.version not in states:
            raise unknown(Release, transition.pack, transition.version, self._known(Release))
        live = next((version for version, state in states.items() if state == "live"), None)
        self._life += moves(transition, states[transition.version], live)

    def life(self, pack: str) -> list[Transition]:
        """All transitions of a pack's releases, oldest first."""
        return [one for one in self._life if one.pack == pack]

    def live(self, pack: str) -> Release | None:
        """The release that is live, or None."""
        return next((release for release, latest in self.releases(pack) if latest.state == "live"), None)

    def change_entries(self, changes: Sequence[EntryChange]) -> None:
        """Record changes of banks' entries, all or none."""
        if faults := [fault for change in changes for fault in entry_faults(change)]:
            raise UserError(faults)
        self._changes += changes

    def entries(self, pack: str) -> list[EntryChange]:
        """The latest change of each entry of a pack's banks, in the order of these changes."""
        latest = {(one.bank, one.entry): place for place, one in enumerate(self._changes) if one.pack == pack}
        return [self._changes[place] for place in sorted(latest.values())]

    def entry_life(self, pack: str) -> list[EntryChange]:
        """All changes of entries of a pack's banks, oldest first."""
        return [one for one in self._changes if one.pack == pack]

    def _add(self, record: Version) -> bool:
        """Keep a version unless it is kept; gives back whether it was new."""
        seal(record)
        kept = self._kept.setdefault(type(record), {})
        key = key_of(record)
        if key in kept and kept[key] != record:
            raise differs(type(record), *key)
        new = key not in kept
        kept[key] = record
        return new

    def _of(self, kind: type[_Record]) -> dict[tuple[str, str], _Record]:
        return {key: record for key, record in self._kept.get(kind, {}).items() if isinstance(record, kind)}

    def _known(self, kind: type[Version]) -> list[tuple[str, str]]:
        return list(reversed(self._kept.get(kind, {})))

    def _get(self, kind: type[_Record], name: str, version: str) -> _Record:
        try:
            return self._of(kind)[name, version]
        except KeyError:
            raise unknown(kind, name, version, self._known(kind)) from None


class MemoryModelFiles:
    """Model files that last as long as the object; `content` may be spoilt by a test."""

    def __init__(self) -> None:
        self.content: dict[str, bytes] = {}

    def put(self, files: Mapping[str, bytes]) -> dict[str, str]:
        """Keep each file; gives back the SHA-256 of each by its name."""
        digests = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
        self.content |= {digest: files[name] for name, digest in digests.items()}
        return digests

    def get(self, name: str, digest: str) -> bytes:
        """The file with this content hash; raises OutsideError when it is missing, cut short or changed."""
        content = self.content.get(digest)
        fix = "gatehouse train PACK makes it again"
        if content is None:
            raise OutsideError(f"{name} is missing", where=f"memory, {digest}", fix=fix)
        if hashlib.sha256(content).hexdigest() != digest:
            raise OutsideError(f"{name} was cut short or changed", where=f"memory, {digest}", fix=fix)
        return content
