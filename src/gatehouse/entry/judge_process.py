"""The judge in a process of its own: what it does there, and in which words it is asked over a socket.

Deciding and answering requests then have an interpreter each. A message is its length in four bytes and msgpack; one
question is open at a time. The process ends when the socket is closed, also where whoever asked was killed.
"""

import gc
import signal
import socket
import sys
import threading
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from struct import Struct
from typing import TypeVar

import msgspec

from gatehouse.adapters import logs
from gatehouse.bootstrap import open_house
from gatehouse.entry.live import LOOKS_EVERY_SECONDS, Releases, open_gate
from gatehouse.entry.saying import saying
from gatehouse.errors import Fault, GatehouseError, OutsideError, RefusedError, UserError
from gatehouse.flows.live import Answer, Unrecorded
from gatehouse.flows.observe import Observer, SignalStates
from gatehouse.ports.ledger import ConflictError
from gatehouse.records.decision import Decision, PolicyOutcome
from gatehouse.records.event import Event
from gatehouse.settings import Settings

LENGTH = Struct(">I")

YOUNG_RECORDS = 50_000
"""Records between two looks of Python's collector for circles among the young ones."""

_T = TypeVar("_T")

_ERRORS = (ConflictError, UserError, RefusedError, OutsideError)
"""Whoever must act; a subclass comes before its base."""


class Failure(msgspec.Struct, frozen=True, array_like=True):
    """An error on its way; `kind` is a class of `_ERRORS`."""

    kind: str
    faults: tuple[Fault, ...]
    event_ids: tuple[str, ...] = ()

    @classmethod
    def of(cls, error: GatehouseError) -> "Failure":
        """The message of an error."""
        kind = next((kind.__name__ for kind in _ERRORS if isinstance(error, kind)), OutsideError.__name__)
        return cls(kind, error.faults, error.event_ids if isinstance(error, ConflictError) else ())

    def error(self) -> GatehouseError:
        """The error of a message."""
        if self.kind == ConflictError.__name__:
            return ConflictError(self.event_ids, where=self.faults[0].where)
        kinds: dict[str, type[GatehouseError]] = {kind.__name__: kind for kind in _ERRORS}
        return kinds[self.kind](self.faults)


class Row(msgspec.Struct, frozen=True, array_like=True):
    """A decision; `policies` is its place among those of the message, which most decisions of a batch share."""

    id: str
    event_id: str
    revision: int
    outcome: str
    enforce: str
    policies: int
    releases: int
    decided: int
    supersedes: str | None


class Told(msgspec.Struct, array_like=True):
    """What an observer was told meanwhile."""

    spent: list[tuple[str, float, int]]
    counted: list[tuple[str, int]]
    signals: list[tuple[str, str, int]]

    def tell(self, observer: Observer) -> None:
        """Tell it to another."""
        for one in self.spent:
            observer.spent(*one)
        for what, n in self.counted:
            observer.counted(what, n)
        signals: Counter[tuple[str, str]] = Counter()
        for detector, state, n in self.signals:
            signals[detector, state] += n
        if signals:
            observer.judged(signals)


class Answered(msgspec.Struct, array_like=True, tag=True):
    """An answer an event in order: a decision, or by its place a failure; the judge's `now`, and what it decides by."""

    rows: list[Row | None]
    policies: list[tuple[PolicyOutcome, ...]]
    releases: list[dict[str, str]]
    failures: dict[int, Failure]
    now: int
    told: Told
    live: dict[str, str]

    def answers(self, events: Sequence[Event]) -> list[Answer]:
        """The answers as the live gate gave them."""
        return [
            Unrecorded(event.id, self.failures[place].error()) if row is None else self._decision(row)
            for place, (event, row) in enumerate(zip(events, self.rows, strict=True))
        ]

    def _decision(self, row: Row) -> Decision:
        return Decision(
            id=row.id,
            event_id=row.event_id,
            revision=row.revision,
            mode="live",
            outcome=row.outcome,
            enforce=row.enforce,
            policies=self.policies[row.policies],
            releases=self.releases[row.releases],
            decided=row.decided,
            supersedes=row.supersedes,
        )


class Started(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """It is warm, decides by these releases, and has this to say."""

    live: dict[str, str]
    said: tuple[str, ...]


class Broken(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """It cannot start, or the whole question failed."""

    failure: Failure


Said = Started | Answered | Broken

encode = msgspec.msgpack.Encoder().encode
decode_said: Callable[[bytes], Said] = msgspec.msgpack.Decoder(Said).decode
_decode_events: Callable[[bytes], list[Event]] = msgspec.msgpack.Decoder(list[Event]).decode


class Relay:
    """An observer that keeps what it is told until somebody takes it; for several threads at once."""

    def __init__(self) -> None:
        self.now = 0
        self._spent: deque[tuple[str, float, int]] = deque()
        self._counted: deque[tuple[str, int]] = deque()
        self._signals: deque[tuple[str, str, int]] = deque()

    def spent(self, stage: str, seconds: float, events: int) -> None:
        """Keep it."""
        self._spent.append((stage, seconds, events))

    def judged(self, signals: SignalStates) -> None:
        """Keep it."""
        self._signals.extend((detector, state, n) for (detector, state), n in signals.items())

    def answered(self, answers: Sequence[Answer], now: int) -> None:
        """Keep when: whoever asked has the answers."""
        self.now = now

    def gathered(self, n: int, waiting: int, traces: Sequence[str] = ()) -> None:
        """Nothing is gathered here."""

    def counted(self, what: str, n: int = 1) -> None:
        """Keep it."""
        self._counted.append((what, n))

    def taken(self) -> Told:
        """What was kept, which then is kept no more."""
        return Told(_emptied(self._spent), _emptied(self._counted), _emptied(self._signals))


def _emptied(kept: deque[_T]) -> list[_T]:
    """What is in it now; what is added meanwhile stays."""
    return [kept.popleft() for _ in range(len(kept))]


def answered(answers: Sequence[Answer], relay: Relay, live: Mapping[str, str]) -> Answered:
    """The message of a batch's answers; conclusions and releases that several share are sent once."""
    rows: list[Row | None] = []
    failures: dict[int, Failure] = {}
    places: dict[tuple[int, ...], int] = {}
    policies: list[tuple[PolicyOutcome, ...]] = []
    releases: list[dict[str, str]] = []
    for place, one in enumerate(answers):
        if isinstance(one, Unrecorded):
            failures[place] = Failure.of(one.error)
            rows.append(None)
            continue
        key = tuple(map(id, one.policies))
        if (shared := places.setdefault(key, len(policies))) == len(policies):
            policies.append(one.policies)
        if not releases or releases[-1] != one.releases:
            releases.append(one.releases)
        said = (one.id, one.event_id, one.revision, one.outcome, one.enforce)
        rows.append(Row(*said, shared, len(releases) - 1, one.decided, one.supersedes))
    return Answered(rows, policies, releases, failures, relay.now, relay.taken(), dict(live))


def judge(asked: socket.socket, settings: Settings, packs: tuple[str, ...], other_end: socket.socket | None) -> None:
    """Decide until the socket is closed, then keep the history; `other_end` is closed where a fork has copied it."""
    if other_end is not None:
        other_end.close()
    said = saying("judge")
    # Who asks is told to stop, and closes the socket when what was taken is answered.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    with asked, asked.makefile("rb") as questions:
        relay = Relay()
        try:
            house = open_house(settings)
            gate, sentences = open_gate(house, packs, relay)
            gate.warm()
        except GatehouseError as error:
            send(asked, Broken(Failure.of(error)))
            return
        # What was made until now lives as long as the process: looking through it would only cost pauses. A batch makes
        # some ten thousand records that die with it, among which there is next to nothing to find.
        gc.collect()
        gc.freeze()
        gc.set_threshold(YOUNG_RECORDS, 20, 100)
        # Who decides waits so long at most for the thread that looks for other releases.
        sys.setswitchinterval(0.001)
        over = threading.Event()
        looking = threading.Thread(target=_looks, args=(Releases(house, packs, gate, said), over), daemon=True)
        looking.start()
        try:
            send(asked, Started(dict(gate.judge.releases), sentences))
            while (question := receive(questions.read)) is not None:
                send(asked, _answer(gate.decide, question, relay, gate.judge.releases, said))
        except OSError:
            pass  # whoever asked is gone
        finally:
            over.set()
            gate.close()


def _answer(
    decide: Callable[[Sequence[Event]], list[Answer]],
    question: bytes,
    relay: Relay,
    live: Mapping[str, str],
    said: Callable[[str], None],
) -> Said:
    try:
        return answered(decide(_decode_events(question)), relay, live)
    except GatehouseError as error:
        return Broken(Failure.of(error))
    except Exception as error:
        said(f"nothing is decided of what was asked: {logs.kind_and_place(error)}")
        what = f"a fault of Gatehouse itself ({type(error).__name__})"
        return Broken(Failure.of(OutsideError(what, fix="gatehouse doctor; look at what this process printed")))


def send(to: socket.socket, said: Said | list[Event]) -> None:
    """Send a message; raises OSError where nobody takes it."""
    body = encode(said)
    to.sendall(LENGTH.pack(len(body)) + body)


def receive(read: Callable[[int], bytes]) -> bytes | None:
    """The next message's body; None where the other end is closed, in the middle of a message too."""
    head = read(LENGTH.size)
    if len(head) < LENGTH.size:
        return None
    (size,) = LENGTH.unpack(head)
    body = read(size)
    return body if len(body) == size else None


def _looks(look: Callable[[], None], over: threading.Event) -> None:
    while not over.wait(LOOKS_EVERY_SECONDS / 5):
        look()
