"""Signals: what one detector version says about events and its labels."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Protocol, overload

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa


class State(IntEnum):
    """How a detector answered. A failure is never a score of 0, and neither is an abstention."""

    SCORED = 0
    MATCHED = 1
    ABSTAINED = 2
    SKIPPED = 3
    FAILED = 4

    @property
    def word(self) -> str:
        """The state as it is written in files and screens."""
        return self.name.lower()


_WORDS = tuple(state.word for state in State)


class Signal(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One detector version's word on one event and one label; `score` is set only where state is scored."""

    event_id: str
    detector: str
    detector_version: str
    label: str
    state: str
    score: float | None = None
    evidence: str | None = None


SIGNAL_SCHEMA = pa.schema(
    [
        pa.field("event_id", pa.string(), nullable=False),
        pa.field("detector", pa.string(), nullable=False),
        pa.field("detector_version", pa.string(), nullable=False),
        pa.field("label", pa.string(), nullable=False),
        pa.field("state", pa.string(), nullable=False),
        pa.field("score", pa.float64()),
        pa.field("evidence", pa.string()),
    ]
)


Columns = tuple[npt.NDArray[np.uint8], npt.NDArray[np.float64], npt.NDArray[np.int32]]


class Speaks(Protocol):
    """What signals say of the detector that gave them."""

    @property
    def name(self) -> str:
        """Stable name, `pack.kind`."""
        ...

    @property
    def version(self) -> str:
        """Hash of everything that its answers depend on."""
        ...

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels it speaks of."""
        ...


@dataclass(frozen=True, eq=False)
class Signals:
    """One detector version's signals for a batch of n events and its L labels, column-wise.

    `state` is uint8 [n, L] of State; `score` is float64 [n, L], a calibrated probability, NaN unless scored;
    `evidence` is int32 [n, L], an index into `reasons` (names of rules, of a bank's entry, why it failed), -1 for none.
    """

    detector: str
    version: str
    labels: tuple[str, ...]
    state: npt.NDArray[np.uint8]
    score: npt.NDArray[np.float64]
    evidence: npt.NDArray[np.int32]
    reasons: tuple[str, ...] = ()

    def __len__(self) -> int:
        return int(self.state.shape[0])

    @classmethod
    def blank(cls, detector: str, version: str, labels: tuple[str, ...], n: int, state: State) -> "Signals":
        """Signals that all have one state, to be filled in."""
        shape = (n, len(labels))
        # np.full takes several times as long for one row.
        states, score, evidence = np.empty(shape, np.uint8), np.empty(shape), np.empty(shape, np.int32)
        states.fill(state)
        score.fill(np.nan)
        evidence.fill(-1)
        return cls(detector, version, labels, states, score, evidence)

    @classmethod
    def scored(cls, detector: str, version: str, labels: tuple[str, ...], score: npt.NDArray[np.float64]) -> "Signals":
        """Signals of a detector that scored every row; score is float64 [n, L]."""
        blank = cls.blank(detector, version, labels, score.shape[0], State.SCORED)
        return cls(detector, version, labels, blank.state, score, blank.evidence)

    def slice(self, rows: slice) -> "Signals":
        """The signals of some of the rows."""
        return replace(self, state=self.state[rows], score=self.score[rows], evidence=self.evidence[rows])

    def scores(self, label: str) -> npt.NDArray[np.float64]:
        """The scores of one label, float64 [n]; NaN where it was not scored."""
        column = self.labels.index(label)
        return np.where(self.state[:, column] == State.SCORED, self.score[:, column], np.nan)

    def of(self, row: int, event_id: str) -> list[Signal]:
        """The signals of one row as records."""
        columns = zip(
            self.labels, self.state[row].tolist(), self.score[row].tolist(), self.evidence[row].tolist(), strict=True
        )
        return [
            Signal(
                event_id=event_id,
                detector=self.detector,
                detector_version=self.version,
                label=label,
                state=_WORDS[state],
                score=score if state == State.SCORED else None,
                evidence=self.reasons[code] if code >= 0 else None,
            )
            for label, state, score, code in columns
        ]


def blank_columns(whose: Sequence[Speaks], n: int, state: State) -> list[Columns]:
    """State, score and evidence of each of several detectors, all of one state and to be filled in.

    They lie side by side in memory, which for few events takes less time than one by one.
    """
    whole = Signals.blank("", "", tuple(label for one in whose for label in one.labels), n, state)
    found, start = [], 0
    for one in whose:
        end = start + len(one.labels)
        found.append((whole.state[:, start:end], whole.score[:, start:end], whole.evidence[:, start:end]))
        start = end
    return found


class SignalRow(Sequence[Signal]):
    """One event's signals of several detectors, made into records once, when they are first looked at."""

    __slots__ = ("_made", "blocks", "event_id", "row")

    def __init__(self, event_id: str, blocks: Sequence[Signals], row: int) -> None:
        self.event_id = event_id
        self.blocks = blocks
        self.row = row
        self._made: list[Signal] | None = None

    def __len__(self) -> int:
        return sum(len(block.labels) for block in self.blocks)

    def __iter__(self) -> Iterator[Signal]:
        if self._made is None:
            self._made = [signal for block in self.blocks for signal in block.of(self.row, self.event_id)]
        return iter(self._made)

    @overload
    def __getitem__(self, place: int) -> Signal: ...

    @overload
    def __getitem__(self, place: slice) -> list[Signal]: ...

    def __getitem__(self, place: int | slice) -> Signal | list[Signal]:
        return list(self)[place]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]


class Contribution(msgspec.Struct, frozen=True, kw_only=True):
    """How much one piece of a text moved a score: log-odds, with its place in the original text in characters."""

    piece: str
    start: int
    end: int
    weight: float


class FeatureWeight(msgspec.Struct, frozen=True, kw_only=True):
    """How much one feature moved a score: log-odds, with the value it had (None where nothing was known)."""

    feature: str
    value: str | int | float | bool | None
    weight: float
