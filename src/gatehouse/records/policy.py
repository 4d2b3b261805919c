"""Policies as data: clauses for people and language models, steps for the judge, and operating points."""

from typing import Literal

import msgspec

from gatehouse.records.enforcement import Kind
from gatehouse.records.signal import State
from gatehouse.records.standing import Ladder

Missing = Literal["review", "pass"]
"""What happens where evidence is missing: a person looks, or it stays undecided."""

Aim = Literal[
    "precision_at_least", "recall_at_least", "false_positive_rate_at_most", "review_at_most", "score_at_least"
]
"""What an operating point promises; `review_at_most` is a number of events a day."""


class Clause(msgspec.Struct, frozen=True, kw_only=True):
    """One numbered paragraph of a policy, cited in decisions and notices."""

    id: str
    title: str
    text: str


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome that a step wants, with the confidence of its one-sided bound.

    `traffic` is the number of events a day that a `review_at_most` target speaks of.
    """

    aim: Aim
    value: float
    confidence: float = 0.95
    traffic: float | None = None


class Acceptance(msgspec.Struct, frozen=True, kw_only=True):
    """The policy owner's word that a step may enforce on a provisional point, with the reason."""

    by: str
    reason: str


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a policy: when this detector says so about this label, conclude this.

    With a `target` the step fires where the label's score reaches the resolved threshold; without one it fires
    where the detector matched. `enforce` of Kind.NONE together with `review` only asks for a person.
    """

    name: str
    detector: str
    label: str
    clause: str
    target: Target | None = None
    enforce: Kind = Kind.NONE
    review: bool = False
    accept: Acceptance | None = None


class Example(msgspec.Struct, frozen=True, kw_only=True):
    """A worked example of a policy: a mild or masked text, which labels hold for it, and why."""

    id: str
    text: str
    labels: tuple[str, ...]
    clause: str | None
    why: str


class GateRules(msgspec.Struct, frozen=True, kw_only=True):
    """What a gate holds a candidate to, fixed before anything is measured.

    `recall_loss` and `false_positives_added` are the losses that matter, in shares of positives and of negatives;
    `slower` and `larger` are the most times that a candidate may be so. With `accept_cannot_tell` rows that are too few
    to tell do not hold it up.
    """

    recall_loss: float = 0.05
    false_positives_added: float = 0.02
    alpha: float = 0.05
    slower: float = 1.5
    larger: float = 2.0
    accept_cannot_tell: bool = False


class Quota(msgspec.Struct, frozen=True, kw_only=True):
    """How many enforcements of a policy may be carried out in any hour and in any 24 hours; None is no limit."""

    hour: int | None = None
    day: int | None = None


class Breaker(msgspec.Struct, frozen=True, kw_only=True):
    """When a policy does so much that a person must look: over `share` of the live decisions of the last minutes.

    Where fewer than `least` were made, it is the share of so many. Enforcements of the `exempt` steps do not count and
    are never held by it.
    """

    share: float
    minutes: int = 10
    least: int = 200
    exempt: tuple[str, ...] = ()


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """A written policy; `version` is the hash of everything in it, so a change of a word is another version.

    Steps are tried in order of severity. `missing` says what happens to an event when evidence that a step
    needs failed or abstained: a person looks (`review`) or it stays undecided (`pass`); it is never clear.
    `abstained` says so of abstentions alone, for a policy that wants a person for what broke and not for every
    text in a language that its detectors do not read.
    What is UNSET stands in no file, so that a policy that says nothing of it keeps its version.
    """

    name: str
    version: str
    title: str
    text: str
    owner: str
    clauses: tuple[Clause, ...]
    steps: tuple[Step, ...]
    missing: Missing = "review"
    notes: str = ""
    gate: GateRules = GateRules()
    ladder: Ladder | msgspec.UnsetType = msgspec.UNSET
    quota: Quota | msgspec.UnsetType = msgspec.UNSET
    breaker: Breaker | msgspec.UnsetType = msgspec.UNSET
    abstained: Missing | msgspec.UnsetType = msgspec.UNSET

    def where_missing(self, state: State) -> Missing:
        """What happens where evidence is missing because a detector failed or abstained."""
        return self.missing if self.abstained is msgspec.UNSET or state is State.FAILED else self.abstained


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """An operating point: the threshold found for one step on one labelled population, with its bound.

    It holds for exactly this policy version and detector version. `threshold` is None where the data cannot
    support the promise; `missing_labels` then says about how many labelled events more it would take.
    `estimate` and `bound` are of the aim's own quantity at the threshold; `recall` and `precision` are seen there.
    """

    policy: str
    policy_version: str
    step: str
    detector: str
    detector_version: str
    label: str
    aim: Aim
    value: float
    confidence: float
    dataset: str
    population: str
    n: int
    positives: int
    threshold: float | None
    flagged: int = 0
    errors: int = 0
    estimate: float | None = None
    bound: float | None = None
    recall: float | None = None
    precision: float | None = None
    missing_labels: int | None = None
    status: Literal["provisional", "confirmed"] = "provisional"

    @property
    def base_rate(self) -> float:
        """Share of positives in the population that the point was resolved on."""
        return self.positives / self.n if self.n else 0.0
