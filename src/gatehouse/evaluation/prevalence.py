"""How much of a population violates: what it takes to know, which items to label, and what the labels say."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from gatehouse.errors import Faults, UserError
from gatehouse.evaluation.prevalence_files import (
    DrawNote,
    Frame,
    Labelled,
    RowFaults,
    note_path,
    read_judged,
    read_labelled,
    write_draw,
)
from gatehouse.stats import plans
from gatehouse.stats.draws import FLOOR, chances, drawn, sizes, uniforms
from gatehouse.stats.plans import Plan
from gatehouse.stats.prevalence import Drawn, Powered, Share, powered, share
from gatehouse.stats.reviewers import Rate, Reviewers, known, measured

Floats = npt.NDArray[np.float64]

FEW_POSITIVES = 10
"""With fewer positives an interval leans on the method more than on the labels."""


@dataclass(frozen=True)
class Plans:
    """Labels needed, simply and by score; None where no number of labels gives the width, or there are no scores."""

    simple: Plan | None
    by_score: Plan | None
    narrowest: float


@dataclass(frozen=True)
class Draw:
    """What was drawn; `looks` is how many labels to expect, `left_out` items without a view in a draw by views."""

    out: Path
    note: Path
    items: int
    left_out: int
    drawn: int
    looks: int


@dataclass(frozen=True)
class Unsure:
    """Rows left out because reviewers could not say, and the estimates if all of them did or did not violate."""

    n: int
    if_none: float
    if_all: float


@dataclass(frozen=True)
class Estimate:
    """Prevalence by items and, where views are known, by views; with a judge also prediction-powered.

    `recalled` counts first yeses that the others did not confirm.
    """

    looks: int
    reviewers: Reviewers
    items: Share
    views: Share | None
    powered_items: Powered | None
    powered_views: Powered | None
    unsure: Unsure | None
    recalled: int
    has_note: bool


def rate(text: str, name: str) -> Rate:
    """A rate as a person writes it: `.9` is taken as known, `180/200` as measured, with what is not known of it."""
    try:
        if "/" not in text:
            return known(float(text))
        hits, n = (int(part) for part in text.split("/"))
        return measured(hits, n)
    except ValueError:
        raise UserError(
            f"'{text}' is not a rate", where=name, fix="write .9, or 180/200 when it was measured on 200 items"
        ) from None


def plan(expected: float, width: float, reviewers: Reviewers, frame: Frame | None, by: str, floor: float) -> Plans:
    """Labels needed for an interval of this width around what is expected."""
    faults = Faults()
    for name, value in (("--expected", expected), ("--width", width)):
        if not 0 < value < 1:
            faults.add(f"{value:g} is not between 0 and 1", name, "write a share: .001 for .1 %")
    faults.raise_found()
    try:
        simple = plans.simple(expected, width, reviewers, len(frame) if frame else None)
        views = _views_for(frame, by) if frame else None
        scored = plans.by_score(expected, width, frame.score, reviewers, views=views, floor=floor) if frame else None
        return Plans(simple, scored, plans.narrowest(expected, reviewers))
    except ValueError as error:
        raise UserError(
            str(error), where="--sensitivity, --specificity", fix="measure them on labels you trust"
        ) from None


def draw(
    frame: Frame, out: Path, n: int, *, seed: int, by: str = "items", floor: float = FLOOR, looks: int = 3
) -> Draw:
    """Draw about n items by score and write them to label, with their chances.

    An item's draw depends on its id, its chance and the seed alone. Rows stand in an order that says nothing of scores.
    """
    views = _views_for(frame, by)
    try:
        chance = chances(sizes(frame.score, views), n, floor, views)
    except ValueError as error:
        raise UserError(str(error), where=str(frame.path), fix="choose another --n or --floor") from None
    uniform = uniforms(frame.ids, seed)
    places = np.flatnonzero(drawn(chance, uniform))
    places = places[np.argsort(uniform[places] / chance[places], kind="stable")]
    can = chance > 0
    note = DrawNote(
        seed=seed,
        by=by,
        floor=floor,
        looks=looks,
        expected=float(chance.sum()),
        items=int(can.sum()),
        views=None if frame.views is None else float(frame.views[can].sum()),
        source=frame.path.name,
        chances={frame.ids[place]: float(chance[place]) for place in places},
    )
    write_draw(out, frame, places, chance, note)
    return Draw(out, note_path(out), note.items, len(frame) - note.items, len(places), looks)


def estimate(
    path: Path, reviewers: Reviewers, judge: Path | None = None, judge_columns: Mapping[str, str] | None = None
) -> Estimate:
    """What the labels say; `reviewers.looks` is replaced by how many saw a first yes."""
    labelled = read_labelled(path)
    looks = _looks(labelled)
    reviewers = reviewers._replace(looks=looks)
    verdicts = np.array([_verdict(answers, looks) for answers in labelled.answers])
    try:
        return _estimate(labelled, verdicts, reviewers, _judged(labelled, judge, judge_columns or {}))
    except ValueError as error:
        fix = "check --sensitivity and --specificity: they are of one look of one reviewer"
        raise UserError(str(error), where=str(path), fix=fix) from None


@dataclass(frozen=True, eq=False)
class _Judged:
    """The judge's word on the drawn items, and its mean over the population by items and by views."""

    here: Floats
    by_items: float
    by_views: float | None


def _estimate(
    labelled: Labelled, verdicts: npt.NDArray[np.int64], reviewers: Reviewers, judged: _Judged | None
) -> Estimate:
    kept = verdicts >= 0
    if not kept.any():
        raise UserError("every row is unsure", where=str(labelled.path), fix="let others look, and write it into looks")
    items = _as_drawn(labelled, verdicts, kept, None)
    seen = labelled.views is not None and labelled.views[kept].any()
    views = _as_drawn(labelled, verdicts, kept, labelled.views) if seen else None
    return Estimate(
        looks=reviewers.looks,
        reviewers=reviewers,
        items=share(items, reviewers),
        views=share(views, reviewers) if views else None,
        powered_items=powered(items, judged.here[kept], judged.by_items, reviewers) if judged else None,
        powered_views=powered(views, judged.here[kept], judged.by_views, reviewers)
        if judged and views and judged.by_views is not None
        else None,
        unsure=_unsure(labelled, verdicts, reviewers),
        recalled=sum(
            said[0] == "yes" for said, verdict in zip(labelled.answers, verdicts, strict=True) if verdict == 0
        ),
        has_note=labelled.note is not None,
    )


def _as_drawn(
    labelled: Labelled, verdicts: npt.NDArray[np.int64], kept: npt.NDArray[np.bool_], views: Floats | None
) -> Drawn:
    note = labelled.note
    total = None if note is None else note.views if views is not None else float(note.items)
    return Drawn(
        violating=verdicts[kept].astype(np.float64),
        chance=labelled.chance[kept],
        size=np.ones(int(kept.sum())) if views is None else views[kept],
        score=None if labelled.score is None or np.isnan(labelled.score).all() else labelled.score[kept],
        # Rows that are left out no longer stand for the whole.
        total=total if kept.all() else None,
    )


def _unsure(labelled: Labelled, verdicts: npt.NDArray[np.int64], reviewers: Reviewers) -> Unsure | None:
    n = int(np.sum(verdicts < 0))
    if not n:
        return None
    every = np.ones(len(verdicts), np.bool_)
    none, all_ = (
        share(_as_drawn(labelled, np.where(verdicts < 0, said, verdicts), every, None), reviewers).corrected.estimate
        for said in (0, 1)
    )
    return Unsure(n, none, all_)


def _looks(labelled: Labelled) -> int:
    """How many saw a first yes; raises UserError for rows that were seen by fewer or more."""
    seen = [len(answers) for answers in labelled.answers]
    looks = labelled.note.looks if labelled.note else max(seen)
    faults = RowFaults(labelled.path)
    for answers, row in zip(labelled.answers, labelled.rows, strict=True):
        if len(answers) not in (1, looks) or (answers[0] == "yes" and len(answers) != looks):
            others = looks - 1
            what = (
                f"a yes needs {others} more looks"
                if answers[0] == "yes"
                else f"looks holds neither 0 nor {others} labels"
            )
            fix = f"write the labels of {others} other reviewers into looks: yes no" if others else "empty looks"
            faults.add(what, int(row), fix)
    found = faults.faults()
    if looks % 2 == 0:
        raise UserError(
            f"a majority of {looks} looks can be a tie", where=str(labelled.path), fix="write 2 or 4 labels into looks"
        )
    if found:
        raise UserError(found)
    return looks


def _verdict(answers: tuple[str, ...], looks: int) -> int:
    """1 violating, 0 not, -1 undecided: a first no stands alone, anything else needs a majority of all looks."""
    if len(answers) == 1:
        return {"yes": 1, "no": 0, "unsure": -1}[answers[0]]
    if answers[0] == "no":
        return 0
    if answers.count("yes") > looks // 2:
        return 1
    return 0 if answers.count("no") > looks // 2 else -1


def _judged(labelled: Labelled, judge: Path | None, columns: Mapping[str, str]) -> _Judged | None:
    """The judge's labels set beside the drawn rows; raises UserError where it did not label the same population."""
    if judge is None:
        return None
    frame = read_judged(judge, columns)
    by_views = labelled.note is not None and labelled.note.by == "views"
    if by_views and frame.views is None:
        raise UserError(
            "the draw was by views, and the judge's file has none", where=str(judge), fix="add the column views"
        )
    keep = frame.views > 0 if by_views and frame.views is not None else np.ones(len(frame), np.bool_)
    place = {name: i for i, name in enumerate(frame.ids)}
    faults = RowFaults(labelled.path)
    for name, row in zip(labelled.ids, labelled.rows, strict=True):
        if name not in place:
            faults.add("the judge did not label this id", int(row), f"add it to {judge}: all items must be judged")
    found = faults.faults()
    if found:
        raise UserError(found)
    if labelled.note and int(keep.sum()) != labelled.note.items:
        raise UserError(
            f"the judge labelled {int(keep.sum()):,} items, but the draw was from {labelled.note.items:,}",
            where=str(judge),
            fix="let it label exactly the items that were drawn from",
        )
    value, views = frame.score[keep], None if frame.views is None else frame.views[keep]
    return _Judged(
        here=frame.score[[place[name] for name in labelled.ids]],
        by_items=float(value.mean()),
        by_views=float(views @ value / views.sum()) if views is not None and views.any() else None,
    )


def _views_for(frame: Frame, by: str) -> Floats | None:
    if by == "items":
        return None
    if frame.views is None:
        raise UserError("the file has no column views", where=str(frame.path), fix="--map views=COLUMN, or --by items")
    return frame.views
