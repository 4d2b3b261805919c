"""Texts: every topic in every language, enough different ones, true classes, and nothing of the public data needed."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from gatehouse.datasets.build import build, targets
from gatehouse.simulation import grammar
from gatehouse.simulation.corpus import LANGUAGES, TOPICS, Corpus, public_rows


def rng(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


def said(corpus: Corpus, texts: np.ndarray) -> list[str]:
    return [corpus[int(text)] for text in texts]


@pytest.mark.parametrize("topic", TOPICS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_grammar_has_every_topic_in_every_language(topic: str, language: str) -> None:
    texts = grammar.write(rng(), topic, language, 200).to_pylist()
    assert len(set(texts)) > 100
    assert all(text == text.strip() and len(text) > 10 and "|" not in text and "  " not in text for text in texts)
    assert all(len(words) > 1 for words in grammar.places(topic, language))


def test_every_address_of_the_grammar_is_an_example() -> None:
    for topic in TOPICS:
        for language in LANGUAGES:
            for words in grammar.places(topic, language):
                for word in " ".join(words.to_pylist()).split():
                    dotted = word.strip("!.,…?”“:)").split("/")[0]
                    assert "." not in dotted or dotted.endswith(".example") or dotted[0].isdigit()


def test_talk_hardly_ever_says_the_same_twice() -> None:
    corpus = Corpus()
    corpus.draw(rng(), "talk", 0, 20_000)
    assert len(set(corpus.pool().to_pylist())) > 19_500


def test_what_is_drawn_depends_on_the_random_numbers_alone() -> None:
    one, other = Corpus(), Corpus()
    other.draw(rng(9), "spam", 1, 50)
    first, second = one.draw(rng(), "talk", 2, 30), other.draw(rng(), "talk", 2, 30)
    assert said(one, first) == said(other, second)
    assert said(one, first) != said(one, one.draw(rng(2), "talk", 2, 30))


def test_another_language_than_the_corpus_has_gives_its_first() -> None:
    corpus = Corpus()
    assert said(corpus, corpus.draw(rng(), "news", 200, 5)) == said(corpus, corpus.draw(rng(), "news", 0, 5))


def test_variants_are_new_texts_of_the_same_class_and_nearly_the_same_words() -> None:
    corpus = Corpus()
    corpus.draw(rng(), "talk", 0, 3)
    (text,) = corpus.draw(rng(), "scam", 1, 1)
    forms = corpus.vary(rng(), int(text), 60)
    words = set(corpus[int(text)].lower().split())
    assert len(set(said(corpus, forms))) > 40
    for form in said(corpus, forms):
        assert len(words & set(form.lower().split())) >= len(words) - 3
    assert [TOPICS[topic] for topic in corpus.topics()[[0, int(text), int(forms[-1])]]] == ["talk", "scam", "scam"]
    assert len(corpus.topics()) == len(corpus) == len(corpus.pool())


def test_rows_of_a_corpus_are_drawn_where_there_are_some() -> None:
    rows = {
        ("abuse", "en"): pa.array([f"masked insult number {i}" for i in range(1_500)]),
        ("spam", "en"): pa.array(["buy my watch"]),
        ("talk", "en"): pa.array([f"a first long sentence {i}. And a second sentence {i}" for i in range(40)]),
    }
    corpus = Corpus(rows)
    assert all(text.startswith("masked insult") for text in said(corpus, corpus.draw(rng(), "abuse", 0, 20)))
    spam = said(corpus, corpus.draw(rng(), "spam", 0, 20))
    assert all(text.startswith("buy my watch ") for text in spam)
    assert len(set(spam)) > 15
    assert all("sentence" in text for text in said(corpus, corpus.draw(rng(), "talk", 0, 20)))
    assert not any("sentence" in text for text in said(corpus, corpus.draw(rng(), "talk", 1, 20)))


def test_without_public_data_there_are_no_rows(tmp_path: Path) -> None:
    assert public_rows([tmp_path]) == {}


@pytest.mark.data
def test_public_rows_are_of_the_test_part_and_follow_their_class(public_data: Path) -> None:
    rows = public_rows([public_data])
    assert {("talk", "en"), ("spam", "en"), ("abuse", "en"), ("abuse", "pt"), ("talk", "pt")} <= set(rows)
    dataset = build("sms-spam", public_data)
    texts, holds = targets(dataset, "test", ["spam"])
    spam = {" ".join(text.split()) for text in texts.filter(pa.array(holds[:, 0] == 1)).to_pylist()}
    assert {" ".join(text.split()) for text in rows["spam", "en"].to_pylist()} == spam
