"""What measures of safety read: a simulation's folder, the house's ledger, a file of views, and a file of costs."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import yaml

from gatehouse.datasets import tables, times
from gatehouse.errors import Faults, UserError, suggestion
from gatehouse.evaluation.prevalence_files import RowFaults
from gatehouse.evaluation.safety_records import Costs
from gatehouse.policies.source import Source
from gatehouse.ports.ledger import Ledger
from gatehouse.records.enforcement import Kind
from gatehouse.simulation import tables as simulated
from gatehouse.simulation.world import Role

RESTRICTS = tuple(
    kind.word for kind in (Kind.BLUR, Kind.AGE_GATE, Kind.LIMIT, Kind.REMOVE, Kind.SUSPEND, Kind.TERMINATE)
)
"""Kinds of enforcement that take something out of sight, or its author off the platform."""
OF_ACCOUNTS = (Kind.SUSPEND.word, Kind.TERMINATE.word)

VIEWS = ("event_id", "at", "views")
"""Columns of views: an event, when they were counted (the beginning of the hour, say), and how many there were."""

_RECORDS = {
    "enforced": {"event_id": pa.string(), "actor": pa.string(), "at": pa.int64(), "kind": pa.string()},
    "reviews": {"event_id": pa.string(), "minutes": pa.float64()},
    "appeals": {
        "event_id": pa.string(),
        "actor": pa.string(),
        "at": pa.int64(),
        "decided_at": pa.int64(),
        "upheld": pa.bool_(),
        "minutes": pa.float64(),
    },
}
"""Tables of who enforced on a simulated platform, with the columns that are read."""

_GOOD = Role.MEMBER.name.lower()
_BLOCK = 10_000
_ROWS = 1 << 20
_MOST_DIGITS = 15


@dataclass(frozen=True, eq=False)
class Happened:
    """What is on record, as tables; None where nothing of the kind is.

    `events`: id, kind, at, actor, target. `deeds`: event_id (null where an account was suspended), actor, at. `looks`:
    event_id, minutes (null: not known). `appeals`: event_id, actor, at, decided_at, upheld, minutes. `until` is the end
    of the records, exclusive.
    """

    events: pa.Table
    deeds: pa.Table
    until: int
    looks: pa.Table | None = None
    appeals: pa.Table | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Truth:
    """What is truly so: `harms` (event_id, harm: null where there is none), `accounts` (actor, person, turned)."""

    harms: pa.Table
    accounts: pa.Table


@dataclass(frozen=True, eq=False)
class Views:
    """Counts of views: the place of the event among those on record, when counted, how many; int64 [n] each."""

    event: npt.NDArray[np.int64]
    at: npt.NDArray[np.int64]
    views: npt.NDArray[np.int64]
    notes: tuple[str, ...] = ()


def simulation(folder: Path) -> Happened:
    """What a simulated platform did, from the folder that `gatehouse simulate` wrote."""
    read = simulated.read(folder)
    events = _columns(folder, "events", ["id", "kind", "seen", "actor", "target"])
    faults = Faults()
    deeds, looks, appeals = (_recorded(read, name, faults) for name in _RECORDS)
    faults.raise_found()
    kinds = deeds.column("kind")
    return Happened(
        events.rename_columns(["id", "kind", "at", "actor", "target"]),
        deeds.filter(pc.is_in(kinds, pa.array(RESTRICTS))),
        read.about.start + read.about.days * times.DAY,
        looks,
        appeals,
        () if "enforced" in read.about.tables else ("nobody enforced anything in this run",),
    )


def truth_of(folder: Path) -> Truth:
    """The truth that a simulation's folder holds.

    An account of a bad role that turned at no time was bad from the beginning.
    """
    simulated.read(folder)
    accounts = _columns(folder, "actors", ["actor", "person", "turned", "role"])
    since_ever = pc.if_else(pc.equal(accounts["role"], _GOOD), pa.scalar(None, pa.int64()), 0)
    accounts = accounts.set_column(2, "turned", pc.coalesce(accounts["turned"], since_ever))
    return Truth(_columns(folder, "truth", ["event_id", "harm"]), accounts.drop_columns(["role"]))


def run_of(folder: Path) -> dict[str, int]:
    """Seed, days and beginning of a simulation, which two runs must share to be compared."""
    about = simulated.read(folder).about
    return {"seed": about.seed, "days": about.days, "start": about.start}


def _columns(folder: Path, name: str, columns: list[str]) -> pa.Table:
    return pq.read_table(folder / f"{name}.parquet", columns=columns).combine_chunks()


def _recorded(read: simulated.Tables, name: str, faults: Faults) -> pa.Table:
    """A table of the enforcer's, empty where nobody enforced."""
    schema = pa.schema(list(_RECORDS[name].items()))
    if name not in read.about.tables:
        return schema.empty_table()
    table = read.table(name)
    missing = [column for column in schema.names if column not in table.column_names]
    if missing:
        faults.add(
            f"there is no column {', '.join(missing)}",
            str(read.folder / f"{name}.parquet"),
            f"the enforcer's table must have {', '.join(schema.names)}",
        )
        return schema.empty_table()
    try:
        return table.select(schema.names).cast(schema).combine_chunks()
    except pa.ArrowInvalid as error:
        faults.add(f"a column is not of its type: {error}", str(read.folder / f"{name}.parquet"), "simulate it again")
        return schema.empty_table()


def house(
    ledger: Ledger, until: int, *, imported: bool = False, said: Callable[[int], None] = lambda _: None
) -> Happened:
    """What the house decided, from its ledger: decisions are the deeds, and cases the looks.

    Revisions of an event are one item: there since the first of them, and acted on when any of them was.
    Imported events are left out and counted, for they were decided long after they happened; with `imported` they
    count. `said` hears how many events were read.
    """
    columns: dict[str, list[object]] = {name: [] for name in ("id", "kind", "at", "actor", "target")}
    deeds: dict[str, list[object]] = {name: [] for name in ("event_id", "actor", "at")}
    looks: list[str] = []
    known: set[str] = set()
    last, left_out, undone = 0, 0, 0
    while block := ledger.log(last, _BLOCK):
        last = block[-1][0]
        chosen = [event for _, event in block if imported or not event.imported]
        left_out += len(block) - len(chosen)
        for judged in ledger.judged(chosen):
            event, decision = judged.event, judged.decision
            if decision.mode != "live":
                continue
            actor, target = (None if one is None else str(one) for one in (event.actor, event.target))
            if event.id not in known:
                known.add(event.id)
                for name, value in zip(columns, (event.id, event.kind, event.seen, actor, target), strict=True):
                    columns[name].append(value)
            looks += [event.id] * len(judged.cases)
            undone += sum(deed.state in ("failed", "undone") for deed in judged.enforcements)
            if decision.enforce in RESTRICTS:
                for name, value in zip(deeds, (event.id, actor, decision.decided), strict=True):
                    deeds[name].append(value)
                if decision.enforce in OF_ACCOUNTS and actor is not None:
                    for name, value in zip(deeds, (None, actor, decision.decided), strict=True):
                        deeds[name].append(value)
        said(last)
    texts, whole = pa.string(), pa.int64()
    events = pa.table({name: pa.array(column, whole if name == "at" else texts) for name, column in columns.items()})
    done = pa.table({name: pa.array(column, whole if name == "at" else texts) for name, column in deeds.items()})
    cases = pa.table({"event_id": pa.array(looks, texts), "minutes": pa.nulls(len(looks), pa.float64())})
    notes = ["an action is what was decided: the ledger does not say when it was carried out"]
    if left_out:
        notes.append(f"left out: {left_out:,} imported events, which were decided long after they happened")
    if undone:
        notes.append(f"{undone:,} planned enforcements failed or were undone; they count as decided")
    return Happened(events, done, until, cases, None, tuple(notes))


def read_views(path: Path, events: pa.Table, given: Mapping[str, str] | None = None, leave_out: bool = False) -> Views:
    """The views in a file (CSV, JSON Lines or Parquet) of the columns VIEWS, or those `given` for them.

    Raises UserError with all that is wrong: unknown events, views before their event, counts that are negative or
    missing. With `leave_out` such rows are left out, and counted in `notes`.
    """
    given = given or {}
    unknown = sorted(set(given) - set(VIEWS))
    if unknown:
        raise UserError(f"'{unknown[0]}' is no column of views", where="--map", fix=suggestion(unknown[0], VIEWS))
    ids = events["id"].combine_chunks()
    begins = events["at"].to_numpy()
    faults, left, parts = RowFaults(path), 0, []
    for block in tables.read(path, {name: given.get(name, name) for name in VIEWS}, batch_rows=_ROWS):
        for bad in block.bad:
            faults.add(bad.reason, bad.row, "mend the row")
        left += len(block.bad)
        found = _checked(block, ids, begins, faults)
        left += block.columns.num_rows - len(found.event)
        parts.append(found)
    wrong = faults.faults()
    if wrong and not leave_out:
        raise UserError(wrong)
    notes = (f"left out: {left:,} rows of {path.name}, {_reasons(wrong)}",) if left else ()
    event, at, counted = (
        np.concatenate([np.empty(0, np.int64), *(getattr(part, name) for part in parts)])
        for name in ("event", "at", "views")
    )
    return Views(event, at, counted, notes)


def _checked(block: tables.TableBatch, ids: pa.Array, begins: npt.NDArray[np.int64], faults: RowFaults) -> Views:
    """The rows of a block that hold, with what is wrong with the others noted."""
    rows, columns = block.row_numbers, block.columns
    place = pc.fill_null(pc.index_in(columns["event_id"], value_set=ids), -1).to_numpy().astype(np.int64)
    at, no_times = times.microseconds(columns["at"])
    views = _whole(columns["views"])
    for row, reason in no_times.items():
        faults.add(reason, int(rows[row]), "write ISO 8601 with a zone, or microseconds")
    no_time = pc.is_null(at).to_numpy(zero_copy_only=False)
    missing = no_time.copy()
    missing[list(no_times)] = False
    faults.where("there is no time", missing, rows, "say when the views were counted")
    moment = pc.fill_null(at, 0).to_numpy()
    unknown = place < 0
    faults.where("an event that is not on record", unknown, rows, "give the views of these events alone")
    early = ~unknown & ~no_time & (moment < begins[np.maximum(place, 0)] if len(begins) else unknown)
    faults.where("views before their event", early, rows, "check the clocks of both, and the zone of the times")
    none = views < 0
    faults.where("views are no whole number from 0 on", none, rows, "write how often it was seen")
    kept = ~(unknown | no_time | early | none)
    return Views(place[kept], moment[kept], views[kept])


def _whole(column: pa.Array) -> npt.NDArray[np.int64]:
    """Whole numbers, -1 where there is none from 0 on."""
    try:
        found: npt.NDArray[np.int64] = pc.fill_null(column.cast(pa.int64()), -1).to_numpy().astype(np.int64)
    except pa.ArrowInvalid:
        texts = column.to_pylist()
        found = np.array([_count(one) for one in texts], np.int64)
    return np.maximum(found, -1)


def _count(text: str | None) -> int:
    digits = (text or "").strip()
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= _MOST_DIGITS else -1


def _reasons(wrong: Sequence[object]) -> str:
    return "; ".join(str(getattr(fault, "what", fault)) for fault in wrong)


def costs_of(path: Path) -> Costs:
    """The costs that a YAML file says; raises UserError with every fault, its line and column."""
    if not path.is_file():
        raise UserError("there is no such file of costs", where=str(path), fix="write 'reviewer_hour: 25'")
    try:
        source = Source(path.read_text(encoding="utf-8"), str(path))
    except UnicodeDecodeError as error:
        raise UserError(f"byte {error.start + 1} is not UTF-8", where=str(path), fix="save it as UTF-8") from None
    fields = source.fields(source.root, "the costs", (), Costs.__struct_fields__)
    numbers = {name: _price(source, node, name) for name, node in fields.items() if name != "currency"}
    currency = source.text(fields["currency"], "currency") if "currency" in fields else Costs().currency
    source.finish()
    return Costs(currency=currency, **numbers)


def _price(source: Source, node: yaml.Node, what: str) -> float:
    try:
        number = float(str(node.value))
    except ValueError:
        number = math.nan
    if not (math.isfinite(number) and number >= 0):
        source.fault(node, f"{what} must be a number from 0 on", f"write '{what}: 25'")
    return number
