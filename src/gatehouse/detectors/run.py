"""Runs detectors over a batch, so that a broken or slow one costs its own signals and no more."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gatehouse.detectors.base import Asked, Detector, Together
from gatehouse.records.signal import Signals, State
from gatehouse.text.rows import Rows


def run_all(
    detectors: Sequence[Detector],
    events: pa.RecordBatch,
    features: pa.RecordBatch,
    time_left: Callable[[], float] = lambda: float("inf"),
) -> tuple[Signals, ...]:
    """Signals of every detector, each asked by itself; see `Panel`, for detectors that are asked again and again."""
    given, rows = Rows.of(events), Rows.of(features)
    return tuple(
        signals for detector in detectors for signals in _told(_Group([detector], None), given, rows, time_left)
    )


class Panel:
    """Detectors that are asked together, batch after batch.

    A detector abstains where the language is known and not one of its own. One that raises is asked again row by
    row, so that only the raising rows fail; one whose turn comes after the deadline fails for the whole batch.
    """

    def __init__(self, detectors: Sequence[Detector]) -> None:
        self._n = len(detectors)
        places: dict[tuple[object, frozenset[str]], list[int]] = {}
        for place, detector in enumerate(detectors):
            kind = type(detector) if isinstance(detector, Together) else place
            places.setdefault((kind, detector.languages), []).append(place)
        self._groups = [(own, _group([detectors[place] for place in own])) for own in places.values()]

    def __call__(
        self, events: Rows, features: Rows, time_left: Callable[[], float] = lambda: float("inf")
    ) -> tuple[Signals, ...]:
        """Signals of every detector, in the order given; `time_left` gives seconds until the deadline."""
        found: dict[int, Signals] = {}
        for places, group in self._groups:
            found |= zip(places, _told(group, events, features, time_left), strict=True)
        return tuple(found[place] for place in range(self._n))


class _Group(NamedTuple):
    """Detectors for the same languages, and how they are asked together where they can be."""

    detectors: Sequence[Detector]
    together: Asked | None


def _group(detectors: Sequence[Detector]) -> _Group:
    first = detectors[0]
    return _Group(detectors, type(first).together(detectors) if isinstance(first, Together) else None)


def _told(group: _Group, events: Rows, features: Rows, time_left: Callable[[], float]) -> Sequence[Signals]:
    if time_left() <= 0:
        return [_all(detector, len(events), State.FAILED, "the deadline had passed") for detector in group.detectors]
    foreign = _foreign(group.detectors[0].languages, features)
    if foreign is None:
        return _asked(group, events, features)
    languages = ", ".join(sorted(group.detectors[0].languages))
    whole = [_all(detector, len(events), State.ABSTAINED, f"covers {languages} only") for detector in group.detectors]
    own = np.flatnonzero(~foreign)
    if not len(own):
        return whole
    parts = _asked(group, events.take(own.tolist()), features.take(own.tolist()))
    return [_among(blank, own, part) for blank, part in zip(whole, parts, strict=True)]


def _among(whole: Signals, own: npt.NDArray[np.int64], part: Signals) -> Signals:
    """Signals of some rows among those of all, which are written over."""
    whole.state[own], whole.score[own] = part.state, part.score
    whole.evidence[own] = np.where(part.evidence >= 0, part.evidence + 1, -1)
    return replace(whole, reasons=whole.reasons + part.reasons)


def _foreign(languages: frozenset[str], features: Rows) -> npt.NDArray[np.bool_] | None:
    """Rows whose language is known and not one of these; None where there is none, as where these are any."""
    if not languages or not len(features):
        return None
    told = features.one("language")
    other = {said for said in set(told) if said is not None and said not in languages}
    return np.array([said in other for said in told]) if other else None


def _asked(group: _Group, events: Rows, features: Rows) -> Sequence[Signals]:
    if group.together is not None:
        # Where one raises, it is found by asking each by itself.
        with suppress(Exception):
            return group.together(events, features)
    return [_run(detector, events.batch, features.batch) for detector in group.detectors]


def _run(detector: Detector, events: pa.RecordBatch, features: pa.RecordBatch) -> Signals:
    try:
        return detector.signals(events, features)
    except Exception as broken:
        if len(events) == 1:
            return _all(detector, 1, State.FAILED, _reason(broken))
        rows = [_run(detector, events.slice(i, 1), features.slice(i, 1)) for i in range(len(events))]
        return _stack(detector, rows)


def _reason(broken: Exception) -> str:
    # An exception's text may quote content, which must not reach reports: its kind is enough to find it by.
    return f"raised {type(broken).__name__}"


def _all(detector: Detector, n: int, state: State, reason: str) -> Signals:
    blank = Signals.blank(detector.name, detector.version, detector.labels, n, state)
    blank.evidence[:] = 0
    return Signals(blank.detector, blank.version, blank.labels, blank.state, blank.score, blank.evidence, (reason,))


def _stack(detector: Detector, rows: Sequence[Signals]) -> Signals:
    """Signals of single rows as one block, with their reasons gathered."""
    codes: dict[str, int] = {}
    evidence = np.full((len(rows), len(detector.labels)), -1, np.int32)
    for i, row in enumerate(rows):
        for j in np.flatnonzero(row.evidence[0] >= 0):
            reason = row.reasons[row.evidence[0, j]]
            evidence[i, j] = codes.setdefault(reason, len(codes))
    return Signals(
        detector.name,
        detector.version,
        detector.labels,
        np.concatenate([row.state for row in rows]),
        np.concatenate([row.score for row in rows]),
        evidence,
        tuple(codes),
    )
