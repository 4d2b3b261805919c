"""What runs on the executors: digests of files, reading, judging."""

import hashlib
import json
import shutil
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gatehouse.adapters.files.scores import ParquetScoreWriter
from gatehouse.adapters.spark.faults import Task, telling
from gatehouse.adapters.spark.rows import (
    COUNTS,
    NUMBER_BITS,
    Item,
    between,
    events_in,
    number,
    set_aside,
    sound,
    split,
    window_columns,
)
from gatehouse.datasets.repeats import Came
from gatehouse.errors import OutsideError
from gatehouse.features.plan import Plan
from gatehouse.flows.intake import Reject, sound_rows, without_repeats
from gatehouse.flows.judge import Judge
from gatehouse.flows.scored import Scored, uses_of
from gatehouse.flows.spec import JudgeSpec, build
from gatehouse.ports.ledger import Run
from gatehouse.records.score import score_rows

DIGESTS = pa.schema([pa.field("file", pa.int64()), pa.field("digest", pa.string())])


@dataclass(frozen=True)
class Order:
    """What every task of one job is told; the judge travels as its spec and the path of its bundle."""

    items: tuple[Item, ...]
    mapping: Mapping[str, str]
    at: int
    spec: JudgeSpec
    bundle: Path
    windows: bool

    def judge(self) -> Judge:
        """The judge, built once a process from files checked by their hashes."""
        return build(self.spec, self.bundle)


def digesting(files: Sequence[Path]) -> Task:
    """Gives the SHA-256 of the files whose indices come."""

    def digests(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            indices = batch.column(0).to_pylist()
            yield pa.RecordBatch.from_pydict(
                {"file": indices, "digest": [_digest(files[index]) for index in indices]}, schema=DIGESTS
            )

    return telling(digests)


def reading(order: Order) -> Task:
    """Gives the rows of the items whose indices come: events, coded where windows are computed, and rejects."""

    def read(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        judge = order.judge()
        profile = judge.features.profile
        schema = between(judge.features.plan if order.windows else None)
        for batch in batches:
            for index in batch.column(0).to_pylist():
                item = order.items[index]
                _require(item.path)
                for rows in sound_rows(item.path, order.mapping, order.at, groups=item.groups, profile=profile):
                    if len(rows.events):
                        coded = judge.prepare(rows.events).coded if order.windows else None
                        yield sound(rows, index, coded, schema)
                    if rows.rejects:
                        yield set_aside(rows.rejects, index, schema)

    return telling(read)


def judging(order: Order, run: Run, note: Mapping[str, Any], folders: tuple[Path, Path, Path]) -> Task:
    """Judges the rows that come, with their windows, and writes scores and rejects of a partition as one part each.

    `folders` are those of scores, of rejects, and of what an attempt is writing. Gives what it counted, in COUNTS.
    """

    def judge_rows(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        done = Scored(run)
        with _Part(folders, note) as part:
            for batch in batches:
                _judge_batch(order, batch, part, done)
        yield _counts(done)

    return telling(judge_rows)


def _judge_batch(order: Order, batch: pa.RecordBatch, part: "_Part", done: Scored) -> None:
    judge = order.judge()
    rows, bad = split(batch)
    rows, again = without_repeats(rows, rows.column("row").to_numpy(), _came(rows))
    rejects = [Reject(**row) for row in bad.select(["row", "id", "reason", "begins"]).to_pylist()]
    done.rejected += part.reject(order.items, [*rejects, *again])
    if not len(rows):
        return
    events = events_in(rows)
    if order.windows:
        prepared = judge.prepare(events)
        judgement = judge.conclude(prepared, judge.whole(prepared, _windows(judge.features.plan, rows)))
    else:
        judgement = judge.with_features(events, judge.features.compute(events))
    part.score(score_rows(judgement, uses_of(judge)))
    done.add(judgement)


def _came(rows: pa.RecordBatch) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """How each row stands to the first one with its id: uint8 [n] of Came."""
    again = pc.fill_null(pc.not_equal(rows.column("row"), rows.column("first_row")), False)
    other = pc.fill_null(pc.not_equal(rows.column("contents"), rows.column("first_contents")), False)
    came = np.where(other.to_numpy(zero_copy_only=False), Came.AGAIN_WITH_OTHER_CONTENT, Came.AGAIN)
    return np.where(again.to_numpy(zero_copy_only=False), came, Came.NEW).astype(np.uint8)


def _windows(plan: Plan, rows: pa.RecordBatch) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([rows.column(name) for name in window_columns(plan)], schema=plan.schema)


class _Part(AbstractContextManager["_Part"]):
    """The scores and the rejects of one partition, which appear whole under a name that every attempt shares.

    An attempt writes in a folder of its own and moves what it wrote at its end: one that dies leaves nothing, and one
    that comes after another replaces equal rows by equal rows.
    """

    def __init__(self, folders: tuple[Path, Path, Path], note: Mapping[str, Any]) -> None:
        from pyspark import TaskContext

        task = TaskContext.get()
        assert task is not None, "parts are written by tasks"
        self._name = f"part-{task.partitionId():05d}"
        self._to, self._rejects_to, attempts = folders
        self._folder = attempts / f"{self._name}.{task.taskAttemptId()}"
        # Where the job has ended, and its folders are gone, an attempt that nobody waits for fails here.
        self._folder.mkdir()
        self._wrote = False
        self._scores = ParquetScoreWriter(self._folder / "scores", note)
        self._rejects = (self._folder / "rejects").open("w", encoding="utf-8")

    def __exit__(self, failed: type[BaseException] | None, error: BaseException | None, trace: Any) -> None:
        self._scores.__exit__(failed, error, trace)
        self._rejects.close()
        if not failed and self._wrote:
            (self._folder / "scores").replace(self._to / f"{self._name}.parquet")
        if not failed and (self._folder / "rejects").stat().st_size:
            (self._folder / "rejects").replace(self._rejects_to / f"{self._name}.jsonl")
        shutil.rmtree(self._folder, ignore_errors=True)

    def score(self, rows: pa.Table) -> None:
        """Append rows of scores."""
        self._scores.write(rows)
        self._wrote = True

    def reject(self, items: Sequence[Item], rejects: Sequence[Reject]) -> int:
        """Append rejects, whose rows are of all items, each with the file where it stands; gives back how many."""
        for reject in sorted(rejects, key=lambda reject: reject.row or 0):
            row = reject.row or 0
            said = {"file": str(items[row >> NUMBER_BITS].path), **asdict(reject), "row": number(row)}
            self._rejects.write(json.dumps(said, ensure_ascii=False) + "\n")
        return len(rejects)


def _counts(done: Scored) -> pa.RecordBatch:
    rows: list[tuple[str, str | None, str | None, str | None, int]] = [
        ("rows", None, None, None, done.rows),
        ("rejected", None, None, None, done.rejected),
        *(("outcome", None, word, None, n) for word, n in done.outcomes.items()),
        *(("enforcement", None, word, None, n) for word, n in done.enforcements.items()),
        *(("reason", policy, word, reason, n) for (policy, word, reason), n in done.reasons.items()),
    ]
    return pa.RecordBatch.from_pylist([dict(zip(COUNTS.names, row, strict=True)) for row in rows], schema=COUNTS)


def _digest(path: Path) -> str:
    _require(path)
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _require(path: Path) -> None:
    if not path.exists():
        raise OutsideError(
            f"the executor on {socket.gethostname()} does not see this file",
            where=str(path),
            fix="put it where the driver and all executors find it under the same path",
        )
