"""Spans of characters that carry a decision, and how well they meet those that people marked (SemEval-2021 task 5)."""

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from gatehouse.records.signal import Contribution

Spans = tuple[tuple[int, int], ...]
"""Places [start, end) of a text in characters, in order, none overlapping."""

Floats = npt.NDArray[np.float64]


def carrying(text: str, pieces: Iterable[Contribution], threshold: float) -> Spans:
    """The pieces that add at least `threshold` log-odds, as spans.

    Signs at a piece's edges are left out, since people mark words; neighbours with only spaces between are one span.
    """
    found = (_trimmed(text, piece.start, piece.end) for piece in pieces if piece.weight >= threshold)
    return joined(text, [span for span in found if span[0] < span[1]])


def joined(text: str, spans: Iterable[tuple[int, int]]) -> Spans:
    """Spans in order; those that overlap, touch or have only spaces between them become one."""
    made: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if made and not text[made[-1][1] : start].strip():
            made[-1] = (made[-1][0], max(made[-1][1], end))
        else:
            made.append((start, end))
    return tuple(made)


def char_f1(marked: Spans, gold: Spans) -> float:
    """F1 of the characters of one text; 1 where both are empty, 0 where one is (Da San Martino et al. 2019)."""
    ours, theirs = _characters(marked), _characters(gold)
    if not ours and not theirs:
        return 1.0
    return 2 * len(ours & theirs) / (len(ours) + len(theirs))


def best_threshold(
    texts: Sequence[str], pieces: Sequence[Sequence[Contribution]], gold: Sequence[Spans], thresholds: Sequence[float]
) -> tuple[float, float]:
    """The threshold with the highest mean F1 over these texts, the lowest of equals, and that mean."""
    means = []
    for threshold in thresholds:
        scores = [
            char_f1(carrying(text, own, threshold), right) for text, own, right in zip(texts, pieces, gold, strict=True)
        ]
        means.append(float(np.mean(scores)))
    best = int(np.argmax(means))
    return thresholds[best], means[best]


def _characters(spans: Spans) -> set[int]:
    return {place for start, end in spans for place in range(start, end)}


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    while start < end and not text[start].isalnum():
        start += 1
    while start < end and not text[end - 1].isalnum():
        end -= 1
    return start, end
