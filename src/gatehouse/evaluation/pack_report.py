"""Everything that a report says about one pack, as data."""

from typing import Literal

import msgspec

from gatehouse.evaluation.evaluate import DecisionGroup, LabelReport
from gatehouse.evaluation.fairness import GroupsReport, SwapFigures
from gatehouse.evaluation.robustness import AttackReport
from gatehouse.evaluation.slices import SliceFigures
from gatehouse.evaluation.suite import SuiteReport
from gatehouse.features.reasons import Reason
from gatehouse.records.dataset import DatasetInfo, Release
from gatehouse.records.policy import Point, Policy
from gatehouse.records.signal import Contribution


class WorkedExample(msgspec.Struct, frozen=True, kw_only=True):
    """One of a pack's own examples with the decision on it and the pieces that carried the score of `label`.

    `expected` are the labels that the pack's author gave it, `why` the author's reason.
    """

    id: str
    text: str
    expected: tuple[str, ...]
    why: str
    label: str
    score: float | None
    outcome: str
    enforce: str
    clause: str | None
    reason: str
    contributions: tuple[Contribution, ...] = ()


class WorkedActor(msgspec.Struct, frozen=True, kw_only=True):
    """An actor of the test part with the decision on it, and in words what moved its score of `label` most.

    `holds` is what the data set says of it, None where it says nothing.
    """

    event_id: str
    actor: str | None
    label: str
    holds: bool | None
    score: float
    outcome: str
    enforce: str
    clause: str | None
    reason: str
    carried: tuple[Reason, ...]


class TellingFeature(msgspec.Struct, frozen=True, kw_only=True):
    """A feature, what it tells, and by how many log-odds it moves a score on average, in whichever direction."""

    name: str
    meaning: str
    weight: float


class SaidPoint(msgspec.Struct, frozen=True):
    """An operating point with the sentence that says it in words."""

    point: Point
    sentence: str


class CloserLook(msgspec.Struct, frozen=True, kw_only=True):
    """Where the main label errs more than elsewhere, at the threshold from which on the policy wants a text seen.

    `groups` and `swaps` speak of groups of people that texts mention; nothing is said of who wrote them. `attacks` is
    None where too few positives are flagged as written, `suite` where the pack brings none. `left_out` says what does
    not apply to what is judged.
    """

    label: str
    threshold: float
    slices: tuple[SliceFigures, ...]
    groups: GroupsReport | None = None
    swaps: tuple[SwapFigures, ...] = ()
    attacks: AttackReport | None = None
    suite: SuiteReport | None = None
    left_out: str = ""


class PackReport(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a report says about one pack; the first label is the main one.

    `telling` maps a label to words with their weights in log-odds. `sensitive` packs have their strong words masked.
    `authors` is how many authors the test rows have, where they are named; then intervals draw authors. `golden` are
    sentences on the pack's golden items: how many come out as they say, and which are stale. Where a pack judges
    actors, `rows_are` accounts, `features` and `actors` say what words and examples say of texts.
    """

    policy: Policy
    release: Release
    dataset: DatasetInfo
    from_examples: bool
    sensitive: bool
    authors: int | None = None
    labels: tuple[LabelReport, ...]
    points: tuple[SaidPoint, ...]
    rows_are: Literal["texts", "accounts"] = "texts"
    telling: dict[str, tuple[tuple[str, float], ...]] = {}
    features: dict[str, tuple[TellingFeature, ...]] = {}
    decisions: tuple[DecisionGroup, ...]
    examples: tuple[WorkedExample, ...] = ()
    actors: tuple[WorkedActor, ...] = ()
    closer: CloserLook | None = None
    golden: tuple[str, ...] = ()
    not_for: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()

    @property
    def pack(self) -> str:
        """Name of the pack."""
        return self.release.pack
