"""Makers of small policies, points and signals for the tests of deciding."""

from dataclasses import dataclass

import msgspec
import numpy as np

from gatehouse.policies.decide import bind, decide
from gatehouse.records.enforcement import Kind
from gatehouse.records.policy import Point, Policy, Step, Target
from gatehouse.records.signal import Signals, State

BANK, LINEAR = "adverts.bank", "adverts.linear"
LABELS = ("advert", "lure")


@dataclass(frozen=True)
class Detector:
    name: str
    version: str
    labels: tuple[str, ...] = LABELS


DETECTORS = (Detector(BANK, "bank1"), Detector(LINEAR, "linear1"))


def policy_of(*steps, missing="review", abstained=msgspec.UNSET):
    return Policy(
        name="adverts",
        version="policy1",
        title="Adverts",
        text="No adverts.",
        owner="lead",
        clauses=(),
        steps=steps,
        missing=missing,
        abstained=abstained,
    )


def matched(name="known", label="advert", **more):
    return Step(name=name, detector=BANK, label=label, clause="A1", **{"enforce": Kind.REMOVE, **more})


def scored(name="certain", label="advert", aim="precision_at_least", **more):
    target = Target(aim=aim, value=0.95)
    return Step(name=name, detector=LINEAR, label=label, clause="A1", target=target, **more)


def point_of(step, threshold=0.9, **more):
    said = Point(
        policy="adverts",
        policy_version="policy1",
        step=step.name,
        detector=step.detector,
        detector_version="linear1",
        label=step.label,
        aim=step.target.aim,
        value=step.target.value,
        confidence=0.95,
        dataset="d",
        population="posts",
        n=900,
        positives=100,
        threshold=threshold,
    )
    return msgspec.structs.replace(said, **more)


def signals_of(rows):
    """Signals from rows of {(detector, label): state or score}; unsaid is an abstention of the bank, a score of 0."""
    blocks = []
    for detector in DETECTORS:
        usual = State.ABSTAINED if detector.name == BANK else State.SCORED
        block = Signals.blank(detector.name, detector.version, detector.labels, len(rows), usual)
        if detector.name == LINEAR:
            block.score[:] = 0.0
        for i, row in enumerate(rows):
            for j, label in enumerate(detector.labels):
                said = row.get((detector.name, label))
                if isinstance(said, State):
                    block.state[i, j], block.score[i, j] = said, np.nan
                elif said is not None:
                    block.score[i, j] = said
        blocks.append(block)
    return blocks


def one(policy, points, row):
    return decide(bind(policy, points, DETECTORS), signals_of([row]), 1).of(0)


CONFIRMED = {"status": "confirmed"}
