"""Declarations of features: which columns a pack's rules may name, and what computes them."""

import functools
import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import pyarrow as pa

from gatehouse.errors import Faults
from gatehouse.features import text as text_columns
from gatehouse.features.check import Declared, check, inputs
from gatehouse.features.plan import Plan
from gatehouse.features.profile import Profile, ProfileColumn
from gatehouse.features.windows import Declaration
from gatehouse.text.arrow import TextBytes, text_array, texts_of
from gatehouse.text.language import languages_of
from gatehouse.text.normalise import normalise_bytes
from gatehouse.text.rows import Rows

ALWAYS = pa.schema([pa.field("language", pa.string()), pa.field("normalised", pa.string())])
"""Columns that every feature batch holds besides the declared ones."""


@dataclass(frozen=True)
class ScoreColumn:
    """A detector's score of a label in whole thousandths (BIGINT, NULL where not scored), for windows alone."""

    name: str
    detector: str
    label: str


@dataclass(frozen=True)
class FeatureSet:
    """Declared features; `owner` is who answers for them.

    `columns` are of the text, `profile` of the event's attributes; `scores` are only for windows, which look at earlier
    events, never at the one that is judged. Raises UserError, naming every fault, where they do not fit together.
    """

    columns: tuple[str, ...] = ()
    owner: str | None = None
    profile: tuple[ProfileColumn, ...] = ()
    scores: tuple[ScoreColumn, ...] = ()
    windows: tuple[Declaration, ...] = ()

    def __post_init__(self) -> None:
        faults = Faults()
        for problem in check(self._declared):
            faults.add(problem.what, f"{problem.section} '{problem.name}'", problem.fix)
        with faults.gather():
            # Reads the conditions.
            _ = self.plan
        faults.raise_found()

    @property
    def _declared(self) -> Declared:
        return Declared(self.columns, self.profile, self.scores, self.windows)

    @functools.cached_property
    def version(self) -> str:
        """Twelve hex digits of the hash of what is declared and of the code that computes it."""
        said = "\n".join(
            [
                str(text_columns.FEATURES_VERSION),
                *self.columns,
                *(f"profile {column.name} {column.kind}" for column in self.profile),
                *(f"score {score.name} {score.detector} {score.label}" for score in self.scores),
                *(window.said() for window in self.windows),
            ]
        )
        return hashlib.sha256(said.encode()).hexdigest()[:12]

    def version_with(self, detectors: Mapping[str, str]) -> str:
        """The version of the values: that of the declarations, and of the detectors whose scores windows count."""
        counted = sorted({score.detector for score in self.scores})
        if not counted:
            return self.version
        said = "\n".join([self.version, *(f"{name} {detectors[name]}" for name in counted)])
        return hashlib.sha256(said.encode()).hexdigest()[:12]

    @functools.cached_property
    def schema(self) -> pa.Schema:
        """The declared columns with their types and meanings: of the text, of the profile, then windows."""
        return pa.schema([*self._own, *self.plan.schema])

    @functools.cached_property
    def plan(self) -> Plan:
        """What the windows need of an event."""
        return Plan.of(self.windows, inputs(self._declared))

    @functools.cached_property
    def _profile(self) -> Profile:
        return Profile(self.profile)

    @functools.cached_property
    def _own(self) -> list[pa.Field]:
        texts = [text_columns.COLUMNS[name].field for name in self.columns]
        return [*texts, *(column.field for column in self.profile)]

    @functools.cached_property
    def _whole_schema(self) -> pa.Schema:
        return pa.schema([*self.schema, *ALWAYS])

    def compute(self, events: pa.RecordBatch) -> pa.RecordBatch:
        """Whole feature rows of events by themselves: of the windows nothing is known, so they are NULL.

        The declared columns, then `language` and `normalised`.
        """
        return self.compute_rows(Rows.of(events)).batch

    def compute_rows(self, events: Rows) -> Rows:
        """The same as rows."""
        texts, n = events.texts("text"), len(events)
        plain = normalise_bytes(texts)
        laid_out = {"normalised": plain}
        # Rows of texts alone have no attributes.
        profile = self._profile.values(events.one("attributes")) if self.profile else {}
        language = _languages(events.one("language"), texts)
        if events.few:
            values = {
                **text_columns.values(texts, plain, self.columns),
                **profile,
                **dict.fromkeys(self.plan.names, [None] * n),
                "language": language,
                "normalised": texts_of(plain),
            }
            return Rows(self._whole_schema, n, values=values, texts=laid_out)
        arrays = dict(zip(self.columns, text_columns.columns(texts, plain, self.columns), strict=True))
        arrays |= zip(self.plan.names, self.plan.nulls(n), strict=True)
        arrays["normalised"] = text_array(plain.data, plain.offsets, plain.valid)
        return Rows(self._whole_schema, n, arrays=arrays, values={**profile, "language": language}, texts=laid_out)

    def with_windows(self, own: pa.RecordBatch, windows: pa.RecordBatch | None) -> pa.RecordBatch:
        """Feature rows with the windows that a history gave for them.

        Where the history could not be asked (None) the windows are not there, and what names them fails.
        """
        return self.rows_with_windows(Rows.of(own), windows).batch if self.windows else own

    def rows_with_windows(self, own: Rows, windows: Rows | pa.RecordBatch | None) -> Rows:
        """The same as rows."""
        if not self.windows:
            return own
        schema = self._whole_schema if windows is not None else self._schema_without_windows
        told = Rows.of(windows) if isinstance(windows, pa.RecordBatch) else windows
        if not own.few:
            return own.with_columns(schema, {} if told is None else told.by_name)
        values = {**own.values, **told.values} if told is not None else {name: own.one(name) for name in schema.names}
        return Rows(schema, len(own), values=values, texts={"normalised": own.texts("normalised")})

    @functools.cached_property
    def _schema_without_windows(self) -> pa.Schema:
        return pa.schema([*self._own, *ALWAYS])


def _languages(claimed: Sequence[str | None], texts: TextBytes) -> Sequence[str | None]:
    """What each event says its language is, else what its text is found to be in."""
    unread = [place for place, language in enumerate(claimed) if language is None]
    if not unread:
        return claimed
    # A row that makes its own claim need not be read.
    wanted = np.zeros(len(claimed), np.bool_)
    wanted[unread] = texts.valid[unread]
    found = languages_of(TextBytes(texts.data, texts.offsets, wanted, len(claimed) - int(np.count_nonzero(wanted))))
    said = list(claimed)
    for place in unread:
        said[place] = found[place]
    return said


def union(sets: Iterable[FeatureSet]) -> FeatureSet:
    """All that is declared in any of the sets, each once, in the order of the first declaration.

    Declarations that give equal values are one, whatever they say of their meaning and owner. Raises UserError where
    two sets declare different things under one name.
    """
    known = list(sets)
    return FeatureSet(
        columns=tuple(dict.fromkeys(name for declared in known for name in declared.columns)),
        profile=_once((column for declared in known for column in declared.profile), lambda c: (c.name, c.kind)),
        scores=tuple(dict.fromkeys(score for declared in known for score in declared.scores)),
        windows=_once((window for declared in known for window in declared.windows), lambda w: w.said()),
    )


_One = TypeVar("_One")


def _once(listed: Iterable[_One], said: Callable[[_One], object]) -> tuple[_One, ...]:
    found: dict[object, _One] = {}
    for one in listed:
        found.setdefault(said(one), one)
    return tuple(found.values())
