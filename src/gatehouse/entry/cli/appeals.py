"""`gatehouse appeals`: actors contest decisions; `gatehouse cases close` decides."""

import click

from gatehouse.bootstrap import open_enforcing
from gatehouse.entry.cli.cases import desk
from gatehouse.entry.cli.learn import who
from gatehouse.entry.cli.show import as_json, day, now, print_json
from gatehouse.settings import Settings


@click.group()
def appeals() -> None:
    """Appeals of decisions by the actors of events."""


@appeals.command("open")
@click.argument("appeal_id", metavar="ID")
@click.option("--by", required=True, help="The event's actor, as kind:id.")
@click.option("--statement", required=True, help="What the actor says.")
@click.option("--decision", help="The decision that is contested.")
@click.option("--event", help="Instead: the event whose standing decision is contested.")
@as_json
@click.pass_obj
def open_(
    settings: Settings,
    appeal_id: str,
    by: str,
    statement: str,
    decision: str | None,
    event: str | None,
    json_: bool,
) -> None:
    """Record the appeal ID, for whose actor you vouch, and open its case."""
    from gatehouse.errors import UserError
    from gatehouse.flows.appeals import Asked, contest
    from gatehouse.records.event import Entity

    if decision is None and event is None:
        raise UserError("nothing says what is contested", fix="add --decision or --event")
    asked = Asked(appeal_id, str(Entity.parse(by)), statement, decision, event)
    appeal, taken = contest(desk(open_enforcing(settings)), asked, vouched=who(), now=now())
    if json_:
        print_json({"appeal": appeal, "case_id": taken.case_id, "known": taken.known})
    else:
        known = " already" if taken.known else ""
        click.echo(f"appeal {appeal.id} of decision {appeal.decision_id} is on record{known}: case {taken.case_id}")
        click.echo(f"  gatehouse cases close {taken.case_id} upheld|overturned --why ...")


@appeals.command()
@click.argument("appeal_id", metavar="ID")
@as_json
@click.pass_obj
def show(settings: Settings, appeal_id: str, json_: bool) -> None:
    """Show what became of the appeal ID."""
    from gatehouse.flows.appeals import known_appeal, state_of

    appeal, filed = known_appeal(desk(open_enforcing(settings)), appeal_id)
    if json_:
        print_json({"appeal": appeal, "state": state_of(filed), "closing": filed.closing, "notice": filed.notice})
        return
    click.echo(f"{appeal.by} contests decision {appeal.decision_id} of event {appeal.event_id}: {appeal.statement}")
    click.echo(f"{state_of(filed)}, case {filed.case.id}, opened {day(appeal.at)}, vouched for by {appeal.vouched}")
    if filed.notice is not None:
        click.echo(f"\n{filed.notice.text}")
