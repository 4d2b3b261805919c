"""`gatehouse init` and `gatehouse doctor`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from gatehouse.entry.cli.show import as_json, console, print_json, table
from gatehouse.settings import VARIABLES, Settings

if TYPE_CHECKING:
    from gatehouse.entry.doctor import Finding


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
@click.option("--reach", is_flag=True, help="Look up the hosts of webhooks too.")
@click.option(
    "--bus-options",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="File of the Kafka client's settings, name=value, as for gatehouse work.",
)
@as_json
@click.pass_obj
def doctor(settings: Settings, reach: bool, bus_options: Path | None, json_: bool) -> None:
    """List what is there, what is missing, and the command that mends it; exit code 2 where something is broken."""
    from gatehouse.entry.doctor import findings

    found = list(findings(settings, reach=reach, bus_options=bus_options))
    if json_:
        print_json({"findings": found, "variables": VARIABLES})
    else:
        console().print(table(("", "what", "what mends it"), [_told(finding) for finding in found]))
    if any(finding.state == "broken" for finding in found):
        raise click.exceptions.Exit(2)


def _told(finding: "Finding") -> tuple[str, str, str]:
    wrong = finding.state in ("degraded", "broken")
    return finding.state, f"{finding.name}: {finding.what}" if wrong else finding.what, finding.mend
