"""Checks declarations of features against each other and says of everything wrong what to write instead."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import pyarrow as pa

from gatehouse.errors import suggestion
from gatehouse.features import text as text_columns
from gatehouse.features.profile import ProfileColumn
from gatehouse.features.windows import (
    MOST_CAP,
    MOST_TOTAL,
    STEPS,
    TEXT_HASH,
    Count,
    Declaration,
    Distinct,
    RepeatShare,
    Sum,
)
from gatehouse.records.event import EVENT_SCHEMA

_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
_HIDDEN = ("attributes", "media", "seen", "imported", "revision")
_ALWAYS = ("language", "normalised")


class Named(Protocol):
    """A declaration with a name."""

    @property
    def name(self) -> str:
        """The column that it declares."""
        ...


@dataclass(frozen=True)
class Declared:
    """What is declared together, not yet known to fit together."""

    columns: tuple[str, ...]
    profile: tuple[ProfileColumn, ...]
    scores: tuple[Named, ...]
    windows: tuple[Declaration, ...]


@dataclass(frozen=True)
class Problem:
    """What is wrong with one declaration, in which field of it, and what to do."""

    section: str
    place: int
    name: str
    field: str
    what: str
    fix: str


def inputs(declared: Declared) -> pa.Schema:
    """The columns that conditions, keys and values of windows may name; unknown ones of the text are left out."""
    events = [field for field in EVENT_SCHEMA if field.name not in _HIDDEN]
    texts = [text_columns.COLUMNS[name].field for name in declared.columns if name in text_columns.COLUMNS]
    scores = [pa.field(score.name, pa.int64()) for score in declared.scores]
    known = {field.name: field for field in (*events, *texts, *(column.field for column in declared.profile), *scores)}
    known["normalised"] = pa.field("normalised", pa.string())
    return pa.schema(list(known.values()))


def check(declared: Declared) -> Iterator[Problem]:
    """Every problem of names, columns, lengths and limits; conditions are read elsewhere, where their text stands."""
    yield from _columns(declared)
    taken = dict.fromkeys([*EVENT_SCHEMA.names, *_ALWAYS, TEXT_HASH], "is a column of every event")
    taken |= dict.fromkeys(text_columns.COLUMNS, "is a column of the text")
    sections: tuple[tuple[str, tuple[Named, ...]], ...] = (
        ("profile", declared.profile),
        ("scores", declared.scores),
        ("windows", declared.windows),
    )
    for section, listed in sections:
        for place, one in enumerate(listed):
            if not _NAME.fullmatch(one.name):
                fix = "use small letters, digits and _, and begin with a letter"
                yield Problem(section, place, one.name, "name", f"'{one.name}' is no name for a column", fix)
            elif one.name in taken:
                fix = "give this one another name, or declare it once"
                yield Problem(section, place, one.name, "name", f"'{one.name}' {taken[one.name]}", fix)
            taken.setdefault(one.name, f"is declared already under {section}")
    schema = inputs(declared)
    for place, window in enumerate(declared.windows):
        for field, what, fix in _window(window, schema):
            yield Problem("windows", place, window.name, field, what, fix)


def _columns(declared: Declared) -> Iterator[Problem]:
    for place, name in enumerate(declared.columns):
        if name in declared.columns[:place]:
            yield Problem("columns", place, name, "", f"column '{name}' is declared twice", "keep one of them")
        elif name in _ALWAYS:
            fix = "take it out: it is always there"
            yield Problem("columns", place, name, "", f"column '{name}' need not be declared", fix)
        elif name not in text_columns.COLUMNS:
            fix = suggestion(name, text_columns.COLUMNS)
            yield Problem("columns", place, name, "", f"unknown column '{name}'", fix)


Found = Iterator[tuple[str, str, str]]
"""Field, what is wrong with it, and what to do."""


def _window(window: Declaration, schema: pa.Schema) -> Found:
    if window.window <= 0 or window.window % STEPS:
        yield "window", f"a window of {window.window} µs is not a whole number of steps", "take a multiple of 3s"
    yield from _named("key", window.key, schema)
    yield from _named("under", window.under, schema)
    if not window.key:
        yield "key", "nothing says of whom this is", "write key: actor"
    if window.under and len(window.under) != len(window.key):
        yield "under", "`under` names as many columns as `key`", "give one column for each"
    if isinstance(window, Distinct | RepeatShare):
        yield from _named("of", window.of, schema)
        if not window.of:
            yield "of", "nothing says of what", "write of: target"
        if not 1 <= window.cap <= MOST_CAP:
            yield "cap", f"`cap` is {window.cap:,}", f"choose a number from 1 to {MOST_CAP:,}"
    if isinstance(window, Sum):
        yield from _summed(window.of, schema)
    if isinstance(window, Count | Sum) and window.cap is not None and not 1 <= window.cap <= MOST_TOTAL:
        yield "cap", f"`cap` is {window.cap:,}", f"choose a number from 1 to {MOST_TOTAL:,}, or leave it out"


def _named(field: str, names: tuple[str, ...] | str, schema: pa.Schema) -> Found:
    """Keys and values are of any type but DOUBLE, whose equality means little."""
    if isinstance(names, str):
        # Python takes a text for its letters, so the commonest slip would be told of letter by letter.
        yield field, f"`{field}` is the text '{names}'", f"write {field}=('{names}',)"
        return
    known = [*(column.name for column in schema if column.type != pa.float64()), TEXT_HASH]
    for name in names:
        if name in schema.names and name not in known:
            yield field, f"'{name}' is DOUBLE and cannot tell one from another", "choose a column of another type"
        elif name not in known:
            yield field, f"unknown column '{name}'", suggestion(name, known)


def _summed(name: str, schema: pa.Schema) -> Found:
    known = [column.name for column in schema if column.type == pa.int64()]
    if name in schema.names and name not in known:
        fix = f"only whole numbers are summed, so that every engine gives the same: {', '.join(known)}"
        yield "of", f"'{name}' is not BIGINT", fix
    elif name not in known:
        yield "of", f"unknown column '{name}'", suggestion(name, known)
