"""`gatehouse perform` carries out what was decided; `gatehouse enforcements` is for what a person must look at."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from gatehouse.bootstrap import ACTUATORS, LOG, Enforcing, open_enforcing, open_watched
from gatehouse.entry.cli.learn import who
from gatehouse.entry.cli.replay import moment
from gatehouse.entry.cli.show import as_json, console, count, day, now, print_json, table
from gatehouse.errors import RefusedError, UserError
from gatehouse.settings import Settings

if TYPE_CHECKING:
    from gatehouse.flows.observe import Observer
    from gatehouse.flows.perform import Round
    from gatehouse.records.enforcement import Enforcement


@click.command()
@click.option("--once", is_flag=True, help="Stop when nothing is due, instead of waiting for more.")
@click.option("--worker", help="The name beside what is done.  [default: machine and process]")
@click.option("--metrics", "listen", metavar="HOST:PORT", help="Serve metrics and readiness there.")
@as_json
@click.pass_obj
def perform(settings: Settings, once: bool, worker: str | None, listen: str | None, json_: bool) -> None:
    """Carry out planned enforcements through the actuators of actuators.yaml in the home folder."""
    from gatehouse.entry.performing import performer_of
    from gatehouse.entry.saying import saying

    parts = open_enforcing(settings)
    said = saying("performer", quiet=json_)
    if not (settings.home / ACTUATORS).exists():
        said(f"no {ACTUATORS}: enforcements are only written to {settings.home / LOG}")
    with _observed(settings, listen, said) as observer:
        performer = performer_of(parts, observer, worker)
        if once:
            came_to = performer.until_idle()
        else:
            with _stopped() as stop:
                came_to = performer.run(stop, said=said)
    if json_:
        waiting = parts.outbox.waiting()
        print_json({**asdict(came_to), "waiting": {"planned": waiting.planned, "held": waiting.held}})
    else:
        _say(parts, came_to)
    if came_to.failed:
        raise RefusedError(
            f"{count(came_to.failed, 'enforcement')} failed for good",
            fix="gatehouse enforcements list --state failed says why; gatehouse enforcements retry has them tried anew",
        )


@contextmanager
def _observed(settings: Settings, listen: str | None, said: Callable[[str], None]) -> "Iterator[Observer | None]":
    """What counts for the metrics that are served meanwhile, where they are wanted."""
    if listen is None:
        yield None
        return
    from gatehouse.adapters.prometheus import PrometheusObserver
    from gatehouse.adapters.prometheus_gauges import Gauges
    from gatehouse.entry.metrics_server import MetricsServer, address_of, door_of
    from gatehouse.entry.observing import of_database, open_access
    from gatehouse.flows.health import Readiness, of_disk

    address = address_of(listen)
    door = door_of(open_access(settings), now, address)
    with ExitStack() as closing:
        watched = open_watched(settings)
        closing.callback(watched.close)
        ready = Readiness([*of_database(watched), of_disk(settings.home)])
        outbox, letters = watched.outbox, watched.letters
        gauges = Gauges(
            clock=now, waiting=outbox.waiting, tripped=outbox.tripped, letters=letters.waiting, health=ready
        )
        metrics = PrometheusObserver(gauges)
        server = MetricsServer(address, metrics, ready, door)
        closing.callback(server.close)
        said(f"metrics: http://{address.host}:{server.port}/metrics")
        yield metrics


@contextmanager
def _stopped() -> Iterator[threading.Event]:
    """An event that SIGTERM and Ctrl-C set; what is at work then is finished."""
    stop = threading.Event()
    kept = {one: signal.signal(one, lambda *_: stop.set()) for one in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for one, handler in kept.items():
            signal.signal(one, handler)


def _say(parts: Enforcing, came_to: "Round") -> None:
    said = {"done": came_to.done, "held": came_to.held, "to be tried again": came_to.again, "failed": came_to.failed}
    click.echo(", ".join(f"{n:,} {what}" for what, n in said.items() if n) or "nothing was due")
    waiting = parts.outbox.waiting()
    if waiting.planned:
        click.echo(f"{waiting.planned:,} planned, the oldest since {day(waiting.oldest or 0)}")
    if waiting.held:
        click.echo(f"{waiting.held:,} held: gatehouse enforcements list")


@click.group()
def enforcements() -> None:
    """What is held for a person, what failed, and tripped breakers."""


@enforcements.command("list")
@click.option(
    "--state",
    type=click.Choice(("planned", "held", "done", "failed", "undone")),
    default="held",
    show_default=True,
    help="Which to list.",
)
@click.option("--most", type=click.IntRange(min=1), default=50, show_default=True, help="How many, oldest first.")
@as_json
@click.pass_obj
def list_(settings: Settings, state: str, most: int, json_: bool) -> None:
    """List enforcements with why they are held or failed, and until when."""
    parts = open_enforcing(settings)
    found = parts.outbox.find(states=[state])  # type: ignore[list-item]
    shown = found[:most]
    tripped = parts.outbox.tripped()
    last = {one.id: next(iter(reversed(parts.outbox.changes(one.id))), None) for one in shown}
    if json_:
        print_json({"enforcements": [{"enforcement": one, "last": last[one.id]} for one in shown], "tripped": tripped})
        return
    for one in tripped:
        click.echo(f"the breaker of '{one.policy}' tripped {day(one.at)}: {one.why}")
        click.echo(f"  gatehouse enforcements reset {one.policy} --why ... when you have looked")
    if not shown:
        click.echo(f"none is {state}")
        return
    rows = [(one.id, _deed(one), one.policy, *_why(last[one.id])) for one in shown]
    console().print(table(("id", "what", "policy", "why", "until"), rows, whole=("id",)))
    if len(found) > len(shown):
        click.echo(f"and {len(found) - len(shown):,} more (--most)")


def _deed(one: "Enforcement") -> str:
    return f"{'take back ' if one.undoes else ''}{one.kind} {one.on}"


def _why(change: object) -> tuple[str, str]:
    until = getattr(change, "until", None)
    return str(getattr(change, "why", "")), day(until) if until else ""


_WHY = click.option("--why", required=True, help="The reason, for the record.")
_BY = click.option("--by", help="Who says so; without it the account's name.")


@enforcements.command()
@click.argument("id")
@_WHY
@_BY
@as_json
@click.pass_obj
def approve(settings: Settings, id: str, why: str, by: str | None, json_: bool) -> None:
    """Let the held enforcement ID be carried out; suspending and terminating takes two people."""
    from gatehouse.flows.held import approve as say_yes

    state = say_yes(open_enforcing(settings).outbox, id, by=by or who(), why=why, now=now())
    if json_:
        print_json({"id": id, "state": state})
    else:
        click.echo(f"{id} will be carried out" if state == "planned" else f"{id} is held until another person agrees")


@enforcements.command()
@click.argument("id")
@_WHY
@_BY
@as_json
@click.pass_obj
def refuse(settings: Settings, id: str, why: str, by: str | None, json_: bool) -> None:
    """Do not carry out the held enforcement ID, and take back what stood in its place."""
    from gatehouse.flows.held import refuse as say_no

    say_no(open_enforcing(settings).outbox, id, by=by or who(), why=why, now=now())
    if json_:
        print_json({"id": id, "state": "undone"})
    else:
        click.echo(f"{id} will not be carried out")


@enforcements.command()
@click.argument("ids", nargs=-1, metavar="[ID]...")
@click.option("--all", "all_", is_flag=True, help="Every one that failed.")
@click.option("--policy", help="Of all, only those of this policy.")
@click.option("--since", help="Of all, only those planned at or after: 2026-11-22, or 2026-11-22T13:05 (UTC).")
@_WHY
@_BY
@as_json
@click.pass_obj
def retry(
    settings: Settings,
    ids: tuple[str, ...],
    all_: bool,
    policy: str | None,
    since: str | None,
    why: str,
    by: str | None,
    json_: bool,
) -> None:
    """Have failed enforcements tried anew, such as those of an hour in which the platform could not be reached."""
    from gatehouse.flows.held import retry as try_anew

    if bool(ids) == all_:
        raise UserError("which enforcements?", fix="name their ids, or say --all")
    outbox = open_enforcing(settings).outbox
    chosen = outbox.find(
        ids=ids or None, policy=policy, since=moment(since, "--since") or 0, states=() if ids else ["failed"]
    )
    if unknown := sorted(set(ids) - {one.id for one in chosen if one.state == "failed"}):
        raise UserError(
            f"none of these has failed: {', '.join(unknown)}", fix="gatehouse enforcements list --state failed"
        )
    found = try_anew(outbox, chosen, by=by or who(), why=why, now=now())
    if json_:
        print_json({"planned": found})
    else:
        click.echo(f"{count(len(found), 'enforcement')} will be tried anew")


@enforcements.command()
@click.argument("policy")
@_WHY
@_BY
@as_json
@click.pass_obj
def reset(settings: Settings, policy: str, why: str, by: str | None, json_: bool) -> None:
    """Close the tripped breaker of POLICY; what it held is weighed again when its hold is over."""
    from gatehouse.flows.held import reset as close

    close(open_enforcing(settings).outbox, policy, by=by or who(), why=why, now=now())
    if json_:
        print_json({"policy": policy, "state": "closed"})
    else:
        click.echo(f"the breaker of '{policy}' is closed")
