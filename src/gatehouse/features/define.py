"""Declarations of features: which columns a pack's rules may name, and what computes them."""

import functools
import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import pyarrow as pa
import pyarrow.compute as pc

from gatehouse.errors import Faults
from gatehouse.features import profile as profiles
from gatehouse.features import text as text_columns
from gatehouse.features.check import Declared, check, inputs
from gatehouse.features.plan import Plan
from gatehouse.features.profile import ProfileColumn
from gatehouse.features.windows import Declaration
from gatehouse.text.arrow import text_array, texts_of
from gatehouse.text.language import identify, languages_of
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
        texts = events.texts("text")
        plain = normalise_bytes(texts)
        if events.few:
            read = events.values
            values = text_columns.values(texts, plain, self.columns)
            values |= profiles.values(read["attributes"], self.profile)
            values |= dict.fromkeys(self.plan.schema.names, [None] * len(events))
            values |= {"language": _languages(read["language"], read["text"]), "normalised": texts_of(plain)}
            return Rows(self._whole_schema, len(events), values=values, texts={"normalised": plain})
        columns = text_columns.columns(texts, plain, self.columns)
        columns += profiles.compute(events.batch, self.profile)
        columns += self.plan.nulls(len(events))
        columns += [_language(events.batch), text_array(plain.data, plain.offsets, plain.valid)]
        return Rows(self._whole_schema, len(events), columns=columns, texts={"normalised": plain})

    def with_windows(self, own: pa.RecordBatch, windows: pa.RecordBatch | None) -> pa.RecordBatch:
        """Feature rows with the windows that a history gave for them.

        Where the history could not be asked (None) the windows are not there, and what names them fails.
        """
        return self.rows_with_windows(Rows.of(own), windows).batch if self.windows else own

    def rows_with_windows(self, own: Rows, windows: pa.RecordBatch | None) -> Rows:
        """The same as rows."""
        if not self.windows:
            return own
        texts = {"normalised": own.texts("normalised")}
        schema = self._whole_schema if windows is not None else self._schema_without_windows
        if own.few:
            if windows is None:
                values = {name: own.values[name] for name in schema.names}
            else:
                told = zip(self.plan.schema.names, windows.columns, strict=True)
                values = {**own.values, **{name: column.to_pylist() for name, column in told}}
            return Rows(schema, len(own), values=values, texts=texts)
        start = len(self._own)
        stop = start + len(self.windows)
        between = [] if windows is None else windows.columns
        return Rows(schema, len(own), columns=[*own.columns[:start], *between, *own.columns[stop:]], texts=texts)

    @functools.cached_property
    def _schema_without_windows(self) -> pa.Schema:
        return pa.schema([*self._own, *ALWAYS])


def _language(events: pa.RecordBatch) -> pa.Array:
    """What the event says its language is, else what its text is found to be in."""
    claimed, texts = events.column("language"), events.column("text")
    if not claimed.null_count:
        return claimed
    if claimed.null_count == len(claimed):
        return identify(texts)[0]
    # A row that makes its own claim need not be read.
    unread = pc.if_else(pc.is_null(claimed), texts, pa.scalar(None, pa.string()))
    return pc.coalesce(claimed, identify(unread)[0])


def _languages(claimed: Sequence[str | None], texts: Sequence[str | None]) -> list[str | None]:
    """The same value by value."""
    said = list(claimed)
    if unread := [place for place, language in enumerate(said) if language is None]:
        found = languages_of([texts[place] for place in unread])
        for place, language in zip(unread, found, strict=True):
            said[place] = language
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
