"""The folder of a simulation: events as any platform would hand them over, and beside them what is true."""

import os
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from gatehouse.datasets.event_source import ENTITY_LABELS
from gatehouse.errors import Fault, UserError
from gatehouse.records.event import EVENT_SCHEMA
from gatehouse.simulation.acts import NONE, Act, Harm
from gatehouse.simulation.events import Names, batches
from gatehouse.simulation.grammar import TOPICS
from gatehouse.simulation.platform import Simulated
from gatehouse.simulation.world import NEVER, Role

FORMAT = 1
EVENTS, ABOUT = "events.parquet", "simulation.json"

SCHEMAS: dict[str, pa.Schema] = {
    "events": EVENT_SCHEMA,
    "truth": pa.schema(
        [("event_id", pa.string()), ("harm", pa.string()), ("campaign", pa.string()), ("topic", pa.string())]
    ),
    "actors": pa.schema(
        [
            ("actor", pa.string()),
            ("role", pa.string()),
            ("person", pa.string()),
            ("created", pa.int64()),
            ("turned", pa.int64()),
            ("suspended", pa.int64()),
            ("language", pa.string()),
            ("community", pa.int32()),
            ("campaigns", pa.list_(pa.string())),
        ]
    ),
    "campaigns": pa.schema(
        [
            ("campaign", pa.string()),
            ("shape", pa.string()),
            ("harmful", pa.bool_()),
            ("members", pa.list_(pa.string())),
            ("first", pa.int64()),
            ("last", pa.int64()),
        ]
    ),
    "views": pa.schema([("event_id", pa.string()), ("at", pa.int64()), ("views", pa.int32())]),
    "labels": ENTITY_LABELS,
}
"""The tables that every simulation has, each a Parquet file of that name. An enforcer may add its own."""


class Prevalence(msgspec.Struct, frozen=True):
    """How much of all is truly of a harm: events, views, and their shares."""

    events: int
    views: int
    of_events: float
    of_views: float


class About(msgspec.Struct, frozen=True, kw_only=True):
    """What a simulation is: simulation.json. `tables` are rows by table, times are microseconds UTC."""

    format: int
    seed: int
    days: int
    start: int
    settings: dict[str, Any]
    events: int
    accounts: int
    views: int
    kinds: dict[str, int]
    roles: dict[str, int]
    campaigns: dict[str, int]
    bursts: dict[str, int]
    prevalence: dict[str, Prevalence]
    tables: dict[str, int]


@dataclass(frozen=True)
class Tables:
    """A simulation's folder whose files were looked at and are sound."""

    folder: Path
    about: About

    def table(self, name: str) -> pa.Table:
        """A table of this name; raises KeyError where there is none."""
        if name not in self.about.tables:
            raise KeyError(name)
        return pq.read_table(self.folder / f"{name}.parquet")

    def events(self) -> Iterator[pa.RecordBatch]:
        """The events in order of `seen`, batch by batch."""
        with pq.ParquetFile(self.folder / EVENTS) as file:
            for batch in file.iter_batches():
                yield batch.cast(EVENT_SCHEMA)


def write(simulated: Simulated, folder: Path, settings: Mapping[str, Any] | None = None) -> About:
    """Write the folder, whole or not at all; equal simulations give equal bytes. `settings` are told in it as they are.

    Raises UserError where there is something already.
    """
    refuse_taken(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as scratch:
        made = Path(scratch) / "made"
        made.mkdir()
        names = Names(simulated)
        with pq.ParquetWriter(made / EVENTS, EVENT_SCHEMA, compression="zstd") as writer:
            for batch in batches(simulated, names):
                writer.write_batch(batch)
        rows = {"events": len(simulated.acts)}
        for name, table in _beside(simulated, names).items():
            pq.write_table(table, made / f"{name}.parquet", compression="zstd")
            rows[name] = len(table)
        about = _about(simulated, dict(settings or {}), rows)
        (made / ABOUT).write_bytes(msgspec.json.format(msgspec.json.encode(about), indent=2) + b"\n")
        if folder.exists():
            folder.rmdir()
        os.replace(made, folder)
    return about


def refuse_taken(folder: Path) -> None:
    """Raises UserError where a simulation cannot be written because something is there."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError("there is something already", where=str(folder), fix="choose another folder, or remove it")


def read(folder: Path) -> Tables:
    """Look at a simulation's folder; raises UserError, naming every fault, where it is not whole or another version."""
    if not folder.is_dir():
        raise UserError("there is no such folder", where=str(folder), fix=f"gatehouse simulate --out {folder}")
    about = _read_about(folder / ABOUT)
    faults = []
    for name, rows in {**dict.fromkeys(SCHEMAS, None), **about.tables}.items():
        fault = _fault(folder / f"{name}.parquet", SCHEMAS.get(name), rows)
        faults += [fault] if fault else []
    if faults:
        raise UserError(faults)
    return Tables(folder, about)


def _read_about(path: Path) -> About:
    again = "simulate again: gatehouse simulate --out DIR"
    try:
        said = msgspec.json.decode(path.read_bytes())
    except FileNotFoundError:
        raise UserError("the folder is no simulation: this file is missing", where=str(path), fix=again) from None
    except msgspec.MsgspecError as error:
        raise UserError(f"the file is damaged ({error})", where=str(path), fix=again) from None
    version = said.get("format") if isinstance(said, dict) else None
    if version != FORMAT:
        fix = f"this Gatehouse reads version {FORMAT}; {again} with the same seed and settings"
        raise UserError(f"the simulation has the format version {version}", where=str(path), fix=fix)
    try:
        return msgspec.convert(said, About)
    except msgspec.ValidationError as error:
        raise UserError(f"the file is damaged ({error})", where=str(path), fix=again) from None


def _fault(path: Path, schema: pa.Schema | None, rows: int | None) -> Fault | None:
    """What is wrong with a table's file, or None."""
    again = "simulate again with the same seed and settings: that gives the same bytes"
    if not path.is_file():
        return Fault("the table is missing", str(path), again)
    try:
        with pq.ParquetFile(path) as file:
            there, count = file.schema_arrow, file.metadata.num_rows
    except (pa.ArrowException, OSError) as error:
        return Fault(f"the table is damaged ({str(error).splitlines()[0]})", str(path), again)
    lacking = [field.name for field in schema or () if field.name not in there.names]
    if lacking:
        return Fault(f"the table has no column {', '.join(lacking)}", str(path), again)
    if rows is not None and count != rows:
        return Fault(f"the table has {count:,} rows, and {ABOUT} says {rows:,}", str(path), again)
    return None


def _beside(simulated: Simulated, names: "Names") -> dict[str, pa.Table]:
    """All tables but the events."""
    views = simulated.views
    seen = [names.events(views.serial), pa.array(views.at), pa.array(views.views)]
    ours = {
        "truth": _truth(simulated, names),
        "actors": _actors(simulated, names),
        "campaigns": _campaigns(simulated, names),
        "views": pa.table(seen, schema=SCHEMAS["views"]),
        "labels": _labels(simulated, names),
    }
    return {**ours, **{name: _named(table, names) for name, table in sorted(simulated.records.items())}}


def _truth(simulated: Simulated, names: "Names") -> pa.Table:
    acts, order = simulated.acts, names.order
    topics = np.append(simulated.texts.topics().astype(np.int64), NONE)[acts.text]
    columns = [
        names.events(order),
        _words([harm.name.lower() for harm in Harm], acts.harm[order], nothing=Harm.NONE),
        _numbered("c", acts.campaign[order]),
        _words(TOPICS, topics[order]),
    ]
    return pa.table(columns, schema=SCHEMAS["truth"])


def _actors(simulated: Simulated, names: "Names") -> pa.Table:
    world = simulated.world
    mine: list[list[str]] = [[] for _ in range(len(world))]
    for number, campaign in enumerate(simulated.world.campaigns):
        for member in campaign.members:
            mine[member].append(f"c{number}")
    columns = [
        names.accounts(np.arange(len(world))),
        _words([role.name.lower() for role in Role], world["role"]),
        names.accounts(world["person"]),
        pa.array(world["created"]),
        pa.array(world["turned"], mask=world["turned"] == NEVER),
        pa.array(world["suspended"], mask=world["suspended"] == NEVER),
        _words(simulated.texts.languages, np.minimum(world["language"], len(simulated.texts.languages) - 1)),
        pa.array(world["community"], mask=world["community"] == NONE),
        pa.array(mine, pa.list_(pa.string())),
    ]
    return pa.table(columns, schema=SCHEMAS["actors"])


def _campaigns(simulated: Simulated, names: "Names") -> pa.Table:
    """The groups with when they acted first and last; null where they never did."""
    campaigns, acts = simulated.world.campaigns, simulated.acts
    first, last = np.full(len(campaigns), NEVER), np.full(len(campaigns), -1)
    these = acts.campaign >= 0
    np.minimum.at(first, acts.campaign[these], acts.at[these])
    np.maximum.at(last, acts.campaign[these], acts.at[these])
    columns = [
        _numbered("c", np.arange(len(campaigns))),
        pa.array([campaign.shape for campaign in campaigns], pa.string()),
        pa.array([campaign.harmful for campaign in campaigns], pa.bool_()),
        pa.array([names.accounts(np.array(c.members)).to_pylist() for c in campaigns], pa.list_(pa.string())),
        pa.array(first, mask=last < 0),
        pa.array(last, mask=last < 0),
    ]
    return pa.table(columns, schema=SCHEMAS["campaigns"])


def _labels(simulated: Simulated, names: "Names") -> pa.Table:
    """Which accounts truly are, or become, bad: claims without a time, as they are known only afterwards."""
    n = len(simulated.world)
    columns = [
        names.accounts(np.arange(n)),
        pa.repeat(pa.scalar("abusive"), n),
        pa.array((simulated.world["role"] != Role.MEMBER).astype(np.int8)),
        pa.repeat(pa.scalar("simulation"), n),
        pa.nulls(n, pa.int64()),
    ]
    return pa.table(columns, schema=SCHEMAS["labels"])


def _named(table: pa.Table, names: "Names") -> pa.Table:
    """A table of an enforcer's with its events and actors by name."""
    columns = {}
    for name, column in zip(table.column_names, table.columns, strict=True):
        if name == "event":
            columns["event_id"] = names.events(column.fill_null(NONE).to_numpy())
        else:
            columns[name] = names.accounts(column.fill_null(NONE).to_numpy()) if name == "actor" else column
    return pa.table(columns)


def _about(simulated: Simulated, settings: dict[str, Any], rows: dict[str, int]) -> About:
    acts, world = simulated.acts, simulated.world
    roles = np.bincount(world["role"], minlength=len(Role))
    shapes: dict[bool, dict[str, int]] = {True: {}, False: {}}
    for campaign in world.campaigns:
        counted = shapes[campaign.harmful]
        counted[campaign.shape] = counted.get(campaign.shape, 0) + 1
    return About(
        format=FORMAT,
        seed=simulated.seed,
        days=simulated.days,
        start=simulated.start,
        settings=settings,
        events=len(acts),
        accounts=len(world),
        views=int(simulated.views.views.sum()),
        kinds={act.name.lower(): int((acts.kind == act).sum()) for act in Act},
        roles={role.name.lower(): int(roles[role]) for role in Role},
        campaigns=dict(sorted(shapes[True].items())),
        bursts=dict(sorted(shapes[False].items())),
        prevalence=prevalence(simulated),
        tables=rows,
    )


def prevalence(simulated: Simulated) -> dict[str, Prevalence]:
    """True prevalence by harm, and of `any` harm."""
    views, harms = simulated.views, len(Harm)
    events = np.bincount(simulated.acts.harm, minlength=harms)
    seen = np.bincount(views.harm, weights=views.views, minlength=harms).astype(np.int64)
    counted = {harm.name.lower(): (int(events[harm]), int(seen[harm])) for harm in Harm if harm is not Harm.NONE}
    counted["any"] = (int(events[1:].sum()), int(seen[1:].sum()))
    all_events, all_seen = max(1, int(events.sum())), max(1, int(seen.sum()))
    return {name: Prevalence(n, v, n / all_events, v / all_seen) for name, (n, v) in counted.items()}


def _words(words: Any, places: npt.NDArray[Any], nothing: int = NONE) -> pa.Array:
    return pa.array(list(words), pa.string()).take(pa.array(places, pa.int64(), mask=places == nothing))


def _numbered(letter: str, numbers: npt.NDArray[Any]) -> pa.Array:
    """Names of numbers, such as c12; null for NONE."""
    known = pa.array([f"{letter}{number}" for number in range(int(numbers.max(initial=NONE)) + 1)], pa.string())
    return known.take(pa.array(numbers, pa.int64(), mask=numbers == NONE))
