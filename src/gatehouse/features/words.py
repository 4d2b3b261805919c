"""What a window is, in words that a person reads."""

from collections.abc import Sequence

from gatehouse.features.windows import (
    STEPS,
    TEXT_HASH,
    Age,
    Count,
    Declaration,
    Distinct,
    RepeatShare,
    Sum,
    in_words,
)


def meaning_of(said: Declaration) -> str:
    """What a window tells of an event, as one phrase: `Number of earlier events of the same actor in the last hour`."""
    most = f", at most {said.cap:,}," if isinstance(said, Count | Sum | Distinct) and said.cap is not None else ""
    events = f"{_whose(said)} in the last {_span(said.window)}{_where(said)}"
    match said:
        case Count():
            return f"Number{most} of earlier events {events}"
        case Sum():
            return f"Sum of {said.of}{most} over earlier events {events}"
        case Distinct():
            return f"Number of different values of {_listed(said.of)}{most} among earlier events {events}"
        case RepeatShare():
            share = f"Share of repeated values of {_listed(said.of)} among earlier events {events}"
            return f"{share}; exact up to {said.cap:,} events"
        case Age():
            first = f"Whole seconds since the first earlier event {_whose(said)}{_where(said)}"
            return f"{first}; new again after {in_words(said.window)} without one"


def definition_of(said: Declaration) -> str:
    """The rule of a window in two sentences: which events it looks at, and what a late one does."""
    steps = f"{STEPS} whole steps of {in_words(said.step)}"
    if isinstance(said, Age):
        return (
            f"It reaches back from the event to the first one of a run, and a run ends where {steps} and the running "
            "one go by without an event that counts. A late event, seen before the latest one already known, counts "
            "as of when it became known."
        )
    return (
        f"An event at t reads those before it from {steps} and the running one: their times are in "
        f"[t - t % step - {in_words(said.window)}, t], with steps counted from 1970 UTC. "
        "A late event, seen before the latest one already known, reads as of that latest time and counts in the step "
        "of its own time from then on."
    )


def unknown_of(said: Declaration) -> str:
    """When a window has no value, and what it is for an entity of which nothing is known."""
    key = " or ".join(said.key)
    if isinstance(said, RepeatShare):
        return f"NULL where {key} is NULL, and where there is no such event"
    return f"NULL where {key} is NULL; 0 where there is no such event"


def _whose(said: Declaration) -> str:
    """Of whom the counted events are."""
    if said.counted == said.key:
        return f"of the same {_listed(said.key)}"
    verb = "is" if len(said.key) == 1 else "are"
    return f"whose {_listed(said.counted)} {verb} this event's {_listed(said.key)}"


def _listed(names: Sequence[str]) -> str:
    return " and ".join("normalised text" if name == TEXT_HASH else name for name in names)


def _span(length: int) -> str:
    return in_words(length).removeprefix("1 ")


def _where(said: Declaration) -> str:
    return f" where {' '.join(said.where.split())}" if said.where else ""
