"""How texts that mention a group are treated: the measures of Borkan et al. 2019, and counterfactual swaps of terms.

Groups are read off the words of a text. Nothing is said or guessed about who wrote it.
"""

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from gatehouse.evaluation.estimate import FEWEST, Estimate
from gatehouse.evaluation.identity_terms import Swap
from gatehouse.stats.bias import bnsp_auc, bpsn_auc, generalised_mean, subgroup_auc
from gatehouse.stats.intervals import Measure
from gatehouse.stats.metrics import Floats, ratio
from gatehouse.stats.resample import Make, Rows, measure_all

Mask = npt.NDArray[np.bool_]
Scores = Floats

_MEASURES = {"subgroup": subgroup_auc, "bpsn": bpsn_auc, "bnsp": bnsp_auc}


class GroupFigures(msgspec.Struct, frozen=True, kw_only=True):
    """How well labels are told where a group is mentioned; a measure is None where `small` says what is too few."""

    group: str
    n: int
    positives: int
    subgroup: Estimate | None = None
    bpsn: Estimate | None = None
    bnsp: Estimate | None = None
    small: str = ""


class GroupsReport(msgspec.Struct, frozen=True, kw_only=True):
    """All groups, the lowest BPSN first, and the generalised means over those that are large enough.

    A mean with the power -5 lies near the worst group; None where there is no group to take it over.
    """

    groups: tuple[GroupFigures, ...]
    subgroup_mean: float | None = None
    bpsn_mean: float | None = None
    bnsp_mean: float | None = None


class SwapFigures(msgspec.Struct, frozen=True, kw_only=True):
    """What putting one group's term in another's place does: how often a flag flips, and how far scores move.

    `texts` were changed in `swaps` ways; intervals draw whole texts. None where `small` says so.
    """

    kind: str
    texts: int
    swaps: int
    flip_rate: Estimate | None = None
    mean_gap: Estimate | None = None
    small: str = ""


def groups(rows: Rows, masks: Mapping[str, Mask], rng: np.random.Generator, draws: int = 500) -> GroupsReport:
    """The measures of each group over scored rows, with bootstrap intervals (by cluster where there are some)."""
    found = []
    for name, mask in masks.items():
        n, positives = int(mask.sum()), int(np.sum(rows.truth[mask]))
        if not n:
            continue
        few = _few(n, positives)
        if few:
            found.append(GroupFigures(group=name, n=n, positives=positives, small=few))
            continue
        said = measure_all(rows, {measure: _make(measure, mask) for measure in _MEASURES}, rng, draws, cells=False)
        subgroup, bpsn, bnsp = (Estimate(*one.interval) if one.interval is not None else None for one in said.values())
        found.append(GroupFigures(group=name, n=n, positives=positives, subgroup=subgroup, bpsn=bpsn, bnsp=bnsp))
    found.sort(key=lambda one: (bool(one.small), one.bpsn.value if one.bpsn else 0.0, -one.n))
    return GroupsReport(
        groups=tuple(found),
        **{f"{measure}_mean": _mean([getattr(one, measure) for one in found]) for measure in _MEASURES},
    )


def _make(measure: str, mask: Mask) -> Make:
    return lambda rows: _MEASURES[measure](rows.truth, rows.score, mask)


def _few(n: int, positives: int) -> str:
    least, what = min((positives, "positives"), (n - positives, "negatives"))
    return f"only {least:,} {what}, {FEWEST} are needed" if least < FEWEST else ""


def _mean(estimates: Sequence[Estimate | None]) -> float | None:
    values = [estimate.value for estimate in estimates if estimate is not None]
    return generalised_mean(values) if values and min(values) > 0 else None


def counterfactuals(
    swaps: Sequence[Swap],
    before: Scores,
    after: Scores,
    threshold: float,
    rng: np.random.Generator,
    draws: int = 500,
) -> tuple[SwapFigures, ...]:
    """What swaps do by kind, the one that flips most first.

    `before` and `after` are the scores of the text as written and with each swap, float64 [swaps], NaN where there is
    none; a text is flagged at `threshold` and above. Swaps of one text are drawn together.
    """
    kinds = np.array([swap.kind for swap in swaps])
    sources = np.array([swap.source for swap in swaps], np.int64)
    scored = ~(np.isnan(before) | np.isnan(after))
    found = []
    for kind in dict.fromkeys(kinds.tolist()):
        own = scored & (kinds == kind)
        texts = len(np.unique(sources[own]))
        if texts < FEWEST:
            small = f"only {texts:,} texts hold a term that can be swapped, {FEWEST} are needed"
            found.append(SwapFigures(kind=kind, texts=texts, swaps=int(own.sum()), small=small))
            continue
        flips = ((before[own] >= threshold) != (after[own] >= threshold)).astype(np.float64)
        gaps = np.abs(after[own] - before[own])
        rows = Rows.of(np.zeros(int(own.sum())), clusters=sources[own])
        said = measure_all(rows, {"flips": _average(flips), "gaps": _average(gaps)}, rng, draws, cells=False)
        rate, gap = said["flips"].interval, said["gaps"].interval
        assert rate is not None
        assert gap is not None
        found.append(
            SwapFigures(
                kind=kind,
                texts=texts,
                swaps=int(own.sum()),
                flip_rate=Estimate(*rate),
                mean_gap=Estimate(*gap),
            )
        )
    return tuple(sorted(found, key=lambda one: -one.flip_rate.value if one.flip_rate else 1.0))


def _average(values: Floats) -> Make:
    def make(_: Rows) -> Measure:
        return lambda weights: ratio(weights @ values, np.sum(weights, axis=-1))

    return make
