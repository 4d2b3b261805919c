"""The rows that batch scoring writes: one per event, policy and signal."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gatehouse.records.decision import Judgement, Outcome, Outcomes
from gatehouse.records.enforcement import Kind
from gatehouse.records.signal import Signals, State


def _words(name: str) -> pa.Field:
    return pa.field(name, pa.dictionary(pa.int32(), pa.string()))


SCORE_SCHEMA = pa.schema(
    [
        _words("event_id"),
        _words("policy"),
        _words("detector"),
        _words("detector_version"),
        _words("label"),
        _words("state"),
        pa.field("score", pa.float64()),
        _words("decision"),
        _words("enforce"),
        _words("reason"),
        _words("evidence"),
    ]
)
"""`decision`, `enforce` and `reason` are the policy's for the event; `score` is null unless `state` is scored."""

Indices = npt.NDArray[np.int32]


def score_rows(judgement: Judgement, uses: Mapping[str, frozenset[str]]) -> pa.Table:
    """A judgement as rows in SCORE_SCHEMA, all rows of an event beside each other.

    `uses` names the detectors that each policy looks at; their signals are what is written for it.
    """
    n = len(judgement)
    pairs = [(o, s) for o in judgement.outcomes for s in judgement.signals if s.detector in uses[o.policy]]
    if not n or not pairs:
        return SCORE_SCHEMA.empty_table()
    width = sum(len(signals.labels) for _, signals in pairs)
    columns = {
        "event_id": pa.DictionaryArray.from_arrays(
            pa.array(np.repeat(np.arange(n, dtype=np.int32), width)), judgement.event_ids.cast(pa.string())
        ),
        "state": _coded(_wide([s.state for _, s in pairs]), [state.word for state in State]),
        "score": _scores(pairs),
        "evidence": _evidence(pairs),
        **_constants(pairs, n),
        **_conclusions(pairs, n),
    }
    return pa.Table.from_arrays([columns[name] for name in SCORE_SCHEMA.names], schema=SCORE_SCHEMA)


def _wide(blocks: list[npt.NDArray[np.generic]]) -> npt.NDArray[np.generic]:
    """Blocks [n, L] side by side, flattened row by row."""
    return np.concatenate(blocks, axis=1).ravel()


def _coded(codes: npt.NDArray[np.generic], words: list[str]) -> pa.Array:
    """Words given by their index; a negative index is null."""
    indices = codes.astype(np.int32)
    return pa.DictionaryArray.from_arrays(pa.array(indices, mask=indices < 0), pa.array(words, pa.string()))


def _scores(pairs: list[tuple[Outcomes, Signals]]) -> pa.Array:
    score = _wide([signals.score for _, signals in pairs])
    return pa.array(score, mask=_wide([signals.state for _, signals in pairs]) != State.SCORED)


def _evidence(pairs: list[tuple[Outcomes, Signals]]) -> pa.Array:
    words: list[str] = []
    blocks: list[npt.NDArray[np.generic]] = []
    for _, signals in pairs:
        blocks.append(np.where(signals.evidence >= 0, signals.evidence + len(words), -1))
        words.extend(signals.reasons)
    return _coded(_wide(blocks), words)


def _constants(pairs: list[tuple[Outcomes, Signals]], n: int) -> dict[str, pa.Array]:
    """Columns that are the same for every event: who said it about what."""
    said = [(o.policy, s.detector, s.version, label) for o, s in pairs for label in s.labels]
    columns = {}
    for name, values in zip(("policy", "detector", "detector_version", "label"), zip(*said, strict=True), strict=True):
        words = list(dict.fromkeys(values))
        columns[name] = _coded(np.tile(np.array([words.index(value) for value in values], np.int32), n), words)
    return columns


def _conclusions(pairs: list[tuple[Outcomes, Signals]], n: int) -> dict[str, pa.Array]:
    """The policy's conclusion, repeated for each of the signals it looked at."""
    widths = [len(signals.labels) for _, signals in pairs]
    offsets: dict[str, int] = {}
    reasons: list[str] = []
    for outcomes, _ in pairs:
        if outcomes.policy not in offsets:
            offsets[outcomes.policy] = len(reasons)
            reasons.extend(outcomes.reasons)

    def spread(blocks: list[npt.NDArray[np.generic]]) -> npt.NDArray[np.generic]:
        return np.repeat(np.stack(blocks, axis=1), widths, axis=1).ravel()

    return {
        "decision": _coded(spread([o.outcome for o, _ in pairs]), [outcome.word for outcome in Outcome]),
        "enforce": _coded(spread([o.enforce for o, _ in pairs]), [kind.word for kind in Kind]),
        "reason": _coded(spread([o.reason + offsets[o.policy] for o, _ in pairs]), reasons),
    }
