"""`gatehouse simulate`: a platform from a seed, with all that is true of it."""

import dataclasses
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gatehouse.entry.cli.show import as_json, console, count, print_json, steps, table
from gatehouse.errors import UserError
from gatehouse.settings import Settings

if TYPE_CHECKING:
    from gatehouse.simulation.scenario import Scenario
    from gatehouse.simulation.tables import About


@click.command()
@click.option("--out", type=click.Path(path_type=Path), required=True, help="New folder for the simulation's tables.")
@click.option("--seed", type=click.IntRange(min=0), help="Equal seeds and settings give equal bytes.  [default: 7]")
@click.option("--days", type=click.IntRange(1, 366), help="How many days go by.  [default: 7]")
@click.option("--accounts", type=click.IntRange(50, 5_000_000), help="Members before the first day.  [default: 5000]")
@click.option("--events", type=click.IntRange(1, 50_000_000), help="About how many events, instead of --accounts.")
@click.option("--settings", "file", type=click.Path(path_type=Path), help="YAML file; options outweigh it.")
@click.option("--no-public-data", is_flag=True, help="Only built-in texts, also where public corpora are there.")
@as_json
@click.pass_obj
def simulate(
    settings: Settings,
    out: Path,
    seed: int | None,
    days: int | None,
    accounts: int | None,
    events: int | None,
    file: Path | None,
    no_public_data: bool,
    json_: bool,
) -> None:
    """Simulate a platform: members, the bad, benign crowds, reports, reviews; everything that is true is written down.

    It proves estimators, plumbing and recovery. No detector's quality may be quoted from it.
    """
    from gatehouse.flows.simulate import run

    if accounts and events:
        raise UserError("--accounts and --events are both given", fix="keep one of them")
    scenario = scenario_of(file, seed=seed, days=days, accounts=accounts)
    if events:
        scenario = scenario.about(events)
    with steps(json_) as progress:
        about = run(
            scenario, out, () if no_public_data else settings.data_roots, said=progress.say, progress=progress.at
        )
    if json_:
        print_json({"folder": str(out), "about": about})
        return
    show(about, out)


def scenario_of(file: Path | None, *, seed: int | None, days: int | None, accounts: int | None) -> "Scenario":
    """The scenario of a file, or the usual one, with what else is given."""
    from gatehouse.simulation.scenario import Scenario, read_scenario

    scenario = read_scenario(file) if file else Scenario()
    return dataclasses.replace(
        scenario,
        seed=scenario.seed if seed is None else seed,
        days=days or scenario.days,
        accounts=accounts or scenario.accounts,
    )


def show(about: "About", out: Path) -> None:
    """A simulation's summary for a person."""
    click.echo(f"{count(about.events, 'event')} of {count(about.accounts, 'account')} in {count(about.days, 'day')}")
    kinds = ", ".join(f"{number:,} {kind}" for kind, number in about.kinds.items() if number)
    click.echo(f"    {kinds}; {count(about.views, 'view')}")
    rows = [
        (harm.replace("_", " "), f"{one.events:,}", f"{one.of_events:.3%}", f"{one.views:,}", f"{one.of_views:.3%}")
        for harm, one in about.prevalence.items()
    ]
    columns = ("true harm", "events", "of events", "views", "of views")
    console().print(table(columns, rows, right=columns[1:]))
    click.echo(f"campaigns: {listed(about.campaigns)}")
    click.echo(f"benign crowds: {listed(about.bursts)}")
    bad = {role: number for role, number in about.roles.items() if role != "member"}
    click.echo(f"bad accounts: {listed(bad)}")
    enforced = about.tables.get("enforced")
    click.echo(f"enforced: {count(enforced, 'deed') if enforced is not None else 'nothing, nobody did'}")
    click.echo(f"written: {out}")
    place = shlex.quote(str(out / "events.parquet"))
    click.echo(f"next: gatehouse score {place} --out scores.parquet")
    click.echo(f"      gatehouse campaigns find {place}")
    words = "--licence simulated --population 'a simulated platform'"
    click.echo(f"      gatehouse data import {shlex.quote(str(out))} --events --name simulated-week {words}")
    click.echo("          and then: gatehouse train abusive-accounts")


def listed(counts: dict[str, int]) -> str:
    """Counts by name in words; `none` where all are zero."""
    return ", ".join(f"{number:,} {name.replace('_', ' ')}" for name, number in counts.items() if number) or "none"
