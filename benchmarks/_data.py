"""Where the benchmarks find the public data and the packs' recipes."""

import csv
import os
import sys
from pathlib import Path

from gatehouse.datasets.build import freeze
from gatehouse.datasets.split import part_of
from gatehouse.records.dataset import Dataset
from gatehouse.training.recipe import Recipe, load

ROOT = Path(__file__).resolve().parents[1]
PACKS = ("spam", "sexism", "toxicity")


def data_root() -> Path:
    """The folder of the public data; ends the run with the reason where there is none."""
    for candidate in (os.environ.get("GATEHOUSE_DATA"), ROOT.parent / "shared" / "data"):
        if candidate and Path(candidate).is_dir():
            return Path(candidate)
    sys.exit("skipped: public data not found; set GATEHOUSE_DATA to the folder that holds it")


def recipe(pack: str) -> Recipe:
    """The recipe of a shipped pack."""
    path = ROOT / "src" / "gatehouse" / "packs" / pack / "recipe.yaml"
    return load(path.read_text(encoding="utf-8"), str(path))


def davidson(root: Path) -> Dataset:
    """Tweets, hateful or offensive against neither (Davidson et al. 2017), on the fixed split."""
    with (root / "davidson" / "labeled_data.csv").open(encoding="utf-8", newline="") as lines:
        records = {record["tweet"]: int(record["class"] != "2") for record in csv.DictReader(lines)}
    return freeze(
        name="davidson",
        title="Hate speech and offensive language",
        licence="MIT",
        population="tweets that hold a word of a lexicon of hate",
        ids=[str(row) for row in range(len(records))],
        texts=list(records),
        parts=[part_of(text) for text in records],
        labels={"offensive": list(records.values())},
        source="davidson",
        language="en",
    )
