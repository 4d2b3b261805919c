"""Golden items under a judge: how many a release decides as they say, and which of them its policy has outgrown."""

from collections.abc import Sequence
from dataclasses import dataclass

from gatehouse.errors import UserError
from gatehouse.flows.judge import Judge
from gatehouse.policies.explain import percent
from gatehouse.policies.golden import stale
from gatehouse.records.decision import Outcome
from gatehouse.records.event import Event, to_batch
from gatehouse.records.policy import Example, Policy
from gatehouse.stats.intervals import Interval, clopper_pearson


@dataclass(frozen=True)
class GoldenFigures:
    """How many of n golden items come out as they say, with an exact 95 % interval.

    `others` are the items that do not: id and the outcome. `stale` are id and reason.
    """

    n: int
    as_expected: int
    interval: Interval
    others: tuple[tuple[str, str], ...]
    stale: tuple[tuple[str, str], ...]


def golden(judge: Judge, written_for: Policy, examples: Sequence[Example]) -> GoldenFigures:
    """Decide on golden items by the judge's policy of that name; `written_for` is the policy that stands beside them.

    An item with labels comes out as expected where the policy does not call it clear, one without where it does.
    Raises UserError where there are no items.
    """
    if not examples:
        raise UserError(
            f"'{written_for.name}' has no golden items", fix="write some into examples.jsonl, each with its clause"
        )
    bound = next(bound for bound in judge.policies if bound.policy.name == written_for.name)
    judgement = judge(to_batch([Event(id=example.id, text=example.text) for example in examples]))
    outcomes = next(said for said in judgement.outcomes if said.policy == written_for.name)
    found = [Outcome(int(code)) for code in outcomes.outcome]
    others = tuple(
        (example.id, outcome.word)
        for example, outcome in zip(examples, found, strict=True)
        if bool(example.labels) != (outcome is not Outcome.CLEAR)
    )
    n, right = len(examples), len(examples) - len(others)
    low, high = clopper_pearson(right, n)
    gone = stale(bound.policy, written_for, examples)
    interval = Interval(right / n, float(low), float(high))
    return GoldenFigures(n, right, interval, others, tuple((example.id, reason) for example, reason in gone))


def in_words(found: GoldenFigures) -> list[str]:
    """Golden figures as lines for a person."""
    low, high = percent(found.interval.low), percent(found.interval.high)
    share = f"{found.as_expected} of {found.n} golden items come out as they say (95 % interval {low} to {high})"
    said = [share + "".join(f"; {id_} comes out {outcome}" for id_, outcome in found.others)]
    return said + [f"golden item {id_} is stale: {reason}" for id_, reason in found.stale]
