"""deepset's prompt injections: prompts to a language model, some of which try to turn it from its task."""

from collections.abc import Iterator
from pathlib import Path

from gatehouse.datasets.items import Claim, Item, Source, SourceFile
from gatehouse.datasets.published import meaning
from gatehouse.datasets.published_tables import rows
from gatehouse.datasets.split import part_of
from gatehouse.records.dataset import Part

_SPLIT: dict[str, Part] = {"train": "train", "test": "test"}
_CLAIMS = {"0": (Claim("injection", 0),), "1": (Claim("injection", 1),)}
_RAW = (
    "https://huggingface.co/datasets/deepset/prompt-injections/resolve/4f61ecb038e9c3fb77e21034b22511b523772cdd/data/"
)


def _read(folder: Path) -> Iterator[Item]:
    for name, official in _SPLIT.items():
        path = folder / f"{name}.parquet"
        for number, (text, label) in rows(path, ("text", "label")):
            part = part_of(text, official, given=("train", "test"))
            yield Item(f"{name}-{number}", text, meaning(label, _CLAIMS, path, number), part)


SOURCE = Source(
    name="deepset-prompt-injections",
    title="Prompt injections",
    licence="Apache-2.0",
    population="prompts to a language model, English and German, written or translated for the set in 2023",
    home="https://huggingface.co/datasets/deepset/prompt-injections",
    language=None,
    labels=("injection",),
    rows=662,
    files=(
        SourceFile(
            name="train.parquet",
            sha256="2e10bc7ab30f542c97e4e83e2a5683000b5057d25ec10908784c631d44124c04",
            size=40_323,
            address=f"{_RAW}train-00000-of-00001-9564e8b05b4757ab.parquet",
        ),
        SourceFile(
            name="test.parquet",
            sha256="39ac797cabc157eeed58435a08593b2952bb6cb16fc394a2d383f447cc7b246e",
            size=10_892,
            address=f"{_RAW}test-00000-of-00001-701d16158af87368.parquet",
        ),
    ),
    limits=(
        "The set is small: 60 injections in the test part, and no promise of 95 % precision can be found on it",
        "The official split is kept; one tenth of its train part is `calibration` and one fifth `points`",
        "Many texts vary one sentence or translate it, some of them across the official split",
        "Some prompts called injections only ask for a role or a different task, without any attack",
        "Languages are not marked: about half is English and a third German, some mix both",
    ),
    read=_read,
)
