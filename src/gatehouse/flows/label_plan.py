"""Which texts to label next: those a detector is unsure of, not all of one kind, and some whatever they are.

A plan is a draw with known chances, so that what is labelled can also say how much violates. Near-duplicates are one
unit: a unit of m copies is drawn or not, each on its own (Poisson sampling), and one of its copies is then drawn
evenly, so that each copy has a chance of the unit's over m. A share of the labels, the exploration, goes to units by
their number of copies alone: no text has chance 0. The rest goes by size: how unsure the detector is of the unit,
times the power of its cluster's total that gives each cluster as many labels as the root of that total (Bankier 1988).
"""

import csv
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from scipy import sparse, special

from gatehouse.errors import UserError
from gatehouse.flows.judge import Judge
from gatehouse.flows.labels_file import Texts
from gatehouse.flows.packs import Pack
from gatehouse.flows.releases import Shelf, open_judge
from gatehouse.policies.explain import LIKELY, score_in_words
from gatehouse.records.dataset import Release
from gatehouse.records.event import Event, to_batch
from gatehouse.records.policy import Example, Policy
from gatehouse.stats.draws import chances, drawn, uniforms

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

EXPLORATION = 0.2
MOST = 50_000
"""Of more texts so many are drawn simply first; what a text's chance is counts that too."""

EXPLORED = "exploration: drawn whatever it says"

COLUMNS = ("id", "text", "chance", "why", "copies", "cluster")
"""Columns of a plan's file."""

_BUCKETS = 2**14
_ROUNDS = 6
_LEAST = 1e-6
_BLOCK = 4_096


@dataclass(frozen=True, eq=False)
class Interest:
    """How much each of n texts is wanted, 0 to 1 (NaN where nothing is known), and a sentence on why."""

    by: str
    size: Floats
    why: Sequence[str]


Interested = Callable[[pa.Array], Interest]


@dataclass(frozen=True)
class Planned:
    """One text to label; `copies` near-duplicates are in its unit, itself included."""

    id: str
    text: str
    chance: float
    why: str
    copies: int
    cluster: int


@dataclass(frozen=True)
class Plan:
    """What to label, of n texts in so many units; `expected` is the number of labels that the chances add up to."""

    by: str
    rows: tuple[Planned, ...]
    n: int
    units: int
    clusters: int
    expected: float
    explored: int


def plan(
    texts: Texts,
    interest: Interested,
    n: int,
    *,
    seed: int = 7,
    explore: float = EXPLORATION,
    known: Collection[str] = (),
) -> Plan:
    """Draw about n texts; the same texts and seed give the same plan. `known` are ids that are labelled already.

    Rows stand in an order that says nothing of why they were chosen: the first k of K are a simple draw of them.
    Where there are more than MOST texts the chances are those of both draws, the second given the first (the
    π*-estimator of Särndal, Swensson and Wretman 1992, chapter 9). Raises UserError for fewer than n different texts.
    """
    every = [id_ for id_ in texts.text if id_ not in known]
    first = min(1.0, MOST / max(len(every), 1))
    thinned = drawn(np.full(len(every), first), _uniforms("thin", every, seed)) if first < 1 else None
    ids = every if thinned is None else [id_ for id_, taken in zip(every, thinned, strict=True) if taken]
    said = pa.array([texts.text[id_] for id_ in ids], pa.string())
    heads, unit = np.unique(_units(said), return_inverse=True)
    copies = np.bincount(unit, minlength=len(heads)).astype(np.float64)
    if not 0 < n <= len(heads):
        what = f"{n:,} cannot be chosen of {len(heads):,} texts that differ"
        raise UserError(what, where=str(texts.path), fix="choose another --n, or label them all")
    shown = said.take(pa.array(heads))
    wanted, cluster = interest(shown), _clusters(shown, seed)
    chance = chances(_sizes(wanted.size, cluster), n, explore, copies)
    exploring = np.minimum(chance, chances(copies, explore * n, 1.0, copies))
    uniform = _uniforms("unit", [ids[head] for head in heads], seed)
    member = _members(unit, _uniforms("copy", ids, seed))
    chosen = np.flatnonzero(drawn(chance, uniform))
    rows = [
        Planned(
            id=ids[member[one]],
            text=texts.text[ids[member[one]]],
            chance=float(first * chance[one] / copies[one]),
            why=EXPLORED if uniform[one] < exploring[one] else wanted.why[one],
            copies=int(copies[one]),
            cluster=int(cluster[one]),
        )
        for one in chosen[np.argsort(_uniforms("order", [ids[heads[one]] for one in chosen], seed), kind="stable")]
    ]
    explored = sum(row.why == EXPLORED for row in rows)
    return Plan(wanted.by, tuple(rows), len(every), len(heads), int(cluster.max()) + 1, float(chance.sum()), explored)


def _uniforms(what: str, ids: Sequence[str], seed: int) -> Floats:
    """A number for each id that has nothing to do with the one for another use of the same seed."""
    return uniforms([f"{what}:{id_}" for id_ in ids], seed)


def near_points(texts: pa.Array, release: Release, judge: Judge, state: str) -> Interest:
    """Wanted is what a release is unsure of: texts whose score is near a threshold by which a step acts or asks.

    1 at a threshold, falling with the distance in log-odds; NaN where no detector scored.
    """
    size = np.full(len(texts), np.nan)
    why = ["not scored: nothing is known of it"] * len(texts)
    for start in range(0, len(texts), _BLOCK):
        block = texts.slice(start, _BLOCK)
        said = judge(to_batch([Event(id=str(i), text=text) for i, text in enumerate(block.to_pylist())]))
        blocks = {signals.detector: signals for signals in said.signals}
        for point in release.points:
            threshold = LIKELY if point.threshold is None else point.threshold
            scores = blocks[point.detector].scores(point.label)
            near = _near(scores, threshold)
            for i in np.flatnonzero(near > np.nan_to_num(size[start : start + _BLOCK], nan=-1.0)):
                size[start + i] = near[i]
                asked = f"{point.step} from {score_in_words(threshold)}"
                why[start + i] = f"{point.label} {score_in_words(float(scores[i]))}, {asked}"
    return Interest(f"scores of the {state} release {release.version} near its points", size, why)


def like_words(texts: pa.Array, policy: Policy, examples: Sequence[Example]) -> Interest:
    """Wanted is what resembles a violating example or a clause: the highest cosine over n-grams, rare ones more."""
    positive = [(f"example {example.id}", example.text) for example in examples if example.labels]
    clauses = [(f"clause {clause.id}", f"{clause.title}. {clause.text}") for clause in policy.clauses]
    names = [name for name, _ in (*positive, *clauses)]
    counts = _counts(texts)
    rare = np.log1p(len(texts) / (1 + np.asarray((counts > 0).sum(axis=0)).ravel()))
    models = _unit_length(_counts(pa.array([text for _, text in (*positive, *clauses)])).multiply(rare).tocsr())
    size, nearest = np.zeros(len(texts)), np.zeros(len(texts), np.int64)
    for start in range(0, len(texts), _BLOCK):
        alike = (_unit_length(counts[start : start + _BLOCK].multiply(rare).tocsr()) @ models.T).toarray()
        nearest[start : start + _BLOCK] = alike.argmax(axis=1)
        size[start : start + _BLOCK] = alike.max(axis=1)
    why = [f"words: {score_in_words(float(one))} alike to {names[at]}" for one, at in zip(size, nearest, strict=True)]
    return Interest("words of the policy and its examples, for there is no release yet", size, why)


def interested(pack: Pack, shelf: Shelf) -> Interested:
    """By the scores of the pack's live release, else of its newest, else by the words of its policy and examples."""
    release, state = shelf.registry.live(pack.name), "live"
    if release is None:
        newest = next(iter(shelf.registry.releases(pack.name)), None)
        if newest is None:
            return partial(like_words, policy=pack.policy, examples=pack.examples)
        release, state = newest[0], newest[1].state
    return partial(near_points, release=release, judge=open_judge(shelf, [release]), state=state)


def write(made: Plan, out: Path) -> None:
    """The plan as CSV; raises UserError where the file is there already."""
    if out.suffix.lower() != ".csv":
        raise UserError("a plan is written as CSV", where=str(out), fix="end --out in .csv")
    if out.exists():
        raise UserError("this file is there already, perhaps with labels in it", where=str(out), fix="choose another")
    out.parent.mkdir(parents=True, exist_ok=True)
    part = out.with_name(f"{out.name}.part")
    with part.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerows((row.id, row.text, repr(row.chance), row.why, row.copies, row.cluster) for row in made.rows)
    part.replace(out)


def _near(scores: Floats, threshold: float) -> Floats:
    away = special.logit(np.clip(scores, _LEAST, 1 - _LEAST)) - special.logit(np.clip(threshold, _LEAST, 1 - _LEAST))
    near: Floats = 4 * special.expit(away) * special.expit(-away)
    return near


def _sizes(wanted: Floats, cluster: Ints) -> Floats:
    """What chances go by: how much a unit is wanted, over the root of what its cluster is wanted in all."""
    known = ~np.isnan(wanted)
    # Of a unit that nothing is known of, as much is expected as of the others.
    own = np.where(known, wanted, wanted[known].mean() if known.any() else 1.0)
    total = np.bincount(cluster, own)[cluster]
    return np.divide(own, np.sqrt(total), out=np.zeros(len(own)), where=total > 0)


def _units(texts: pa.Array) -> Ints:
    """For each text the place of the text that its unit begins with."""
    from gatehouse.datasets.near_duplicates import crossing

    head = np.arange(len(texts))
    for later, earlier in crossing(texts, head):
        head[later] = head[earlier]
    return head


def _members(unit: Ints, uniform: Floats) -> Ints:
    """One text of each unit, all of a unit equally likely."""
    order = np.lexsort((uniform, unit))
    _, first = np.unique(unit[order], return_index=True)
    return order[first]


def _clusters(texts: pa.Array, seed: int) -> Ints:
    """A cluster for each text: spherical k-means over hashed n-grams, k the root of half their number, at most 50."""
    vectors = _unit_length(_counts(texts))
    k = int(np.clip(np.sqrt(len(texts) / 2), 1, 50))
    rng = np.random.default_rng(seed)
    centres = vectors[rng.choice(len(texts), k, replace=False)].toarray()
    cluster = np.zeros(len(texts), np.int64)
    for _ in range(_ROUNDS):
        cluster = np.concatenate(
            [(vectors[at : at + _BLOCK] @ centres.T).argmax(axis=1) for at in range(0, len(texts), _BLOCK)]
        )
        for one in range(k):
            members = vectors[cluster == one]
            if members.shape[0]:
                centre = np.asarray(members.sum(axis=0)).ravel()
                centres[one] = centre / max(float(np.linalg.norm(centre)), _LEAST)
    return np.unique(cluster, return_inverse=True)[1].astype(np.int64)


def _counts(texts: pa.Array) -> sparse.csr_matrix:
    from gatehouse.text.ngrams import matrix
    from gatehouse.text.normalise import normalise

    return matrix(normalise(texts), _BUCKETS)


def _unit_length(counts: sparse.csr_matrix) -> sparse.csr_matrix:
    norm = np.sqrt(np.asarray(counts.multiply(counts).sum(axis=1)).ravel())
    return sparse.csr_matrix(sparse.diags(1 / np.maximum(norm, _LEAST)) @ counts)
