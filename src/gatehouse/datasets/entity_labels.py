"""Claims about entities from anyone's file: whom they are about, which label, whether it holds, by whom and when."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gatehouse.datasets import tables
from gatehouse.datasets.content_scores import named
from gatehouse.datasets.event_source import ENTITY_LABELS
from gatehouse.datasets.times import microseconds
from gatehouse.errors import Fault, UserError, suggestion

_NEEDED, _OPTIONAL = ("subject", "label", "value"), ("source", "at")
_VALUES = {"1": 1, "0": 0, "true": 1, "false": 0, "yes": 1, "no": 0}
_SHOWN = 20


def read(path: Path, source: str) -> pa.Table:
    """The claims of a CSV, JSONL or Parquet file in ENTITY_LABELS; a subject without a kind is an account.

    Its columns are `subject`, `label`, `value` (1 or 0, yes or no) and, where it has them, `source` (else the one
    given) and `at` (null: not known). Raises UserError with every record that is no claim.
    """
    there = tables.column_names(path)
    missing = [
        Fault(f"there is no column '{name}'", str(path), suggestion(name, there))
        for name in _NEEDED
        if name not in there
    ]
    if missing:
        raise UserError(missing)
    faults: list[Fault] = []
    read_ = tables.read(path, {name: name for name in (*_NEEDED, *_OPTIONAL) if name in there})
    claims = pa.Table.from_batches([_claims(batch, path, source, faults) for batch in read_], ENTITY_LABELS)
    said = Counter(zip(*(claims[name].to_pylist() for name in ("subject", "label", "at", "source")), strict=True))
    for (subject, label, *_), count in said.items():
        if count > 1:
            what = f"'{label}' is claimed {count} times of {subject} at one time by one source"
            faults.append(Fault(what, str(path), "keep one claim, or give each its time or source"))
    if faults:
        more = [Fault(f"{len(faults) - _SHOWN:,} more records are no claim", str(path))] if len(faults) > _SHOWN else []
        raise UserError([*faults[:_SHOWN], *more])
    if not len(claims):
        raise UserError("there is no claim", where=str(path), fix="write subject, label and value, one claim a row")
    return claims


def _claims(batch: tables.TableBatch, path: Path, source: str, faults: list[Fault]) -> pa.RecordBatch:
    """The sound claims of a batch; notes the others."""
    faults += [Fault(bad.reason, f"{path}:{bad.row}", "mend or remove the record") for bad in batch.bad]
    n = len(batch.columns)
    given = dict(zip(batch.columns.schema.names, batch.columns.columns, strict=True))
    subject, label, value = (given[name].to_pylist() for name in _NEEDED)
    times, unreadable = microseconds(given.get("at", pa.nulls(n, pa.string())))
    values = [_VALUES.get((one or "").strip().lower()) for one in value]
    sound = np.ones(n, np.bool_)
    for row in range(n):
        for what in _wrong(subject[row], label[row], value[row], values[row], unreadable.get(row)):
            sound[row] = False
            fix = "write account:ID, a label, 1 or 0, and a time with its zone or none"
            faults.append(Fault(what, f"{path}:{batch.row_numbers[row]}", fix))
    columns = {
        "subject": named(given["subject"]),
        "label": given["label"],
        "value": pa.array(values, pa.int8()),
        "source": pc.fill_null(given.get("source", pa.nulls(n, pa.string())), source),
        "at": times,
    }
    mask = pa.array(sound)
    return pa.RecordBatch.from_arrays(
        [columns[field.name].filter(mask) for field in ENTITY_LABELS], schema=ENTITY_LABELS
    )


def _wrong(
    subject: str | None, label: str | None, value: str | None, meant: int | None, time: str | None
) -> Iterator[str]:
    if not (subject or "").strip() or not (subject or "").rpartition(":")[2]:
        yield "the subject is missing"
    if not (label or "").strip():
        yield "the label is missing"
    if meant is None:
        yield f"the value '{value or ''}' is neither 1 nor 0"
    if time is not None:
        yield time
