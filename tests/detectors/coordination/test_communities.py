"""Communities: groups tied among themselves; a false tie joins none, and chance seldom makes one."""

from itertools import combinations

import numpy as np

from gatehouse.detectors.coordination import Settings
from gatehouse.detectors.coordination.communities import groups

USUAL = Settings()


def grouped(pairs: list[tuple[int, int]], p: float, n: int = 10_000) -> list[list[int]]:
    a, b = np.array(pairs, np.int64).reshape(-1, 2).T
    return [group.members.tolist() for group in groups(n, a, b, np.full(len(a), p), USUAL)]


def test_groups_are_those_tied_among_themselves() -> None:
    first, second = list(combinations(range(8), 2)), list(combinations(range(20, 30), 2))
    assert grouped(first + second, 1e-12) == [list(range(20, 30)), list(range(8))]
    assert grouped(first[:1], 1e-300) == []
    assert grouped([], 0.1) == []


def test_one_false_tie_joins_no_two_groups() -> None:
    first, second = list(combinations(range(8), 2)), list(combinations(range(20, 30), 2))
    assert grouped([*first, (7, 20), *second], 1e-12) == [list(range(20, 30)), list(range(8))]
    assert grouped([(i, i + 1) for i in range(50)], 1e-12) == []


def test_weak_ties_make_no_group_that_chance_could_make() -> None:
    pairs = list(combinations(range(5), 2))
    assert grouped(pairs, 1e-12) == [list(range(5))]
    assert grouped(pairs, 1e-5) == []


def test_random_ties_at_the_level_make_no_significant_group() -> None:
    rng = np.random.default_rng(1)
    n, made = 300, 0
    a, b = np.triu_indices(n, 1)
    for _ in range(50):
        p = rng.random(len(a))
        strong = p < 2 / n
        made += len(groups(n, a[strong], b[strong], p[strong], Settings(smallest=3, common=0.0, significance=0.05)))
    assert made <= 5
