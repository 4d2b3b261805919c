"""Raters: how far those of three public sets agree, and what Dawid and Skene's model adds to counting votes.

First a simulation of known truth, where the majority and Dawid–Skene get the same labels. Then toxic-spans, the set
that names its raters. Nobody knows the truth there, so prediction is judged: one rater of each comment is held out, and
what that rater said must be foretold from the others: by the item's votes (smoothed; the strength that does best is
taken), and by Dawid–Skene, which also knows who said it. Once for whole comments (was any word marked?), once for words
(was this one marked? a word is a run of letters or digits). Intervals are 95 %, of comments drawn again.

Run: python benchmarks/raters.py. Exits 1 where Dawid–Skene does not beat the majority in the simulation.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import re
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from _data import data_root
from gatehouse.datasets import davidson, told_br
from gatehouse.datasets.items import Source
from gatehouse.datasets.published import records
from gatehouse.datasets.toxic_spans import RaterSpans, read_rater_spans
from gatehouse.stats.agreement import Agreement, fleiss_kappa, krippendorff_alpha
from gatehouse.stats.intervals import Interval, bootstrap
from gatehouse.stats.raters import dawid_skene, soft_labels

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

SEED = 7
DRAWS = 500
STRENGTHS = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
WORD = re.compile(r"[^\W_]+")


class Ratings(NamedTuple):
    """One row a rating: which comment, which item of it, who, and yes or no."""

    comment: Ints
    item: Ints
    rater: Ints
    yes: Ints


def simulation(seed: int) -> Interval:
    """Accuracy that Dawid–Skene adds to the majority: 60 raters, four in ten of them good, 5 labels an item."""
    rng = np.random.default_rng(seed)
    n, raters, each = 5_000, 60, 5
    quality = np.where(rng.random(raters) < 0.4, 0.95, 0.6)
    truth = (rng.random(n) < 0.3).astype(np.int64)
    item, rater = np.repeat(np.arange(n), each), rng.integers(0, raters, n * each)
    said = np.where(rng.random(n * each) < quality[rater], truth[item], 1 - truth[item])
    majority = np.bincount(item, said, n) > each / 2
    ours = dawid_skene(item, rater, said).posterior[:, 1] > 0.5
    gained = (ours == truth).astype(float) - (majority == truth)
    print(
        f"  seed {seed}: majority right in {np.mean(majority == truth):.1%}, "
        f"Dawid–Skene in {np.mean(ours == truth):.1%}"
    )
    return bootstrap(lambda weights: weights @ gained / n, n, rng, draws=DRAWS)


def counted(source: Source, folder: Path) -> dict[str, npt.NDArray[np.int64]]:
    """Votes by item and class (no, yes) for each label of a set that counts its raters."""
    votes: dict[str, list[list[int]]] = defaultdict(list)
    for item in source.read(folder):
        found: dict[str, list[int]] = defaultdict(lambda: [0, 0])
        for claim in item.claims:
            if claim.votes:
                found[claim.label][claim.value] += claim.votes
        for label, pair in found.items():
            votes[label].append(pair)
    return {label: np.array(pairs) for label, pairs in votes.items()}


def show(name: str, votes: npt.NDArray[np.int64], comment: Ints | None = None) -> None:
    """A line of agreement."""
    rng = np.random.default_rng(SEED)
    try:
        fleiss = fleiss_kappa(votes, rng, clusters=comment, draws=DRAWS)
        alpha = krippendorff_alpha(votes, rng, clusters=comment, draws=DRAWS)
    except ValueError as why:
        print(f"  {name:28} {len(votes):8,} {votes.sum():9,}         – {why}")
        return
    yes = votes[:, 1].sum() / votes.sum()
    print(f"  {name:28} {alpha.items:8,} {alpha.ratings:9,} {yes:6.1%}  {of(fleiss)}  {of(alpha)}")


def of(found: Agreement) -> str:
    return f"{found.value.estimate:.3f} [{found.value.low:.3f}, {found.value.high:.3f}]"


def whole_comments(rated: list[RaterSpans]) -> Ratings:
    """Whether each rater marked anything in each comment."""
    comment = numbered([one.comment for one in rated])
    rater = numbered([one.rater for one in rated])
    return Ratings(comment, comment, rater, np.array([int(bool(one.spans)) for one in rated]))


def single_words(rated: list[RaterSpans], folder: Path) -> Ratings:
    """Whether each rater marked each word."""
    texts = {
        row["comment_id"]: row["comment_text"]
        for _, row in records(folder / "comments.csv", ("comment_id", "comment_text"))
    }
    comments, raters = numbered([one.comment for one in rated]), numbered([one.rater for one in rated])
    places = {name: [match.span() for match in WORD.finditer(text)] for name, text in texts.items()}
    first = np.cumsum([0, *(len(words) for words in places.values())])
    start = dict(zip(places, first[:-1].tolist(), strict=True))
    parts = []
    for i, one in enumerate(rated):
        words = places[one.comment]
        yes = [int(any(span.start < end and begin < span.end for span in one.spans)) for begin, end in words]
        item = start[one.comment] + np.arange(len(words))
        parts.append(np.stack([np.full(len(words), comments[i]), item, np.full(len(words), raters[i]), yes]))
    comment, item, rater, yes = np.concatenate(parts, axis=1).astype(np.int64)
    return Ratings(comment, numbered(item), rater, yes)


def numbered(names: object) -> Ints:
    return np.unique(np.asarray(names), return_inverse=True)[1].astype(np.int64)


def foretold(ratings: Ratings) -> None:
    """How well the held-out raters' words are foretold, in nats a rating."""
    rng = np.random.default_rng(SEED)
    pair = numbered(ratings.comment * (ratings.rater.max() + 1) + ratings.rater)
    order = rng.random(pair.max() + 1)
    best = np.full(ratings.comment.max() + 1, 2.0)
    np.minimum.at(best, ratings.comment, order[pair])
    held = order[pair] == best[ratings.comment]
    kept = ~held
    alone = np.bincount(ratings.item[kept], minlength=ratings.item.max() + 1)[ratings.item] == 0
    held &= ~alone
    item, rater = numbered(ratings.item[kept]), numbered(ratings.rater[kept])
    place = np.full(ratings.item.max() + 1, -1)
    place[ratings.item[kept]] = item
    who = np.full(ratings.rater.max() + 1, -1)
    who[ratings.rater[kept]] = rater
    started = time.perf_counter()
    found = dawid_skene(item, rater, ratings.yes[kept])
    seconds = time.perf_counter() - started
    at, by, yes = place[ratings.item[held]], who[ratings.rater[held]], ratings.yes[held]
    says_yes = np.where((by >= 0)[:, None], found.confusion[by, :, 1], found.average[:, 1])
    ours = loss(np.sum(found.posterior[at] * says_yes, axis=1), yes)
    counts = np.bincount(item), np.bincount(item, ratings.yes[kept]).astype(np.int64)
    peers = {strength: loss(soft_labels(counts[1], counts[0], strength).share[at], yes) for strength in STRENGTHS}
    strength = min(peers, key=lambda one: float(peers[one].mean()))
    gained = mean_by_comment(peers[strength] - ours, ratings.comment[held], rng)
    enough = found.ratings >= 10
    low, middle, high = np.quantile(found.confusion[enough, 1, 1], (0.1, 0.5, 0.9))
    print(
        f"    {len(item):,} ratings of {item.max() + 1:,} items by {rater.max() + 1:,} raters: {found.rounds} rounds, "
        f"{seconds:.1f} s, {'converged' if found.converged else 'NOT converged'}\n"
        f"    share of yes taken for true {found.prior[1]:.3f}; the average rater says yes to "
        f"{found.average[1, 1]:.2f} of it and to {found.average[0, 1]:.3f} of the rest\n"
        f"    raters of 10 ratings and more say yes to it in {low:.2f} (tenth), {middle:.2f} (half), "
        f"{high:.2f} (nine tenths)\n"
        f"    {held.sum():,} held out: votes {peers[strength].mean():.4f} (strength {strength:g}), Dawid–Skene "
        f"{ours.mean():.4f}, gained {gained.estimate:+.4f} [{gained.low:+.4f}, {gained.high:+.4f}]"
    )


def loss(chance: Floats, yes: Ints) -> Floats:
    """Log loss of each rating."""
    return -np.log(np.where(yes == 1, chance, 1 - chance))


def mean_by_comment(values: Floats, comment: Ints, rng: np.random.Generator) -> Interval:
    """Mean of values, comments drawn again."""
    member = numbered(comment)
    sums, sizes = np.bincount(member, values), np.bincount(member).astype(np.float64)
    return bootstrap(lambda weights: (weights @ sums) / (weights @ sizes), len(sums), rng, draws=DRAWS)


def main() -> int:
    print("simulation, 60 raters of unlike quality, 5,000 items of 5 labels: accuracy against the majority")
    gains = [simulation(seed) for seed in (1, 2, 3)]
    for gain in gains:
        print(f"  gained {gain.estimate:+.1%} [{gain.low:+.1%}, {gain.high:+.1%}]")
    root = data_root()
    print(
        f"agreement\n  {'set and label':28} {'items':>8} {'ratings':>9} {'yes':>6}  "
        f"{'Fleiss kappa':21}  Krippendorff alpha"
    )
    for source in (davidson.SOURCE, told_br.SOURCE):
        for label, votes in counted(source, root / source.name).items():
            show(f"{source.name}, {label}", votes)
    rated = list(read_rater_spans(root / "toxic-spans"))
    for name, ratings in (
        ("toxic-spans, any word marked", whole_comments(rated)),
        ("toxic-spans, words", single_words(rated, root / "toxic-spans")),
    ):
        yes = np.bincount(ratings.item, ratings.yes)
        comment = np.zeros(len(yes), np.int64)
        comment[ratings.item] = ratings.comment
        show(name, np.stack([np.bincount(ratings.item) - yes, yes], axis=1).astype(np.int64), comment)
        foretold(ratings)
    return 0 if min(gain.low for gain in gains) > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
