"""Assessment: a release judged on the test part of its data set, with everything that a report tells of it."""

import re

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gatehouse.datasets import build
from gatehouse.evaluation.evaluate import LabelReport, decisions, evaluate_label
from gatehouse.evaluation.pack_report import PackReport, SaidPoint
from gatehouse.flows.closer_look import closer_look
from gatehouse.flows.golden import golden, in_words
from gatehouse.flows.learn import rows_on
from gatehouse.flows.subject import Subject, learnt_signals
from gatehouse.flows.telling import telling_features, telling_words
from gatehouse.flows.worked import highest_actors, worked_examples
from gatehouse.policies.explain import point_in_words
from gatehouse.records.decision import Judgement


def assess(subject: Subject, draws: int, seed: int) -> PackReport:
    """The report of a release on the test part; `draws` bootstrap draws from `seed`."""
    events, features = rows_on(subject.dataset, "test", subject.judge.features)
    judgement = subject.judge.with_features(events, features)
    rng = np.random.default_rng(seed)
    main = subject.pack.recipe.labels[0]
    clusters = authors_of(events)
    labels = tuple(
        _label(subject, name, judgement, clusters, rng, draws)
        for name in subject.pack.recipe.labels
        if name in subject.dataset.info.labels
    )
    scores = learnt_signals(subject, judgement).scores(main)
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
        rows_are=subject.rows_are,
        telling=telling_words(subject.pack, subject.judge, features.column("normalised")),
        features=telling_features(subject.pack, subject.judge, features),
        decisions=decisions(judgement.outcomes[0], truth),
        examples=worked_examples(subject),
        actors=highest_actors(subject, events, features, judgement, truth),
        closer=closer_look(subject, labels[0], events, features, scores, truth, clusters, rng, draws),
        golden=tuple(in_words(golden(subject.judge, subject.pack.policy, subject.pack.examples)))
        if subject.pack.examples and subject.rows_are == "texts"
        else (),
        not_for=_bullets(subject.pack.texts["card.md"], "must not"),
        limits=_bullets(subject.pack.texts["card.md"], "limits"),
    )


def authors_of(events: pa.RecordBatch) -> npt.NDArray[np.int64] | None:
    """A number for each author, int64 [n], a row without one standing alone; None where no author has two rows."""
    authors = events.column("actor")
    if len(authors.drop_null().unique()) == len(authors) - authors.null_count:
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
    detector = subject.pack.recipe.detector
    points = [point for point in subject.release.points if point.detector == detector]
    scores = learnt_signals(subject, judgement).scores(label)
    return evaluate_label(label, scores, _truth(subject, label), points, rng, draws, clusters, subject.rows_are)


def _bullets(card: str, heading: str) -> tuple[str, ...]:
    """The points of a list in the card under the heading that holds this word."""
    for section in re.split(r"^## ", card, flags=re.MULTILINE)[1:]:
        title, _, body = section.partition("\n")
        if heading in title.lower():
            items = re.split(r"^- ", body, flags=re.MULTILINE)[1:]
            return tuple(" ".join(item.split("\n\n")[0].split()).replace("*", "") for item in items)
    return ()
