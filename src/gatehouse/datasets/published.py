"""Reading files as others published them: as strictly as their format, with the place of what does not fit."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from gatehouse.errors import UserError

_Meaning = TypeVar("_Meaning")


def records(path: Path, columns: Sequence[str]) -> Iterator[tuple[int, dict[str, str]]]:
    """Records of a CSV file with the line on which each ends; bytes that are not UTF-8 become U+FFFD.

    Raises UserError when a column is missing or a record is short.
    """
    with path.open(encoding="utf-8", errors="replace", newline="") as lines:
        reader = csv.DictReader(lines)
        missing = [column for column in columns if column not in (reader.fieldnames or ())]
        if missing:
            raise _other_format(f"there is no column {', '.join(missing)}", str(path))
        for row in reader:
            if any(row[column] is None for column in columns):
                raise _other_format("the record is cut short", f"{path}:{reader.line_num}")
            yield reader.line_num, row


def meaning(word: str, known: Mapping[str, _Meaning], path: Path, line: int) -> _Meaning:
    """What a word of the source stands for; raises UserError for one that the source is not known to use."""
    if word not in known:
        raise _other_format(f"'{word[:40]}' is neither {' nor '.join(known)}", f"{path}:{line}")
    return known[word]


def _other_format(what: str, where: str) -> UserError:
    return UserError(what, where=where, fix="the file is not in its published format: fetch it again")
