"""`gatehouse safety`: what people met before something was done, who was wronged, and what it cost."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gatehouse import __version__
from gatehouse.entry.cli.replay import moment
from gatehouse.entry.cli.score import pairs
from gatehouse.entry.cli.show import as_json, console, day, now, print_json, steps, table
from gatehouse.errors import Faults
from gatehouse.settings import Settings

if TYPE_CHECKING:
    from gatehouse.entry.cli.show import Steps
    from gatehouse.evaluation.safety import SafetyReport
    from gatehouse.evaluation.safety_records import Records

_OF_HOUSE = ("truth", "views", "given", "leave_out", "imported")
_FOLDER = click.Path(path_type=Path, file_okay=False)


@click.command()
@click.option("--simulation", type=_FOLDER, help="A simulated platform's own enforcement, instead of the ledger.")
@click.option("--against", type=_FOLDER, help="With --simulation: the same run with nobody enforcing.")
@click.option("--truth", type=_FOLDER, help="A simulation whose events are in the ledger: what is truly so.")
@click.option("--views", type=click.Path(path_type=Path), help="Views of events: event_id, at, views.")
@click.option("--map", "given", multiple=True, callback=pairs, help="Columns of --views: event_id=post views=seen.")
@click.option("--leave-out", is_flag=True, help="Leave out rows of --views that are wrong, and count them.")
@click.option("--imported", is_flag=True, help="Count imported events too: they were decided when their decisions say.")
@click.option("--costs", type=click.Path(path_type=Path), help="YAML: currency, reviewer_hour, machine_hour ...")
@click.option("--since", help="Events seen from this day or time on: 2026-01-01, 2026-01-01T12:00:00Z (a day is UTC).")
@click.option("--until", help="And before this one; what was done later does not count.")
@click.option("--out", type=click.Path(path_type=Path), help="Write the HTML page to this file.")
@as_json
@click.pass_obj
def safety(settings: Settings, /, out: Path | None, json_: bool, **options: Any) -> None:
    """Measure safety: views and time before action, repeat victims, who was wronged, appeals and costs."""
    from gatehouse.evaluation import safety_page
    from gatehouse.evaluation.report import RunInfo
    from gatehouse.evaluation.safety import safety as measure
    from gatehouse.stats.cluster_draws import DRAWS, SEED

    _check(options)
    with steps(json_) as progress:
        found = _records(settings, progress, **options)
        progress.say(f"measuring {len(found.items):,} events")
        report = measure(found)
    source = (
        f"the simulation {options['simulation']}" if options["simulation"] else f"the ledger {settings.ledger_name}"
    )
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        run = RunInfo(made=now(), version=__version__, seed=SEED, draws=DRAWS)
        out.write_text(safety_page.page(report, source, run), encoding="utf-8")
    if json_:
        print_json({"source": source, **_as_data(report), "out": str(out) if out else None})
        return
    _show(report, source)
    if out is not None:
        click.echo(f"written: {out}")


def _check(options: dict[str, Any]) -> None:
    faults = Faults()
    for name in _OF_HOUSE:
        option = {"given": "--map", "leave_out": "--leave-out"}.get(name, f"--{name}")
        if options["simulation"] and options[name]:
            faults.add(f"{option} speaks of the ledger's events", option, "leave it out, or leave out --simulation")
        if name in ("given", "leave_out") and options[name] and not options["views"] and not options["simulation"]:
            faults.add(f"{option} speaks of a file of views", option, "add --views FILE")
    if options["against"] and not options["simulation"]:
        faults.add("--against is compared with a simulation", "--against", "add --simulation DIR")
    if options["against"] and (options["since"] or options["until"]):
        fix = "leave out --since and --until"
        faults.add("what was spared is known of whole runs alone", "--against", fix)
    with faults.gather():
        since, until = moment(options["since"], "--since"), moment(options["until"], "--until")
        if since is not None and until is not None and until <= since:
            faults.add("it ends before it begins", "--until", "choose a later time than --since")
    faults.raise_found()


def _records(
    settings: Settings,
    progress: "Steps",
    *,
    simulation: Path | None,
    against: Path | None,
    truth: Path | None,
    views: Path | None,
    given: dict[str, str],
    leave_out: bool,
    imported: bool,
    costs: Path | None,
    since: str | None,
    until: str | None,
) -> "Records":
    from gatehouse.bootstrap import open_house
    from gatehouse.flows import safety_inputs as inputs
    from gatehouse.flows.safety import of_simulation, records

    begin, end = moment(since, "--since"), moment(until, "--until")
    priced = inputs.costs_of(costs) if costs else None
    if simulation is not None:
        progress.say(f"reading {simulation}")
        return of_simulation(simulation, against=against, costs=priced, since=begin, until=end)
    known = inputs.truth_of(truth) if truth else None
    progress.say("reading the ledger")
    happened = inputs.house(open_house(settings).ledger, now(), imported=imported, said=progress.at)
    seen = None
    if views is not None:
        progress.say(f"reading {views}")
        seen = inputs.read_views(views, happened.events, given, leave_out)
    elif truth is not None:
        # A house need not have decided about all events of a simulation, so views of others are nobody's fault.
        seen = inputs.read_views(truth / "views.parquet", happened.events, leave_out=True)
    return records(happened, truth=known, views=seen, costs=priced, since=begin, until=end)


def _as_data(report: "SafetyReport") -> dict[str, Any]:
    from msgspec import to_builtins

    data: dict[str, Any] = to_builtins(report)
    return data


def _show(report: "SafetyReport", source: str) -> None:
    from gatehouse.evaluation.safety_page import by_group, said

    known = "all" if report.with_truth == report.items else f"{report.with_truth:,}"
    click.echo(f"{source}: {report.items:,} events until {day(report.until)}, {report.deeds:,} actions")
    click.echo(f"events of which the truth is known: {known}")
    for group, readings in by_group(report.readings):
        rows = [(one.name, " ".join(said(one)), f"{one.n:,} {one.of}") for one in readings if one.limits]
        if rows:
            console().print(table((group.lower(), "figure [95 %]", "of"), rows))
    for why in dict.fromkeys(one.why for one in report.readings if one.why):
        names = ", ".join(one.name for one in report.readings if one.why == why)
        click.echo(f"not known: {names}\n    → {why}")
    for note in report.notes:
        click.echo(f"note: {note}")
    click.echo("definitions: --out PAGE.html or --json; what each is not for: docs/safety.md")
