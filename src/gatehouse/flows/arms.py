"""Releases that are tried beside the live ones: canaries that decide for their share of actors, shadows that only say.

The live judge judges every event, and advances the windows of all. For the events on a canary's side the canary then
judges as well, and its conclusion takes the place of its pack's before anything is recorded. So the two are compared on
the same events, a canary that breaks costs no event, and one transaction holds both sides.
"""

import hashlib
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

import pyarrow as pa

from gatehouse.errors import GatehouseError, OutsideError
from gatehouse.flows.beside import covers, in_place, judged_by, stored_windows
from gatehouse.flows.halt import Halted, Watch
from gatehouse.flows.judge import Judge
from gatehouse.flows.life import DIFFERS, Tried
from gatehouse.flows.live import EventKey, rows_of
from gatehouse.flows.local_history import LocalHistory
from gatehouse.flows.releases import Shelf, open_judge
from gatehouse.flows.shadow import Shadow
from gatehouse.ports.ledger import Judged, Ledger
from gatehouse.records.dataset import Release
from gatehouse.records.decision import Decision
from gatehouse.records.event import Event

HISTORY = "history-{pack}-{version}.snapshot"
"""The file of a tried release's own history in the home folder."""


def side(pack: str, event: Event) -> float:
    """Where an event stands between 0 and 1: on a canary's side where that is below the canary's share.

    The same for all events of an actor, without any relation between packs, and never changed: a larger share holds the
    smaller one.
    """
    who = f"event:{event.id}" if event.actor is None else str(event.actor)
    said = hashlib.blake2b(f"{pack}\0{who}".encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(said, "big") / 2**64


class Pair(NamedTuple):
    """An event on a canary's side: as the live releases judged it, and as the canary did; None where that broke."""

    live: Judged
    canary: Judged | None


@dataclass(eq=False)
class Canary:
    """A release that decides for its share of actors; `history` is its own where the live one has not its windows."""

    pack: str
    version: str
    share: float
    judge: Judge
    replaced: frozenset[str]
    watch: Watch
    history: LocalHistory | None = None
    _pairs: list[Pair] = field(default_factory=list)
    _seconds: tuple[float, float] = (0.0, 0.0)
    _counted: bool = False

    def takes(self, event: Event) -> bool:
        """Whether the event is on the side of this canary, which has none any more when it was halted."""
        return not self.watch.over and side(self.pack, event) < self.share

    def decide(self, rows: Sequence[Judged], found: list[Judged], now: int, live_seconds: float) -> None:
        """Put its conclusions into `found`, the rows as they will be recorded, where it has to decide."""
        begun = perf_counter()
        windows = self._advanced(rows)
        places = [place for place, row in enumerate(rows) if self.takes(row.event)]
        judged = self._judged([rows[place] for place in places], _taken(windows, places), now) if places else []
        self._pairs = [Pair(rows[place], one) for place, one in zip(places, judged, strict=True)]
        for place, one in zip(places, judged, strict=True):
            if one is not None:
                found[place] = in_place(found[place], self.pack, self.replaced, one)
        self._seconds = (perf_counter() - begun, live_seconds)

    def recorded(self, new: Collection[EventKey], now: int) -> None:
        """The batch is on record; `new` are the events that were not known before."""
        pairs = [pair for pair in self._pairs if (pair.live.event.id, pair.live.event.revision) in new]
        if pairs:
            self.watch.add([pair.live for pair in pairs], [pair.canary for pair in pairs], now)
            self.watch.timed(*self._seconds)
        self._pairs, self._counted = [], False

    def live_rows(self) -> Iterator[tuple[EventKey, Judged]]:
        """The rows on its side in the batch at hand, as the live releases judged them."""
        return (((pair.live.event.id, pair.live.event.revision), pair.live) for pair in self._pairs)

    def roll_back(self) -> None:
        """The batch was not recorded."""
        if self.history is not None and self._counted:
            self.history.roll_back()
        self._pairs, self._counted = [], False

    def _advanced(self, rows: Sequence[Judged]) -> pa.RecordBatch | None:
        """The windows of all rows, which then count; None where it shares the live ones, or they cannot be told."""
        if self.history is None:
            return None
        try:
            windows = self.history.advance(self.judge.prepare_rows(rows_of([row.event for row in rows])).coded)
        except Exception:
            # What is not counted here is counted from the ledger, as other writers' events are.
            return None
        self._counted = True
        return windows

    def _judged(self, rows: Sequence[Judged], windows: pa.RecordBatch | None, now: int) -> list[Judged | None]:
        """Each row by this release; a row that breaks it costs itself alone, and the live release decides it."""
        try:
            given = stored_windows(self.judge, rows) if self.history is None else windows
            return list(judged_by(self.judge, rows, given, now))
        except Exception:
            if len(rows) == 1:
                return [None]
        half = len(rows) // 2
        first, second = (None, None) if windows is None else (windows.slice(0, half), windows.slice(half))
        return [*self._judged(rows[:half], first, now), *self._judged(rows[half:], second, now)]


def _taken(windows: pa.RecordBatch | None, places: Sequence[int]) -> pa.RecordBatch | None:
    return None if windows is None else windows.take(pa.array(places, pa.int64()))


@dataclass(frozen=True, eq=False)
class Arms:
    """The releases that are tried beside the live ones in one process; `left_out` are those that cannot be.

    Those that are `out_of_reach` can perhaps be at the next look.
    """

    canaries: tuple[Canary, ...] = ()
    shadows: tuple[Shadow, ...] = ()
    left_out: tuple[Tried, ...] = ()
    out_of_reach: tuple[Tried, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.canaries or self.shadows)

    @property
    def keys(self) -> set[tuple[str, str, str, float, float]]:
        """What `Tried.key` is of each of them."""
        canaries = {("canary", one.pack, one.version, one.share, one.watch.rules.enforcing) for one in self.canaries}
        shadows = {("shadow", one.pack, one.version, 1.0, DIFFERS) for one in self.shadows}
        return canaries | shadows | {one.key for one in self.left_out}

    def in_words(self) -> tuple[str, ...]:
        """One sentence for each that runs."""
        canaries = [f"{one.pack} {one.version} decides for {100 * one.share:.3g} % of actors" for one in self.canaries]
        return (*canaries, *(f"{one.pack} {one.version} judges in shadow" for one in self.shadows))

    @property
    def judges(self) -> tuple[Judge, ...]:
        """The judges of all of them."""
        return (*(one.judge for one in self.canaries), *(one.judge for one in self.shadows))

    def decide(self, rows: Sequence[Judged], now: int, live_seconds: float) -> list[Judged]:
        """The rows as they are to be recorded, each pack's canary deciding on its side."""
        found = list(rows)
        for canary in self.canaries:
            canary.decide(rows, found, now, live_seconds)
        return found

    def recorded(self, rows: Sequence[Judged], standing: Sequence[Decision], now: int) -> list[Judged]:
        """Those of the rows that were not known before, as the live releases judged them; canaries count them."""
        new = {
            (row.event.id, row.event.revision): row
            for row, head in zip(rows, standing, strict=True)
            if head.id == row.decision.id
        }
        for canary in self.canaries:
            # A canary's windows may have the names of live ones and another meaning, which no shadow must read.
            new |= {key: live for key, live in canary.live_rows() if key in new}
            canary.recorded(new, now)
        return list(new.values())

    def roll_back(self) -> None:
        """The rows could not be recorded."""
        for canary in self.canaries:
            canary.roll_back()

    def catch_up(self) -> None:
        """Count what other writers recorded; raises OutsideError where the ledger cannot be read."""
        for canary in self.canaries:
            if canary.history is not None:
                canary.history.catch_up()

    def taken(self) -> list[Callable[[], None]]:
        """Copy the histories of canaries; each of what is given back saves one, as `LocalHistory.taken` has it."""
        return [canary.history.taken() for canary in self.canaries if canary.history is not None]

    def verdicts(self) -> list[Halted]:
        """The canaries that must be halted."""
        found = [canary.watch.verdict() for canary in self.canaries]
        return [halted for halted in found if halted is not None]


NONE = Arms()


def open_arms(
    shelf: Shelf,
    tried: Sequence[Tried],
    live: Judge,
    champions: Sequence[Release],
    ledger: Ledger,
    folder: Path,
    before: Arms = NONE,
) -> tuple[Arms, tuple[str, ...]]:
    """What is tried, opened beside the live judge, and sentences on what could not be: it stays out, and nothing waits.

    `champions` are the live releases. A release that was there `before` keeps its history and its counts.
    """
    canaries, shadows, said = [], [], []
    left_out: list[Tried] = []
    out_of_reach: list[Tried] = []
    known = {champion.pack: champion for champion in champions}
    for one in tried:
        release = one.release
        try:
            # A judge is of one thread: a shadow that becomes a canary is opened anew.
            running: Sequence[Canary | Shadow] = before.shadows if one.state == "shadow" else before.canaries
            was = next((old for old in running if (old.pack, old.version) == (release.pack, release.version)), None)
            judge = open_judge(shelf, [release]) if was is None else was.judge
            path = None
            if not covers(live, judge):
                path = folder / HISTORY.format(pack=release.pack, version=release.version)
            if one.state == "shadow":
                kept = was if isinstance(was, Shadow) and was.path == path else None
                shadows.append(kept or Shadow(release.pack, release.version, judge, path))
            elif release.pack not in known:
                left_out.append(one)
            else:
                same = was if isinstance(was, Canary) else None
                own = None if path is None else (same and same.history) or LocalHistory(ledger, judge, path)
                watch = same.watch if same else Watch(release.pack, release.version)
                watch.rules = replace(watch.rules, enforcing=one.differs)
                replaced = frozenset(known[release.pack].detectors)
                canaries.append(Canary(release.pack, release.version, one.share, judge, replaced, watch, own))
        except Exception as error:
            (out_of_reach if isinstance(error, OutsideError) else left_out).append(one)
            why = error if isinstance(error, GatehouseError) else f"it raised {type(error).__name__}"
            said.append(f"the {one.state} {release.version} of '{release.pack}' is left out: {why}")
    return Arms(tuple(canaries), tuple(shadows), tuple(left_out), tuple(out_of_reach)), tuple(said)


def forget_histories(folder: Path, arms: Arms) -> None:
    """Remove the histories of releases that are tried no more."""
    running: list[Canary | Shadow] = [*arms.canaries, *arms.shadows]
    kept = {HISTORY.format(pack=one.pack, version=one.version) for one in running}
    kept |= {HISTORY.format(pack=one.release.pack, version=one.release.version) for one in arms.out_of_reach}
    for path in folder.glob(HISTORY.format(pack="*", version="*")):
        if path.name not in kept:
            path.unlink(missing_ok=True)
