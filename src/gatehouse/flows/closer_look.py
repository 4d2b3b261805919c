"""A closer look at a release: where it errs more than elsewhere, and what mentions of groups and disguises do to it."""

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gatehouse.evaluation import fairness, slices
from gatehouse.evaluation.estimate import FEWEST
from gatehouse.evaluation.evaluate import LabelReport, review_point
from gatehouse.evaluation.identity_terms import GROUPS, Swap, mentions, swaps
from gatehouse.evaluation.pack_report import CloserLook
from gatehouse.flows.robustness import attacks, own_checks
from gatehouse.flows.subject import Subject, learnt_signals
from gatehouse.flows.telling import slices_of
from gatehouse.records.event import Event, to_batch
from gatehouse.stats.resample import Rows

Floats = npt.NDArray[np.float64]
MOST_SWAPS = 2_000
NO_TEXTS = (
    "An account is judged by its features and not by a text, so there is nothing to disguise, to swap or to check by a "
    "suite of texts, and no mention of a group to compare by."
)


def closer_look(
    subject: Subject,
    report: LabelReport,
    events: pa.RecordBatch,
    features: pa.RecordBatch,
    scores: Floats,
    truth: Floats,
    clusters: npt.NDArray[np.int64] | None,
    rng: np.random.Generator,
    draws: int,
) -> CloserLook | None:
    """Slices, groups, swaps and disguises of one label on the test part, and the pack's own suite.

    None where the label has too few rows for figures.
    """
    if report.withheld is not None:
        return None
    threshold, _ = review_point(report.points)
    known = ~(np.isnan(truth) | np.isnan(scores))
    members = clusters[known] if clusters is not None else None
    rows = Rows.of(truth[known], scores[known], (scores[known] >= threshold).astype(float), clusters=members)
    mask = pa.array(known)
    fewer = min(draws, 500)
    known_events, known_features = events.filter(mask), features.filter(mask)
    cut = list(slices_of(subject.pack, subject.judge, report.name, known_events, known_features))
    look = CloserLook(
        label=report.name, threshold=threshold, slices=tuple(slices.figures(cut, rows, rng, fewer)), left_out=NO_TEXTS
    )
    if subject.pack.recipe.learner == "actor":
        return look
    texts, language = known_events.column("text"), known_features.column("language")
    plain = known_features.column("normalised")
    masks = {group.name: mentions(plain, group) for group in GROUPS}
    return msgspec.structs.replace(
        look,
        left_out="",
        groups=fairness.groups(rows, masks, rng, fewer),
        swaps=_swapped(subject, report.name, texts.to_pylist(), rows.score, language, threshold, rng, fewer),
        attacks=attacks(subject, report.name, texts, language, rows.score, rows.truth, threshold),
        suite=own_checks(subject, report.name, threshold),
    )


def _swapped(
    subject: Subject,
    label: str,
    texts: list[str | None],
    scores: Floats,
    language: pa.Array,
    threshold: float,
    rng: np.random.Generator,
    draws: int,
) -> tuple[fairness.SwapFigures, ...]:
    made = swaps(texts, MOST_SWAPS)
    if len({swap.source for swap in made}) < FEWEST:
        return ()
    after = _scores(subject, label, made, language)
    before = scores[[swap.source for swap in made]]
    return fairness.counterfactuals(made, before, after, threshold, rng, draws)


def _scores(subject: Subject, label: str, made: list[Swap], language: pa.Array) -> Floats:
    # The language is that of the text as written: a swap must not make a detector abstain.
    spoken = language.to_pylist()
    events = [Event(id=str(i), text=swap.text, language=spoken[swap.source]) for i, swap in enumerate(made)]
    return learnt_signals(subject, subject.judge(to_batch(events))).scores(label)
