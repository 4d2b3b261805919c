"""Windows read word by word from their meaning (docs/point-in-time.md): slow, and plain enough to be believed."""

from collections.abc import Mapping, Sequence

from gatehouse.features.plan import Plan, amount_name, code_name
from gatehouse.features.windows import Age, Count, Declaration, Distinct, RepeatShare, Sum

Row = Mapping[str, int | str | None]
Value = int | float | None


def windows(plan: Plan, rows: Sequence[Row]) -> list[dict[str, Value]]:
    """Each coded event's windows by name; the events stand in log order, by (known, place, id)."""
    assert sorted(rows, key=lambda row: (row["known"], row["place"], row["id"])) == list(rows)
    return [
        {said.name: _value(plan, said, event, rows[:position]) for said in plan.declarations}
        for position, event in enumerate(rows)
    ]


def _value(plan: Plan, said: Declaration, event: Row, before: Sequence[Row]) -> Value:
    entity = event[code_name(said.key)]
    if entity is None:
        return None
    condition = plan.filter_name(said)
    named = [g for g in before if g[code_name(said.counted)] == entity and (condition is None or g[condition] == 1)]
    if isinstance(said, Age):
        return _age(said, event["known"], [g["known"] for g in named])
    counted = [g for g in named if event["known"] < _end(g["seen"], said.step)]
    match said:
        case Count():
            return _at_most(len(counted), said.cap)
        case Sum():
            amounts = [g[amount_name(said.of)] for g in counted]
            return _at_most(sum(amount for amount in amounts if amount is not None), said.cap)
        case Distinct():
            return _at_most(len(_different(said, counted)), said.cap)
        case RepeatShare():
            m = _at_most(sum(g[code_name(said.of)] is not None for g in counted), said.cap)
            d = _at_most(len(_different(said, counted)), said.cap)
            return (m - d) / m if m else None


def _end(time: int, step: int) -> int:
    """When what happened at this time has left the window: after the step it is in and 60 whole ones."""
    return time - time % step + 61 * step


def _at_most(value: int, cap: int | None) -> int:
    return value if cap is None else min(value, cap)


def _different(said: Distinct | RepeatShare, counted: Sequence[Row]) -> set[int]:
    return {g[code_name(said.of)] for g in counted} - {None}


def _age(said: Age, now: int, known: Sequence[int]) -> int:
    start = last = None
    for time in known:
        if last is None or time >= _end(last, said.step):
            start = time
        last = time
    if last is None or now >= _end(last, said.step):
        return 0
    return (now - start) // 1_000_000
