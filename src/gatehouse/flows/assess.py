"""Assessment: a release judged on the test part of its data set, with everything that a report tells of it."""

import re

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gatehouse.datasets import build
from gatehouse.detectors.base import Explains
from gatehouse.detectors.linear import LinearDetector
from gatehouse.evaluation.evaluate import LabelReport, decisions, evaluate_label
from gatehouse.evaluation.pack_report import PackReport, SaidPoint, WorkedExample
from gatehouse.flows.closer_look import closer_look
from gatehouse.flows.golden import golden, in_words
from gatehouse.flows.learn import as_events
from gatehouse.flows.subject import Subject, linear_signals
from gatehouse.policies.explain import point_in_words
from gatehouse.records.decision import Judgement
from gatehouse.records.event import Event, to_batch
from gatehouse.records.policy import Example

TELLING_WORDS = 10
TELLING_TEXTS = 2_000
WORKED_EXAMPLES = 4


def assess(subject: Subject, draws: int, seed: int) -> PackReport:
    """The report of a release on the test part; `draws` bootstrap draws from `seed`."""
    events = as_events(subject.dataset, "test")
    features = subject.judge.features.compute(events)
    judgement = subject.judge.with_features(events, features)
    rng = np.random.default_rng(seed)
    main = subject.pack.recipe.labels[0]
    clusters = authors_of(events)
    labels = tuple(
        _label(subject, name, judgement, clusters, rng, draws)
        for name in subject.pack.recipe.labels
        if name in subject.dataset.info.labels
    )
    scores = linear_signals(subject, judgement).scores(main)
    truth = _truth(subject, main)
    return PackReport(
        policy=subject.judge.policies[0].policy,
        release=subject.release,
        dataset=subject.dataset.info,
        from_examples=subject.from_examples,
        sensitive=subject.pack.recipe.sensitive,
        authors=None if clusters is None else len(np.unique(clusters)),
        labels=labels,
        points=tuple(SaidPoint(point, point_in_words(point)) for point in subject.release.points),
        telling=_telling(subject, features.column("normalised")),
        decisions=decisions(judgement.outcomes[0], truth),
        examples=_worked(subject),
        closer=closer_look(subject, labels[0], events, features, scores, truth, clusters, rng, draws),
        golden=tuple(in_words(golden(subject.judge, subject.pack.policy, subject.pack.examples)))
        if subject.pack.examples
        else (),
        not_for=_bullets(subject.pack.texts["card.md"], "must not"),
        limits=_bullets(subject.pack.texts["card.md"], "limits"),
    )


def authors_of(events: pa.RecordBatch) -> npt.NDArray[np.int64] | None:
    """A number for each author, int64 [n], a row without one standing alone; None where no row names any."""
    authors = events.column("actor")
    if authors.null_count == len(authors):
        return None
    codes: npt.NDArray[np.int64] = authors.dictionary_encode().indices.cast(pa.int64()).fill_null(-1).to_numpy()
    alone = codes < 0
    return np.where(alone, codes.max() + 1 + np.cumsum(alone), codes)


def _truth(subject: Subject, label: str) -> npt.NDArray[np.float64]:
    _, truth = build.targets(subject.dataset, "test", (label,))
    return truth[:, 0]


def _label(
    subject: Subject,
    label: str,
    judgement: Judgement,
    clusters: npt.NDArray[np.int64] | None,
    rng: np.random.Generator,
    draws: int,
) -> LabelReport:
    detector = f"{subject.pack.name}.linear"
    points = [point for point in subject.release.points if point.detector == detector]
    scores = linear_signals(subject, judgement).scores(label)
    return evaluate_label(label, scores, _truth(subject, label), points, rng, draws, clusters)


def _telling(subject: Subject, normalised: pa.Array) -> dict[str, tuple[tuple[str, float], ...]]:
    """The words that carry most weight on average, for and against, for each label of the linear detector."""
    linear = next(detector for detector in subject.judge.detectors if isinstance(detector, LinearDetector))
    sample = normalised.drop_null().slice(0, TELLING_TEXTS)
    return {label: tuple(linear.telling(label, sample, TELLING_WORDS)) for label in subject.pack.recipe.labels}


def _worked(subject: Subject) -> tuple[WorkedExample, ...]:
    """The first examples of the pack, violating and not in turn, judged and explained."""
    positive = [example for example in subject.pack.examples if example.labels]
    negative = [example for example in subject.pack.examples if not example.labels]
    chosen = [example for pair in zip(positive, negative, strict=False) for example in pair][:WORKED_EXAMPLES]
    language = subject.pack.recipe.languages[0] if subject.pack.recipe.languages else None
    events = [Event(id=example.id, text=example.text, language=language) for example in chosen]
    judgement = subject.judge(to_batch(events))
    return tuple(_example(subject, example, i, judgement) for i, example in enumerate(chosen))


def _example(subject: Subject, example: Example, row: int, judgement: Judgement) -> WorkedExample:
    label = subject.pack.recipe.labels[0]
    detector = f"{subject.pack.name}.linear"
    score = linear_signals(subject, judgement).scores(label)[row]
    explains = next((d for d in subject.judge.detectors if d.name == detector and isinstance(d, Explains)), None)
    said = judgement.outcomes[0].of(row)
    return WorkedExample(
        id=example.id,
        text=example.text,
        expected=example.labels,
        why=example.why,
        label=label,
        score=None if np.isnan(score) else float(score),
        outcome=said.outcome,
        enforce=said.enforce,
        clause=said.clause,
        reason=said.reason,
        contributions=tuple(explains.explain(example.text, label)) if explains else (),
    )


def _bullets(card: str, heading: str) -> tuple[str, ...]:
    """The points of a list in the card under the heading that holds this word."""
    for section in re.split(r"^## ", card, flags=re.MULTILINE)[1:]:
        title, _, body = section.partition("\n")
        if heading in title.lower():
            items = re.split(r"^- ", body, flags=re.MULTILINE)[1:]
            return tuple(" ".join(item.split("\n\n")[0].split()).replace("*", "") for item in items)
    return ()
