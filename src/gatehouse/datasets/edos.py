"""Explainable Detection of Online Sexism (Kirk et al., SemEval-2023 task 10): sexist or not, category and vector."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path

from gatehouse.datasets.items import Claim, Item, Source, SourceFile
from gatehouse.datasets.published import meaning, records
from gatehouse.datasets.split import part_of
from gatehouse.records.dataset import Part

_FILE = "edos_labelled_aggregated.csv"
_PARTS: dict[str, Part] = {"train": "train", "dev": "points", "test": "test"}
_SEXIST = {"sexist": "sexist", "not sexist": None}
_CATEGORIES = {
    "1. threats, plans to harm and incitement": "threats",
    "2. derogation": "derogation",
    "3. animosity": "animosity",
    "4. prejudiced discussions": "prejudiced_discussions",
}
_VECTORS = {
    "1.1 threats of harm": "threats_of_harm",
    "1.2 incitement and encouragement of harm": "incitement_of_harm",
    "2.1 descriptive attacks": "descriptive_attacks",
    "2.2 aggressive and emotive attacks": "aggressive_attacks",
    "2.3 dehumanising attacks & overt sexual objectification": "dehumanising_attacks",
    "3.1 casual use of gendered slurs, profanities, and insults": "gendered_slurs",
    "3.2 immutable gender differences and gender stereotypes": "gender_stereotypes",
    "3.3 backhanded gendered compliments": "backhanded_compliments",
    "3.4 condescending explanations or unwelcome advice": "condescending_explanations",
    "4.1 supporting mistreatment of individual women": "supporting_mistreatment",
    "4.2 supporting systemic discrimination against women as a group": "supporting_discrimination",
}
_LABELS = ("sexist", *_CATEGORIES.values(), *_VECTORS.values())


_CATEGORY: dict[str, str | None] = {**_CATEGORIES, "none": None}
_VECTOR: dict[str, str | None] = {**_VECTORS, "none": None}


@cache
def _claims(*holding: str | None) -> tuple[Claim, ...]:
    return tuple(Claim(label, int(label in holding)) for label in _LABELS)


def _read(folder: Path) -> Iterator[Item]:
    path = folder / _FILE
    for line, row in records(path, ("rewire_id", "text", "label_sexist", "label_category", "label_vector", "split")):
        sexist = meaning(row["label_sexist"], _SEXIST, path, line)
        category = meaning(row["label_category"], _CATEGORY, path, line)
        vector = meaning(row["label_vector"], _VECTOR, path, line)
        part = part_of(row["text"], meaning(row["split"], _PARTS, path, line))
        yield Item(row["rewire_id"], row["text"], _claims(sexist, category, vector), part)


SOURCE = Source(
    name="edos",
    title="Explainable Detection of Online Sexism (SemEval-2023 task 10)",
    licence="CC0",
    population="comments in English from Gab and Reddit, drawn to hold much sexism",
    home="https://github.com/rewire-online/edos",
    language="en",
    labels=_LABELS,
    rows=19_773,
    files=(
        SourceFile(
            name=_FILE,
            sha256="e44a4d7f0e0136290ab3de96b7a2821d3632660d5742d7f9e2073d1938b14ca0",
            size=3_797_867,
            address="https://raw.githubusercontent.com/rewire-online/edos/main/data/edos_labelled_aggregated.csv",
        ),
    ),
    limits=(
        "The share of sexist comments is that of the sampling, not that of the platforms",
        "The split is the official one; its dev part is `points`, and one tenth of its train part is `calibration`",
        "Categories and vectors are labelled only within sexist comments; elsewhere they do not hold",
    ),
    read=_read,
)
