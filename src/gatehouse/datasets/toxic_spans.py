"""Toxic spans in Civil Comments (Pavlopoulos et al., SemEval-2021 task 5): which words make a comment toxic.

Beside the items there are the gold spans of each text and what every single rater marked.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import msgspec

from gatehouse.datasets.items import Claim, Item, Source, SourceFile
from gatehouse.datasets.published import meaning, records
from gatehouse.datasets.split import part_of
from gatehouse.errors import UserError
from gatehouse.records.dataset import Part

_COMMENTS, _RATED, _MARKED = "comments.csv", "annotations.csv", "spans.csv"
_SPLIT: dict[str, Part] = {"tsd_train.csv": "train", "tsd_trial.csv": "points", "tsd_test.csv": "test"}
_TICKS = {"True": True, "False": False}
_KINDS = {
    "Insult": "insult",
    "Threat": "threat",
    "Identity based Attack": "identity_attack",
    "Profane/Obscene": "obscene",
    "Other Toxicity": "other",
    # A few are cut short or empty in the published file.
    "Insu": "insult",
    "Identity based ": "identity_attack",
    "": None,
}
_RAW = "https://raw.githubusercontent.com/ipavlopoulos/toxic_spans/"


class SpannedText(NamedTuple):
    """A text with the places [start, end), in code points, that most of its raters marked as toxic, in order.

    `id` is the comment's, as in RaterSpans.
    """

    id: str
    text: str
    spans: tuple[tuple[int, int], ...]
    part: Part


class MarkedSpan(NamedTuple):
    """One marked place [start, end), in code points; `kind` is None where the file does not say it.

    About one in five hundred ends behind its comment's end, as published.
    """

    start: int
    end: int
    kind: str | None


class RaterSpans(NamedTuple):
    """What one rater said about one comment: two ticks and the marked places.

    `no_span` is the tick that no particular words make it toxic, `not_toxic` that it is not toxic. A rater who
    marked nothing nearly always has both ticks in the published file, so these two cannot be told apart there.
    """

    comment: str
    rater: str
    no_span: bool
    not_toxic: bool
    spans: tuple[MarkedSpan, ...]


def read_spans(folder: Path) -> Iterator[SpannedText]:
    """The texts of the official split with their gold spans, `part` as in the data set."""
    ids: dict[str, str] = {}
    for _, row in records(folder / _COMMENTS, ("comment_id", "comment_text")):
        ids.setdefault(row["comment_text"], row["comment_id"])
    for name, official in _SPLIT.items():
        path = folder / name
        for line, row in records(path, ("spans", "text")):
            text = row["text"]
            if text not in ids:
                raise _strange(f"the text is not in {_COMMENTS}", path, line)
            yield SpannedText(ids[text], text, _joined(_offsets(row, path, line)), part_of(text, official))


def read_rater_spans(folder: Path) -> Iterator[RaterSpans]:
    """What each rater said about each comment, also about comments outside the official split."""
    marked: dict[str, list[MarkedSpan]] = defaultdict(list)
    path = folder / _MARKED
    for line, row in records(path, ("annotation", "type", "start", "end")):
        kind = meaning(row["type"], _KINDS, path, line)
        start, end = _place(row["start"], path, line), _place(row["end"], path, line)
        marked[row["annotation"]].append(MarkedSpan(start, end, kind))
    path = folder / _RATED
    for line, row in records(path, ("annotation", "comment_id", "worker", "all toxic", "not toxic")):
        no_span, not_toxic = (meaning(row[name], _TICKS, path, line) for name in ("all toxic", "not toxic"))
        spans = tuple(marked.get(row["annotation"], ()))
        yield RaterSpans(row["comment_id"], row["worker"], no_span, not_toxic, spans)


def _offsets(row: dict[str, str], path: Path, line: int) -> list[int]:
    try:
        found = msgspec.json.decode(row["spans"], type=list[int])
    except msgspec.MsgspecError as error:
        raise _strange(f"spans: {error}", path, line) from None
    if found and not 0 <= min(found) <= max(found) < len(row["text"]):
        raise _strange("a span lies outside its text", path, line)
    return sorted(set(found))


def _joined(offsets: Sequence[int]) -> tuple[tuple[int, int], ...]:
    """Runs of neighbouring characters as [start, end)."""
    if not offsets:
        return ()
    breaks = [(last + 1, first) for last, first in pairwise(offsets) if first > last + 1]
    starts = [offsets[0], *(first for _, first in breaks)]
    ends = [*(end for end, _ in breaks), offsets[-1] + 1]
    return tuple(zip(starts, ends, strict=True))


def _place(said: str, path: Path, line: int) -> int:
    if not said.isdecimal():
        raise _strange(f"'{said[:40]}' is no place in a text", path, line)
    return int(said)


def _strange(what: str, path: Path, line: int) -> UserError:
    return UserError(
        what, where=f"{path}:{line}", fix="the file is not in its published format: fetch all files of the set again"
    )


def _read(folder: Path) -> Iterator[Item]:
    for one in read_spans(folder):
        yield Item(one.id, one.text, (Claim("toxic", int(bool(one.spans))),), one.part)


SOURCE = Source(
    name="toxic-spans",
    title="Toxic spans detection (SemEval-2021 task 5)",
    licence="CC0",
    population="comments in English on North American news sites, 2015 to 2017, that most raters had called toxic",
    home="https://github.com/ipavlopoulos/toxic_spans",
    language="en",
    labels=("toxic",),
    rows=10_578,
    files=(
        SourceFile(
            name="tsd_train.csv",
            sha256="85b2243c54d381087b73f9169307c1a6aeafc945a699ad2a6c61abd59d4f6a9b",
            size=2_258_958,
            address=f"{_RAW}fb9f14058b8791a972ee45450869a8a0da1eead3/SemEval2021/data/tsd_train.csv",
        ),
        SourceFile(
            name="tsd_trial.csv",
            sha256="e011403c4824ae58bde4005d2db29ec3363a79ec8085c4dc9b1fbee2361a094b",
            size=183_626,
            address=f"{_RAW}e5a9157fc50abcf76535dc01e1d5a8a0260eb802/data/tsd_trial.csv",
        ),
        SourceFile(
            name="tsd_test.csv",
            sha256="eecef76366f250ea572b43d4f7e4a7d5b486b2f8020c90c85c20b0f9662d5075",
            size=443_857,
            address=f"{_RAW}942454e69a97a4b23c6230fd8436b59ca400bb9b/SemEval2021/data/tsd_test.csv",
        ),
        SourceFile(
            name=_COMMENTS,
            sha256="d9726cd7a6896de79ae6c37aece2ac4c6530fdea82abd50a2c97d23640ecc2e6",
            size=3_499_531,
            address=f"{_RAW}a366505c0f86c415fe54a859482f31e024435a59/data/comments.csv",
        ),
        SourceFile(
            name=_RATED,
            sha256="14da61dff5bb8d070fbb0cf055f5fcfe19c37ca723c5c9c1639952fc0932f383",
            size=1_970_667,
            address=f"{_RAW}a366505c0f86c415fe54a859482f31e024435a59/data/annotations.csv",
        ),
        SourceFile(
            name=_MARKED,
            sha256="86d0e52ab3f0e4b2686e43d4a77ac5427026a07449f80221ae1c9f6366088a25",
            size=1_011_396,
            address=f"{_RAW}f561fc04aa49ffd2e2e75ca1019e5a6aa47ae4a2/data/spans.csv",
        ),
    ),
    limits=(
        "All comments had been called toxic before: `toxic` says only that most raters agreed on some of the words, "
        "and where it does not hold the comment may be toxic as a whole",
        "The split is the official one; its trial part is `points`, and one tenth of its train part is `calibration`",
        "Raters are named by number: what each marked is read apart from the items, 59 thousand judgements on 16,026 "
        "comments",
    ),
    read=_read,
)
