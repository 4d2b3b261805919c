"""Slices: the worst first, small ones marked and never ranked, gaps with intervals that cover."""

import numpy as np
import pyarrow as pa
import pytest

from gatehouse.evaluation.identity_terms import GROUPS, mentions, swaps
from gatehouse.evaluation.slices import Slice, figures, of_column, of_features, of_texts
from gatehouse.features.define import FeatureSet
from gatehouse.features.profile import ProfileColumn
from gatehouse.stats.resample import Rows

N = 2_000


def planted(seed: int = 1, clusters: bool = False) -> tuple[Rows, Slice, Slice]:
    """Rows whose slice `unfair` has 10 points more false positives than the rest, and one that is like the rest."""
    rng = np.random.default_rng(seed)
    truth = (rng.random(N) < 0.3).astype(float)
    unfair, alike = rng.random(N) < 0.4, rng.random(N) < 0.4
    chance = np.where(truth == 1, 0.8, np.where(unfair, 0.15, 0.05))
    answer = (rng.random(N) < chance).astype(float)
    members = np.arange(N) // 4 if clusters else None
    return Rows.of(truth, answer=answer, clusters=members), Slice("x", "unfair", unfair), Slice("x", "alike", alike)


@pytest.mark.parametrize("clusters", [False, True])
def test_the_slice_that_is_worse_off_comes_first_with_its_gap(clusters: bool) -> None:
    rows, unfair, alike = planted(clusters=clusters)
    first, second = figures([alike, unfair], rows, np.random.default_rng(1))
    assert (first.value, second.value) == ("unfair", "alike")
    assert first.false_positive_gap.low > 0.03
    assert first.false_positive_gap.low < 0.1 < first.false_positive_gap.high
    assert second.false_positive_gap.low < 0 < second.false_positive_gap.high


def test_rates_of_clustered_rows_have_wider_intervals() -> None:
    rows, unfair, _ = planted()
    copies = {name: np.repeat(getattr(rows, name), 5) for name in ("truth", "answer")}
    whole = Slice("x", "unfair", np.repeat(unfair.mask, 5))
    (alone,) = figures([whole], Rows.of(**copies), np.random.default_rng(1))
    (together,) = figures([whole], Rows.of(**copies, clusters=np.repeat(np.arange(N), 5)), np.random.default_rng(1))
    for name in ("false_positive_rate", "recall"):
        narrow, wide = getattr(alone, name), getattr(together, name)
        assert narrow.value == wide.value
        assert wide.high - wide.low > 2 * (narrow.high - narrow.low)


def test_the_interval_of_a_gap_covers_the_planted_one_as_often_as_it_says() -> None:
    covered = 0
    for seed in range(200):
        rows, unfair, _ = planted(seed)
        (found,) = figures([unfair], rows, np.random.default_rng(seed))
        covered += found.false_positive_gap.low <= 0.1 <= found.false_positive_gap.high
    assert covered >= 183  # 95 % of 200, less three standard deviations


def test_small_slices_are_marked_and_stand_last_whatever_their_rates() -> None:
    rows, unfair, _ = planted()
    few = np.zeros(N, bool)
    few[np.flatnonzero((rows.truth == 0) & (rows.answer == 1))[:40]] = True
    first, last = figures([Slice("x", "few", few), unfair], rows, np.random.default_rng(1))
    assert first.value == "unfair"
    assert last.small == "only 40 negatives and 0 positives to compare, 50 are needed"
    assert last.false_positive_rate is None
    assert last.n == 40


def test_built_in_slices_are_of_the_text_its_language_and_its_time() -> None:
    texts = pa.array(["short", "a gay man wrote " + "x " * 80, "fr33 m0n3y n0w 4 y0u", None])
    found = list(of_texts(texts, pa.array(["en", "en", "pt", None]), pa.array([0, 10**15, 10**15, None], pa.int64())))
    held = {(one.name, one.value): one.mask.tolist() for one in found}
    assert held["language", "pt"] == [False, False, True, False]
    assert held["length", "under 50 characters"] == [True, False, True, True]
    assert held["mentions", "gay people"] == [False, True, False, False]
    assert held["mentions", "men"] == [False, True, False, False]
    assert held["obfuscation", "changed by undoing it"][2]
    assert held["quarter", "1970 Q1"] == [True, False, False, False]


def test_a_column_of_one_value_is_no_slice() -> None:
    assert not list(of_column("lang", pa.array(["en", "en"])))


def test_a_mention_is_a_word_and_not_a_part_of_one() -> None:
    men = next(group for group in GROUPS if group.name == "men")
    texts = pa.array(["all men, here", "mention", "women", "MEN".lower(), None])
    assert mentions(texts, men).tolist() == [True, False, False, True, False]


def test_swaps_change_one_term_and_nothing_else() -> None:
    made = swaps(["Muslims are welcome here.", "no term", "gay or gay", None])
    assert {swap.now for swap in made} == {"jews", "christians", "catholics", "buddhists", "hindus"}
    assert all(swap.source == 0 and swap.text.endswith(" are welcome here.") for swap in made)
    assert all(swap.text[0].isupper() for swap in made)
    assert len(swaps(["a young one"] * 10, most=3)) == 3


def test_actors_are_cut_between_the_quartiles_of_a_number_and_by_what_is_none() -> None:
    declared = FeatureSet(
        profile=(
            ProfileColumn("followers", "BIGINT"),
            ProfileColumn("share", "DOUBLE"),
            ProfileColumn("verified", "BOOLEAN"),
        )
    )
    rows = pa.RecordBatch.from_pydict(
        {
            "followers": pa.array([0, 0, 1, 2, 3, 4, 50, None], pa.int64()),
            "share": pa.array([0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7]),
            "verified": pa.array([True, False, None, True, True, True, True, True]),
        }
    )
    cut = {(one.name, one.value): int(one.mask.sum()) for one in of_features(rows, list(rows.schema.names), declared)}
    assert cut["followers", "not known"] == 1
    assert cut["followers", "under 1"] == 2
    assert cut["followers", "1"] == 1
    assert cut["followers", "2 to 3"] == 2
    assert cut["followers", "4 or more"] == 2
    assert cut["share", "under 0.2"] == 2
    assert cut["share", "0.2 to under 0.4"] == 2
    assert cut["verified", "true"] == 6
    assert cut["verified", "(none)"] == 1
    for name in ("followers", "share", "verified"):
        assert sum(n for (of, _), n in cut.items() if of == name) == 8, "every row is in one slice of a column"
