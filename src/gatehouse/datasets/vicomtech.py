"""Hate speech from a white supremacy forum (de Gibert et al. 2018): single sentences of posts, by author."""

from collections.abc import Iterator
from pathlib import Path

from gatehouse.datasets.items import Claim, Item, Source, SourceFile
from gatehouse.datasets.published import meaning, records

_FILE = "sentences.csv"
_SET_ASIDE = "idk/skip"
_CLAIMS: dict[str, tuple[Claim, ...]] = {
    "hate": (Claim("hate", 1),),
    "noHate": (Claim("hate", 0),),
    # Such a sentence is hate only together with its neighbours: of the sentence alone nothing is claimed.
    "relation": (),
    _SET_ASIDE: (),
}


def _read(folder: Path) -> Iterator[Item]:
    path = folder / _FILE
    for line, row in records(path, ("file_id", "user_id", "label", "text")):
        claims = meaning(row["label"], _CLAIMS, path, line)
        if row["label"] != _SET_ASIDE:
            yield Item(row["file_id"], row["text"], claims, author=row["user_id"])


SOURCE = Source(
    name="vicomtech",
    title="Hate speech from a white supremacy forum",
    licence="CC BY-SA 3.0 ES",
    population="sentences in English from posts of one white supremacist forum, 2002 to 2017",
    home="https://github.com/Vicomtech/hate-speech-dataset",
    language="en",
    labels=("hate",),
    rows=10_859,
    files=(
        SourceFile(
            name=_FILE,
            sha256="61a0bd76d225e017953a8dc80169a8e6e8e6b11229a1843f8d220b9f042c32ca",
            size=1_344_858,
            address=None,
        ),
    ),
    limits=(
        "`hate` is a deliberate attack on a group of people, motivated by the group's identity, in one sentence; "
        "it means something else in davidson: the two must not be pooled",
        "168 sentences marked `relation` are hate only together with others: they are kept without a label",
        "73 sentences marked `idk/skip`, most of them not in English, were set aside by the raters and are left out",
        "The split is by author, so that no detector is tested on people whom it learnt; a text that several authors "
        "wrote stands on the side held back furthest",
        "The published original keeps each sentence in a file of its own; the known copy joins them in one table",
    ),
    read=_read,
)
