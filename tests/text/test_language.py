import csv
import functools
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from py3langid.langid import MODEL_FILE, LanguageIdentifier

from gatehouse.text.language import MOST_BYTES, best_of_model, identify

SENTENCES = {
    "en": "The weather has been lovely all week and we are going to the lake",
    "pt": "O tempo esteve ótimo a semana toda e nós vamos para a praia",
    "de": "Das Wetter war die ganze Woche schön und wir fahren an den See",
    "ru": "Погода была прекрасная всю неделю, и мы едем на озеро",
    "el": "Ο καιρός ήταν υπέροχος όλη την εβδομάδα",
    "ja": "今週はずっと天気がよかったので、湖に行きます",
    "ar": "كان الطقس جميلا طوال الأسبوع وسنذهب إلى البحيرة",
}


@functools.cache
def loaded_reference() -> LanguageIdentifier:
    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)


@pytest.fixture
def reference() -> LanguageIdentifier:
    return loaded_reference()


def guesses(texts: list[str]) -> tuple[list[str], list[float]]:
    codes, probability = best_of_model(pa.array(texts, pa.string()))
    return codes.to_pylist(), probability.tolist()


def test_sentences_are_identified() -> None:
    codes, probability = identify(pa.array(list(SENTENCES.values())))
    assert codes.to_pylist() == list(SENTENCES)
    assert codes.type == pa.string()
    assert probability.dtype == np.float64
    assert (probability >= 0.5).all()


def test_what_says_nothing_gets_no_answer() -> None:
    texts = [None, "", "ok", "lol", "123 456", "😂😂😂", "@user http://t.example/x", "xkcd qwrtz bzzzt"]
    codes, probability = identify(pa.array(texts))
    assert codes.to_pylist() == [None] * len(texts)
    assert probability[0] == probability[1] == 0


def test_sliced_and_large_arrays_are_taken() -> None:
    for kind in (pa.string(), pa.large_string()):
        column = pa.array(["left out", SENTENCES["de"], None, SENTENCES["ru"]], kind).slice(1)
        assert identify(column)[0].to_pylist() == ["de", None, "ru"]
    assert identify(pa.array([], pa.string()))[0].to_pylist() == []


def test_capitals_and_decomposed_letters_are_read_as_the_model_was_taught(reference: LanguageIdentifier) -> None:
    texts = ["GOOD MORNING TO ALL OF YOU", "ДОБРОЕ УТРО ВСЕМ", "O tempo o\u0301timo na\u0303o", "ÉTÉ INDIEN À PARIS"]
    codes, probability = guesses(texts)
    expected = [reference.classify(text) for text in texts]
    assert codes == [code for code, _ in expected]
    assert probability == pytest.approx([share for _, share in expected], abs=1e-4)


@settings(deadline=None, max_examples=150)
@given(st.lists(st.one_of(st.text(max_size=80), st.sampled_from(list(SENTENCES.values()))), min_size=1, max_size=5))
def test_the_kernel_agrees_with_py3langid(texts: list[str]) -> None:
    identifier = loaded_reference()
    codes, probability = guesses(texts)
    for text, code, share in zip(texts, codes, probability, strict=True):
        expected, expected_share = identifier.classify(text)
        if share > 0:  # py3langid calls a text without features equally likely in all languages
            assert share == pytest.approx(expected_share, abs=1e-4)
            ranked = dict(identifier.rank(text))
            assert code == expected or ranked[code] == pytest.approx(expected_share, abs=1e-4)


def test_long_texts_are_judged_by_their_beginning() -> None:
    text = SENTENCES["pt"] + " "
    start = text * (MOST_BYTES // len(text.encode()) + 1)
    long_codes, long_probability = guesses([start + SENTENCES["ru"] * 20_000])
    cut = start.encode()[:MOST_BYTES].decode(errors="ignore")
    assert (long_codes, long_probability) == guesses([cut])


def test_broken_bytes_do_not_stop_it() -> None:
    data = SENTENCES["ru"].encode()[:-1] + b"\xff\xc3"
    buffers = [None, pa.py_buffer(np.array([0, len(data)], np.int32)), pa.py_buffer(data)]
    assert identify(pa.Array.from_buffers(pa.string(), 1, buffers))[0].to_pylist() == ["ru"]


@pytest.mark.data
@pytest.mark.parametrize(
    ("path", "column", "language", "at_least"),
    [("edos/edos_labelled_aggregated.csv", "text", "en", 0.9), ("told-br/ToLD-BR.csv", "text", "pt", 0.7)],
)
def test_public_texts_are_hardly_ever_taken_for_another_language(
    public_data: Path, reference: LanguageIdentifier, path: str, column: str, language: str, at_least: float
) -> None:
    with (public_data / path).open(encoding="utf-8", newline="") as lines:
        texts = [record[column] for record, _ in zip(csv.DictReader(lines), range(1500), strict=False)]
    codes = identify(pa.array(texts))[0].to_pylist()
    assert codes.count(language) >= at_least * len(codes)
    assert len(codes) - codes.count(language) - codes.count(None) <= 0.01 * len(codes)
    best, probability = guesses(texts)
    assert all(
        code == reference.classify(text)[0]
        for text, code, share in zip(texts[:400], best, probability, strict=False)
        if share > 0
    )
