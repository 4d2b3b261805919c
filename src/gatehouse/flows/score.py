"""Batch scoring: a file of events in, a file of scores out, in bounded memory."""

import hashlib
import json
from collections.abc import Callable, Generator, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import IO, NamedTuple

import pyarrow as pa

from gatehouse.errors import UserError
from gatehouse.flows.intake import Intake, Reject, columns_for, events_of
from gatehouse.flows.judge import Judge
from gatehouse.flows.scored import Scored, run_of, uses_of
from gatehouse.flows.windows import Stream, answerable, remarks, windows_of
from gatehouse.ports.lake import Lake, ScoreWriter
from gatehouse.ports.sql_engine import SqlEngine
from gatehouse.records.decision import Judgement
from gatehouse.records.score import score_rows

Each = Callable[[pa.RecordBatch, pa.RecordBatch, Judgement], list[Reject]]
"""What is done with every judged batch (events, features, judgement) beside writing it; gives back its own rejects."""


def score(
    source: Path,
    out: Path,
    judge: Judge,
    lake: Lake,
    engine: SqlEngine,
    *,
    given: Mapping[str, str],
    at: int,
    each: Each = lambda *_: [],
    progress: Callable[[int], None] = lambda _: None,
) -> Scored:
    """Judge every event of a file and write its rows; what cannot be judged goes to `OUT.rejects.jsonl`.

    `given` maps event columns to the file's; `each` is handed every judged batch; `progress` the rows done so far.
    Where the judge looks at windows of which the file can say something, the file is read twice: `engine` computes
    them, in the order of (seen, id), before the first event is judged.
    Reading, judging and writing overlap; at most four blocks are held at a time.
    """
    if out.suffix != ".parquet":
        raise UserError(
            f"scores are written as Parquet, not '{out.suffix}'", where=str(out), fix="end --out in .parquet"
        )
    if out.resolve() == source.resolve():
        raise UserError("the scores would replace the file that is read", where=str(out), fix="choose another --out")
    mapping = columns_for(source, given, judge.features.profile)
    run = run_of(source, _digest(source), out, judge.releases, at)
    done = Scored(run, remarks=remarks(judge, mapping))
    read = partial(events_of, source, mapping, at, profile=judge.features.profile)
    ready = _with_windows(read, judge, engine) if answerable(judge.features, mapping) else _alone(read, judge)
    note = {**asdict(run), "mapping": mapping}
    rejects = _Rejects(out)
    with closing(ready), lake.writer(out, note) as writer, rejects, ThreadPoolExecutor(2) as others:
        pending: Future[None] | None = None
        for block, features, conclude in _ahead(ready, others):
            rejects.add(block.rejects)
            judgement = conclude()
            if pending:
                pending.result()
            pending = others.submit(_write, writer, judgement, uses_of(judge))
            done.add(judgement)
            rejects.add(each(block.events, features, judgement))
            progress(done.rows)
        if pending:
            pending.result()
    done.rejected = rejects.count
    done.rejects = rejects.path if rejects.count else None
    done.run = replace(run, rows=done.rows, rejected=done.rejected)
    return done


class _Ready(NamedTuple):
    """A block as it was read, the feature rows of its events, and what judges them."""

    block: Intake
    features: pa.RecordBatch
    conclude: Callable[[], Judgement]


_Blocks = Generator[_Ready, None, None]
_Read = Callable[[], Iterator[Intake]]


def _alone(read: _Read, judge: Judge) -> _Blocks:
    """Events by themselves: there are no windows, or the file cannot say anything of them."""
    for block in read():
        features = judge.features.compute(block.events)
        yield _Ready(block, features, partial(judge.with_features, block.events, features))


def _with_windows(read: _Read, judge: Judge, engine: SqlEngine) -> _Blocks:
    """Events with their windows over the events of the file that came before them."""
    plan = judge.features.plan
    windows = Stream(windows_of(_coded(read, judge), plan, engine), plan.schema)
    for block in read():
        prepared = judge.prepare(block.events)
        features = judge.whole(prepared, windows.take(len(block.events)))
        yield _Ready(block, features, partial(judge.conclude, prepared, features))


def _coded(read: _Read, judge: Judge) -> Iterator[pa.RecordBatch]:
    row = 0
    for block in read():
        yield judge.prepare(block.events, row).coded
        row += len(block.events)


def _ahead(ready: _Blocks, others: ThreadPoolExecutor) -> Iterator[_Ready]:
    """The blocks, each read and its features computed while the one before it is judged."""
    coming = others.submit(next, ready, None)
    while (block := coming.result()) is not None:
        coming = others.submit(next, ready, None)
        yield block


def _write(writer: ScoreWriter, judgement: Judgement, uses: Mapping[str, frozenset[str]]) -> None:
    writer.write(score_rows(judgement, uses))


def _digest(source: Path) -> str:
    with source.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class _Rejects:
    """The file of rejects, made only when there is one, and there whole or not at all."""

    def __init__(self, out: Path) -> None:
        self.path = out.with_name(f"{out.stem}.rejects.jsonl")
        self._part = self.path.with_name(f"{self.path.name}.part")
        self.count = 0
        self._file: IO[str] | None = None

    def __enter__(self) -> "_Rejects":
        return self

    def __exit__(self, failed: type[BaseException] | None, *_: object) -> None:
        if self._file:
            self._file.close()
        if failed:
            self._part.unlink(missing_ok=True)
        elif self._file:
            self._part.replace(self.path)
        else:
            # What an earlier run set aside is not of the scores that stand here now.
            self.path.unlink(missing_ok=True)

    def add(self, rejects: list[Reject]) -> None:
        """Append rejects, one JSON object a line."""
        if rejects and self._file is None:
            self._file = self._part.open("w", encoding="utf-8")
        for reject in rejects:
            assert self._file is not None
            self._file.write(json.dumps(asdict(reject), ensure_ascii=False) + "\n")
        self.count += len(rejects)
