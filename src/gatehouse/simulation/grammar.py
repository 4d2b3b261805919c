"""The built-in grammar: mild texts of every topic in every language, and small changes to any text."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import yaml

TOPICS = ("talk", "spam", "scam", "abuse", "fandom", "petition", "news", "giveaway", "warning")
LANGUAGES = ("en", "pt", "es")

_FILE = Path(__file__).with_name("grammar.yaml")
_FILLERS = {
    "en": ("really", "now", "please", "friends", "today", "just", "again"),
    "pt": ("mesmo", "agora", "por favor", "amigos", "hoje", "só", "de novo"),
    "es": ("de verdad", "ahora", "por favor", "amigos", "hoy", "solo", "otra vez"),
}
_SIGNS = ("!", "!!", "...", "?!", " :)", " 👍", " ✨", " 🔥", " <3", ".")


@cache
def places(topic: str, language: str) -> tuple[pa.Array, ...]:
    """The places of a sentence, each with the words among which one is chosen."""
    written: list[str] = _read()[topic][language]
    return tuple(pa.array([choice.strip() for choice in place.split("|")], pa.string()) for place in written)


@cache
def _read() -> dict[str, dict[str, list[str]]]:
    found: dict[str, dict[str, list[str]]] = yaml.safe_load(_FILE.read_text(encoding="utf-8"))
    return found


def write(rng: np.random.Generator, topic: str, language: str, n: int) -> pa.Array:
    """n texts about one of TOPICS in one of LANGUAGES, every choice as likely as the others."""
    return joined([drawn(rng, words, n) for words in places(topic, language)])


def drawn(rng: np.random.Generator, words: pa.Array, n: int) -> pa.Array:
    """n of these words, with repeats."""
    return words.take(pa.array(rng.integers(0, len(words), n)))


def joined(parts: list[pa.Array]) -> pa.Array:
    """Texts of these parts, row by row, with one space between them and none before a sign."""
    whole = pc.binary_join_element_wise(*parts, " ")
    return pc.utf8_trim_whitespace(pc.replace_substring_regex(whole, r" +([!.,…])", r"\1"))


def variants(rng: np.random.Generator, text: str, language: str, n: int) -> list[str]:
    """n texts that say what this one says, each with one to three small changes: words, signs, a tag, a number."""
    times = rng.integers(1, 4, n)
    found = []
    for changes in times.tolist():
        words = text.split(" ")
        for place in rng.choice(len(_CHANGES), changes, replace=False).tolist():
            _CHANGES[place](words, rng, language)
        found.append(" ".join(words))
    return found


def _sign(words: list[str], rng: np.random.Generator, language: str) -> None:
    words[-1] += _SIGNS[int(rng.integers(len(_SIGNS)))]


def _filler(words: list[str], rng: np.random.Generator, language: str) -> None:
    fillers = _FILLERS[language]
    words.insert(int(rng.integers(len(words) + 1)), fillers[int(rng.integers(len(fillers)))])


def _tag(words: list[str], rng: np.random.Generator, language: str) -> None:
    fillers = _FILLERS[language]
    words.append("#" + fillers[int(rng.integers(len(fillers)))].replace(" ", ""))


def _number(words: list[str], rng: np.random.Generator, language: str) -> None:
    words.append(str(int(rng.integers(2, 10_000))))


def _capitals(words: list[str], rng: np.random.Generator, language: str) -> None:
    place = int(rng.integers(len(words)))
    words[place] = words[place].lower() if words[place].isupper() else words[place].upper()


def _swap(words: list[str], rng: np.random.Generator, language: str) -> None:
    if len(words) > 2:
        place = int(rng.integers(len(words) - 1))
        words[place : place + 2] = reversed(words[place : place + 2])


def _drop(words: list[str], rng: np.random.Generator, language: str) -> None:
    if len(words) > 5:
        del words[int(rng.integers(len(words)))]


_CHANGES: tuple[Callable[[list[str], np.random.Generator, str], None], ...] = (
    _sign,
    _filler,
    _tag,
    _number,
    _capitals,
    _swap,
    _drop,
)
