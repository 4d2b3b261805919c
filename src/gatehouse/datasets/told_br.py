"""ToLD-Br (Leite et al. 2020): tweets in Brazilian Portuguese; how many of three raters saw each of six harms."""

from collections.abc import Iterator
from pathlib import Path

from gatehouse.datasets.items import Claim, Item, Source, SourceFile
from gatehouse.datasets.published import meaning, records

_FILE = "ToLD-BR.csv"
_RATERS = 3
_HARMS = ("homophobia", "obscene", "insult", "racism", "misogyny", "xenophobia")
_COUNTS = {f"{count}{tail}": count for count in range(_RATERS + 1) for tail in (".0", "")}


def _read(folder: Path) -> Iterator[Item]:
    path = folder / _FILE
    for number, (line, row) in enumerate(records(path, ("text", *_HARMS)), 1):
        votes = {harm: meaning(row[harm], _COUNTS, path, line) for harm in _HARMS}
        counted = (
            Claim(harm, value, count)
            for harm, yes in votes.items()
            for value, count in ((1, yes), (0, _RATERS - yes))
            if count
        )
        # How many raters saw any harm cannot be told from counts by harm, so `toxic` is one claim without votes.
        toxic = Claim("toxic", int(any(votes.values())))
        yield Item(f"told-br-{number}", row["text"], (toxic, *counted))


SOURCE = Source(
    name="told-br",
    title="Toxic language dataset for Brazilian Portuguese (ToLD-Br)",
    licence="CC BY-SA 4.0",
    population="tweets in Brazilian Portuguese of 2019, found by words of abuse or written to known accounts",
    home="https://github.com/JAugusto97/ToLD-Br",
    language="pt",
    labels=("toxic", *_HARMS),
    rows=20_981,
    files=(
        SourceFile(
            name=_FILE,
            sha256="55cbbf6e200a239a5db3b083eb96cb49a5e78187453531ac0574b10453e6edb2",
            size=2_427_291,
            address="https://raw.githubusercontent.com/JAugusto97/ToLD-Br/main/ToLD-BR.csv",
        ),
    ),
    limits=(
        "`toxic` holds where one of three raters saw one of the six harms, as its authors take it; each of the six "
        "holds where two of three saw it, so a toxic tweet often has none of them",
        "Raters are counted but not named, and more than half of the toxic tweets have no harm that two of them saw",
        "racism and xenophobia are rare: under 10 positives in the test part allow counts only",
    ),
    read=_read,
)
