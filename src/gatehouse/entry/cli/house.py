"""`gatehouse init` and `gatehouse doctor`."""

import shutil
from typing import Any

import click

from gatehouse.entry.cli.show import as_json, console, print_json, table
from gatehouse.errors import GatehouseError
from gatehouse.settings import VARIABLES, Settings


@click.command()
@as_json
@click.pass_obj
def init(settings: Settings, json_: bool) -> None:
    """Make the home folder with an empty ledger."""
    from gatehouse.bootstrap import open_house

    there = settings.ledger_there
    open_house(settings)
    if json_:
        print_json({"home": str(settings.home), "made": not there})
        return
    click.echo(f"{'already there' if there else 'made'}: {settings.home}")
    click.echo("next: gatehouse data list, gatehouse train spam, gatehouse promote spam")


@click.command()
@as_json
@click.pass_obj
def doctor(settings: Settings, json_: bool) -> None:
    """List what is there, what is missing, and the command that mends it."""
    home = _home(settings)
    findings = [home, *_data(settings), *_packs(settings, home["state"] == "ok"), _disk(settings)]
    if json_:
        print_json({"findings": findings, "variables": VARIABLES})
    else:
        rows = [(finding["state"], finding["what"], finding["mend"]) for finding in findings]
        console().print(table(("", "what", "what mends it"), rows))
    if any(finding["state"] == "broken" for finding in findings):
        raise click.exceptions.Exit(2)


def _finding(state: str, what: str, mend: str = "") -> dict[str, Any]:
    return {"state": state, "what": what, "mend": mend}


def _home(settings: Settings) -> dict[str, Any]:
    from gatehouse.bootstrap import open_house

    if not settings.ledger_there:
        return _finding("missing", f"no ledger at {settings.ledger_name}", "gatehouse init")
    try:
        open_house(settings)
    except GatehouseError as error:
        return _finding("broken", error.faults[0].what, error.faults[0].fix)
    return _finding("ok", f"ledger {settings.ledger_name}")


def _data(settings: Settings) -> list[dict[str, Any]]:
    from gatehouse.datasets import sources

    found = [name for name, source in sources.SOURCES.items() if sources.locate(source, settings.data_roots)]
    missing = [name for name in sources.SOURCES if name not in found]
    findings = [_finding("ok", f"data set {name}") for name in found]
    return findings + [_finding("missing", f"data set {name}", f"gatehouse data fetch {name}") for name in missing]


def _packs(settings: Settings, opened: bool) -> list[dict[str, Any]]:
    from gatehouse.bootstrap import open_house
    from gatehouse.flows import packs

    live = open_house(settings).shelf.registry.live if opened else lambda _: None
    findings = []
    for name, folder in packs.folders(settings.pack_roots).items():
        try:
            packs.load(str(folder))
        except GatehouseError as error:
            findings.append(_finding("broken", f"pack {name}: {error.faults[0]}", f"mend it in {folder}"))
            continue
        if release := live(name):
            findings.append(_finding("ok", f"pack {name}, live {release.version}"))
        else:
            step = f"gatehouse train {name} && gatehouse promote {name}"
            findings.append(_finding("missing", f"pack {name} has no live release", step))
    return findings


def _disk(settings: Settings) -> dict[str, Any]:
    place = settings.home if settings.home.exists() else settings.home.parent
    free = shutil.disk_usage(place).free / 2**30
    return _finding("ok" if free > 1 else "broken", f"{free:.0f} GB free at {place}", "" if free > 1 else "make room")
