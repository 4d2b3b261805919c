"""Texts of the simulation by number: of public labelled corpora where they are, else of the built-in grammar."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gatehouse.datasets import sources
from gatehouse.simulation import grammar
from gatehouse.simulation.grammar import LANGUAGES, TOPICS


class Known(NamedTuple):
    """A label of a public corpus: texts for which it holds are about one topic, the others about another."""

    source: str
    label: str
    language: str
    holds: str | None
    otherwise: str | None


PUBLIC = (
    Known("sms-spam", "spam", "en", "spam", "talk"),
    Known("davidson", "hate", "en", "abuse", None),
    Known("davidson", "hate_or_offensive", "en", None, "talk"),
    Known("jigsaw-slice", "toxic", "en", "abuse", "talk"),
    Known("vicomtech", "hate", "en", "abuse", "talk"),
    Known("told-br", "toxic", "pt", "abuse", "talk"),
)
"""Which public texts are drawn for which topic; those of other topics and languages are the grammar's."""

ENOUGH = 1_000

Rows = Mapping[tuple[str, str], pa.Array]


class Corpus:
    """A pool of texts that grows as they are drawn; what a draw says depends on its random numbers alone.

    `rows` are texts by topic and language that are drawn instead of the grammar's. Each text has the true class of the
    topic that it was drawn for, and so have its variants.
    """

    languages = LANGUAGES

    def __init__(self, rows: Rows | None = None) -> None:
        self.rows = dict(rows or {})
        self._pieces = {key: _pieces(texts) for key, texts in self.rows.items() if key[0] == "talk"}
        self._chunks: list[pa.Array] = []
        self._firsts: list[int] = []
        self._classes: list[tuple[int, int]] = []
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, text: int) -> str:
        chunk = self._chunk(text)
        said: str = self._chunks[chunk][text - self._firsts[chunk]].as_py()
        return said

    def draw(self, rng: np.random.Generator, topic: str, language: int, n: int) -> npt.NDArray[np.int32]:
        """Numbers of n texts about one of TOPICS; another language than the corpus has gives its first."""
        place = language if 0 <= language < len(self.languages) else 0
        key = (topic, self.languages[place])
        if topic == "talk" and key in self._pieces:
            texts = grammar.joined([grammar.drawn(rng, self._pieces[key], n), grammar.drawn(rng, self._pieces[key], n)])
        elif key in self.rows:
            texts = self._rows(rng, key, n)
        else:
            texts = grammar.write(rng, *key, n)
        return self._add(texts, TOPICS.index(topic), place)

    def vary(self, rng: np.random.Generator, text: int, n: int) -> npt.NDArray[np.int32]:
        """Numbers of n new texts that say what this one says with small changes."""
        topic, language = self._classes[self._chunk(text)]
        texts = pa.array(grammar.variants(rng, self[text], self.languages[language], n), pa.string())
        return self._add(texts, topic, language)

    def topics(self) -> npt.NDArray[np.uint8]:
        """The places of all texts' topics in TOPICS, by number: their true classes."""
        lengths = [len(chunk) for chunk in self._chunks]
        return np.repeat(np.array([topic for topic, _ in self._classes], np.uint8), lengths)

    def pool(self) -> pa.Array:
        """All texts so far, by number."""
        return pa.concat_arrays(self._chunks) if self._chunks else pa.array([], pa.string())

    def _rows(self, rng: np.random.Generator, key: tuple[str, str], n: int) -> pa.Array:
        """Rows of a corpus; where it has few, a sentence of the grammar keeps those that come again apart."""
        rows = grammar.drawn(rng, self.rows[key], n)
        if len(self.rows[key]) >= ENOUGH:
            return rows
        return grammar.joined([rows, grammar.write(rng, *key, n)])

    def _chunk(self, text: int) -> int:
        return int(np.searchsorted(self._firsts, text, side="right")) - 1

    def _add(self, texts: pa.Array, topic: int, language: int) -> npt.NDArray[np.int32]:
        first = self._length
        if len(texts):
            self._chunks.append(texts)
            self._firsts.append(first)
            self._classes.append((topic, language))
            self._length += len(texts)
        return np.arange(first, self._length, dtype=np.int32)


def public_rows(roots: Iterable[Path]) -> dict[tuple[str, str], pa.Array]:
    """Texts of the public corpora that are in these folders, by topic and language; nothing where none is there.

    Only rows of the fixed split's test part, so that no shipped detector was trained on one of them.
    """
    searched = list(roots)
    found: dict[tuple[str, str], list[pa.Array]] = {}
    for name in dict.fromkeys(known.source for known in PUBLIC):
        folder = sources.locate(sources.SOURCES[name], searched)
        if folder is None:
            continue
        from gatehouse.datasets.build import build, targets

        dataset = build(name, folder)
        for known in (known for known in PUBLIC if known.source == name):
            texts, holds = targets(dataset, "test", [known.label])
            for topic, value in ((known.holds, 1.0), (known.otherwise, 0.0)):
                if topic:
                    found.setdefault((topic, known.language), []).append(texts.filter(pa.array(holds[:, 0] == value)))
    return {key: _sound(pa.concat_arrays(parts)) for key, parts in found.items()}


def _sound(texts: pa.Array) -> pa.Array:
    """Texts without what an event's text may not hold, in one line, and none that is empty."""
    plain = pc.utf8_trim_whitespace(pc.replace_substring_regex(texts.cast(pa.string()), r"[\x00\s]+", " "))
    return plain.filter(pc.greater(pc.utf8_length(plain), 0))


def _pieces(texts: pa.Array) -> pa.Array:
    """What talk is put together from, so that there are always enough different texts."""
    parts = pc.list_flatten(pc.split_pattern_regex(texts, r"[.!?;]+ "))
    length = pc.utf8_length(parts)
    long_enough = pc.and_(pc.greater(length, 20), pc.less(length, 140))
    kept = parts.filter(long_enough).unique()
    return kept if len(kept) else texts
