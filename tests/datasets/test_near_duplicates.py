"""Near-duplicates on two sides are found, also under other spelling, and nothing else is."""

import random

import numpy as np
import pyarrow as pa

from gatehouse.datasets.near_duplicates import crossing

WORDS = ["river", "stone", "market", "letter", "garden", "window", "copper", "silver", "winter", "bridge", "forest"]
LONG = "we will meet at the old bridge near the market at noon and walk along the river until the evening"


def test_pairs_across_sides_are_found_once_each():
    texts = [LONG, LONG + "!", LONG.replace("noon", "four"), "nothing like the others", LONG.upper()]
    pairs = crossing(pa.array(texts), np.array([0, 1, 1, 1, 0]))
    assert sorted(a for a, _ in pairs) == [1, 2]
    assert all(b in (0, 4) for _, b in pairs)


def test_one_side_alone_crosses_nothing():
    assert crossing(pa.array([LONG, LONG]), np.array([1, 1])) == []
    assert crossing(pa.array([], pa.string()), np.array([], np.int64)) == []


def test_it_finds_what_comparing_all_pairs_finds():
    draw = random.Random(7)
    texts = [" ".join(draw.choices(WORDS, k=12)) for _ in range(150)]
    for i in range(0, 100, 2):
        words = texts[i].split()
        words[draw.randrange(12)] = draw.choice(WORDS)
        texts[i + 1] = " ".join(words)
    sides = np.arange(150) % 2

    def shingles(text: str) -> set[str]:
        return {text[i : i + 5] for i in range(len(text) - 4)}

    def alike(a: str, b: str) -> bool:
        return len(shingles(a) & shingles(b)) >= 0.8 * len(shingles(a) | shingles(b))

    expected = {a for a in range(1, 150, 2) if any(alike(texts[a], texts[b]) for b in range(0, 150, 2))}
    assert {a for a, _ in crossing(pa.array(texts), sides)} == expected
    assert len(expected) > 5


def test_texts_shorter_than_a_piece_are_compared_whole():
    assert crossing(pa.array(["ok", "ok", "no", ""]), np.array([0, 1, 1, 1])) == [(1, 0)]
