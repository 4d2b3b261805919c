"""Whether a process can do its work: what is reachable and whole, and the command that mends the rest."""

import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import msgspec

from gatehouse.errors import Fault, GatehouseError
from gatehouse.flows.asked import Asked, LateError
from gatehouse.flows.releases import Shelf, versions_in_words
from gatehouse.ports.dead_letters import DeadLetters
from gatehouse.ports.ledger import Ledger
from gatehouse.ports.outbox import Outbox

State = Literal["ok", "degraded", "broken"]
"""degraded: decisions go on, with less evidence or with somebody who must look; broken: none can be made."""

LEVELS: dict[State, int] = {"ok": 0, "degraded": 1, "broken": 2}
"""States from the best to the worst, as metrics give them."""

ANSWER_SECONDS = 1.0
"""How long all questions together may take."""

OLDEST_SECONDS = 300
"""How long a planned enforcement may wait."""

ROOM = 2**30
"""Bytes that should be free where the home folder lies; under a sixteenth of it nothing more is promised."""

SKEW_SECONDS = 1.0
"""How far the clock may be behind what is on record."""

WRITES_EVERY_SECONDS = 5.0
"""Between two times that the right to write is taken, which keeps others from it for a moment."""

MODELS_EVERY_SECONDS = 60.0
"""Between two readings of all model files."""


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """What was found at one place, and the command that mends it."""

    name: str
    state: State
    what: str
    mend: str = ""


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """All checks of one moment and the worst of their states."""

    state: State
    checks: tuple[Check, ...]

    @property
    def ready(self) -> bool:
        """Whether decisions can be made."""
        return self.state != "broken"


@dataclass(frozen=True)
class Question:
    """What is asked at one place; the state is `fails` where that raises, `late` where it takes too long.

    `mend` is the next step then. An answer is kept for `keep` seconds.
    """

    name: str
    ask: Callable[[], Check]
    fails: State = "degraded"
    late: State = "degraded"
    mend: str = ""
    keep: float = ANSWER_SECONDS


class Readiness:
    """Asks all questions at once, in threads of their own, and answers in time though one of them hangs."""

    def __init__(self, questions: Sequence[Question], *, seconds: float = ANSWER_SECONDS) -> None:
        self._questions = [(question, Asked(question.ask, keep=question.keep)) for question in questions]
        self._seconds = seconds

    def __call__(self) -> Health:
        """What is found now, or was found a moment ago."""
        end = time.monotonic() + self._seconds
        begun = [(question, asked, asked.begin()) for question, asked in self._questions]
        # While one is waited for, the answers of others may grow too old to be kept, and are not asked for again.
        checks = tuple(
            _answer(question, partial(asked.answer_of, future), end - time.monotonic())
            for question, asked, future in begun
        )
        worst: State = max((check.state for check in checks), key=LEVELS.__getitem__, default="ok")
        return Health(state=worst, checks=checks)


def _answer(question: Question, answer: Callable[[float], Check], seconds: float) -> Check:
    state = question.fails
    try:
        return answer(seconds)
    except LateError as error:
        state, said, mend = question.late, error.faults[0].what, question.mend
    except GatehouseError as error:
        fault = error.faults[0]
        where = f"{fault.where}: " if fault.where else ""
        said, mend = f"{where}{fault.what}", fault.fix or question.mend
    except Exception as error:  # its text may quote content
        said, mend = f"asking failed ({type(error).__name__})", question.mend
    return Check(name=question.name, state=state, what=said, mend=mend)


_LEDGER = "see that the database runs and can be reached"
_WRITES = "see that the database runs, and which program holds its right to write: fuser FILE, or pg_locks on a server"


def of_ledger(schema: Callable[[], str | None], known: str) -> Question:
    """Whether the ledger answers, and in the schema that this process knows."""

    def ask() -> Check:
        found = schema()
        if found == known:
            return Check(name="ledger", state="ok", what=f"the ledger answers, schema {found}")
        what = f"the ledger has schema {found}, this process knows {known}"
        mend = "start this process again with the gatehouse that brought the ledger up to date"
        return Check(name="ledger", state="broken", what=what, mend=mend)

    return Question("ledger", ask, "broken", "broken", _LEDGER)


def of_writing(may_write: Callable[[], None]) -> Question:
    """Whether the right to write can be had; under load it may be late, so that alone does not stop anything."""

    def ask() -> Check:
        may_write()
        return Check(name="ledger writes", state="ok", what="the ledger takes writes")

    return Question("ledger writes", ask, "broken", "degraded", _WRITES, WRITES_EVERY_SECONDS)


def of_releases(live: Callable[[], Mapping[str, str]], warm: Callable[[], bool]) -> Question:
    """Whether something decides, and is past its first slow batch."""

    def ask() -> Check:
        versions = live()
        if not versions:
            mend = "gatehouse train PACK && gatehouse promote PACK"
            return Check(name="releases", state="broken", what="no release is live", mend=mend)
        if not warm():
            what = "the judge is still being warmed"
            return Check(name="releases", state="broken", what=what, mend="wait: it takes some seconds")
        return Check(name="releases", state="ok", what=f"deciding by {versions_in_words(versions)}")

    return Question("releases", ask, "broken", "broken")


def of_models(shelf: Shelf, live: Callable[[], Mapping[str, str]]) -> Question:
    """Whether each file of the live releases is there as its hash says; a process that runs holds what it read."""

    def ask() -> Check:
        checked = 0
        for pack, version in live().items():
            release = shelf.registry.release(pack, version)
            for name, detector in {**release.detectors, f"{pack}.features": release.features}.items():
                for file, digest in shelf.registry.model(name, detector).files.items():
                    shelf.files.get(f"{name}/{file}", digest)
                    checked += 1
        return Check(name="models", state="ok", what=f"{checked} model files are whole")

    mend = "bring the folder of models back from a copy"
    return Question("models", ask, mend=mend, keep=MODELS_EVERY_SECONDS)


def of_history(faults: Callable[[], Sequence[Fault]]) -> Question:
    """Whether the shared history answers and keeps what it is told; without it what names a window fails."""

    def ask() -> Check:
        if found := faults():
            what = "; ".join(fault.what for fault in found)
            return Check(name="history", state="degraded", what=f"the shared history {what}", mend=found[0].fix)
        return Check(name="history", state="ok", what="the shared history answers")

    return Question("history", ask, mend="see that Redis runs and can be reached")


def of_bus(quiet_seconds: Callable[[], float], most: float) -> Question:
    """Whether the bus answered lately: how long ago the worker's last poll came back."""

    def ask() -> Check:
        seconds = quiet_seconds()
        if seconds <= most:
            return Check(name="bus", state="ok", what="the bus answers")
        what = f"no poll of the bus came back for {seconds:.0f} s, or what came cannot be recorded"
        return Check(name="bus", state="broken", what=what, mend="see that the brokers run and can be reached")

    return Question("bus", ask, "broken", "broken")


def of_disk(folder: Path, room: int = ROOM) -> Question:
    """Whether the disk of the home folder has room."""

    def ask() -> Check:
        there = next(place for place in (folder, *folder.parents) if place.exists())
        free = shutil.disk_usage(there).free
        said = f"{free / 2**30:.1f} GB free at {folder}"
        state: State = "ok" if free >= room else "degraded" if free >= room // 16 else "broken"
        return Check(name="disk", state=state, what=said, mend="" if state == "ok" else "make room")

    return Question("disk", ask)


def of_outbox(outbox: Outbox, clock: Callable[[], int]) -> Question:
    """Whether planned enforcements are carried out."""

    def ask() -> Check:
        waiting = outbox.waiting()
        age = 0.0 if waiting.oldest is None else (clock() - waiting.oldest) / 1e6
        said = f"{waiting.planned:,} enforcements are planned, {waiting.held:,} held"
        if age <= OLDEST_SECONDS:
            return Check(name="outbox", state="ok", what=said)
        what = f"{said}, the oldest planned for {age:,.0f} s"
        return Check(name="outbox", state="degraded", what=what, mend="gatehouse perform")

    return Question("outbox", ask)


def of_breakers(outbox: Outbox) -> Question:
    """Whether a policy's enforcement is held because its breaker tripped."""

    def ask() -> Check:
        tripped = sorted(change.policy for change in outbox.tripped())
        if not tripped:
            return Check(name="breakers", state="ok", what="no breaker is tripped")
        mend = f"gatehouse enforcements list, then gatehouse enforcements reset {tripped[0]} --why ..."
        return Check(name="breakers", state="degraded", what=f"breakers tripped: {', '.join(tripped)}", mend=mend)

    return Question("breakers", ask)


def of_letters(letters: DeadLetters) -> Question:
    """Whether messages wait that could not be decided on."""

    def ask() -> Check:
        n = letters.waiting()
        if not n:
            return Check(name="dead letters", state="ok", what="no dead letter waits")
        what = f"{n:,} dead letters wait for somebody to look"
        return Check(name="dead letters", state="degraded", what=what, mend="gatehouse deadletter list")

    return Question("dead letters", ask)


def of_clock(ledger: Ledger, clock: Callable[[], int]) -> Question:
    """Whether the clock is behind what is on record: events are then seen at made-up microseconds after the last."""

    def ask() -> Check:
        last = ledger.log(after=max(ledger.last() - 1, 0), most=1)
        # Imported events say their own time.
        behind = max((event.seen - clock() for _, event in last if not event.imported), default=0) / 1e6
        if behind <= SKEW_SECONDS:
            return Check(name="clock", state="ok", what="the clock is not behind what is on record")
        what = f"the clock is {behind:,.0f} s behind what is on record"
        return Check(name="clock", state="degraded", what=what, mend="set it right: timedatectl set-ntp true")

    return Question("clock", ask)
