"""`gatehouse init` and `gatehouse doctor`."""

import click

from gatehouse.entry.cli.show import as_json, console, print_json, table
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
@click.option("--reach", is_flag=True, help="Look up the hosts of webhooks too.")
@as_json
@click.pass_obj
def doctor(settings: Settings, reach: bool, json_: bool) -> None:
    """List what is there, what is missing, and the command that mends it; exit code 2 where something is broken."""
    from gatehouse.entry.doctor import findings

    found = list(findings(settings, reach=reach))
    if json_:
        print_json({"findings": found, "variables": VARIABLES})
    else:
        rows = [(finding.state, finding.what, finding.mend) for finding in found]
        console().print(table(("", "what", "what mends it"), rows))
    if any(finding.state == "broken" for finding in found):
        raise click.exceptions.Exit(2)
