"""Histories by name, whether public or imported: events of actors with what is claimed of them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from gatehouse.datasets import event_sets, event_sources
from gatehouse.datasets.as_of import Events
from gatehouse.datasets.event_sets import EventSet
from gatehouse.datasets.event_source import EventSource


@dataclass(frozen=True, eq=False)
class History:
    """Events of actors, `labels` claims about them in ENTITY_LABELS, and what is to be said of both."""

    name: str
    title: str
    licence: str
    population: str
    notes: tuple[str, ...]
    events: Events
    labels: Callable[[], pa.Table]


def find(name: str, folder: Path, data_roots: Sequence[Path]) -> History | None:
    """The history of this name: the newest that was imported into `folder`, else the public one where its files are."""
    if (imported := _newest(name, folder)) is not None:
        return _imported(*imported)
    source = event_sources.EVENT_SOURCES.get(name)
    found = event_sources.locate(source, data_roots) if source else None
    return _public(source, found) if source and found else None


def _newest(name: str, folder: Path) -> tuple[EventSet, Path] | None:
    own = [(info, path) for info, path in event_sets.infos(folder) if info.name == name]
    return max(own, key=lambda one: one[1].stat().st_mtime_ns, default=None)


def _imported(info: EventSet, path: Path) -> History:
    notes = (*info.notes, f"of the imported history {info.name}, version {info.version}")
    return History(
        name=info.name,
        title=info.title,
        licence=info.licence,
        population=info.population,
        notes=notes,
        events=lambda: event_sets.events(path),
        labels=lambda: event_sets.labels(path),
    )


def _public(source: EventSource, folder: Path) -> History:
    def events() -> Iterator[pa.RecordBatch]:
        return (block.events for block in source.read(folder))

    return History(
        name=source.name,
        title=source.title,
        licence=source.licence,
        population=source.population,
        notes=(*source.limits, *event_sources.provenance(source, folder)),
        events=events,
        labels=lambda: source.labels(folder),
    )
