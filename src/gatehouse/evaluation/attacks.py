"""Families of disguises that people use to get past a detector, each as a function of a text and a seed.

They stand apart from the normaliser: nothing of its tables is used, so what it does not know is found too. A person can
still read what they write; nobody has checked each text.
"""

import random
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

Places = Sequence[tuple[int, int]]
"""Words of a text as [start, end)."""

Picks = Callable[[str], Places]
"""Which words of a text are attacked."""

LEAST_LETTERS = 4
SAMPLE = "a harmless sentence"

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_VOWELS = "aeiou"
_LEET = {"a": "4@", "b": "8", "e": "3", "g": "9", "i": "1!", "l": "1", "o": "0", "s": "5$", "t": "7+", "z": "2"}
_TWINS = {
    "a": "аα",
    "c": "сϲ",
    "d": "ԁ",
    "e": "еҽ",
    "h": "һ",
    "i": "іι",
    "j": "ј",
    "k": "κк",
    "l": "ӏ",
    "m": "м",
    "n": "ո",
    "o": "оο",
    "p": "рρ",
    "r": "г",
    "s": "ѕ",
    "t": "τ",
    "u": "υս",
    "v": "ѵν",
    "w": "ԝω",
    "x": "хχ",
    "y": "уү",
}
_UNSEEN = "\u200b\u200c\u200d\u2060\ufeff\u00ad"
_MARKS = "\u0300\u0301\u0302\u0303\u0308\u030a\u0323\u0327\u0331\u0334\u0336\u0338"
_EMOJI = "✨🔥💀👏😂🌸🖤"
_STYLES = (0xFF41, 0x1D41A, 0x1D482, 0x1D5BA, 0x1D5EE, 0x1D68A)
"""Where small letters begin that are full-width, or bold, bold italic, sans-serif, bold sans-serif, typewriter."""
_SOUNDS = (
    ("ight", "ite"),
    ("ough", "uff"),
    ("ck", "k"),
    ("ph", "f"),
    ("qu", "kw"),
    ("wh", "w"),
    ("th", "d"),
    ("er", "a"),
    ("ee", "ea"),
    ("oo", "u"),
    ("x", "ks"),
    ("c", "k"),
    ("s", "z"),
    ("y", "ee"),
    ("i", "y"),
    ("u", "oo"),
)
_PADDING = (
    "Thank you for reading, and have a lovely day with your family.",
    "The weather was fine this morning, so we took the bus to the market and bought bread, apples and tea.",
    "Please find the minutes of the meeting below; the next one is on Tuesday at ten.",
    "My sister planted tomatoes in the garden, and the library opens again after the holidays.",
)


@dataclass(frozen=True)
class Family:
    """One way to disguise a text: `change` gets the whole text, the words to attack, and its own random numbers."""

    name: str
    change: Callable[[str, Places, random.Random], str]

    @property
    def sample(self) -> str:
        """What it makes of a harmless text."""
        return attacked(SAMPLE, self)


def long_words(text: str) -> Places:
    """All words of at least LEAST_LETTERS letters."""
    return [found.span() for found in _WORD.finditer(text) if len(found[0]) >= LEAST_LETTERS]


def only(words: Iterable[str]) -> Picks:
    """Picks these words wherever they stand, whatever their capitals."""
    wanted = {word.casefold() for word in words}
    return lambda text: [found.span() for found in _WORD.finditer(text) if found[0].casefold() in wanted]


def inside(text: str, places: Places) -> Places:
    """The words of at least two letters that lie, if only in part, inside the given places."""
    words = [found.span() for found in _WORD.finditer(text) if len(found[0]) > 1]
    return [(start, end) for start, end in words if any(first < end and start < after for first, after in places)]


def attacked(text: str, family: Family, picks: Picks = long_words, seed: int = 0) -> str:
    """The text disguised by a family; the same for the same text and seed, alone and among others."""
    return disguised(text, family, picks(text), seed)


def disguised(text: str, family: Family, places: Places, seed: int = 0) -> str:
    """The text with the words at these places disguised by a family."""
    return family.change(text, places, random.Random(f"{seed}\n{family.name}\n{text}"))


def _of_words(change: Callable[[str, random.Random], str]) -> Callable[[str, Places, random.Random], str]:
    """A disguise of single words as one of a text."""

    def each(text: str, places: Places, rng: random.Random) -> str:
        parts, end = [], 0
        for start, after in sorted(places):
            if start < end:
                continue
            parts += [text[end:start], change(text[start:after], rng)]
            end = after
        return "".join([*parts, text[end:]])

    return each


def _some(word: str, fit: Callable[[str], bool], change: Callable[[str], str], share: float, rng: random.Random) -> str:
    """The word with some of its fitting letters changed, one of them always."""
    places = [place for place, letter in enumerate(word) if fit(letter)]
    if not places:
        return word
    sure = rng.choice(places)
    chosen = {place for place in places if place == sure or rng.random() < share}
    return "".join(change(letter) if place in chosen else letter for place, letter in enumerate(word))


def _leet(word: str, rng: random.Random) -> str:
    return _some(word, lambda letter: letter.lower() in _LEET, lambda c: rng.choice(_LEET[c.lower()]), 0.7, rng)


def _twins(word: str, rng: random.Random) -> str:
    return _some(word, lambda letter: letter in _TWINS, lambda letter: rng.choice(_TWINS[letter]), 0.6, rng)


def _unseen(word: str, rng: random.Random) -> str:
    return word[:1] + "".join(rng.choice(_UNSEEN) + letter for letter in word[1:])


def _stretched(word: str, rng: random.Random) -> str:
    place = rng.randrange(len(word))
    return word[:place] + word[place] * rng.randint(2, 6) + word[place + 1 :]


def _marked(word: str, rng: random.Random) -> str:
    return "".join(letter + rng.choice(_MARKS) for letter in word)


def _styled(word: str, rng: random.Random) -> str:
    first = rng.choice(_STYLES)
    return "".join(chr(first + ord(c) - ord("a")) if "a" <= c <= "z" else c for c in word.lower())


def _masked(word: str, rng: random.Random) -> str:
    inner = _some(word[1:], lambda letter: letter.lower() in _VOWELS, lambda _: "*", 1.0, rng)
    return word[:1] + (inner if "*" in inner or len(word) < 3 else "*" + word[2:])


def _swapped(word: str, rng: random.Random) -> str:
    places = [i for i in range(1, len(word) - 2) if word[i].lower() != word[i + 1].lower()]
    if not places:
        return word
    place = rng.choice(places)
    return word[:place] + word[place + 1] + word[place] + word[place + 2 :]


def _dropped(word: str, rng: random.Random) -> str:
    if len(word) < LEAST_LETTERS:
        return word
    place = rng.randrange(1, len(word) - 1)
    return word[:place] + word[place + 1 :]


def _split(between: str) -> Callable[[str, random.Random], str]:
    def change(word: str, rng: random.Random) -> str:
        if len(word) < LEAST_LETTERS:
            return word
        place = rng.randrange(2, len(word) - 1)
        return word[:place] + between + word[place:]

    return change


def _alternating(word: str, rng: random.Random) -> str:
    first = rng.randrange(2)
    return "".join(letter.upper() if (i + first) % 2 else letter.lower() for i, letter in enumerate(word))


def _by_sound(word: str, _: random.Random) -> str:
    """The first two spellings that fit are replaced, so that the word can still be said aloud."""
    parts: list[str] = []
    rest, left = word.lower(), 2
    while rest:
        found = next(((was, now) for was, now in _SOUNDS if left and rest.startswith(was)), None)
        was, now = found or (rest[0], rest[0])
        left -= found is not None
        parts.append(now)
        rest = rest[len(was) :]
    return "".join(parts)


def _emoji(word: str, rng: random.Random) -> str:
    return rng.choice(_EMOJI).join(word)


def _entities(word: str, rng: random.Random) -> str:
    return _some(word, str.isalpha, lambda c: f"&#{ord(c)};" if rng.random() < 0.5 else f"&#x{ord(c):x};", 0.5, rng)


def _padded(text: str, _: Places, rng: random.Random) -> str:
    before, after = rng.sample(_PADDING, 2)
    return f"{before} {text} {after}"


def _run_together(text: str, places: Places, _: random.Random) -> str:
    """The spaces on both sides of each word are left out."""
    edges = {start - 1 for start, _ in places} | {end for _, end in places}
    return "".join(letter for place, letter in enumerate(text) if place not in edges or not letter.isspace())


FAMILIES = (
    Family("leet", _of_words(_leet)),
    Family("spaced letters", _of_words(lambda word, _: " ".join(word))),
    Family("dotted letters", _of_words(lambda word, rng: rng.choice(".-_").join(word))),
    Family("zero-width characters", _of_words(_unseen)),
    Family("homoglyphs", _of_words(_twins)),
    Family("stretched letters", _of_words(_stretched)),
    Family("combining marks", _of_words(_marked)),
    Family("styled letters", _of_words(_styled)),
    Family("masked vowels", _of_words(_masked)),
    Family("swapped neighbours", _of_words(_swapped)),
    Family("dropped letter", _of_words(_dropped)),
    Family("split words", _of_words(_split(" "))),
    Family("broken lines", _of_words(_split("-\n"))),
    Family("words run together", _run_together),
    Family("alternating case", _of_words(_alternating)),
    Family("respelt by sound", _of_words(_by_sound)),
    Family("emoji between letters", _of_words(_emoji)),
    Family("HTML entities", _of_words(_entities)),
    Family("benign padding", _padded),
)
"""All families."""
