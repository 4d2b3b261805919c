"""Hate speech and offensive language (Davidson et al. 2017): tweets, each judged by three raters or more."""

from collections.abc import Iterator
from pathlib import Path

from gatehouse.datasets.items import Claim, Item, Source, SourceFile
from gatehouse.datasets.published import meaning, records

_FILE = "labeled_data.csv"
_VOTES = ("hate_speech", "offensive_language", "neither")
_COUNTS = {str(count): count for count in range(100)}


def _read(folder: Path) -> Iterator[Item]:
    path = folder / _FILE
    for line, row in records(path, ("", *_VOTES, "tweet")):
        hate, offensive, neither = (meaning(row[vote], _COUNTS, path, line) for vote in _VOTES)
        counted = (
            Claim("hate", 1, hate),
            Claim("hate", 0, offensive + neither),
            Claim("hate_or_offensive", 1, hate + offensive),
            Claim("hate_or_offensive", 0, neither),
        )
        yield Item(f"davidson-{row['']}", row["tweet"], tuple(claim for claim in counted if claim.votes))


SOURCE = Source(
    name="davidson",
    title="Hate speech and offensive language",
    licence="MIT",
    population="tweets in English that hold a word of a lexicon of hate, before 2017",
    home="https://github.com/t-davidson/hate-speech-and-offensive-language",
    language="en",
    labels=("hate", "hate_or_offensive"),
    rows=24_750,
    files=(
        SourceFile(
            name=_FILE,
            sha256="b480743988af48362cc09c7cf5117c773f01b3b96160df4a31b9c5dfadeb28bd",
            size=2_405_381,
            address="https://raw.githubusercontent.com/t-davidson/hate-speech-and-offensive-language/"
            "master/data/labeled_data.csv",
        ),
    ),
    limits=(
        "Every rater chose one of three: hate, offensive, neither; `hate` holds where at least half chose hate, "
        "`hate_or_offensive` where at least half chose either",
        "Raters are counted but not named, and they disagree: given that one says hate, another does with chance .30, "
        "and only 260 of the 1,424 tweets called hate are unanimous",
        "The tweets were found by a lexicon, so four in five are offensive, which says nothing about any platform",
        "hate means something else here than in vicomtech: the two must not be pooled",
    ),
    read=_read,
)
