"""Batch scoring: a file of events in, a file of scores out, in bounded memory."""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import IO

import numpy as np
import pyarrow as pa

from gatehouse.errors import UserError
from gatehouse.flows.intake import Intake, Reject, columns_for, events_of
from gatehouse.flows.judge import Judge
from gatehouse.policies.decide import severest
from gatehouse.ports.lake import Lake, ScoreWriter
from gatehouse.ports.ledger import Run
from gatehouse.records.decision import Judgement, Outcome
from gatehouse.records.enforcement import Kind
from gatehouse.records.score import score_rows

Each = Callable[[pa.RecordBatch, pa.RecordBatch, Judgement], list[Reject]]
"""What is done with every judged batch (events, features, judgement) beside writing it; gives back its own rejects."""


@dataclass
class Scored:
    """What a run of scoring did: rows judged and set aside, and how the events were decided."""

    run: Run
    rows: int = 0
    rejected: int = 0
    rejects: Path | None = None
    outcomes: Counter[str] = field(default_factory=Counter)
    enforcements: Counter[str] = field(default_factory=Counter)
    reasons: Counter[tuple[str, str, str]] = field(default_factory=Counter)


def score(
    source: Path,
    out: Path,
    judge: Judge,
    lake: Lake,
    *,
    given: Mapping[str, str],
    at: int,
    each: Each = lambda *_: [],
    progress: Callable[[int], None] = lambda _: None,
) -> Scored:
    """Judge every event of a file and write its rows; what cannot be judged goes to `OUT.rejects.jsonl`.

    `given` maps event columns to the file's; `each` is handed every judged batch; `progress` the rows done so far.
    Reading, judging and writing overlap; at most four blocks are held at a time.
    """
    if out.suffix != ".parquet":
        raise UserError(
            f"scores are written as Parquet, not '{out.suffix}'", where=str(out), fix="end --out in .parquet"
        )
    if out.resolve() == source.resolve():
        raise UserError("the scores would replace the file that is read", where=str(out), fix="choose another --out")
    mapping = columns_for(source, given)
    run = _run(source, out, judge, at)
    done = Scored(run)
    uses = {bound.policy.name: frozenset(step.detector for step in bound.policy.steps) for bound in judge.policies}
    note = {**asdict(run), "mapping": mapping}
    rejects = _Rejects(out)
    with lake.writer(out, note) as writer, rejects, ThreadPoolExecutor(1) as reading, ThreadPoolExecutor(1) as writing:
        pending: Future[None] | None = None
        for block, features in _ahead(_with_features(events_of(source, mapping, at), judge), reading):
            rejects.add(block.rejects)
            judgement = judge.with_features(block.events, features)
            if pending:
                pending.result()
            pending = writing.submit(_write, writer, judgement, uses)
            _count(done, judgement)
            rejects.add(each(block.events, features, judgement))
            progress(done.rows)
        if pending:
            pending.result()
    done.rejected = rejects.count
    done.rejects = rejects.path if rejects.count else None
    done.run = replace(run, rows=done.rows, rejected=done.rejected)
    return done


Prepared = tuple[Intake, pa.RecordBatch]
"""A block as it was read, and the feature rows of its events."""


def _with_features(blocks: Iterator[Intake], judge: Judge) -> Iterator[Prepared]:
    for block in blocks:
        yield block, judge.features.compute(block.events)


def _ahead(blocks: Iterator[Prepared], reading: ThreadPoolExecutor) -> Iterator[Prepared]:
    """The blocks, each read and its features computed while the one before it is judged."""
    coming = reading.submit(next, blocks, None)
    while (block := coming.result()) is not None:
        coming = reading.submit(next, blocks, None)
        yield block


def _write(writer: ScoreWriter, judgement: Judgement, uses: Mapping[str, frozenset[str]]) -> None:
    writer.write(score_rows(judgement, uses))


def _run(source: Path, out: Path, judge: Judge, at: int) -> Run:
    with source.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    said = json.dumps([digest, sorted(judge.releases.items()), at])
    return Run(
        id=hashlib.sha256(said.encode()).hexdigest()[:12],
        source=str(source.resolve()),
        source_digest=digest,
        out=str(out.resolve()),
        releases=dict(judge.releases),
        at=at,
        rows=0,
        rejected=0,
    )


def _count(done: Scored, judgement: Judgement) -> None:
    done.rows += len(judgement)
    outcome, enforce = severest(judgement.outcomes)
    for value, n in zip(*np.unique(outcome, return_counts=True), strict=True):
        done.outcomes[Outcome(int(value)).word] += int(n)
    for value, n in zip(*np.unique(enforce, return_counts=True), strict=True):
        done.enforcements[Kind(int(value)).word] += int(n)
    for outcomes in judgement.outcomes:
        pairs = outcomes.outcome.astype(np.int64) * len(outcomes.reasons) + outcomes.reason
        for pair, n in zip(*np.unique(pairs, return_counts=True), strict=True):
            word, reason = divmod(int(pair), len(outcomes.reasons))
            done.reasons[outcomes.policy, Outcome(word).word, outcomes.reasons[reason]] += int(n)


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
