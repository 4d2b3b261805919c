"""Imported histories: events and claims about entities in a folder, known by the hash of their content."""

import hashlib
import json
import os
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from gatehouse.datasets.event_source import ENTITY_LABELS, EventBlock, SetAside
from gatehouse.errors import OutsideError, UserError
from gatehouse.features.profile import ProfileColumn
from gatehouse.records.event import EVENT_SCHEMA

EVENTS, LABELS, REJECTS = "events.parquet", "labels.parquet", "rejects.jsonl"
INFO, _CARD = "events.json", "CARD.md"
_ASIDE = pa.schema([("row", pa.int64()), ("id", pa.string()), ("reason", pa.string()), ("begins", pa.string())])


class EventSet(msgspec.Struct, frozen=True, kw_only=True):
    """What an imported history is; `version` is the hash of its events, claims and rejects, times are microseconds UTC.

    `set_aside` counts records that became no event by reason; `in_order` says whether events stand by `seen`.
    """

    name: str
    version: str
    title: str
    licence: str
    population: str
    events: int
    actors: int
    kinds: dict[str, int]
    first: int | None
    last: int | None
    in_order: bool
    labels: dict[str, tuple[int, int]]
    set_aside: dict[str, int]
    notes: tuple[str, ...] = ()

    @property
    def rejected(self) -> int:
        """How many records were set aside."""
        return sum(self.set_aside.values())


def write(
    blocks: Iterable[EventBlock],
    labels: pa.Table | None,
    root: Path,
    *,
    name: str,
    title: str,
    licence: str,
    population: str,
    profile: Sequence[ProfileColumn] = (),
    notes: Sequence[str] = (),
    progress: Callable[[int], None] = lambda _: None,
) -> tuple[EventSet, Path]:
    """Write the folder NAME-VERSION below `root`, whole or not at all, in memory that grows only with the actors.

    A folder that is there already holds the same content and stays as it is. Raises UserError where there is no event.
    """
    claims = labels if labels is not None else ENTITY_LABELS.empty_table()
    root.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{name}-", dir=root) as scratch:
        made = Path(scratch) / "made"
        made.mkdir()
        found = _Counted()
        with pq.ParquetWriter(made / EVENTS, EVENT_SCHEMA, compression="zstd") as writer:
            for block in blocks:
                writer.write_batch(block.events)
                found.add(block)
                _append(made / REJECTS, block.aside)
                progress(found.events)
        if not found.events:
            raise UserError(f"'{name}' holds no event{found.why()}", fix="look at its first records")
        pq.write_table(claims, made / LABELS, compression="zstd")
        found.digest.add("labels", claims)
        info = EventSet(
            name=name,
            version=found.digest.version,
            title=title,
            licence=licence,
            population=population,
            events=found.events,
            actors=len(found.actors),
            kinds=dict(sorted(found.kinds.items())),
            first=found.first,
            last=found.last,
            in_order=found.in_order,
            labels=_counts(claims),
            set_aside=dict(found.reasons),
            notes=tuple(notes),
        )
        (made / INFO).write_bytes(msgspec.json.format(msgspec.json.encode(info), indent=2) + b"\n")
        (made / _CARD).write_text(card(info, profile), encoding="utf-8")
        folder = root / f"{name}-{info.version}"
        if not folder.exists():
            os.replace(made, folder)
    return info, folder


def infos(root: Path) -> list[tuple[EventSet, Path]]:
    """What is said of each imported history in the folders of this one, by name; contents are not looked at."""
    found = []
    for path in sorted(root.glob(f"*/{INFO}")):
        try:
            found.append((msgspec.json.decode(path.read_bytes(), type=EventSet), path.parent))
        except msgspec.MsgspecError as error:
            raise OutsideError(f"this is no imported history ({error})", where=str(path), fix="remove it") from None
    return found


def events(folder: Path) -> Iterator[pa.RecordBatch]:
    """The events of an imported history in EVENT_SCHEMA, batch by batch, in its order.

    Columns that events have gained since it was imported are null.
    """
    with _readable(folder / EVENTS), pq.ParquetFile(folder / EVENTS) as file:
        for batch in file.iter_batches():
            there = dict(zip(batch.schema.names, batch.columns, strict=True))
            columns = [there.get(field.name, pa.nulls(len(batch), field.type)) for field in EVENT_SCHEMA]
            yield pa.RecordBatch.from_arrays(columns, schema=EVENT_SCHEMA)


def labels(folder: Path) -> pa.Table:
    """The claims of an imported history about its actors, in ENTITY_LABELS."""
    with _readable(folder / LABELS):
        return pq.read_table(folder / LABELS, schema=ENTITY_LABELS)


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, pa.ArrowException) as error:
        what = f"the imported history cannot be read ({error})"
        raise OutsideError(what, where=str(path), fix="import it again: gatehouse data import") from None


def card(info: EventSet, profile: Sequence[ProfileColumn]) -> str:
    """CARD.md: what the history is, for whom it speaks, its counts, and its known limits."""
    order = "by `seen`" if info.in_order else "as in the source, not by time: whoever reads them sorts by (seen, id)"
    lines = [
        f"# {info.title}",
        "",
        f"Events `{info.name}`, version `{info.version}`: the hash of all that stands beside this card.",
        "",
        f"- **Licence:** {info.licence}",
        f"- **Population:** {info.population}. Figures measured on it speak of nobody else.",
        f"- **Events:** {info.events:,} ({_listed(info.kinds)}) of {info.actors:,} actors",
        f"- **Times:** {span(info)}; history keeps its own time (`seen` = `occurred`, imported)",
        f"- **Order:** {order}",
        f"- **Set aside:** {info.rejected:,}" + (f", in {REJECTS} with their reasons" if info.rejected else ""),
    ]
    lines += [f"  - {count:,}: {reason}" for reason, count in info.set_aside.items()]
    if info.labels:
        lines += ["", "## Claims about entities", "", "| label | holds | does not |", "| --- | ---: | ---: |"]
        lines += [f"| {label} | {yes:,} | {no:,} |" for label, (yes, no) in info.labels.items()]
    if profile:
        lines += ["", "## What the attributes hold", "", "| name | type | meaning |", "| --- | --- | --- |"]
        lines += [f"| {column.name} | {column.kind} | {column.meaning} |" for column in profile]
    if info.notes:
        lines += ["", "## Known limits", "", *(f"- {note}" for note in info.notes)]
    return "\n".join(lines) + "\n"


def span(info: EventSet) -> str:
    """From when to when its events are, in days."""
    first, last = (time.strftime("%Y-%m-%d", time.gmtime((at or 0) // 1_000_000)) for at in (info.first, info.last))
    return f"{first} to {last}"


class _Counted:
    """What is counted of a history while it is written."""

    def __init__(self) -> None:
        self.digest = _Digest()
        self.events = 0
        self.actors: set[str] = set()
        self.kinds: Counter[str] = Counter()
        self.reasons: Counter[str] = Counter()
        self.first: int | None = None
        self.last: int | None = None
        self.in_order = True

    def add(self, block: EventBlock) -> None:
        self.reasons.update(one.reason for one in block.aside)
        if block.aside:
            self.digest.add("rejects", pa.Table.from_pylist([asdict(one) for one in block.aside], schema=_ASIDE))
        if not len(block.events):
            return
        self.digest.add("events", pa.Table.from_batches([block.events]))
        self.events += len(block.events)
        self.actors.update(block.events.column("actor").unique().drop_null().to_pylist())
        for kind in pc.value_counts(block.events.column("kind")).to_pylist():
            self.kinds[kind["values"]] += kind["counts"]
        seen = block.events.column("seen").to_numpy()
        falls = (seen[1:] < seen[:-1]).any() or (self.last is not None and seen[0] < self.last)
        self.in_order = self.in_order and not falls
        least, most = int(seen.min()), int(seen.max())
        self.first = least if self.first is None else min(self.first, least)
        self.last = most if self.last is None else max(self.last, most)

    def why(self) -> str:
        """Why there is no event, as the end of a sentence."""
        return f": all its records were set aside ({_listed(self.reasons)})" if self.reasons else ""


class _Digest:
    """SHA-256 over every value of tables that come in pieces; how they are cut does not count."""

    def __init__(self) -> None:
        self._columns: dict[str, tuple[hashlib._Hash, hashlib._Hash]] = {}

    def add(self, table: str, piece: pa.Table) -> None:
        """Feed the next rows of a table."""
        for field, column in zip(piece.schema, piece.columns, strict=True):
            lengths, content = self._columns.setdefault(f"{table}.{field.name}", (hashlib.sha256(), hashlib.sha256()))
            written = column.cast(pa.large_string()).combine_chunks()
            # No value is as long as null is.
            lengths.update(pc.fill_null(pc.binary_length(written), -1).to_numpy(zero_copy_only=False).tobytes())
            content.update("".join(value for value in written.to_pylist() if value is not None).encode())

    @property
    def version(self) -> str:
        """Twelve hex digits."""
        whole = hashlib.sha256()
        for name in sorted(self._columns):
            lengths, content = self._columns[name]
            whole.update(f"{name} {lengths.hexdigest()} {content.hexdigest()}\n".encode())
        return whole.hexdigest()[:12]


def _append(path: Path, aside: Sequence[SetAside]) -> None:
    if aside:
        with path.open("a", encoding="utf-8") as file:
            file.writelines(json.dumps(asdict(one), ensure_ascii=False) + "\n" for one in aside)


def _counts(claims: pa.Table) -> dict[str, tuple[int, int]]:
    found: Counter[tuple[str, int]] = Counter(
        zip(claims["label"].to_pylist(), claims["value"].to_pylist(), strict=True)
    )
    return {label: (found[label, 1], found[label, 0]) for label in dict.fromkeys(label for label, _ in found)}


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {what}" for what, count in counts.items())
