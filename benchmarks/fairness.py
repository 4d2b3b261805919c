"""Fairness: how the packs `toxicity` and `hate` treat texts that name a group.

On bias-templates (Dixon et al. 2018): the same sentences said of fifty groups. There are six templates, so whatever the
number of texts, these are six sentences: six clusters give no interval worth printing, and none is printed. What is
printed by template are counts, and how far groups are apart within it: shares flagged at the point from which on the
policy wants a text seen, and how often the flag of a sentence depends on which group it names.

On each pack's own test rows: mentions of groups (Borkan et al. 2019) and identity swaps, with 95 % intervals; for these
the rows are a sample.

Run: python benchmarks/fairness.py. Nothing is promised, so it ends with 0.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import re
from collections import defaultdict
from pathlib import Path

import numpy as np
import numpy.typing as npt

from _data import data_root
from _subject import trained
from gatehouse.datasets.bias_templates import TemplateText, read_templates
from gatehouse.evaluation.estimate import FEWEST
from gatehouse.flows.assess import assess
from gatehouse.flows.robustness import review_threshold
from gatehouse.flows.subject import Subject, learnt_signals
from gatehouse.records.event import Event, to_batch

Floats = npt.NDArray[np.float64]
PACKS = ("toxicity", "hate")
DRAWS = 500
SEED = 7
AT_ONCE = 20_000


def scores(subject: Subject, label: str, texts: list[str]) -> Floats:
    parts = []
    for start in range(0, len(texts), AT_ONCE):
        # The language is known: without it short sentences may be taken for another one.
        events = [Event(id=str(i), text=text, language="en") for i, text in enumerate(texts[start : start + AT_ONCE])]
        parts.append(learnt_signals(subject, subject.judge(to_batch(events))).scores(label))
    return np.concatenate(parts)


def once(rows: list[TemplateText]) -> list[TemplateText]:
    """Each text once: most stand in both files."""
    return list({(row.text.lower(), row.template): row for row in rows}.values())


def by_template(rows: list[TemplateText], score: Floats, threshold: float) -> None:
    flag = score >= threshold
    toxic = np.array([row.toxic for row in rows])
    print(
        f"  {'template':14}{'texts':>8}{'not toxic flagged':>19}{'toxic flagged':>15}{'fillings':>10}"
        f"{'flag depends on the group':>27}{'widest gap of scores':>22}"
    )
    for template in dict.fromkeys(row.template for row in rows):
        own = np.array([row.template == template for row in rows])
        fillings, torn, widest = swaps(rows, own, flag, score)
        depends = f"{torn / fillings:.3f}" if fillings else "names no group"
        print(
            f"  {template:14}{own.sum():8,}{share(flag, own & ~toxic):>19}{share(flag, own & toxic):>15}{fillings:10,}"
            f"{depends:>27}{widest:22.3f}"
        )
    pooled = {True: share(flag, toxic), False: share(flag, ~toxic)}
    print(
        f"  all, of six sentences: {pooled[False]} of the not toxic and {pooled[True]} of the toxic texts are flagged"
    )


def swaps(
    rows: list[TemplateText], own: npt.NDArray[np.bool_], flag: npt.NDArray[np.bool_], score: Floats
) -> tuple[int, int, float]:
    """Sentences with the group left open, in how many the flag depends on the group, and the widest gap of scores."""
    same: dict[tuple[str, bool], list[int]] = defaultdict(list)
    for place in np.flatnonzero(own):
        row = rows[place]
        if row.identity is not None:
            rest = re.sub(rf"\b{re.escape(row.identity)}\b", "_", row.text, flags=re.IGNORECASE).lower()
            same[rest, row.toxic].append(place)
    many = [places for places in same.values() if len(places) > 1]
    torn = sum(flag[places].any() and not flag[places].all() for places in many)
    return len(many), torn, max((float(np.ptp(score[places])) for places in many), default=0.0)


def by_group(rows: list[TemplateText], score: Floats, threshold: float, most: int = 5) -> None:
    flag = score >= threshold
    found = []
    for identity in sorted({row.identity.lower() for row in rows if row.identity}):
        own = np.array([(row.identity or "").lower() == identity and not row.toxic for row in rows])
        if own.sum() >= FEWEST:
            found.append((float(flag[own].mean()), identity, int(own.sum())))
    found.sort(reverse=True)
    print(f"  not toxic, flagged most: {'; '.join(f'{who} {rate:.3f} of {n:,}' for rate, who, n in found[:most])}")
    print(f"  not toxic, flagged least: {'; '.join(f'{who} {rate:.3f} of {n:,}' for rate, who, n in found[-most:])}")


def share(flag: npt.NDArray[np.bool_], among: npt.NDArray[np.bool_]) -> str:
    return f"{flag[among].mean():.3f}" if among.any() else "none there"


def own_rows(subject: Subject) -> None:
    closer = assess(subject, DRAWS, SEED).closer
    if closer is None:
        print("  own test rows: too few for figures")
        return
    told = [group for group in closer.groups.groups if not group.small]
    for group in told:
        print(
            f"  own test rows, mentions of {group.group}: n {group.n:,}, {group.positives:,} positives, subgroup "
            f"{group.subgroup}, BPSN {group.bpsn}, BNSP {group.bnsp}"
        )
    few = len(closer.groups.groups) - len(told)
    print(f"  own test rows: {few} groups are mentioned by fewer than {FEWEST} positives or negatives")
    for swap in closer.swaps:
        what = swap.small or f"flip rate {swap.flip_rate}, mean gap {swap.mean_gap}"
        print(f"  own test rows, swaps of {swap.kind}: {swap.texts:,} texts, {swap.swaps:,} swaps, {what}")


def show(pack: str, root: Path, rows: list[TemplateText]) -> None:
    with trained(pack, root) as subject:
        label, threshold = review_threshold(subject)
        print(f"\n{pack}, {label} from {threshold:.3f} on")
        score = scores(subject, label, [row.text for row in rows])
        by_template(rows, score, threshold)
        print("  no interval: the texts are six templates, and six clusters say almost nothing")
        by_group(rows, score, threshold)
        own_rows(subject)


def main() -> None:
    root = data_root()
    both = list(read_templates(root / "bias-templates"))
    rows = once(both)
    print(f"bias-templates: {len(both):,} texts in both files, {len(rows):,} of them different, 6 templates")
    for pack in PACKS:
        show(pack, root, rows)


if __name__ == "__main__":
    main()
