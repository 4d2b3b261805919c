"""The card of a data set, written by code from what it holds."""

import numpy as np

from gatehouse.datasets.truth import targets
from gatehouse.records.dataset import PARTS, Dataset, Part


def write(dataset: Dataset) -> str:
    """CARD.md: what the data set is, for whom it speaks, its counts and base rates, and its known limits."""
    info = dataset.info
    raters = dataset.labels["rater"].drop_null().unique()
    lines = [
        f"# {info.title}",
        "",
        f"Data set `{info.name}`, version `{info.version}`, frozen: the version is the hash of its rows and labels.",
        "",
        f"- **Licence:** {info.licence}",
        f"- **Population:** {info.population}. Figures measured on it speak of nobody else.",
        f"- **Rows:** {info.rows:,}" + ("" if info.features else ", each text once"),
        f"- **Claims about labels:** {dataset.labels.num_rows:,}, kept as they were given"
        + (f", by {len(raters):,} named raters" if len(raters) else ""),
        "",
        "## Parts and base rates",
        "",
        "Fit on `train`, calibrate on `calibration`, find thresholds on `points`, report on `test`. Each cell counts",
        "the rows where at least half of the votes say that the label holds, and their share of those that somebody",
        "labelled.",
        "",
        *_table(dataset),
    ]
    if info.notes:
        lines += ["", "## Known limits and what was mended", "", *(f"- {note}" for note in info.notes.split("\n"))]
    return "\n".join(lines) + "\n"


def _table(dataset: Dataset) -> list[str]:
    info = dataset.info
    head = ["label", *(f"{part} (n = {info.parts[part]:,})" for part in PARTS)]
    columns = [_cells(dataset, part) for part in PARTS]
    body = [[label, *(column[i] for column in columns)] for i, label in enumerate(info.labels)]
    return [_row(head), _row(["---"] + ["---:"] * len(PARTS)), *map(_row, body)]


def _cells(dataset: Dataset, part: Part) -> list[str]:
    """One cell for each label; rows that nobody labelled are named, and do not count in the share."""
    info = dataset.info
    _, y = targets(dataset, part, info.labels)
    n = len(y)
    cells = []
    for label, known in zip(info.labels, np.isfinite(y).sum(axis=0), strict=True):
        count = info.positives[part][label]
        share = f" ({count / known:.1%})" if known else ""
        cells.append(f"{count:,}{share}" + (f", {n - known:,} unlabelled" if known < n else ""))
    return cells


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"
