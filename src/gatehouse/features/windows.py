"""Declarations of windowed features: what is counted of whom, over which time.

What each of them means is written in docs/point-in-time.md; `features.sql` and `features.live` are two carriers of
that one meaning, and a property test holds them equal to each other and to a brute-force reading of it.
"""

import re
from dataclasses import dataclass, fields

STEPS = 60
"""A window has this many whole steps, and the step that is running."""

SECOND = 1_000_000
MOST_AMOUNT = 1 << 40
"""A single amount counts as at most this much in either direction, so that no sum of a window can overflow."""

TEXT_HASH = "text_hash"
"""The column that stands for the text with obfuscation undone: equal texts have equal values."""

_UNITS = {"s": SECOND, "m": 60 * SECOND, "h": 3_600 * SECOND, "d": 86_400 * SECOND, "w": 7 * 86_400 * SECOND}
_DURATION = re.compile(r"([0-9]{1,6}) ?([smhdw])")


def duration(text: str) -> int:
    """Microseconds of `30s`, `15m`, `1h`, `7d` or `2w`; raises ValueError with the reason where it is no window."""
    found = _DURATION.fullmatch(text.strip())
    if not found or not int(found[1]):
        raise ValueError(f"'{text}' is no length of time: write 30s, 15m, 1h, 7d or 2w")
    length = int(found[1]) * _UNITS[found[2]]
    if length % STEPS:
        raise ValueError(f"a window of {text} is not a whole number of steps: take a multiple of 3s")
    return length


def in_words(length: int) -> str:
    """A length of time in its largest whole unit: `1 hour`, `90 minutes`, `500 milliseconds`."""
    units = {name: _UNITS[name[0]] for name in ("day", "hour", "minute", "second")}
    units |= {"millisecond": SECOND // 1_000, "microsecond": 1}
    name, unit = next((name, unit) for name, unit in units.items() if length % unit == 0)
    number = length // unit
    return f"{number:,} {name}{'s' if number != 1 else ''}"


@dataclass(frozen=True, kw_only=True)
class Window:
    """A value of one entity over the events before this one; `key` names the columns that say of whom.

    Counted are earlier events that name the entity in the columns `under` (by default `key` itself) and for which the
    condition `where` is TRUE. `window` is in microseconds.
    """

    name: str
    key: tuple[str, ...]
    window: int
    under: tuple[str, ...] = ()
    where: str | None = None
    meaning: str = ""
    owner: str | None = None

    @property
    def step(self) -> int:
        """Microseconds of one step."""
        return self.window // STEPS

    @property
    def counted(self) -> tuple[str, ...]:
        """The columns in which counted events name the entity."""
        return self.under or self.key

    def said(self) -> str:
        """What its values depend on, as one line; meaning and owner are not part of it."""
        values = ((field.name, getattr(self, field.name)) for field in fields(self))
        parts = (f"{name}={value!r}" for name, value in values if name not in ("meaning", "owner"))
        return f"{type(self).__name__}({', '.join(parts)})"


@dataclass(frozen=True, kw_only=True)
class Count(Window):
    """How many events, at most `cap`."""

    cap: int | None = None


@dataclass(frozen=True, kw_only=True)
class Sum(Window):
    """The sum of a whole-number column over the events where it is known, at most `cap`."""

    of: str
    cap: int | None = None


@dataclass(frozen=True, kw_only=True)
class Distinct(Window):
    """How many different values of the columns `of`, at most `cap`; an event without a value does not count."""

    of: tuple[str, ...]
    cap: int = 64


@dataclass(frozen=True, kw_only=True)
class RepeatShare(Window):
    """The share of events that repeat a value: (m - d) / m, with m events and d different values, each at most `cap`.

    Exact up to `cap` events in the window, never too high beyond; NULL where there is none.
    """

    of: tuple[str, ...]
    cap: int = 64


@dataclass(frozen=True, kw_only=True)
class Age(Window):
    """Whole seconds since the entity was first seen; one that was not seen for a window is new again."""


Declaration = Count | Sum | Distinct | RepeatShare | Age

MOST_CAP = 1_024
"""The most values that a `Distinct` or `RepeatShare` may hold for each entity."""

MOST_TOTAL = 10**18
"""The highest cap of a `Count` or `Sum`."""
