"""Deciding: signals and bound points give one outcome per event; pure, column by column."""

import functools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NoReturn

import numpy as np
import numpy.typing as npt

from gatehouse.errors import Fault, RefusedError, UserError, suggestion
from gatehouse.policies.conclude import FIRED, Tables, conclude, joined
from gatehouse.policies.explain import LIKELY, held_back, reason_for, reason_for_missing
from gatehouse.records.decision import Concluded, Outcomes, PolicyOutcome
from gatehouse.records.enforcement import Kind
from gatehouse.records.policy import Point, Policy, Step
from gatehouse.records.signal import Signals, Speaks, State

NO_STEP = "no step fired"


@dataclass(frozen=True)
class Question:
    """What keeps an event from being clear: a step that may only ask, or a state in which evidence is missing.

    `step` is an index into the policy's steps; `missing` is None where the step fired. `wish` is the severest that
    a step would have done, `asks` whether a step wanted no more than a person's look.
    """

    step: int
    missing: State | None
    wish: Kind
    asks: bool
    review: bool


@dataclass(frozen=True, eq=False)
class BoundPolicy:
    """A policy with the points of just these detector versions, ready to decide; `bind` makes it.

    `thresholds` has an entry for each step that can fire by a score. `acting` are the indices of steps that may
    enforce, mildest first; `questions` are the rest, least first: the last that applies gives the reason. Tables
    are indexed by the step that acts, those of two dimensions also by question; index -1, the last, means none.
    """

    policy: Policy
    versions: Mapping[str, str]
    thresholds: Mapping[int, float]
    acting: tuple[int, ...]
    questions: tuple[Question, ...]
    enforce: npt.NDArray[np.uint8]
    review: npt.NDArray[np.bool_]
    step: npt.NDArray[np.int16]
    reason: npt.NDArray[np.int32]
    reasons: tuple[str, ...]

    @functools.cached_property
    def names(self) -> tuple[str, ...]:
        """The names of the steps."""
        return tuple(step.name for step in self.policy.steps)

    @functools.cached_property
    def clauses(self) -> tuple[str, ...]:
        """The clause of each step."""
        return tuple(step.clause for step in self.policy.steps)

    @functools.cached_property
    def tables(self) -> Tables:
        """The policy as the kernel reads it."""
        labels = [step.label for step in self.policy.steps]
        missing = [FIRED if asked.missing is None else asked.missing for asked in self.questions]
        sizes = (len(labels), len(self.acting), len(self.questions), self.step.size)
        return Tables(
            firsts=np.array([(0, 0, 0, 0), sizes], np.int64),
            threshold=np.array([self.thresholds.get(i, np.nan) for i in range(len(labels))], np.float64),
            label=np.array([labels.index(label) for label in labels], np.int64),
            enforce=self.enforce[:-1],
            look=self.review[:-1],
            acting=np.array(self.acting, np.int64),
            asked=np.array([asked.step for asked in self.questions], np.int64),
            missing=np.array(missing, np.uint8),
            wish=np.array([asked.wish for asked in self.questions], np.uint8),
            asks=np.array([asked.asks for asked in self.questions], np.bool_),
            review=np.array([asked.review for asked in self.questions], np.bool_),
            step=self.step.ravel(),
            reason=self.reason.ravel(),
        )

    @functools.cached_property
    def made(self) -> dict[Concluded, PolicyOutcome]:
        """Conclusions that were made into records, for those that come again."""
        return {}


def bind(policy: Policy, points: Iterable[Point], detectors: Iterable[Speaks]) -> BoundPolicy:
    """Join a policy with its points, or raise UserError with everything that does not fit.

    A point counts only for exactly this policy version and exactly these detector versions, so that no threshold
    outlives what it was found for.
    """
    points = tuple(points)
    found = {point.step: point for point in points}
    known = {detector.name: detector for detector in detectors}
    faults = [
        *(fault for step in policy.steps for fault in _step_faults(policy, step, found, known)),
        *(fault for point in points for fault in _point_faults(policy, point, known)),
    ]
    if len(found) < len(points):
        faults.append(Fault("a step has two operating points", policy.name, f"gatehouse train {policy.name}"))
    if faults:
        raise UserError(faults)
    thresholds = {
        i: LIKELY if (resolved := found[step.name].threshold) is None else resolved
        for i, step in enumerate(policy.steps)
        if step.target is not None
    }
    steps = list(enumerate(policy.steps))
    acting = [i for i, step in steps if step.enforce and not held_back(step, found.get(step.name))]
    asking = [_question(policy, (i,), None) for i, _ in steps if i not in acting]
    questions = sorted((*asking, *_missing(policy)), key=_weight)
    of_step, reason, reasons = _reasons(policy, found, acting, questions)
    return BoundPolicy(
        policy=policy,
        versions={step.detector: known[step.detector].version for step in policy.steps},
        thresholds=thresholds,
        acting=tuple(sorted(acting, key=lambda i: (policy.steps[i].enforce, -i))),
        questions=tuple(questions),
        enforce=np.array([*(step.enforce for step in policy.steps), Kind.NONE], np.uint8),
        review=np.array([*(step.review for step in policy.steps), False]),
        step=of_step,
        reason=reason,
        reasons=reasons,
    )


def _step_faults(
    policy: Policy, step: Step, points: Mapping[str, Point], detectors: Mapping[str, Speaks]
) -> Iterable[Fault]:
    detector = detectors.get(step.detector)
    if detector is None:
        what = f"step '{step.name}' needs the detector '{step.detector}', which is not there"
        yield Fault(what, policy.name, f"gatehouse train {_pack(step.detector)}")
    elif step.label not in detector.labels:
        what = f"step '{step.name}' needs the label '{step.label}', of which '{step.detector}' does not speak"
        yield Fault(what, policy.name, suggestion(step.label, detector.labels))
    if step.target is not None and step.name not in points:
        what = f"step '{step.name}' has no operating point"
        yield Fault(what, policy.name, f"gatehouse train {_pack(step.detector)}")


def _point_faults(policy: Policy, point: Point, detectors: Mapping[str, Speaks]) -> Iterable[Fault]:
    pack = _pack(point.detector)
    step = next((step for step in policy.steps if step.name == point.step), None)
    if (point.policy, point.policy_version) != (policy.name, policy.version):
        what = f"the point of step '{point.step}' is of version {point.policy_version} of '{point.policy}'"
        yield Fault(f"{what}, the policy is {policy.version}", policy.name, f"gatehouse train {pack}")
    elif step is None or step.target is None or (step.detector, step.label) != (point.detector, point.label):
        what = f"no step asks for the point of '{point.step}' on '{point.label}' of '{point.detector}'"
        yield Fault(what, policy.name, f"gatehouse train {pack}")
    elif point.detector in detectors and point.detector_version != detectors[point.detector].version:
        what = f"the point of step '{point.step}' is of version {point.detector_version} of '{point.detector}'"
        fix = f"gatehouse promote {pack} with a release of these versions, or gatehouse train {pack}"
        yield Fault(f"{what}, the detector is {detectors[point.detector].version}", policy.name, fix)


def _pack(detector: str) -> str:
    return detector.partition(".")[0]


def _missing(policy: Policy) -> Iterable[Question]:
    """Questions for evidence that steps need, one per detector, label and state.

    A detector that only matches has nothing to say where it does not match, so its abstention is no lack.
    """
    lacking: dict[tuple[str, str, State], list[int]] = {}
    for i, step in enumerate(policy.steps):
        for state in (State.FAILED,) if step.target is None else (State.FAILED, State.ABSTAINED):
            lacking.setdefault((step.detector, step.label, state), []).append(i)
    return (_question(policy, indices, state) for (_, _, state), indices in lacking.items())


def _question(policy: Policy, indices: Sequence[int], missing: State | None) -> Question:
    wishes = [policy.steps[i].enforce for i in indices]
    review = missing is None or policy.where_missing(missing) == "review"
    return Question(indices[0], missing, max(wishes), Kind.NONE in wishes, review)


def _weight(question: Question) -> tuple[bool, bool, Kind, bool, int]:
    """What fired says more than what is missing, then what a person looks at, the severest, a failure, the first."""
    return question.missing is None, question.review, question.wish, question.missing is State.FAILED, -question.step


def _reasons(
    policy: Policy, points: Mapping[str, Point], acting: Sequence[int], questions: Sequence[Question]
) -> tuple[npt.NDArray[np.int16], npt.NDArray[np.int32], tuple[str, ...]]:
    """Tables [acting step, question] of the step that led there and of the reason's index, and the reasons."""
    steps = policy.steps
    asked = [
        reason_for(steps[q.step], points.get(steps[q.step].name))
        if q.missing is None
        else reason_for_missing(policy, steps[q.step].detector, steps[q.step].label, q.missing)
        for q in questions
    ]
    reason = np.zeros((len(steps) + 1, len(questions) + 1), np.int32)
    of_step = np.full(reason.shape, -1, np.int16)
    reasons = [NO_STEP, *asked]
    reason[-1, :-1] = np.arange(len(questions)) + 1
    of_step[-1, :-1] = [question.step if question.missing is None else -1 for question in questions]
    for i in acting:
        of_step[i] = i
        reason[i] = len(reasons)
        reasons.append(reason_for(steps[i], points.get(steps[i].name)))
        for j, question in enumerate(questions):
            if question.review:
                reason[i, j] = len(reasons)
                reasons.append(f"{reasons[reason[i, -1]]}; also: {asked[j]}")
    return of_step, reason, tuple(reasons)


def decide(bound: BoundPolicy, signals: Sequence[Signals], n: int) -> Outcomes:
    """One policy's conclusions on n events; see `Policies`."""
    return Policies((bound,))(signals, n)[0]


class Policies:
    """Policies that decide on the same signals, in one go.

    The severest step that fires and may enforce gives VIOLATING. A step that may only ask, and missing evidence,
    give at least UNDECIDED and never enforce. What is done answers a step that would do no more; and it answers a
    step that only asks for a person where the event is gone, or where a step on the same label acts: a blurred
    obscenity says nothing about a threat beside it.
    """

    def __init__(self, policies: Sequence[BoundPolicy]) -> None:
        self._policies = policies
        self._tables = joined([bound.tables for bound in policies]) if policies else None
        self._used = tuple(dict.fromkeys(step.detector for bound in policies for step in bound.policy.steps))
        self._versions = [(name, version, bound) for bound in policies for name, version in bound.versions.items()]
        self._places: dict[tuple[tuple[str, ...], ...], npt.NDArray[np.int64]] = {}

    def __call__(self, signals: Sequence[Signals], n: int) -> tuple[Outcomes, ...]:
        """The conclusions of each policy on n events; raises RefusedError where signals are not of its versions."""
        if self._tables is None:
            return ()
        blocks = {block.detector: block for block in signals}
        for name, version, bound in self._versions:
            if (block := blocks.get(name)) is None or block.version != version or len(block.state) != n:
                _refuse(bound, block, name, n)
        given = [blocks[name] for name in self._used]
        columns = self._columns(given)
        state = np.concatenate([block.state for block in given], axis=1)[:, columns]
        score = np.concatenate([block.score for block in given], axis=1)[:, columns]
        shape = (len(self._policies), n)
        outcome, enforce, review = np.empty(shape, np.uint8), np.empty(shape, np.uint8), np.empty(shape, np.bool_)
        step, reason = np.empty(shape, np.int16), np.empty(shape, np.int32)
        conclude(state, score, self._tables, outcome, enforce, review, step, reason)
        return tuple(
            Outcomes(
                policy=bound.policy.name,
                version=bound.policy.version,
                outcome=outcome[i],
                enforce=enforce[i],
                review=review[i],
                step=step[i],
                reason=reason[i],
                steps=bound.names,
                clauses=bound.clauses,
                reasons=bound.reasons,
                made=bound.made,
            )
            for i, bound in enumerate(self._policies)
        )

    def _columns(self, given: Sequence[Signals]) -> npt.NDArray[np.int64]:
        """Where each step's label stands among the columns of these blocks side by side."""
        labels = tuple(block.labels for block in given)
        if labels not in self._places:
            places = {
                key: place
                for place, key in enumerate((block.detector, label) for block in given for label in block.labels)
            }
            steps = [step for bound in self._policies for step in bound.policy.steps]
            self._places[labels] = np.array([places[step.detector, step.label] for step in steps], np.int64)
        return self._places[labels]


def _refuse(bound: BoundPolicy, block: Signals | None, name: str, n: int) -> NoReturn:
    """Says why signals are not those that a policy was bound to."""
    version = bound.versions[name]
    if block is None:
        raise RefusedError(f"'{name}' gave no signals, which '{bound.policy.name}' needs", fix="run it as well")
    if block.version != version:
        what = f"signals of version {block.version} of '{name}', but the points are of {version}"
        raise RefusedError(what, where=bound.policy.name, fix=f"gatehouse train {_pack(name)}")
    raise ValueError(f"{len(block)} signals of '{name}' for {n} events")


def severest(outcomes: Sequence[Outcomes]) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """Outcome and enforcement over all policies, each uint8 [n]; raises ValueError without any policy."""
    if not outcomes:
        raise ValueError("no policy decided")
    outcome = np.maximum.reduce([said.outcome for said in outcomes])
    enforce = np.maximum.reduce([said.enforce for said in outcomes])
    return outcome, enforce
