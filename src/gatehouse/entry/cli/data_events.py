"""What `gatehouse data import` does with histories: public ones by name, and anyone's file of events."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gatehouse.entry.cli.show import count, now, print_json, steps
from gatehouse.errors import Fault, UserError, did_you_mean
from gatehouse.settings import Settings

if TYPE_CHECKING:
    from gatehouse.datasets.event_sets import EventSet
    from gatehouse.datasets.event_source import EventBlock, EventSource
    from gatehouse.features.profile import ProfileColumn


def source_named(file: Path, events: bool) -> "EventSource | None":
    """The public history that FILE names, where no such file is there.

    Raises UserError for the name of a public set of texts, and for one that is nearly that of a history.
    """
    from gatehouse.datasets.event_sources import EVENT_SOURCES
    from gatehouse.datasets.sources import SOURCES

    name = str(file)
    if file.exists() or file.suffix or file.name != name:
        return None
    if name in EVENT_SOURCES and not events:
        return EVENT_SOURCES[name]
    if name in SOURCES:
        raise UserError(
            f"'{name}' is a public set of labelled texts, which needs no import",
            fix=f"write 'dataset: {name}' in a pack's recipe.yaml; it is frozen when the pack is trained",
        )
    raise UserError(
        f"there is neither a file nor a public history '{name}'",
        fix=f"{did_you_mean(name, EVENT_SOURCES)}known are {', '.join(EVENT_SOURCES)}",
    )


def require(told: Mapping[str, str | None]) -> dict[str, str]:
    """The values of options that a file of one's own needs; raises UserError, naming all that were not given."""
    why = {
        "name": "name it in small letters, digits and hyphens",
        "licence": "say under which licence it may be used",
        "population": "say for whom its figures speak, in one phrase",
    }
    missing = [Fault(f"--{option} is missing", fix=why[option]) for option, value in told.items() if not value]
    if missing:
        raise UserError(missing)
    return {option: value for option, value in told.items() if value}


def refuse(source: "EventSource", told: Mapping[str, Any]) -> None:
    """Raises UserError where an option was given that a public history answers by itself."""
    given = [f"--{option}" for option, value in told.items() if value]
    if given:
        raise UserError(
            f"'{source.name}' is a public history and says itself what it is",
            where=", ".join(given),
            fix=f"leave them out: gatehouse data import {source.name}",
        )


def import_source(settings: Settings, source: "EventSource", root: Path, json_: bool) -> None:
    """Import a public history from where its files lie."""
    from gatehouse.datasets import event_sources
    from gatehouse.datasets.event_sets import write

    folder = event_sources.require(source, settings.data_roots)
    with steps(json_) as progress:
        progress.say(f"reading {source.title} ({source.licence})")
        info, written = write(
            source.read(folder),
            source.labels(folder),
            root,
            name=source.name,
            title=source.title,
            licence=source.licence,
            population=source.population,
            profile=source.profile,
            notes=(*source.limits, *event_sources.provenance(source, folder)),
            progress=progress.at,
        )
    _tell(info, written, json_)


def import_file(
    file: Path,
    maps: tuple[str, ...],
    root: Path,
    json_: bool,
    *,
    about: dict[str, str],
    title: str | None,
    claims: Path | None = None,
    profile: "Sequence[ProfileColumn]" = (),
) -> None:
    """Import a file of events, or a folder of events and labels; rows that cannot be one are set aside with reasons."""
    from gatehouse.datasets import entity_labels
    from gatehouse.datasets.event_sets import EVENTS, LABELS, write
    from gatehouse.datasets.event_sources import EVENT_SOURCES
    from gatehouse.datasets.sources import digest
    from gatehouse.flows.intake import columns_for

    if not re.fullmatch(r"[a-z0-9][a-z0-9-]*", about["name"]):
        raise UserError(f"'{about['name']}' is no name for a history", fix="use small letters, digits and hyphens")
    if about["name"] in EVENT_SOURCES:
        raise UserError(f"'{about['name']}' is the name of a public history", fix="choose another name")
    wrong = [
        Fault(f"'{pair}' says not what is what", "--map", "write actor=COLUMN") for pair in maps if "=" not in pair
    ]
    if wrong:
        raise UserError(wrong)
    if file.is_dir():
        claims = claims or (file / LABELS if (file / LABELS).is_file() else None)
        file = file / EVENTS
    labels = entity_labels.read(claims, about["name"]) if claims else None
    mapping = columns_for(file, dict(pair.split("=", 1) for pair in maps), profile)
    with steps(json_) as progress:
        progress.say(f"reading {file}")
        info, written = write(
            _blocks(file, mapping, profile),
            labels,
            root,
            name=about["name"],
            title=title or about["name"],
            licence=about["licence"],
            population=about["population"],
            profile=profile,
            notes=tuple(f"imported from {one.name}, SHA-256 {digest(one)}" for one in (file, claims) if one),
            progress=progress.at,
        )
    _tell(info, written, json_)


def profile_of(settings: Settings, pack: str | None) -> "Sequence[ProfileColumn]":
    """What the pack of this name declares of profiles; nothing where none is named."""
    from gatehouse.flows import packs

    return packs.load(pack, settings.pack_roots).features.profile if pack else ()


def _blocks(file: Path, mapping: Mapping[str, str], profile: "Sequence[ProfileColumn]") -> "Iterator[EventBlock]":
    from gatehouse.datasets.event_source import EventBlock, SetAside
    from gatehouse.flows.intake import events_of

    for block in events_of(file, mapping, now(), profile=profile, require=("actor", "occurred")):
        yield EventBlock(block.events, tuple(SetAside(**asdict(reject)) for reject in block.rejects))


def _tell(info: "EventSet", folder: Path, json_: bool) -> None:
    from gatehouse.datasets.event_sets import REJECTS, span

    if json_:
        print_json({"folder": str(folder), "info": info})
        return
    click.echo(f"imported as {info.name}, version {info.version}")
    click.echo(f"    {count(info.events, 'event')} of {count(info.actors, 'actor')}, {span(info)}")
    for label, (yes, no) in info.labels.items():
        click.echo(f"    {label}: holds for {yes:,} of {yes + no:,} entities")
    aside = f"{count(info.rejected, 'record')}, with their reasons in {folder / REJECTS}" if info.rejected else "none"
    click.echo(f"    set aside: {aside}")
    for reason, number in info.set_aside.items():
        click.echo(f"        {number:,}: {reason}")
    click.echo(f"    {folder}\nnext: read {folder / 'CARD.md'}")
