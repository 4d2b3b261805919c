"""What disguises do is counted on texts that they change, the worst family first."""

import numpy as np

from gatehouse.evaluation.attacks import FAMILIES
from gatehouse.evaluation.robustness import Disguised, disguise, figures
from gatehouse.stats.intervals import clopper_pearson


def made(name: str, n: int, changed: int) -> Disguised:
    family = next(one for one in FAMILIES if one.name == name)
    return Disguised(family, ("",) * n, np.arange(n) % n < changed)


def sample() -> tuple[np.ndarray, np.ndarray]:
    """100 positives, 80 of them flagged, then 100 benign texts, 5 of them flagged."""
    positive = np.arange(200) < 100
    before = np.r_[np.arange(100) < 80, np.arange(100) < 5]
    return positive, before


def test_the_share_still_flagged_stands_with_n_and_exact_interval() -> None:
    positive, before = sample()
    after = before.copy()
    after[:20] = False
    after[-19:] = True
    report = figures(positive, before, [made("leet", 200, 200)], [after])
    (one,) = report.families
    assert (one.found, one.still, one.quiet, one.raised) == (80, 60, 95, 19)
    low, high = clopper_pearson(60, 80)
    assert one.kept is not None
    assert (one.kept.value, one.kept.low, one.kept.high) == (0.75, low, high)
    assert one.added is not None
    assert one.added.value == 0.2
    assert (report.positives, report.benign) == (80, 95)


def test_the_worst_family_is_first_the_minimum_and_those_too_small_are_not_ranked() -> None:
    positive, before = sample()
    worse = before.copy()
    worse[:40] = False
    none, few = made("homoglyphs", 200, 0), made("split words", 200, 30)
    ways = [none, few, made("leet", 200, 200), made("benign padding", 200, 200)]
    report = figures(positive, before, ways, [before, ~before, before, worse])
    assert [one.family for one in report.families][:2] == ["benign padding", "leet"]
    assert report.minimum is not None
    assert report.minimum.family == "benign padding"
    said = {one.family: one.small for one in report.families}
    assert said["homoglyphs"] == "changes no text that was flagged"
    assert said["split words"] == "changes only 30 texts that were flagged, 50 are needed"
    assert report.in_words == (
        "80 positives that are flagged as written and 95 benign texts that are not, under 4 families. The minimum: "
        "benign padding, under which .500 [.386, .614] are still flagged. No flagged text is changed by: homoglyphs."
    )


def test_every_family_meets_every_text_and_says_which_it_changed() -> None:
    made = disguise(["plain words here", "12 34"])
    assert len(made) == len(FAMILIES)
    for one in made:
        assert one.changed.tolist() == [one.texts[0] != "plain words here", one.texts[1] != "12 34"]
    leet = next(one for one in made if one.family.name == "leet")
    assert leet.changed.tolist() == [True, False]
