"""Batch scoring on Spark: the executors read and judge by the house's own functions, Spark joins what they need.

Two passes with rows in files between them. The first reads every record once, the second judges it; what is known only
of all rows together lies between: which ids came before, and the windows. These rows are written, not computed again,
so that a task that is retried meets the very rows that its first attempt met, and the SQL of windows, which looks at
its table many times, does not read and judge the input each time.
"""

import hashlib
import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gatehouse.adapters.files.scores import ParquetScoreWriter, publish, replace_whole, require_free
from gatehouse.adapters.spark import tasks
from gatehouse.adapters.spark.faults import heard
from gatehouse.adapters.spark.rows import COUNTS, between, ddl, items_of, window_columns
from gatehouse.errors import OutsideError, UserError
from gatehouse.features import sql
from gatehouse.features.plan import Plan
from gatehouse.flows.inputs import files_of, shared_columns
from gatehouse.flows.scored import Scored, run_of
from gatehouse.flows.spec import JudgeSpec, build
from gatehouse.flows.windows import answerable, remarks
from gatehouse.ports.ledger import Run

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

_SETTINGS = {"spark.sql.session.timeZone": "UTC", "spark.sql.execution.arrow.maxRecordsPerBatch": "32768"}
_ROW_GROUP = str(16 * 2**20)
"""Bytes of a row group between the passes: small, so that one large file is judged by many tasks."""

_PATTERNS = "*?[]{}\\"


def score_on_spark(
    source: Path,
    out: Path,
    spec: JudgeSpec,
    bundle: bytes,
    *,
    session: "SparkSession",
    given: Mapping[str, str],
    at: int,
    progress: Callable[[str], None] = lambda _: None,
) -> Scored:
    """Judge every event of a file, a folder or a pattern of files; the scores are a folder of Parquet files.

    Driver and executors see `source` and the folder of `out` under the same paths. What cannot be judged goes to the
    folder `OUT.rejects.jsonl`. Raises UserError or OutsideError with nothing at OUT that was not there before.
    """
    _require_out(out)
    # Executors work in folders of their own.
    files = files_of(source.resolve())
    with _working_beside(out) as work, heard():
        (work / "judge.zip").write_bytes(bundle)
        judge = build(spec, work / "judge.zip")
        mapping = shared_columns(files, given, judge.features.profile)
        own = session.newSession()
        for name, value in _SETTINGS.items():
            own.conf.set(name, value)
        progress("hashing the files")
        run = run_of(source, _digest(own, files), out, spec.releases, at)
        windows = answerable(judge.features, mapping)
        order = tasks.Order(tuple(items_of(files)), mapping, at, spec, work / "judge.zip", windows)
        done = _job(own, order, run, work, judge.features.plan if windows else None, progress)
        done.remarks = remarks(judge, mapping)
        _publish(done, {**asdict(done.run), "mapping": mapping}, work, out)
    return done


def _job(
    session: "SparkSession",
    order: tasks.Order,
    run: Run,
    work: Path,
    plan: Plan | None,
    progress: Callable[[str], None],
) -> Scored:
    """Read, find what came before, judge; the parts lie in the working folder then."""
    schema = between(plan)
    progress("reading")
    indices = session.range(0, len(order.items), 1, max(1, len(order.items)))
    rows = indices.mapInArrow(tasks.reading(order), ddl(schema))
    rows.write.option("parquet.block.size", _ROW_GROUP).parquet(_spark(work / "rows"), compression="zstd")
    rows = session.read.schema(ddl(schema)).parquet(_spark(work / "rows"))
    progress("looking for repeated ids")
    _repeated(rows).write.parquet(_spark(work / "repeated"))
    repeated = session.read.parquet(_spark(work / "repeated"))
    whole = rows.join(repeated, "id", "left")
    if plan:
        _coded(whole, plan).createOrReplaceTempView("coded")
        windows = session.sql(sql.query(plan)).toDF("row", *window_columns(plan))
        whole = whole.join(windows, "row", "left")
    progress("judging")
    folders = (work / "scores", work / "rejects", work / "attempts")
    for folder in folders:
        folder.mkdir()
    note = {**asdict(run), "mapping": dict(order.mapping)}
    counted = whole.mapInArrow(tasks.judging(order, run, note, folders), ddl(COUNTS))
    done = _added_up(counted, run)
    if not any((work / "scores").iterdir()):
        # A run without events is a file without rows.
        with ParquetScoreWriter(work / "scores" / "part-00000.parquet", note):
            pass
    return done


def _repeated(rows: "DataFrame") -> "DataFrame":
    """Ids that came more than once: the first row of each, and the hash of what it says."""
    from pyspark.sql.functions import expr

    first, times = expr("min(struct(row, contents)) AS first"), expr("count(*) AS times")
    ids = rows.where("reason IS NULL").groupBy("id").agg(first, times)
    return ids.where("times > 1").selectExpr("id", "first.row AS first_row", "first.contents AS first_contents")


def _coded(whole: "DataFrame", plan: Plan) -> "DataFrame":
    """The table that the SQL of windows reads: what is judged, coded."""
    order = {"place": "CAST(0 AS BIGINT) AS place", "known": "seen AS known"}
    columns = [order.get(name, f"`{name}`") for name in plan.coded.names]
    return whole.where("reason IS NULL AND (first_row IS NULL OR first_row = row)").selectExpr(*columns)


def _added_up(counted: "DataFrame", run: Run) -> Scored:
    names = [name for name in COUNTS.names if name != "events"]
    done = Scored(run)
    for row in counted.groupBy(*names).sum("events").collect():
        what, policy, word, reason, n = row
        match what:
            case "rows":
                done.rows = n
            case "rejected":
                done.rejected = n
            case "outcome":
                done.outcomes[word] = n
            case "enforcement":
                done.enforcements[word] = n
            case _:
                done.reasons[policy, word, reason] = n
    done.run = replace(run, rows=done.rows, rejected=done.rejected)
    return done


def _publish(done: Scored, note: Mapping[str, Any], work: Path, out: Path) -> None:
    rejects = out.with_name(f"{out.stem}.rejects.jsonl")
    publish(work / "scores", note, out)
    if done.rejected:
        replace_whole(work / "rejects", rejects)
        done.rejects = rejects
    elif rejects.exists():
        # What an earlier run set aside is not of the scores that stand here now.
        rejects.replace(work / "rejects.replaced")


def _digest(session: "SparkSession", files: list[Path]) -> str:
    """SHA-256 of the one file, or of the list of files with the SHA-256 of each; the executors read them."""
    indices = session.range(0, len(files), 1, len(files))
    found = indices.mapInArrow(tasks.digesting(files), ddl(tasks.DIGESTS)).orderBy("file").collect()
    if len(files) == 1:
        return str(found[0]["digest"])
    lines = "".join(f"{row['digest']}  {path}\n" for row, path in zip(found, files, strict=True))
    return hashlib.sha256(lines.encode()).hexdigest()


def _require_out(out: Path) -> None:
    if out.suffix != ".parquet":
        raise UserError(
            f"scores are written as Parquet, not '{out.suffix}'", where=str(out), fix="end --out in .parquet"
        )
    if any(sign in str(out.resolve()) for sign in _PATTERNS):
        raise UserError(f"Spark takes one of {_PATTERNS} in a path for a pattern", where=str(out), fix="rename it")
    require_free(out)


@contextmanager
def _working_beside(out: Path) -> Iterator[Path]:
    """A folder beside OUT, so that what is made in it can be moved there at once; gone at the end, whatever happens."""
    work = out.resolve().with_name(f".{out.name}.{secrets.token_hex(4)}")
    try:
        work.mkdir(parents=True)
    except OSError as error:
        raise OutsideError(f"cannot write: {error.strerror}", where=str(out), fix="choose another --out") from error
    try:
        yield work
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _spark(path: Path) -> str:
    """A path as Spark understands it, whatever file system it takes for its own."""
    return f"file://{path}"
