"""Parts of training rows that have authors and times: nobody stands on two sides, and what is tested came later."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import scipy.sparse
from scipy.sparse.csgraph import connected_components

from gatehouse.datasets.content_scores import named, text_keys
from gatehouse.datasets.split import part_of
from gatehouse.errors import UserError
from gatehouse.records.dataset import PARTS, Part
from gatehouse.text.normalise import normalise

Split = Literal["time", "author"]

LONG = 20
"""Characters from which on a normalised text joins those who wrote it: "thank you" is everybody's."""

EACH_SIDE = 10
"""So many rows on either side of a label a part must have to say anything."""

_BEFORE = (0.0, 0.56, 0.64, 0.80)
"""The share of rows before each part: the same sizes as the fixed split's."""


def parts_of(events: pa.Table, split: Split) -> tuple[list[Part], str]:
    """The part of each event, and one sentence that says how it was found.

    By `time`: all rows that share an author or a normalised text of LONG characters stand together where the last of
    them stands, the earliest in `train` and the latest in `test`. By `author`: the fixed split, keyed by the author,
    else by the text. Raises UserError where times leave a part empty.
    """
    return _by_time(events) if split == "time" else _by_author(events)


def best_split(events: pa.Table, claims: pa.Table) -> Split:
    """By `time` where every part then holds EACH_SIDE rows of which each label holds, and as many where not.

    Else by `author`: profiles have no time of their own, and accounts that copy one text would stand together in one
    part. `claims` are in LABEL_SCHEMA, about these events.
    """
    ends, last, part = _ends(events)
    of_row = part[np.searchsorted(ends, last)]
    place = pc.index_in(claims["event_id"], events["id"].combine_chunks()).to_numpy()
    labels = claims["label"].combine_chunks().dictionary_encode()
    value = claims["value"].to_numpy() > 0
    cells = np.zeros((len(labels.dictionary), 2, len(PARTS)), np.int64)
    np.add.at(cells, (labels.indices.to_numpy(), value.astype(np.int64), of_row[place]), 1)
    return "time" if (cells >= EACH_SIDE).all() else "author"


def _by_time(events: pa.Table) -> tuple[list[Part], str]:
    ends, last, part = _ends(events)
    if len(set(part.tolist())) < len(PARTS):
        raise UserError(
            f"the times of {len(last):,} rows leave a part of the data set empty: they end at {len(ends):,} moments",
            fix="give more rows, or split them by author: split='author'",
        )
    chosen = part[np.searchsorted(ends, last)]
    note = (
        "split by time: rows that share an author or a text stand where the last of them stands, and all rows of train "
        f"end before {np.datetime64(int(ends[part == 1].min()), 'us')}Z"
    )
    return [PARTS[i] for i in chosen.tolist()], note


def _ends(events: pa.Table) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The moments at which rows that stand together end, that of each row, and the part of each moment."""
    together = _together(events)
    seen = events["seen"].to_numpy()
    last = np.full(together.max(initial=-1) + 1, np.iinfo(np.int64).min)
    np.maximum.at(last, together, seen)
    # Who ended at the same moment cannot be told apart by time, so they stand together too.
    ends, rows = np.unique(last[together], return_counts=True)
    share = (np.cumsum(rows) - rows) / max(len(seen), 1)
    return ends, last[together], np.searchsorted(_BEFORE, share, side="right") - 1


def _by_author(events: pa.Table) -> tuple[list[Part], str]:
    authors = pc.replace_substring_regex(named(events["actor"]), "^account:", "")
    keys = pc.coalesce(authors, events["text"].combine_chunks(), events["id"].combine_chunks()).to_pylist()
    parts = [part_of(key) for key in keys]
    crossing = _crossing(events, parts)
    note = "split by author (else by text), not by time: what is tested may be older than what is learnt"
    return parts, f"{note}; {crossing:,} rows have a text that stands on another side too" if crossing else note


def _together(events: pa.Table) -> npt.NDArray[np.int64]:
    """A number for each row, the same for rows that are joined by authors and normalised texts, int64 [n]."""
    n = len(events)
    authors, texts = (_numbered(column) for column in (events["actor"], _plain(events)))
    row = np.arange(n)
    shift = n + int(authors.max(initial=-1)) + 1
    known, written = authors >= 0, texts >= 0
    ends = np.concatenate([n + authors[known], shift + texts[written]])
    starts = np.concatenate([row[known], row[written]])
    size = shift + int(texts.max(initial=-1)) + 1
    graph = scipy.sparse.coo_matrix((np.ones(len(starts), np.int8), (starts, ends)), shape=(size, size))
    _, found = connected_components(graph, directed=False)
    return np.unique(found[:n], return_inverse=True)[1].astype(np.int64)


def _crossing(events: pa.Table, parts: Sequence[Part]) -> int:
    """How many rows have a normalised text of LONG characters that stands in another part too."""
    texts = _numbered(_plain(events))
    sides = np.array([PARTS.index(part) for part in parts], np.int64)
    written = texts >= 0
    most, least = np.full(len(texts) + 1, -1), np.full(len(texts) + 1, len(PARTS))
    np.maximum.at(most, texts[written], sides[written])
    np.minimum.at(least, texts[written], sides[written])
    return int(((most > least)[texts] & written).sum())


def _plain(events: pa.Table) -> pa.Array:
    plain = normalise(events["text"].combine_chunks())
    return text_keys(pc.if_else(pc.greater_equal(pc.utf8_length(plain), LONG), plain, None))


def _numbered(column: pa.Array | pa.ChunkedArray) -> npt.NDArray[np.int64]:
    """Equal values by number from 0 on, -1 where there is none."""
    plain = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    codes = pc.fill_null(plain.dictionary_encode().indices.cast(pa.int64()), -1)
    return np.asarray(codes.to_numpy(zero_copy_only=False), np.int64)
