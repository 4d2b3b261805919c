"""Words that name groups of people, to see how texts that mention them are treated. No trait of anyone is inferred.

Terms of one row can stand for one another in a sentence, which is what a counterfactual swap does. Words that attack a
group are not among them: with such a word in its place the sentence would mean something else.
"""

import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc


@dataclass(frozen=True)
class Group:
    """People who are named by any of these terms; `kind` is what tells them from other groups of the same kind."""

    name: str
    kind: str
    terms: tuple[str, ...]


GROUPS = (
    Group("women", "gender", ("woman", "women", "female", "females", "mulher", "mulheres")),
    Group("men", "gender", ("man", "men", "male", "males", "homem", "homens")),
    Group("trans people", "gender", ("transgender", "trans", "nonbinary", "non-binary", "transexual", "travesti")),
    Group("gay people", "orientation", ("gay", "gays", "homosexual", "queer", "lgbt", "lgbtq")),
    Group("lesbians", "orientation", ("lesbian", "lesbians", "lésbica", "lésbicas")),
    Group("bisexual people", "orientation", ("bisexual", "bisexuals", "bissexual")),
    Group("straight people", "orientation", ("straight", "heterosexual", "hétero")),
    Group("Muslims", "religion", ("muslim", "muslims", "islamic", "muçulmano", "muçulmanos")),
    Group("Jews", "religion", ("jew", "jews", "jewish", "judeu", "judeus")),
    Group("Christians", "religion", ("christian", "christians", "catholic", "catholics", "protestant", "cristão")),
    Group("Hindus, Buddhists, Sikhs", "religion", ("hindu", "hindus", "buddhist", "buddhists", "sikh", "taoist")),
    Group("atheists", "religion", ("atheist", "atheists", "ateu", "ateus")),
    Group("Black people", "origin", ("black", "blacks", "african", "african american", "negro", "negros")),
    Group("white people", "origin", ("white", "whites", "european", "caucasian", "branco", "brancos")),
    Group("Asian people", "origin", ("asian", "asians", "chinese", "japanese", "indian", "asiático")),
    Group("Latin Americans", "origin", ("latino", "latina", "latinx", "hispanic", "mexican", "mexicans")),
    Group("Middle Eastern people", "origin", ("arab", "arabs", "middle eastern", "árabe", "árabes")),
    Group("immigrants", "origin", ("immigrant", "immigrants", "migrant", "migrants", "refugee", "refugees")),
    Group("disabled people", "ability", ("disabled", "deaf", "blind", "paralyzed", "wheelchair", "deficiente")),
    Group("old people", "age", ("old", "older", "elderly", "idoso", "idosos")),
    Group("young people", "age", ("young", "younger", "teenage", "millenial", "jovem", "jovens")),
)

_SWAPS = (
    ("gender", ("woman", "man")),
    ("gender", ("women", "men")),
    ("gender", ("female", "male", "transgender")),
    ("orientation", ("gay", "lesbian", "bisexual", "straight", "heterosexual", "queer")),
    ("religion", ("muslim", "jewish", "christian", "catholic", "buddhist", "hindu", "sikh")),
    ("religion", ("muslims", "jews", "christians", "catholics", "buddhists", "hindus")),
    ("origin", ("african", "european", "asian", "mexican", "chinese", "japanese", "indian")),
    ("origin", ("black", "white", "asian", "latino", "hispanic")),
    ("ability", ("deaf", "blind", "paralyzed")),
    ("age", ("young", "old")),
    ("age", ("younger", "older")),
)


@dataclass(frozen=True)
class Swap:
    """A text with one term put in another's place; `source` is the place of the text it was made from."""

    source: int
    kind: str
    was: str
    now: str
    text: str


def mentions(plain: pa.Array, group: Group) -> npt.NDArray[np.bool_]:
    """Which texts, in small letters with obfuscation undone, name the group as a word; bool [n]."""
    pattern = r"(?:^|[^\pL\pN])(?:" + "|".join(term.replace("-", r"\-") for term in group.terms) + r")(?:$|[^\pL\pN])"
    found = pc.fill_null(pc.match_substring_regex(plain, pattern), False)
    named: npt.NDArray[np.bool_] = found.to_numpy(zero_copy_only=False)
    return named


def swaps(texts: list[str | None], most: int = 2_000) -> list[Swap]:
    """Counterfactuals of texts that hold one of the terms once: each other term of its row in its place.

    At most `most`, taken in the order of the texts. A capital at the beginning is kept.
    """
    finders = [
        (kind, terms, re.compile(rf"(?<![\w-])({'|'.join(terms)})(?![\w-])", re.IGNORECASE)) for kind, terms in _SWAPS
    ]
    made: list[Swap] = []
    for place, text in enumerate(texts):
        for kind, terms, finder in finders:
            found = finder.findall(text or "")
            if len(found) != 1:
                continue
            was = found[0].lower()
            for now in terms:
                if now != was:
                    written = now.capitalize() if found[0][0].isupper() else now
                    made.append(Swap(place, kind, was, now, finder.sub(written, text or "")))
                if len(made) == most:
                    return made
    return made
