"""The n-gram kernel: what it reads, and that training, scoring and explaining read the same."""

import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatehouse.text import kernel
from gatehouse.text.ngrams import Scorer, matrix

BUCKETS = 2**10
RNG = np.random.default_rng(5)
ONE = RNG.integers(-30_000, 30_000, (BUCKETS, 1)).astype(np.int16)
MANY = RNG.integers(-128, 128, (BUCKETS, 11)).astype(np.int8)

texts_of_any_bytes = st.lists(st.binary(max_size=60), min_size=1, max_size=6)
wordy = st.text("ab Z_9é!\n\x00😀", max_size=40).map(str.encode)
a_few = settings(deadline=None, max_examples=40)


def column(texts: list[bytes | None], large: bool = False) -> pa.Array:
    """A string column of any bytes, broken UTF-8 as well."""
    binary = pa.array(texts, pa.large_binary() if large else pa.binary())
    kind = pa.large_string() if large else pa.string()
    return pa.Array.from_buffers(kind, len(binary), binary.buffers(), binary.null_count, binary.offset)


def one() -> Scorer:
    return Scorer(ONE, np.array([1e-5]), np.array([-0.25]))


def many() -> Scorer:
    return Scorer(MANY, np.linspace(1e-4, 1e-3, 11), np.linspace(-1, 1, 11))


def log_odds(probability: np.ndarray) -> np.ndarray:
    return np.log(probability) - np.log1p(-probability)


def read_by_the_book(data: bytes) -> tuple[list[int], list[int], float]:
    """Buckets of the character and of the word n-grams and the share of different words, from the definition alone."""
    shift, top = 65 - BUCKETS.bit_length(), 2**64
    folded = [32 if b <= 32 or b == 127 else b + 32 if 65 <= b <= 90 else b for b in data]
    characters, recent = [], [32]
    for symbol in [*folded, 32]:
        recent.append(symbol)
        for order, key in ((3, kernel._KEY3), (4, kernel._KEY4), (5, kernel._KEY5)):
            number = int.from_bytes(bytes(recent[-order:]), "big")
            characters.append((number * int(key) % top) >> shift)
        if symbol == 32:
            recent = [32]
    pairs, before = [], 0
    words = [
        word
        for word in "".join(chr(s) if s > 127 or chr(s).isalnum() or s == 95 else " " for s in folded).split(" ")
        if word
    ]
    for word in words:
        h = 0
        for symbol in word:
            h = (((h << 7) | (h >> 57)) + int(kernel.LETTER[ord(symbol)])) % top
        pair = h ^ (((before << 9) | (before >> 55)) % top)
        pairs += [(h * int(kernel._KEY_WORD) % top) >> shift, (pair * int(kernel._KEY_PAIR) % top) >> shift]
        before = h
    return characters, pairs, len(set(words)) / len(words) if words else 1.0


@a_few
@given(st.lists(st.one_of(st.binary(max_size=60), wordy), min_size=1, max_size=5))
def test_the_kernel_reads_what_its_definition_says(texts: list[bytes]) -> None:
    built = matrix(column(texts), BUCKETS)
    for row, data in enumerate(texts):
        characters, words, varied = read_by_the_book(data)
        expected = np.bincount(characters, minlength=BUCKETS) / math.sqrt(len(characters))
        if words:
            expected += np.bincount(words, minlength=BUCKETS) / math.sqrt(len(words))
        np.testing.assert_allclose(built[row].toarray()[0], expected * math.sqrt(varied), rtol=1e-12)


@a_few
@given(texts_of_any_bytes)
def test_scores_are_the_matrix_times_the_weights(texts: list[bytes]) -> None:
    built = matrix(column(texts), BUCKETS)
    for scorer, weights, scale, bias in (
        (one(), ONE, np.array([1e-5]), np.array([-0.25])),
        (many(), MANY, np.linspace(1e-4, 1e-3, 11), np.linspace(-1, 1, 11)),
    ):
        expected = built @ weights.astype(float) * scale + bias
        np.testing.assert_allclose(log_odds(scorer.score(column(texts))), expected, rtol=1e-9, atol=1e-9)


@a_few
@given(texts_of_any_bytes)
def test_a_text_scores_the_same_bits_alone_and_in_any_batch(texts: list[bytes]) -> None:
    for scorer in (one(), many()):
        together = scorer.score(column(texts))
        for row, data in enumerate(texts):
            assert (scorer.score(column([data]))[0] == together[row]).all()


@a_few
@given(st.lists(st.one_of(st.none(), st.binary(max_size=30)), max_size=8), st.integers(0, 8), st.booleans())
def test_sliced_and_large_columns_score_like_plain_ones(texts: list[bytes | None], start: int, large: bool) -> None:
    for scorer in (one(), many()):
        plain = scorer.score(column(texts))
        np.testing.assert_array_equal(scorer.score(column(texts, large).slice(start)), plain[start:])
        assert np.isnan(plain).all(axis=1).tolist() == [text is None for text in texts]


@a_few
@given(st.text(max_size=30))
def test_one_text_from_python_scores_as_in_a_column(text: str) -> None:
    data = text.encode("utf-8", "surrogatepass")
    for scorer in (one(), many()):
        assert scorer.score_text(text) == scorer.score(column([data]))[0, 0]


@pytest.mark.parametrize(
    "data",
    [b"a" * 1_000_000, b"a " * 500_000, b"ab, Cd\xff\x80 " * 120_000, b" " * 1_000_000],
    ids=["one word", "half a million words", "mixed", "spaces"],
)
def test_a_text_of_a_megabyte_is_exact(data: bytes) -> None:
    built = matrix(column([data]), BUCKETS)
    for weights, unit in ((ONE, 1e-8), (MANY, 1e-6)):
        scale = np.full(weights.shape[1], unit)
        scored = Scorer(weights, scale, np.zeros(len(scale))).score(column([data]))
        np.testing.assert_allclose(log_odds(scored), built @ weights.astype(float) * scale, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("length", [79, 80, 81, 1023, 1024, 1025, 2048, 2049])
def test_blocks_leave_no_seam(length: int) -> None:
    text = (b"word wo " * 300)[:length]
    expected = (matrix(column([text]), BUCKETS) @ MANY.astype(float))[0] * np.linspace(1e-4, 1e-3, 11)
    np.testing.assert_allclose(log_odds(many().score(column([text])))[0], expected + np.linspace(-1, 1, 11), rtol=1e-9)


@a_few
@given(texts_of_any_bytes)
def test_what_the_bytes_carry_adds_up_to_the_log_odds(texts: list[bytes]) -> None:
    texts = [data or b"x" for data in texts]
    for scorer, label, bias in ((one(), 0, -0.25), (many(), 10, 1.0)):
        carried = scorer.carried(column(texts), label)
        ends = np.cumsum([len(data) for data in texts])
        sums = np.add.reduceat(carried, np.concatenate([[0], ends[:-1]]))
        np.testing.assert_allclose(sums, log_odds(scorer.score(column(texts)))[:, label] - bias, rtol=1e-7, atol=1e-9)


def test_case_and_kind_of_space_do_not_matter() -> None:
    scores = one().score(pa.array(["Win a PRIZE now", "win a prize now", "win\ta\nprize now"]))
    assert len(set(scores[:, 0].tolist())) == 1


def test_order_of_words_matters() -> None:
    scores = one().score(pa.array(["dog bites man", "man bites dog"]))
    assert scores[0, 0] != scores[1, 0]


def test_a_text_that_repeats_itself_weighs_no_more() -> None:
    once, often = log_odds(many().score(pa.array(["buy my book ", "buy my book " * 400])))
    np.testing.assert_allclose(often - np.linspace(-1, 1, 11), once - np.linspace(-1, 1, 11), atol=0.25)


def test_empty_columns_and_columns_of_nulls() -> None:
    assert one().score(pa.array([], pa.string())).shape == (0, 1)
    assert matrix(pa.array([], pa.string()), BUCKETS).shape == (0, BUCKETS)
    assert np.isnan(many().score(pa.nulls(3, pa.string()))).all()
    assert matrix(pa.nulls(3, pa.string()), BUCKETS).nnz == 0


def test_a_table_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match="power of two, not 1000"):
        matrix(pa.array(["a"]), 1000)
