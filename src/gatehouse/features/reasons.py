"""What moved an actor's score, in words that a person reads."""

from collections.abc import Sequence

import numpy as np

from gatehouse.features import text as text_columns
from gatehouse.features.define import FeatureSet
from gatehouse.features.windows import Age, Count, Declaration
from gatehouse.features.words import meaning_of
from gatehouse.records.signal import FeatureWeight

TIME = "microseconds UTC"
"""Ends the meaning of a column that holds a moment, which is then written as a day."""

_LENGTHS = (("day", 86_400), ("hour", 3_600), ("minute", 60))
_COUNTED, _SINCE = "Number of earlier events", "Whole seconds since the "


class Reason(FeatureWeight, frozen=True, kw_only=True):
    """How much one feature moved a score, and that in words."""

    words: str


def reasons(weights: Sequence[FeatureWeight], features: FeatureSet, most: int) -> tuple[Reason, ...]:
    """The heaviest of these weights in words: `12 earlier events of the same actor in the last hour: raises, +1.30`.

    A weight that would be written as 0 is left out.
    """
    heaviest = sorted(weights, key=lambda one: -abs(one.weight))[:most]
    return tuple(
        Reason(feature=one.feature, value=one.value, weight=one.weight, words=in_words(one, features))
        for one in heaviest
        if abs(one.weight) >= 0.005
    )


def in_words(weight: FeatureWeight, features: FeatureSet) -> str:
    """What a feature's value was, whether it raised or lowered the score, and by how many log-odds."""
    moved = "raises" if weight.weight > 0 else "lowers"
    return f"{_with_value(weight, features)}: {moved}, {weight.weight:+.2f}"


def meaning(name: str, features: FeatureSet) -> str:
    """What a declared column tells, as one phrase without a full stop."""
    if (window := _window(name, features)) is not None:
        said = window.meaning or meaning_of(window)
    elif name in text_columns.COLUMNS:
        said = text_columns.COLUMNS[name].meaning
    else:
        said = next((one.field.metadata[b"meaning"].decode() for one in features.profile if one.name == name), name)
    return said.rstrip(".")


def value_in_words(name: str, value: str | int | float | bool | None, features: FeatureSet) -> str:
    """A feature's value as a person writes it: `1,203`, `yes`, `17 October 2015`, `not known`."""
    if value is None:
        return "not known"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return f"'{value}'"
    if meaning(name, features).endswith(TIME):
        return str(np.datetime64(int(value), "us").astype("datetime64[D]"))
    if isinstance(_window(name, features), Age):
        return _length(float(value))
    return f"{value:,}" if isinstance(value, int) else f"{value:.3g}"


def _with_value(weight: FeatureWeight, features: FeatureSet) -> str:
    value = value_in_words(weight.feature, weight.value, features)
    told = meaning(weight.feature, features).removesuffix(f", {TIME}").partition(";")[0]
    match _window(weight.feature, features):
        case Count() if weight.value is not None and told.startswith(_COUNTED):
            return f"{value} earlier event{'' if weight.value == 1 else 's'}{told.removeprefix(_COUNTED)}"
        case Age() if weight.value is not None and told.startswith(_SINCE):
            return f"{told.removeprefix(_SINCE)}: {value} ago"
    return f"{told}: {value}"


def _window(name: str, features: FeatureSet) -> Declaration | None:
    return next((window for window in features.windows if window.name == name), None)


def _length(seconds: float) -> str:
    """A length of time to one decimal of its largest unit."""
    for name, unit in _LENGTHS:
        if seconds >= unit:
            return f"{seconds / unit:.1f} {name}s"
    return f"{seconds:.0f} seconds"
