"""Actors' standing: which strikes count, what they lead to, and how far reporters were right so far. Pure."""

from collections.abc import Iterable, Mapping

from gatehouse.records.standing import Ladder, Reporter, Rung, Strike

PRIOR = (2.0, 2.0)
"""Reports upheld and not upheld that a reporter starts with: nobody is trusted or doubted on their first report."""


def counting(strikes: Iterable[Strike], policy: str, at: int) -> list[Strike]:
    """An actor's strikes of a policy that count at a moment: given by then, neither expired nor taken back."""
    return [
        strike
        for strike in strikes
        if strike.policy == policy
        and strike.at <= at
        and (strike.expires is None or strike.expires > at)
        and (strike.removed is None or strike.removed > at)
    ]


def points_at(strikes: Iterable[Strike], of: Strike, now: int) -> int:
    """The points that an actor had with a strike: its own and those of earlier ones that counted then and still stand.

    Strikes taken back by `now` do not count, wherever they stand, so that the rung that a strike led to can be found
    again after an appeal.
    """
    before = (
        strike
        for strike in strikes
        if strike.policy == of.policy
        and (strike.at, strike.id) <= (of.at, of.id)
        and (strike.expires is None or strike.expires > of.at)
        and (strike.removed is None or strike.removed > now)
    )
    return sum(strike.points for strike in before)


def rung(ladder: Ladder, points: int) -> Rung | None:
    """The highest rung that these points reach, or None."""
    reached = [one for one in ladder.rungs if one.strikes <= points]
    return max(reached, key=lambda one: one.strikes, default=None)


def reliability(reporter: Reporter, prior: tuple[float, float] = PRIOR) -> float:
    """The mean of a Beta distribution: the share of a reporter's reports that were upheld, with a prior."""
    upheld, rejected = reporter.upheld + prior[0], reporter.rejected + prior[1]
    return upheld / (upheld + rejected)


def doubt(reporters: Iterable[str], known: Mapping[str, Reporter]) -> float:
    """The chance that all of these reporters are wrong, each counted once, as if they spoke independently."""
    left = 1.0
    for name in dict.fromkeys(reporters):
        left *= 1 - reliability(known.get(name, Reporter()))
    return left
