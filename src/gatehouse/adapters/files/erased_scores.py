"""Files of scores forget: rows of erased events, and what rejects quote."""

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from gatehouse.adapters.files.whole import write_anew, written_anew
from gatehouse.errors import OutsideError
from gatehouse.ports.erasing import Reached, Whom
from gatehouse.ports.ledger import Run
from gatehouse.records.event import Entity

MEND = "mend or remove the file, then erase again: what was done stays done"


class ScoreFiles:
    """What runs of `score` wrote: Parquet files or folders of parts, and the rejects beside them."""

    def __init__(self, runs: Callable[[], Sequence[Run]]) -> None:
        self._runs = runs

    def ids(self, entity: Entity) -> frozenset[str]:
        """None: scores do not say whose an event was."""
        return frozenset()

    def forget(self, whom: Whom, *, at: int, dry: bool) -> Iterator[Reached]:
        """Rewrite each file without the rows of these events, and each file of rejects without what speaks of them."""
        for out in dict.fromkeys(Path(run.out) for run in self._runs()):
            if not out.exists():
                yield Reached("scores", str(out), 0, "no longer there")
                continue
            parts = sorted(out.glob("*.parquet")) if out.is_dir() else [out]
            yield Reached("scores", str(out), sum(_without(part, whom, dry) for part in parts))
            for file in _rejects(out):
                yield Reached("rejects", str(file), _lines_without(file, whom, dry))

    def older(self, before: int) -> list[str]:
        """Files of rejects of runs before a moment."""
        latest: dict[Path, int] = {}
        for run in self._runs():
            latest[Path(run.out)] = max(run.at, latest.get(Path(run.out), run.at))
        return [str(file) for out, at in latest.items() if at < before for file in _rejects(out)]

    def text(self, path: str) -> str:
        """All that one of them says."""
        return Path(path).read_text(encoding="utf-8", errors="replace")

    def remove(self, path: str) -> None:
        """Remove one of them."""
        Path(path).unlink(missing_ok=True)


def _rejects(out: Path) -> list[Path]:
    """The file of rejects beside these scores, or the parts of the folder of them."""
    beside = out.with_name(f"{out.stem}.rejects.jsonl")
    if beside.is_dir():
        return sorted(beside.glob("*.jsonl"))
    return [beside] if beside.is_file() else []


def _without(part: Path, whom: Whom, dry: bool) -> int:
    """Rows of these events in a file of scores, which is written anew without them."""
    ids = pa.array(sorted(whom.ids), pa.string())
    try:
        with pq.ParquetFile(part) as file:
            schema = file.schema_arrow
            if "event_id" not in schema.names:
                return 0
            groups = range(file.num_row_groups)
            found: int = sum(_among(file.read_row_group(i, columns=["event_id"]), ids).true_count for i in groups)
            if found and not dry:
                with written_anew(part) as beside, pq.ParquetWriter(beside, schema, compression="zstd") as writer:
                    for i in groups:
                        rows = file.read_row_group(i)
                        writer.write_table(_afresh(rows.filter(pc.invert(_among(rows, ids)))))
    except (pa.ArrowException, OSError) as error:
        raise OutsideError(f"the scores cannot be read ({error})", where=str(part), fix=MEND) from error
    return found


def _among(rows: pa.Table, ids: pa.Array) -> pa.BooleanArray:
    found: pa.BooleanArray = pc.is_in(rows["event_id"].cast(pa.string()), value_set=ids).combine_chunks()
    return found


def _afresh(rows: pa.Table) -> pa.Table:
    """The rows with dictionaries of only what stands in them: a filtered column keeps all that it knew."""
    columns = [
        column.cast(field.type.value_type).dictionary_encode().cast(field.type)
        if pa.types.is_dictionary(field.type)
        else column
        for field, column in zip(rows.schema, rows.columns, strict=True)
    ]
    return pa.Table.from_arrays(columns, schema=rows.schema)


def _lines_without(file: Path, whom: Whom, dry: bool) -> int:
    return lines_without(file, lambda said: said.get("id") in whom.ids or whom.stands_in(str(said.get("begins"))), dry)


def lines_without(file: Path, reached: Callable[[dict[str, object]], bool], dry: bool) -> int:
    """Lines of JSON that are reached; the file is written anew without them. Raises OutsideError for a line of none."""
    lines = file.read_bytes().splitlines(keepends=True)
    kept = []
    for number, line in enumerate(lines, start=1):
        try:
            if not (line.strip() and reached(json.loads(line))):
                kept.append(line)
        except (ValueError, AttributeError):
            raise OutsideError("this is no line of JSON", where=f"{file}:{number}", fix=MEND) from None
    if len(kept) < len(lines) and not dry:
        write_anew(file, b"".join(kept))
    return len(lines) - len(kept)
