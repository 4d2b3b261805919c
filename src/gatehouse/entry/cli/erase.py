"""`gatehouse erase`, `retain` and `hold`: content goes for ever, by wish or by age, unless something keeps it."""

import secrets
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from gatehouse.entry.cli.learn import who
from gatehouse.entry.cli.show import as_json, console, count, day, now, print_json, table
from gatehouse.settings import Settings

if TYPE_CHECKING:
    from gatehouse.bootstrap import House
    from gatehouse.flows.erase import Report
    from gatehouse.flows.retain import Retained

DAY = 86_400_000_000
_WHY = click.option("--why", required=True, help="The reason, which stays for ever: it must name nobody.")
_DRY = click.option("--dry-run", "dry", is_flag=True, help="Only count; change nothing.")


@click.command()
@click.argument("entity", metavar="ENTITY")
@_WHY
@_DRY
@as_json
@click.pass_obj
def erase(settings: Settings, entity: str, why: str, dry: bool, json_: bool) -> None:
    """Take all of ENTITY (`kind:id`, or `event:ID` of an event without an actor) out of everything, for ever.

    Cut off, it is to be run again, and finishes the rest.
    """
    from gatehouse.bootstrap.erasing import erase_everywhere
    from gatehouse.flows.entities import read_entity

    report = erase_everywhere(_house(settings), read_entity(entity), by=who(), why=why, at=now(), dry=dry)
    if json_:
        print_json({"dry_run": dry, "counts": report.counts(), **_as_data(report)})
        return
    _show(report, dry)


@click.command()
@click.option("--content-days", "days", type=click.IntRange(1), required=True, help="How long content is kept.")
@click.option("--why", default="retention", show_default=True, help="The reason, which stays on record.")
@_DRY
@as_json
@click.pass_obj
def retain(settings: Settings, days: int, why: str, dry: bool, json_: bool) -> None:
    """Take away the content of events, dead letters and rejects that are older; decisions stay. For a daily job."""
    from gatehouse.bootstrap.erasing import rejects
    from gatehouse.flows.retain import retain as take

    house, at = _house(settings), now()
    before = at - days * DAY
    said = f"{why} ({days} days)"
    done = take(house.ledger, house.letters, rejects(house), before, at=at, by=who(), why=said, dry=dry)
    if json_:
        print_json({"dry_run": dry, "before": before, "retained": done})
        return
    _tell(done, day(before), dry)


class Holds(click.Group):
    """`hold list` and `hold release`, and everything else is an entity that is to be held."""

    def resolve_command(
        self, context: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The named command, else the one that makes a hold."""
        if args and args[0] not in self.commands:
            return "make", make, args
        return super().resolve_command(context, args)


@click.group(cls=Holds, subcommand_metavar="ENTITY --owner NAME --why TEXT --until DATE | list | release ID")
def hold() -> None:
    """Keep ENTITY from being erased for a while: each hold has an owner and an end."""


@click.command()
@click.argument("entity", metavar="ENTITY")
@click.option("--owner", required=True, help="Who answers for it.")
@click.option("--why", required=True, help="The order or the case that wants it.")
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), required=True, help="The day (UTC) on which it ends.")
@as_json
@click.pass_obj
def make(settings: Settings, entity: str, owner: str, why: str, until: datetime, json_: bool) -> None:
    """Keep ENTITY from being erased."""
    from gatehouse.flows.entities import read_entity
    from gatehouse.records.erasure import Hold

    end = round(until.replace(tzinfo=UTC).timestamp()) * 1_000_000
    made = Hold(id=f"h-{secrets.token_hex(4)}", entity=read_entity(entity), owner=owner, why=why, made=now(), until=end)
    _house(settings).ledger.hold(made)
    if json_:
        print_json(made)
        return
    click.echo(f"hold {made.id}: {made.entity} is kept until {day(end)}, {owner} answers for it")
    click.echo(f"next: gatehouse hold release {made.id} ends it earlier")


@hold.command("list")
@as_json
@click.pass_obj
def list_(settings: Settings, json_: bool) -> None:
    """List all holds, also those that are over."""
    found, at = _house(settings).ledger.holds(), now()
    if json_:
        print_json({"holds": found})
        return
    rows = [
        (one.id, one.entity, one.owner, day(one.until), "in force" if one.holds(at) else "over", one.why)
        for one in found
    ]
    console().print(table(("id", "entity", "owner", "until", "state", "why"), rows))
    click.echo(f"{count(sum(one.holds(at) for one in found), 'hold')} in force")


@hold.command()
@click.argument("id_", metavar="ID")
@as_json
@click.pass_obj
def release(settings: Settings, id_: str, json_: bool) -> None:
    """End a hold before its day."""
    at = now()
    _house(settings).ledger.release_hold(id_, at)
    if json_:
        print_json({"released": id_, "at": at})
        return
    click.echo(f"hold {id_} is over")


def _house(settings: Settings) -> "House":
    from gatehouse.bootstrap import open_house
    from gatehouse.errors import UserError

    if not settings.ledger_there:
        raise UserError("no ledger yet, so there is nothing to forget", where=str(settings.home), fix="gatehouse init")
    return open_house(settings)


def _as_data(report: "Report") -> dict[str, object]:
    return {
        "entity": report.entity,
        "reached": report.reached,
        "erased": report.erased,
        "not_reached": report.not_reached,
    }


def _show(report: "Report", dry: bool) -> None:
    rows: list[tuple[object, ...]] = [("ledger", "events", f"{report.events:,}", "")]
    if report.erased is not None:
        rows += [("ledger", "decisions", f"{report.erased.decisions:,}", "what they were decided on")]
        rows += [("ledger", name, f"{n:,}", "that named it") for name, n in report.erased.elsewhere.items()]
    rows += [(one.store, one.where, f"{one.rows:,}", one.said) for one in report.reached]
    console().print(table(("store", "where", "would go" if dry else "gone", ""), rows, right=("would go", "gone")))
    if report.erased is None:
        click.echo(
            "nothing was changed; without --dry-run it is gone for ever, and where the ledger names it elsewhere"
        )
    else:
        made = report.erased
        click.echo(f"erased: record {made.number} of the ledger; {made.pseudonym} stands in its place")
        if not (report.rows or made.events or made.elsewhere):
            click.echo("nothing of it was left to be erased")
    click.echo("NOT REACHED, look there yourself:")
    for one in report.not_reached:
        click.echo(f"  - {one}")


def _tell(done: "Retained", before: str, dry: bool) -> None:
    would = "would go" if dry else "gone"
    click.echo(
        f"from before {before} {would}: content of {count(done.events, 'event')}, "
        f"{count(done.letters, 'dead letter')}, {count(done.rejects, 'file')} of rejects"
    )
    for id_, n in done.held.items():
        click.echo(f"hold {id_} keeps {n:,}")
