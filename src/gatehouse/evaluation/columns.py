"""Columns of a file about labelled rows, read with every fault named by its rows."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gatehouse.datasets import tables
from gatehouse.datasets.blocks import BadRecord
from gatehouse.errors import Faults, nearest
from gatehouse.stats.metrics import Floats

VIOLATING, NOT, UNSURE, UNPARSABLE = "violating", "not", "unsure", "unparsable"
VERDICTS = {
    VIOLATING: (VIOLATING, "violates", "yes", "1", "true", "unsafe", "flagged", "positive", "harmful", "remove"),
    NOT: (NOT, "no", "0", "false", "safe", "clear", "benign", "negative", "allow", "not violating", "not_violating"),
    UNSURE: (UNSURE, "abstain", "abstained", "unknown", "maybe", "undecided", "refused"),
    UNPARSABLE: (UNPARSABLE, "error", "failed", "invalid"),
}
"""What a verdict means, with the words that people write for it."""

TRUTH = dict.fromkeys(VERDICTS[VIOLATING], 1.0) | dict.fromkeys(VERDICTS[NOT], 0.0)
MOST_ROWS = 10


def mapped(
    path: Path, given: Mapping[str, str], known: Sequence[str], needed: Sequence[str], faults: Faults
) -> dict[str, str]:
    """The file's column for each known name: as `given`, else of that name. What is needed and missing is a fault."""
    there = tables.column_names(path)
    for name in sorted(set(given) - set(known)):
        faults.add(f"nothing is called '{name}'", str(path), f"--map takes {', '.join(known)}")
    mapping = {name: given.get(name, name) for name in known if given.get(name, name) in there}
    for name in dict.fromkeys([*needed, *(name for name in given if name in known)]):
        if name not in mapping:
            wanted = given.get(name, name)
            near = nearest(wanted, there)
            hint = f"did you mean --map {name}={near}? " if near else f"say which it is: --map {name}=COLUMN; "
            faults.add(f"no column '{wanted}' for {name}", str(path), f"{hint}the file has {', '.join(there)}")
    return mapping


def table(path: Path, mapping: Mapping[str, str]) -> tuple[pa.Table, npt.NDArray[np.int64], list[BadRecord]]:
    """The mapped columns as texts, the number of each row, and the records that cannot be read."""
    batches, numbers, bad = [], [np.empty(0, np.int64)], []
    for batch in tables.read(path, mapping):
        batches.append(batch.columns)
        numbers.append(batch.row_numbers)
        bad += batch.bad
    schema = pa.schema([(name, pa.string()) for name in mapping])
    return pa.Table.from_batches(batches, schema).combine_chunks(), np.concatenate(numbers), bad


def add_bad(bad: Sequence[BadRecord], path: Path, faults: Faults) -> None:
    """The first of the records that cannot be read as faults."""
    for record in bad[:MOST_ROWS]:
        faults.add(f"row {record.row} cannot be read: {record.reason}", str(path), "mend the record")


class Columns:
    """Turns a file's texts into columns and notes every fault with its rows."""

    def __init__(self, path: Path, table: pa.Table, numbers: npt.NDArray[np.int64], faults: Faults) -> None:
        self.path = path
        self.table = table
        self.numbers = numbers
        self.faults = faults

    def keep(self, mask: npt.NDArray[np.bool_]) -> None:
        """Leave the other rows out."""
        self.table, self.numbers = self.table.filter(pa.array(mask)), self.numbers[mask]

    def plain(self, name: str) -> pa.Array:
        """A column in small letters without spaces around, null as empty."""
        return pc.utf8_lower(pc.utf8_trim_whitespace(pc.fill_null(self.table[name].combine_chunks(), "")))

    def text(self, name: str) -> pa.Array | None:
        """A column as it was written, or None where the file has none."""
        return self.table[name].combine_chunks() if name in self.table.column_names else None

    def empty(self, name: str) -> npt.NDArray[np.bool_]:
        """Rows that say nothing there."""
        empty: npt.NDArray[np.bool_] = pc.equal(self.plain(name), "").to_numpy(zero_copy_only=False)
        return empty

    def fault(self, mask: npt.NDArray[np.bool_], one: str, many: str, fix: str) -> None:
        """One fault of the masked rows, which it names; `one` and `many` are what is said of one row and of several."""
        rows = self.numbers[mask]
        if not len(rows):
            return
        shown = ", ".join(f"{row:,}" for row in rows[:MOST_ROWS])
        more = f" and {len(rows) - MOST_ROWS:,} more" if len(rows) > MOST_ROWS else ""
        said = f"row {shown} {one}" if len(rows) == 1 else f"{len(rows):,} rows {many}: {shown}{more}"
        self.faults.add(said, str(self.path), fix)

    def words(self, name: str, values: Mapping[str, float], wanted: str, what: str = "") -> Floats:
        """A column of known words as numbers, NaN where it is empty; other words are faults (`what`: of what kind)."""
        column = self.plain(name).dictionary_encode()
        words = column.dictionary.to_pylist()
        codes = np.array([values.get(word, np.nan) for word in words] or [np.nan])
        found: Floats = codes[column.indices.to_numpy(zero_copy_only=False)] if len(column) else np.empty(0)
        odd = [word for word in words if word and word not in values]
        if odd:
            mask = np.isin(column.indices.to_numpy(zero_copy_only=False), [words.index(word) for word in odd])
            said = f"{what or f'a {name}'} that is not {wanted} ({some(odd)})"
            self.fault(mask, f"has {said}", f"have {said}", f"write {wanted}")
        return found


def some(words: Sequence[str | None]) -> str:
    """The first few words in quotes, with the number of the others."""
    shown = ", ".join(f"'{word}'" for word in words[:5])
    return shown + (f" and {len(words) - 5:,} more" if len(words) > 5 else "")
