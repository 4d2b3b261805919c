import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatehouse.stats.draws import chances, drawn, sizes, uniforms

IDS = [f"m{i}" for i in range(20_000)]


@settings(deadline=None, max_examples=80)
@given(
    st.lists(st.floats(0, 1), min_size=2, max_size=60),
    st.floats(0.01, 1),
    st.floats(0.05, 1),
)
def test_chances_add_up_to_what_is_wanted_and_none_is_impossible(scores, part, floor):
    n = max(part * len(scores), 1e-3)
    chance = chances(sizes(scores), n, floor)
    assert chance.sum() == pytest.approx(n)
    assert chance.min() > 0
    assert chance.max() <= 1
    order = np.argsort(scores)
    assert np.all(np.diff(chance[order]) >= -1e-9), "a higher score is never drawn more rarely"


def test_the_floor_bounds_what_an_item_can_weigh():
    scores = np.r_[np.full(9_990, 1e-6), np.full(10, 0.9)]
    chance = chances(sizes(scores), 500, floor=0.5)
    assert chance.min() >= 0.5 * 500 / 10_000
    assert chance[-1] == 1


def test_everything_wanted_is_everything():
    assert chances([0.1, 0.5, 0.9], 3).tolist() == pytest.approx([1, 1, 1])


def test_by_views_what_nobody_saw_is_not_drawn():
    views = np.array([0.0, 10, 10, 80])
    chance = chances(sizes(np.full(4, 0.1), views), 1, 0.5, views)
    assert chance[0] == 0
    assert chance[3] == pytest.approx(8 * chance[1])


def test_an_item_without_a_score_is_drawn_like_an_average_one():
    size = sizes([0.04, np.nan, 0.16])
    assert size.tolist() == pytest.approx([0.2, 0.3, 0.4])
    assert sizes([np.nan, np.nan]).tolist() == [1, 1]


def test_uniforms_are_the_hash_that_the_page_says():
    by_hand = int.from_bytes(hashlib.sha256(b"7:m1").digest()[:8], "big") / 2**64
    assert uniforms(["m0", "m1"], 7)[1] == pytest.approx(by_hand, abs=1e-15)


def test_a_stream_is_drawn_as_the_whole_file_is():
    chance = np.full(len(IDS), 0.05)
    whole = drawn(chance, uniforms(IDS, 3))
    one_by_one = [bool(drawn(0.05, uniforms([name], 3))[0]) for name in IDS[:500]]
    assert whole[:500].tolist() == one_by_one
    backwards = drawn(chance, uniforms(IDS[::-1], 3))[::-1]
    assert np.array_equal(whole, backwards)


def test_seeds_draw_apart_and_evenly():
    first, second = uniforms(IDS, 1), uniforms(IDS, 2)
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.03
    counts = np.histogram(first, 20, (0, 1))[0]
    assert np.all(np.abs(counts - 1_000) < 150)


def test_each_item_is_drawn_as_often_as_its_chance_says():
    chance = chances(sizes(np.linspace(0.001, 0.9, 40)), 10)
    times = sum(drawn(chance, uniforms(IDS[:40], seed)) for seed in range(2_000)) / 2_000
    np.testing.assert_allclose(times, chance, atol=0.05)


@pytest.mark.parametrize(
    ("call", "why"),
    [
        (lambda: chances([1, 1], 3), "3 cannot be drawn from 2"),
        (lambda: chances([1, 1], 0), "0 cannot be drawn from 2"),
        (lambda: chances([1, 1], 1, 0), "harm of low score is never seen"),
        (lambda: chances([1, -1], 1), "sizes below 0"),
        (lambda: chances([1, 1], 1, 0.5, [0, 0]), "nothing has a size"),
        (lambda: sizes([-0.1]), "a score below 0"),
    ],
)
def test_what_cannot_be_drawn_says_why(call, why):
    with pytest.raises(ValueError, match=why):
        call()
