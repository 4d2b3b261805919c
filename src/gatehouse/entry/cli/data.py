"""`gatehouse data`: public data sets, and files of the user's own."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from gatehouse.entry.cli import data_events
from gatehouse.entry.cli.show import as_json, console, print_json, steps, table
from gatehouse.errors import UserError
from gatehouse.settings import Settings

if TYPE_CHECKING:
    from gatehouse.datasets.event_source import EventSource
    from gatehouse.datasets.items import Source

_Function = TypeVar("_Function", bound=Callable[..., Any])

_LABEL_HELP = (
    "LABEL, LABEL=COLUMN (yes or no), LABEL=COLUMN:YES/NO (values), LABEL=COLUMN/TOTAL (votes out of a column or "
    "number) or 'LABEL=COLUMN has VALUE' (lists). Repeat for each label."
)


def _mapped(command: _Function) -> _Function:
    """The options that say what a file's columns are."""
    label = click.option("--label", "labels", multiple=True, metavar="SPEC", help=_LABEL_HELP)
    mapped = click.option(
        "--map",
        "maps",
        multiple=True,
        metavar="NAME=COLUMN",
        help="What a column is: text, id, author, split, language, occurred or rater. Obvious ones are found.",
    )
    file = click.argument("file", type=click.Path(path_type=Path))
    return file(mapped(label(command)))


@click.group()
def data() -> None:
    """List, check, fetch and import data sets."""


@data.command("list")
@as_json
@click.pass_obj
def list_(settings: Settings, json_: bool) -> None:
    """List the public data sets and histories that are known, and those of your own."""
    from gatehouse.datasets import event_sets, event_sources
    from gatehouse.datasets.build import infos
    from gatehouse.datasets.sources import SOURCES, locate

    found = {name: locate(source, settings.data_roots) for name, source in SOURCES.items()}
    histories = event_sources.EVENT_SOURCES
    places = {name: event_sources.locate(source, settings.data_roots) for name, source in histories.items()}
    own, imported = infos(settings.datasets), event_sets.infos(settings.datasets)
    if json_:
        public = [_described(source, found[name]) for name, source in SOURCES.items()]
        public_events = [_history(source, places[name]) for name, source in histories.items()]
        print_json({"public": public, "frozen": own, "histories": public_events, "imported": imported})
        return
    known = [
        (name, f"{source.rows:,}", f"{source.size / 1e6:.1f}", source.licence, _some(source.labels))
        for name, source in SOURCES.items()
    ]
    console().print(table(("public", "rows", "MB", "licence", "labels"), known, right=("rows", "MB")))
    for name, folder in found.items():
        click.echo(f"{name}: {folder or f'not here; gatehouse data fetch {name}'}")
    click.echo()
    events = [(name, f"{source.size / 1e6:.1f}", source.licence, source.title) for name, source in histories.items()]
    console().print(table(("history", "MB", "licence", "what it is"), events, right=("MB",)))
    for name, folder in places.items():
        click.echo(f"{name}: {folder or f'not here; gatehouse data import {name} says what to do'}")
    if own:
        click.echo()
        frozen = [(info.name, info.version, f"{info.rows:,}", info.licence, _some(info.labels)) for info, _ in own]
        console().print(table(("frozen", "version", "rows", "licence", "labels"), frozen, right=("rows",)))
    for info, folder in own:
        click.echo(f"{info.name}: {folder}")
    if imported:
        click.echo()
        rows = [(info.name, info.version, f"{info.events:,}", f"{info.actors:,}", info.licence) for info, _ in imported]
        names = ("imported", "version", "events", "actors", "licence")
        console().print(table(names, rows, right=("events", "actors")))
    for event_set, folder in imported:
        click.echo(f"{event_set.name}: {folder}")


@data.command()
@click.argument("name")
@click.option("--sha256", multiple=True, metavar="HEX", help="Accept a file with this checksum. Repeat for several.")
@click.option("--into", type=click.Path(path_type=Path, file_okay=False), help="Folder to put it in.")
@as_json
@click.pass_obj
def fetch(settings: Settings, name: str, sha256: tuple[str, ...], into: Path | None, json_: bool) -> None:
    """Bring a public data set here, from a mirror folder or its public address."""
    from gatehouse.datasets import fetch as fetching
    from gatehouse.datasets.sources import find

    source = find(name)
    with steps(json_) as progress:
        progress.say(f"fetching {source.title} ({source.licence})")
        done = fetching.fetch(source, into or settings.public, settings.data_roots, sha256)
    if json_:
        print_json({"name": name, "files": [{"path": str(file.path), "from": file.origin} for file in done]})
        return
    for file in done:
        click.echo(f"{file.path}\n    from {file.origin}")
    click.echo(f"licence: {source.licence}")


@data.command()
@_mapped
@as_json
def check(file: Path, maps: tuple[str, ...], labels: tuple[str, ...], json_: bool) -> None:
    """Report every fault of a labelled file at once; exit code 2 when it cannot be imported as it is."""
    from gatehouse.datasets.check import check as check_

    with steps(json_) as progress:
        progress.say(f"checking {file}")
        report = check_(file, maps, labels)
    if json_:
        print_json(report.data())
    else:
        click.echo(report.text(min(console().width, 100)))
    if report.errors:
        raise click.exceptions.Exit(2)


@data.command("import")
@_mapped
@click.option("--name", help="Name of the data set: small letters, digits, hyphens.")
@click.option("--licence", help="Under which licence it may be used.")
@click.option("--population", help="For whom its figures speak, in one phrase.")
@click.option("--title", help="What it is, in a few words.")
@click.option("--language", help="Language of texts whose own column says none (ISO 639-1).")
@click.option("--leave-out", is_flag=True, help="Leave out records at fault instead of refusing the file.")
@click.option("--events", is_flag=True, help="FILE is a history of events, each with id, text, actor and occurred.")
@click.option(
    "--labels",
    "claims",
    type=click.Path(path_type=Path),
    help="With --events: claims about actors (subject, label, value).",
)
@click.option("--pack", help="With --events: columns that this pack's profile declares become attributes.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Folder to put its folder into.")
@as_json
@click.pass_obj
def import_(
    settings: Settings,
    file: Path,
    maps: tuple[str, ...],
    labels: tuple[str, ...],
    name: str | None,
    licence: str | None,
    population: str | None,
    title: str | None,
    language: str | None,
    leave_out: bool,
    events: bool,
    claims: Path | None,
    pack: str | None,
    out: Path | None,
    json_: bool,
) -> None:
    """Make a frozen data set of a labelled FILE: content hash, fixed split and card.

    Of a history it makes a folder of events, their actors' labels and a card: of a public one where FILE is its name
    (`gatehouse data list` shows them), of a file of your own with --events. There FILE may also be a folder that holds
    events.parquet and labels.parquet.
    """
    root = out or settings.datasets
    source = data_events.source_named(file, events)
    of_events = {"labels": claims, "pack": pack}
    told = {"name": name, "licence": licence, "population": population}
    of_texts = {"label": labels, "language": language, "leave-out": leave_out}
    if source is not None:
        data_events.refuse(source, {**told, "title": title, "map": maps, **of_texts, **of_events})
        data_events.import_source(settings, source, root, json_)
        return
    about = data_events.require(told)
    if events:
        given = [f"--{option}" for option, value in of_texts.items() if value]
        if given:
            fix = "leave them out: rows at fault are set aside, and labels of events come from elsewhere"
            raise UserError("these are for labelled texts, not for events", where=", ".join(given), fix=fix)
        profile = data_events.profile_of(settings, pack)
        data_events.import_file(file, maps, root, json_, about=about, title=title, claims=claims, profile=profile)
        return
    if any(of_events.values()):
        given = [f"--{option}" for option, value in of_events.items() if value]
        raise UserError(
            "these are for a history of events", where=", ".join(given), fix="add --events, or leave them out"
        )
    _import_texts(
        settings, file, maps, labels, root, json_, **about, title=title, language=language, leave_out=leave_out
    )


def _import_texts(
    settings: Settings,
    file: Path,
    maps: tuple[str, ...],
    labels: tuple[str, ...],
    root: Path,
    json_: bool,
    *,
    name: str,
    licence: str,
    population: str,
    title: str | None,
    language: str | None,
    leave_out: bool,
) -> None:
    from gatehouse.bootstrap import open_house
    from gatehouse.datasets.build import save
    from gatehouse.datasets.imports import import_file

    with steps(json_) as progress:
        progress.say(f"checking {file}")
        dataset, report = import_file(
            file,
            maps,
            labels,
            name=name,
            licence=licence,
            population=population,
            title=title,
            language=language,
            leave_out=leave_out,
        )
        folder = root / f"{name}-{dataset.info.version}"
        progress.say(f"freezing {dataset.info.rows:,} texts")
        save(dataset, folder)
        open_house(settings).shelf.registry.add_dataset(dataset.info, str(folder))
    if json_:
        print_json({"folder": str(folder), "info": dataset.info, "check": report.data()})
        return
    click.echo(report.text(min(console().width, 100)))
    parts = ", ".join(f"{part} {count:,}" for part, count in dataset.info.parts.items())
    click.echo(f"\nfrozen as {dataset.info.name}, version {dataset.info.version}: {parts}")
    click.echo(f"    {folder}\nnext: read {folder / 'CARD.md'}; name '{dataset.info.name}' in a pack's recipe.yaml")


def _described(source: "Source", folder: Path | None) -> dict[str, Any]:
    return {
        "name": source.name,
        "title": source.title,
        "licence": source.licence,
        "population": source.population,
        "rows": source.rows,
        "bytes": source.size,
        "labels": source.labels,
        "home": source.home,
        "found": folder and str(folder),
    }


def _history(source: "EventSource", folder: Path | None) -> dict[str, Any]:
    return {
        "name": source.name,
        "title": source.title,
        "licence": source.licence,
        "population": source.population,
        "bytes": source.size,
        "home": source.home,
        "found": folder and str(folder),
    }


def _some(labels: tuple[str, ...]) -> str:
    more = f" and {len(labels) - 3} more" if len(labels) > 4 else ""
    return ", ".join(labels[:3] if more else labels) + more
