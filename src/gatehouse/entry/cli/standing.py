"""`gatehouse standing`: what is on an entity's record; `gatehouse mark`: a lasting tag on it."""

import click

from gatehouse.bootstrap import open_enforcing
from gatehouse.entry.cli.learn import who
from gatehouse.entry.cli.show import as_json, count, day, now, print_json
from gatehouse.settings import Settings


@click.command()
@click.argument("entity")
@as_json
@click.pass_obj
def standing(settings: Settings, entity: str, json_: bool) -> None:
    """Show what is on the record of ENTITY (kind:id) now: strikes, marks, enforcements, how its reports ended."""
    from gatehouse.flows.entities import read_entity, record_of

    parts = open_enforcing(settings)
    found = record_of(read_entity(entity), parts.standing, parts.outbox, parts.cases, now())
    if json_:
        print_json(found)
        return
    click.echo(f"{found.entity}: {count(found.decisions, 'decision')} did something to it")
    for strike in found.strikes:
        ends = "never expires" if strike.expires is None else f"until {day(strike.expires)}"
        click.echo(f"  strike of {strike.policy}, {day(strike.at)}, {ends}")
    for one in found.enforcements:
        ends = "" if one.until is None else f", until {day(one.until)}"
        click.echo(f"  {one.kind} of {one.policy}: {one.state}{ends}")
    for mark in found.marks:
        ends = "" if mark.until is None else f", until {day(mark.until)}"
        click.echo(f"  mark {mark.name} by {mark.by}: {mark.why}{ends}")
    reporter = found.reporter
    if reporter.upheld or reporter.rejected:
        click.echo(f"  reports: {reporter.upheld} upheld, {reporter.rejected} rejected ({found.reliability:.0%})")


@click.command()
@click.argument("entity")
@click.argument("name")
@click.option("--why", help="The reason, for the record.")
@click.option("--days", type=click.IntRange(min=1), help="It ends by itself after so many days.")
@click.option("--off", is_flag=True, help="Take it off instead.")
@click.option("--by", help="Who says so; without it the account's name.")
@as_json
@click.pass_obj
def mark(
    settings: Settings,
    entity: str,
    name: str,
    why: str | None,
    days: int | None,
    off: bool,
    by: str | None,
    json_: bool,
) -> None:
    """Put the mark NAME, such as trusted_flagger, on ENTITY (kind:id), or take it off."""
    from gatehouse.errors import UserError
    from gatehouse.flows.entities import read_entity, unmark
    from gatehouse.records.standing import Mark

    one, at, parts = read_entity(entity), now(), open_enforcing(settings)
    if off:
        unmark(parts.standing, one, name, at)
    elif not why:
        raise UserError("a mark needs a reason", where="--why", fix="add --why '40 of 41 reports upheld'")
    else:
        until = None if days is None else at + days * 86_400_000_000
        parts.standing.mark(Mark(entity=str(one), name=name, at=at, by=by or who(), why=why, until=until))
    if json_:
        print_json({"entity": str(one), "marks": parts.standing.marks(str(one), now())})
    else:
        click.echo(f"{one} {'no longer bears' if off else 'bears'} the mark {name}")
