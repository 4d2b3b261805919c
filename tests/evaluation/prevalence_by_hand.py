"""A small population whose truth is known, and people who label draws from it without a mistake."""

import csv
from pathlib import Path

ITEMS = 2_000
VIOLATING = 40


def write_scores(path: Path, views: bool = True) -> Path:
    """A file of scores; the first items violate, and most of them score high."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "score", *(["views"] if views else [])])
        for i in range(ITEMS):
            score = 0.4 if i < VIOLATING and i % 4 else 0.001 + i % 50 / 10_000
            writer.writerow([f"m{i}", score, *([1 + i % 7] if views else [])])
    return path


def violates(name: str) -> bool:
    return int(name[1:]) < VIOLATING


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def write_rows(path: Path, rows: list[dict[str, str]]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)


def label(path: Path, others: str = "yes yes") -> list[dict[str, str]]:
    """Label a drawn file as it is true."""
    rows = rows_of(path)
    for row in rows:
        row["label"] = "yes" if violates(row["id"]) else "no"
        row["looks"] = others if violates(row["id"]) else ""
    write_rows(path, rows)
    return rows
