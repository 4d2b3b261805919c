"""The fixed split: one fifth to test by the first byte of SHA-256, the rest by the second."""

import hashlib
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from gatehouse.datasets.split import part_of

KEYS = [f"key {i}" for i in range(20_000)]


@settings(deadline=None, max_examples=300)
@given(st.text())
def test_the_rule_is_the_one_that_is_published(key):
    first, second = hashlib.sha256(key.encode()).digest()[:2]
    if first < 51:
        assert part_of(key) == "test"
    else:
        assert part_of(key) == ("calibration" if second < 26 else "points" if second < 77 else "train")


def test_the_shares_are_about_a_fifth_a_tenth_and_a_fifth():
    shares = {part: count / len(KEYS) for part, count in Counter(map(part_of, KEYS)).items()}
    assert abs(shares["test"] - 0.20) < 0.01
    assert abs(shares["calibration"] - 0.08) < 0.01
    assert abs(shares["points"] - 0.16) < 0.01


def test_official_parts_stay_and_train_gives_up_only_what_is_missing():
    for key in KEYS[:500]:
        second = hashlib.sha256(key.encode()).digest()[1]
        assert part_of(key, "test") == "test"
        assert part_of(key, "points") == "points"
        assert part_of(key, "train") == ("calibration" if second < 26 else "train")
        assert part_of(key, "train", {"train", "test"}) == (
            "calibration" if second < 26 else "points" if second < 77 else "train"
        )
        assert part_of(key, "train", {"train", "calibration", "points", "test"}) == "train"
