"""Fairness: planted bias is found, fair treatment is not blamed, and swaps of one text count as one."""

import numpy as np

from gatehouse.evaluation.fairness import counterfactuals, groups
from gatehouse.evaluation.identity_terms import Swap
from gatehouse.stats.resample import Rows


def drawn(raised: float, n: int = 3_000) -> tuple[Rows, dict[str, np.ndarray]]:
    """Scores that are `raised` for negatives that mention the group."""
    rng = np.random.default_rng(2)
    truth = (rng.random(n) < 0.3).astype(float)
    group, few = rng.random(n) < 0.3, np.arange(n) < 60
    logit = rng.normal(size=n) + 3 * truth - 2 + raised * group * (1 - truth)
    return Rows.of(truth, 1 / (1 + np.exp(-logit))), {"group": group, "few": few, "none": np.zeros(n, bool)}


def test_mentions_that_are_flagged_wrongly_show_in_bpsn_alone() -> None:
    rows, masks = drawn(raised=1.5)
    found = groups(rows, masks, np.random.default_rng(1), 200)
    group, few = found.groups
    fair = groups(*drawn(raised=0.0), np.random.default_rng(1), 200).groups[0]
    assert group.bpsn.high < fair.bpsn.low
    assert abs(group.bnsp.value - fair.bnsp.value) < 0.02
    assert few.small.startswith("only ")
    assert few.bpsn is None
    assert found.bpsn_mean == group.bpsn.value


def test_swaps_are_counted_by_kind_with_texts_drawn_whole() -> None:
    swaps = [
        Swap(place, "religion", "muslims", now, "") for place in range(100) for now in ("jews", "hindus", "christians")
    ]
    swaps += [Swap(place, "age", "old", "young", "") for place in range(10)]
    before = np.full(len(swaps), 0.45)
    after = before.copy()
    after[:60] = 0.7  # all three swaps of the first twenty texts
    religion, age = counterfactuals(swaps, before, after, 0.5, np.random.default_rng(1), 400)
    assert (religion.kind, religion.texts, religion.swaps) == ("religion", 100, 300)
    assert religion.flip_rate.value == 0.2
    assert np.isclose(religion.mean_gap.value, 0.05)
    # By text: .2 of 100. By swap it would be .2 of 300, and much narrower.
    assert 0.12 < religion.flip_rate.low < 0.14
    assert age.small == "only 10 texts hold a term that can be swapped, 50 are needed"


def test_texts_without_a_score_are_left_out() -> None:
    swaps = [Swap(place, "age", "old", "young", "") for place in range(80)]
    after = np.where(np.arange(80) < 20, np.nan, 0.1)
    (age,) = counterfactuals(swaps, np.full(80, 0.1), after, 0.5, np.random.default_rng(1), 50)
    assert age.swaps == 60
    assert age.flip_rate.value == 0.0
