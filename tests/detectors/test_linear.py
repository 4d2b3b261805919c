"""The linear detector: its file, its signals, and how it explains them."""

import hashlib
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatehouse.detectors.base import Detector, Explains
from gatehouse.detectors.linear import LinearDetector
from gatehouse.detectors.linear_file import Calibration, Header, LinearModel
from gatehouse.errors import OutsideError, UserError
from gatehouse.records.event import Event, to_batch
from gatehouse.records.signal import State
from gatehouse.text.normalise import normalise

LABELS = ("spam", "scam", "lottery")
a_few = settings(deadline=None, max_examples=30)


def model(labels: tuple[str, ...] = LABELS, *, reads_normalised: bool = True, kernel: int = 1) -> LinearModel:
    rng = np.random.default_rng(3)
    shape = (2**10, len(labels))
    weights = rng.integers(-128, 128, shape).astype(np.int8)
    calibration = tuple(
        Calibration(
            unit=0.004 + 0.001 * i,
            bias=-0.5,
            slope=1.3,
            offset=0.2 * i,
            fitted_positives=40,
            fitted_negatives=60,
            positives=20,
            negatives=30,
        )
        for i in range(len(labels))
    )
    header = Header(
        kernel=kernel,
        buckets=shape[0],
        labels=labels,
        languages=("en",),
        normalise=reads_normalised,
        calibration=calibration,
        dataset="made",
        dataset_version="0123456789ab",
        recipe="ba9876543210",
    )
    return LinearModel(header, weights.astype(np.int16) if len(labels) == 1 else weights)


def detector(labels: tuple[str, ...] = LABELS, *, reads_normalised: bool = True) -> LinearDetector:
    return LinearDetector.from_bytes(model(labels, reads_normalised=reads_normalised).to_bytes(), "spam.linear")


def asked(found: LinearDetector, texts: list[str | None]) -> np.ndarray:
    events = to_batch([Event(id=str(i), text=text) for i, text in enumerate(texts)])
    features = pa.RecordBatch.from_pydict({"normalised": normalise(events.column("text"))})
    return found.signals(events, features).score


def test_it_keeps_the_promises_of_a_detector_that_explains() -> None:
    found: Detector = detector()
    assert isinstance(found, Explains)
    assert (found.name, found.labels, found.languages) == ("spam.linear", LABELS, frozenset({"en"}))


def test_its_version_is_the_hash_of_its_file() -> None:
    data = model().to_bytes()
    found = LinearDetector.from_bytes(data, "spam.linear")
    assert found.version == hashlib.sha256(data).hexdigest()[:12]


def test_a_model_comes_back_from_its_file_as_it_was() -> None:
    made = model()
    read = LinearModel.from_bytes(made.to_bytes(), "spam.linear")
    assert read.header == made.header
    np.testing.assert_array_equal(read.weights, made.weights)
    assert read.to_bytes() == made.to_bytes()


def test_an_event_without_text_is_an_abstention_and_not_a_score() -> None:
    events = to_batch([Event(id="1", text="win a prize"), Event(id="2", text=None)])
    features = pa.RecordBatch.from_pydict({"normalised": normalise(events.column("text"))})
    signals = detector().signals(events, features)
    assert signals.state.tolist() == [[State.SCORED] * 3, [State.ABSTAINED] * 3]
    assert np.isnan(signals.score[1]).all()
    assert signals.of(1, "2")[0].evidence == "no text"
    assert signals.of(0, "1")[0].evidence is None


def test_an_empty_batch_has_no_signals() -> None:
    assert asked(detector(), []).shape == (0, 3)


@a_few
@given(st.lists(st.text(max_size=40), min_size=1, max_size=6), st.booleans())
def test_a_batch_of_one_scores_the_same_bits_as_any_batch(texts: list[str], many: bool) -> None:
    texts = [text.encode("utf-8", "replace").decode() for text in texts]
    found = detector(LABELS if many else ("spam",))
    together = asked(found, texts)
    for row, text in enumerate(texts):
        assert asked(found, [text])[0].tolist() == together[row].tolist()
        assert found.score_text(text) == together[row, 0]


def test_a_model_that_reads_raw_text_does_not_look_at_the_normalised_form() -> None:
    raw = detector(("spam",), reads_normalised=False)
    events = to_batch([Event(id="1", text="w1n a pr1ze")])
    features = pa.RecordBatch.from_pydict({"normalised": pa.array(["something else"])})
    assert (
        raw.signals(events, features).score[0, 0]
        == raw.score_text("w1n a pr1ze")
        == raw.score_normalised("w1n a pr1ze")
    )


@a_few
@given(st.text("abc eé. w1n!  0​", min_size=1, max_size=40), st.booleans())
def test_an_explanation_adds_up_to_the_log_odds(text: str, reads_normalised: bool) -> None:
    found = detector(reads_normalised=reads_normalised)
    said = found.explain(text, "scam")
    if not said:
        assert normalise(pa.array([text])).to_pylist() == [""]
        return
    score = asked(found, [text])[0, 1] if reads_normalised else found._scorer.score(pa.array([text]))[0, 1]
    log_odds = np.log(score / (1 - score))
    assert sum(piece.weight for piece in said) == pytest.approx(log_odds - found.bias("scam"), abs=1e-6)


@a_few
@given(st.text("abc eé. w1n!  0​\n", max_size=40))
def test_pieces_are_the_original_text_at_their_place(text: str) -> None:
    for piece in detector().explain(text, "spam"):
        assert text[piece.start : piece.end] == piece.piece != ""


def test_an_explanation_names_whole_words_of_the_original_heaviest_first() -> None:
    said = detector().explain("Call N0W, y0u w-o-n £1000 !!!", "spam")
    assert [piece.piece for piece in sorted(said, key=lambda piece: piece.start)] == [
        "Call",
        "N0W,",
        "y0u",
        "w-o-n",
        "£1000",
        "!!!",
    ]
    weights = [abs(piece.weight) for piece in said]
    assert weights == sorted(weights, reverse=True)


def test_letters_that_were_pulled_apart_are_one_piece() -> None:
    said = detector().explain("you b o z o s go", "spam")
    assert "b o z o s" in {piece.piece for piece in said}


def test_telling_words_are_those_with_the_heaviest_mean() -> None:
    texts = ["win the prize", "the cat", "the prize is here", "prize for the cat", "no the"]
    found = detector()
    told = dict(found.telling("spam", pa.array([*texts, None, ""]), 5))
    assert set(told) == {"the", "prize"}, "the others stand there fewer than three times"
    said = [piece for text in texts for piece in found.explain(text, "spam") if piece.piece == "prize"]
    assert told["prize"] == pytest.approx(sum(piece.weight for piece in said) / len(said))


def test_words_at_the_seam_of_two_texts_stay_apart() -> None:
    told = detector().telling("spam", pa.array(["alpha", "beta"] * 3), 9)
    assert {word for word, _ in told} == {"alpha", "beta"}


def test_an_unknown_label_is_named_with_the_known_ones() -> None:
    with pytest.raises(UserError) as caught:
        detector().explain("text", "spma")
    assert str(caught.value) == "spam.linear knows no label 'spma'\n    → known: spam, scam, lottery"


def _cut(data: bytes) -> bytes:
    return data[:-100]


def _stump(data: bytes) -> bytes:
    return data[:20]


def _changed(data: bytes) -> bytes:
    return data[:2000] + bytes([data[2000] ^ 1]) + data[2001:]


def _other_format(data: bytes) -> bytes:
    return data[:8] + (7).to_bytes(2, "little") + data[10:]


def _other_file(data: bytes) -> bytes:
    return b"PK\x03\x04" + data


@pytest.mark.parametrize(
    ("spoil", "error", "says"),
    [
        (_cut, OutsideError, "the model file is cut short or was changed: its content does not match its digest"),
        (_stump, OutsideError, "the model file is cut short after 20 bytes"),
        (_changed, OutsideError, "the model file is cut short or was changed: its content does not match its digest"),
        (_other_format, UserError, "the model file has format 7, this version reads format 1"),
        (_other_file, UserError, "this is no linear model's file"),
    ],
)
def test_a_file_that_cannot_be_used_says_why_and_what_to_do(
    spoil: Callable[[bytes], bytes], error: type[Exception], says: str
) -> None:
    with pytest.raises(error) as caught:
        LinearDetector.from_bytes(spoil(model().to_bytes()), "spam.linear")
    assert str(caught.value) == f"spam.linear: {says}\n    → train it again: gatehouse train spam"


def test_a_header_with_fields_of_another_version_is_refused() -> None:
    content = model().to_bytes()[:-32].replace(b'"recipe"', b'"cipher"')
    with pytest.raises(UserError, match="the model file's header is of another version"):
        LinearDetector.from_bytes(content + hashlib.sha256(content).digest(), "spam.linear")


def test_weights_of_another_kernel_are_refused() -> None:
    with pytest.raises(UserError, match="trained with n-gram kernel 2, this version has kernel 1"):
        LinearDetector.from_bytes(model(kernel=2).to_bytes(), "spam.linear")
