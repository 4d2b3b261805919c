"""Runs detectors over a batch, so that a broken or slow one costs its own signals and no more."""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gatehouse.detectors.base import Detector
from gatehouse.records.signal import Signals, State

_FEW_ROWS = 96
"""Batches up to this size are read value by value, which costs less than asking Arrow."""


def run_all(
    detectors: Sequence[Detector],
    events: pa.RecordBatch,
    features: pa.RecordBatch,
    time_left: Callable[[], float] = lambda: float("inf"),
) -> tuple[Signals, ...]:
    """Signals of every detector, in the order given; `time_left` gives seconds until the deadline.

    A detector abstains where the language is known and not one of its own. One that raises is asked again row by
    row, so that only the raising rows fail; one whose turn comes after the deadline fails for the whole batch.
    """
    found = []
    for detector in detectors:
        if time_left() <= 0:
            found.append(_all(detector, len(events), State.FAILED, "the deadline had passed"))
        else:
            found.append(_within_languages(detector, events, features))
    return tuple(found)


def _within_languages(detector: Detector, events: pa.RecordBatch, features: pa.RecordBatch) -> Signals:
    foreign = _foreign(detector, features)
    if foreign is None or not foreign.any():
        return _run(detector, events, features)
    languages = ", ".join(sorted(detector.languages))
    whole = _all(detector, len(events), State.ABSTAINED, f"covers {languages} only")
    own = np.flatnonzero(~foreign)
    if len(own):
        indices = pa.array(own)
        part = _run(detector, events.take(indices), features.take(indices))
        whole.state[own], whole.score[own] = part.state, part.score
        whole.evidence[own] = np.where(part.evidence >= 0, part.evidence + 1, -1)
        return Signals(
            whole.detector,
            whole.version,
            whole.labels,
            whole.state,
            whole.score,
            whole.evidence,
            whole.reasons + part.reasons,
        )
    return whole


def _foreign(detector: Detector, features: pa.RecordBatch) -> npt.NDArray[np.bool_] | None:
    """Rows whose language is known and not covered; None where the detector covers any language."""
    if not detector.languages:
        return None
    language = features.column("language")
    if len(language) > _FEW_ROWS:
        language = language.dictionary_encode()
        told, row = language.dictionary.to_pylist(), language.indices.fill_null(-1).to_numpy()
    else:
        told, row = language.to_pylist(), np.arange(len(language))
    foreign: npt.NDArray[np.bool_] = np.array(
        [said is not None and said not in detector.languages for said in (*told, None)]
    )[row]
    return foreign


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
