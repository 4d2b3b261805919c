"""`gatehouse undo`: take back what was done, whoever decided it."""

import click

from gatehouse.bootstrap import open_enforcing
from gatehouse.entry.cli.learn import who
from gatehouse.entry.cli.replay import moment
from gatehouse.entry.cli.show import as_json, console, count, now, print_json, steps, table
from gatehouse.errors import UserError
from gatehouse.settings import Settings


@click.command()
@click.option("--policy-version", help="All that this version of a policy led to.")
@click.option("--decision", help="All that this decision led to.")
@click.option("--enforcement", help="This one, and what followed from it.")
@click.option("--since", help="Planned at or after: 2026-11-22, or 2026-11-22T13:05 (UTC).")
@click.option("--until", help="Planned before.")
@click.option("--dry-run", is_flag=True, help="Only say what would be taken back.")
@click.option("--why", help="The reason, for the record.")
@click.option("--by", help="Who says so; without it the account's name.")
@as_json
@click.pass_obj
def undo(
    settings: Settings,
    policy_version: str | None,
    decision: str | None,
    enforcement: str | None,
    since: str | None,
    until: str | None,
    dry_run: bool,
    why: str | None,
    by: str | None,
    json_: bool,
) -> None:
    """Take back enforcements, the latest first; the same command again finishes one that was cut off."""
    from gatehouse.flows.undo import Chosen
    from gatehouse.flows.undo import undo as take_back

    if not why and not dry_run:
        raise UserError("an undo needs a reason", where="--why", fix="add --why 'version 3 removed jokes'")
    chosen = Chosen(policy_version, decision, enforcement, moment(since, "--since"), moment(until, "--until"))
    outbox = open_enforcing(settings).outbox
    with steps(json_) as progress:
        found = take_back(
            outbox, chosen, by=by or who(), why=why or "", now=now(), dry_run=dry_run, progress=progress.at
        )
    if json_:
        said = {"dropped": found.dropped, "planned": found.planned}
        print_json({**said, **({"waiting": found.waiting} if dry_run else {}), "dry_run": dry_run})
        return
    every = (*found.dropped, *found.waiting, *found.planned)
    if dry_run:
        console().print(table(("id", "what", "state"), [(one.id, f"{one.kind} {one.on}", one.state) for one in every]))
    would = "would be " if dry_run else ""
    if not every:
        click.echo("all of it is taken back already")
    if found.dropped:
        click.echo(f"{count(len(found.dropped), 'enforcement')} dropped before being carried out")
    if found.waiting:
        click.echo(
            f"{count(len(found.waiting), 'enforcement')} not done yet would be dropped if never tried, "
            "else taken back by gatehouse perform"
        )
    if found.planned:
        click.echo(f"{count(len(found.planned), 'enforcement')} {would}taken back by gatehouse perform")
