"""What a search for campaigns looks at: events of files, of an imported history or of the ledger, read once."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from gatehouse.datasets import event_sets
from gatehouse.datasets.repeats import Repeats
from gatehouse.datasets.times import EARLIEST, LATEST
from gatehouse.errors import UserError, did_you_mean
from gatehouse.flows.inputs import files_of, shared_columns
from gatehouse.flows.intake import Intake, sound_rows, without_repeats
from gatehouse.ports.ledger import Ledger
from gatehouse.records.event import EVENT_SCHEMA, to_batch
from gatehouse.text.hashing import hash64

BLOCK = 10_000
"""Events that are read from the log at a time."""

MOST_REASONS = 20
OTHER_REASONS = "other reasons like these"
_SHOWN = 4

_TEXTS = ("id", "kind", "text", "actor", "target", "parent", "thread", "address")
"""The columns, beside the time, that say whether two readings were of the same events."""


@dataclass(frozen=True)
class Events:
    """Events as they were read: in a Parquet file of EVENT_SCHEMA, with what was counted on the way.

    `left_out` counts by reason what was read and is not in the file; `first` and `last` are of `seen`.
    """

    path: Path
    source: str
    digest: str
    events: int
    actors: int
    first: int
    last: int
    left_out: Mapping[str, int]

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The events in EVENT_SCHEMA, from the first, each time it is called."""
        with pq.ParquetFile(self.path) as file:
            yield from file.iter_batches(batch_size=32_768)


def read(
    source: str,
    blocks: Iterable[Intake],
    path: Path,
    *,
    since: int | None = None,
    until: int | None = None,
    progress: Callable[[float], None] = lambda _: None,
) -> Events:
    """Write the events of a source to a file, from which they are read as often as needed.

    Left out, and counted, are records that could not become events, events without an actor, and those before `since`
    or at or after `until` (microseconds UTC).
    """
    left_out: Counter[str] = Counter()
    actors: set[str] = set()
    first, last = LATEST, EARLIEST
    digest, count = hashlib.sha256(), 0
    with pq.ParquetWriter(path, EVENT_SCHEMA, compression="zstd") as writer:
        for block in blocks:
            for reject in block.rejects:
                # A reason may quote a time or number of its record, and a file may have a million such records.
                known = reject.reason in left_out or len(left_out) < MOST_REASONS
                left_out[reject.reason if known else OTHER_REASONS] += 1
            events = _looked_at(block.events, since, until, left_out)
            if not len(events):
                continue
            writer.write_batch(events)
            digest.update(_contents(events))
            actors.update(events.column("actor").unique().to_pylist())
            seen = events.column("seen").to_numpy()
            first, last = min(first, int(seen.min())), max(last, int(seen.max()))
            count += len(events)
            progress(count)
    if not count:
        why = "; ".join(f"{n:,} left out: {reason}" for reason, n in left_out.most_common(_SHOWN))
        fix = "ask for another time, or look at its first records" if left_out else "give a source that holds some"
        raise UserError("there is no event to look at" + (f" ({why})" if why else ""), where=source, fix=fix)
    return Events(path, source, digest.hexdigest(), count, len(actors), first, last, dict(left_out))


def from_files(files: Iterable[Path], given: Mapping[str, str], at: int) -> Iterator[Intake]:
    """The events of files as `score` reads them, in their order; an id that came before is set aside.

    `at` is now, and the time of rows without one of their own. Raises UserError with the faults of every file.
    """
    every = list(files)
    mapping = shared_columns(every, given)
    if missing := [name for name in ("actor", "occurred") if name not in mapping]:
        raise UserError(
            f"there is no column for {' and '.join(missing)}: without it nobody acts together",
            where=str(every[0]),
            fix="; ".join(f"say which it is: --map {name}=COLUMN" for name in missing),
        )
    with closing(Repeats()) as repeats:
        for file in every:
            for rows in sound_rows(file, mapping, at, require=("occurred",)):
                came = repeats.came(hash64(rows.events.column("id")), rows.contents)
                events, again = without_repeats(rows.events, rows.numbers, came)
                yield Intake(events, [*rows.rejects, *again])


def from_log(ledger: Ledger) -> Iterator[Intake]:
    """The events of the ledger's log, in the order of their commit."""
    after = 0
    while block := ledger.log(after=after, most=BLOCK):
        yield Intake(to_batch([event for _, event in block]))
        after = block[-1][0]


def files_named(source: str, root: Path) -> list[Path]:
    """The files that SOURCE means: a path as for `score`, a folder with a history in it, or the name of a history.

    `root` is the folder of imported histories; of several versions of one name the one imported last is taken.
    Raises UserError where there is nothing.
    """
    path = Path(source)
    if (path / event_sets.EVENTS).is_file():
        return [path / event_sets.EVENTS]
    named = [(folder, info) for info, folder in event_sets.infos(root) if info.name == source]
    if named and not path.exists():
        newest = max(named, key=lambda pair: ((pair[0] / event_sets.EVENTS).stat().st_mtime_ns, pair[1].version))
        return [newest[0] / event_sets.EVENTS]
    try:
        return files_of(path)
    except UserError:
        names = sorted({info.name for info, _ in event_sets.infos(root)})
        known = f"imported are {', '.join(names)}" if names else "gatehouse data import brings a history here"
        raise UserError(
            f"there is neither a file nor an imported history '{source}'",
            fix=f"{did_you_mean(source, names)}check the path; {known}",
        ) from None


def _looked_at(events: pa.RecordBatch, since: int | None, until: int | None, left_out: Counter[str]) -> pa.RecordBatch:
    seen = events.column("seen")
    reasons = {"the actor is missing": pc.is_null(events.column("actor"))}
    if since is not None:
        reasons["before the time that was asked for"] = pc.less(seen, since)
    if until is not None:
        reasons["after the time that was asked for"] = pc.greater_equal(seen, until)
    kept = np.ones(len(events), np.bool_)
    for reason, mask in reasons.items():
        out = mask.to_numpy(zero_copy_only=False) & kept
        if n := int(out.sum()):
            left_out[reason] += n
        kept &= ~out
    return events if kept.all() else events.filter(pa.array(kept))


def _contents(events: pa.RecordBatch) -> bytes:
    """A hash of what each row says, one after another, so that the cut into batches does not count."""
    said = np.zeros(len(events), np.uint64)
    for place, name in enumerate(_TEXTS):
        said ^= hash64(events.column(name), seed=place + 1)
    return np.stack([said, events.column("seen").to_numpy().view(np.uint64)], axis=1).tobytes()
