"""`gatehouse cases`: what people are asked to look at, and what they find."""

from typing import TYPE_CHECKING

import click

from gatehouse.bootstrap import Enforcing, open_enforcing
from gatehouse.entry.cli.learn import who
from gatehouse.entry.cli.show import as_json, console, count, day, now, print_json, table
from gatehouse.records.case import FINDINGS
from gatehouse.settings import Settings

if TYPE_CHECKING:
    from gatehouse.flows.cases import Desk
    from gatehouse.ports.cases import Filed


def desk(parts: Enforcing) -> "Desk":
    """Where cases are looked at."""
    from gatehouse.flows.cases import Desk

    return Desk(parts.cases, parts.ledger, parts.outbox, parts.policy)


@click.group()
def cases() -> None:
    """Cases that policies, reports, appeals and draws opened."""


@cases.command("list")
@click.option(
    "--state", type=click.Choice(("open", "closed")), default="open", show_default=True, help="Which to list."
)
@click.option("--most", type=click.IntRange(1, 500), default=50, show_default=True, help="How many.")
@click.option("--after", help="Go on where a page ended.")
@as_json
@click.pass_obj
def list_(settings: Settings, state: str, most: int, after: str | None, json_: bool) -> None:
    """List cases: open ones with what was most likely reported rightly first, closed ones with the latest first."""
    from gatehouse.flows.cases import queue

    page = queue(
        desk(open_enforcing(settings)),
        state="closed" if state == "closed" else "open",
        after=after,
        most=most,
        now=now(),
    )
    if json_:
        print_json({"cases": [{"at": at, "case": case} for at, case in page.cases], "after": page.after})
        return
    if not page.cases:
        click.echo(f"no case is {state}")
        return
    rows = [(case.id, case.event_id, case.policy or "any", case.reason, day(at)) for at, case in page.cases]
    columns = ("id", "event", "policy", "why", "since" if state == "open" else "closed")
    console().print(table(columns, rows, whole=("id",)))
    if page.after:
        click.echo(f"and more: --after {page.after}")


@cases.command()
@click.argument("case_id", metavar="ID")
@as_json
@click.pass_obj
def show(settings: Settings, case_id: str, json_: bool) -> None:
    """Show the case ID: what brought it, what people wrote, and how it ended."""
    from gatehouse.flows.cases import shown

    _say(shown(desk(open_enforcing(settings)), case_id), json_)


@cases.command()
@click.argument("case_id", metavar="ID")
@click.argument("value", type=click.Choice(FINDINGS))
@click.option("--why", required=True, help="The reason, for the record.")
@click.option("--policy", help="Of which policy it is found, where the case names none, or another.")
@click.option("--step", help="The policy's step that applies: it says what is to be done.")
@click.option("--by", help="Who found it; without it the account's name.")
@as_json
@click.pass_obj
def close(
    settings: Settings,
    case_id: str,
    value: str,
    why: str,
    policy: str | None,
    step: str | None,
    by: str | None,
    json_: bool,
) -> None:
    """Close the case ID: what was found wrong is taken back, what is found violating is planned."""
    from gatehouse.flows.cases import close as found
    from gatehouse.records.case import Closing

    closing = Closing(
        case_id=case_id,
        finding=value,  # type: ignore[arg-type]  # one of FINDINGS
        by=by or who(),
        why=why,
        at=now(),
        policy=policy,
        step=step,
    )
    _say(found(desk(open_enforcing(settings)), closing), json_)


def _say(filed: "Filed", json_: bool) -> None:
    if json_:
        print_json(filed)
        return
    case, closing = filed.case, filed.closing
    click.echo(f"{case.id}: event {case.event_id}, {case.policy or 'any policy'}, {case.reason}")
    click.echo(f"opened {day(filed.opened)} by {case.opened_by}, on decision {case.decision_id}")
    if filed.reported:
        click.echo(f"{count(filed.reported, 'report')}:")
    for report in filed.reports:
        click.echo(f"  {report.reporter}: {report.comment or report.category or report.policy}")
    if filed.appeal is not None:
        click.echo(f"appeal {filed.appeal.id} of {filed.appeal.by}: {filed.appeal.statement}")
    if closing is None:
        click.echo("open")
        return
    click.echo(f"closed {day(closing.at)} by {closing.by}: {closing.finding}; {closing.why}")
    if filed.settled is None:
        click.echo("not all that follows from it is done yet: gatehouse cases list tries again")
    if filed.decision_id is not None:
        click.echo(f"decision {filed.decision_id} supersedes; gatehouse perform carries out what follows")
    if filed.notice is not None:
        click.echo(f"\nto {filed.notice.to}:\n\n{filed.notice.text}")
