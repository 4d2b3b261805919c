"""`gatehouse campaigns`: accounts that act together, found, looked at, and said what they are."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from gatehouse.entry.cli.campaign_settings import settings_of
from gatehouse.entry.cli.campaign_show import (
    communities,
    run_as_data,
    show_communities,
    show_found,
    show_one,
    show_runs,
)
from gatehouse.entry.cli.learn import pack_name, who
from gatehouse.entry.cli.replay import moment
from gatehouse.entry.cli.score import pairs
from gatehouse.entry.cli.show import as_json, count, now, print_json, steps
from gatehouse.errors import UserError
from gatehouse.settings import Settings

if TYPE_CHECKING:
    from gatehouse.bootstrap import House
    from gatehouse.flows.intake import Intake
    from gatehouse.ports.campaigns import Campaigns, Said


@click.group()
def campaigns() -> None:
    """Find accounts that act together more often than chance allows, and look at the evidence."""


@campaigns.command()
@click.argument("source", required=False)
@click.option("--log", is_flag=True, help="Look at the events of the ledger instead of a SOURCE.")
@click.option("--since", help="Only events from this day or time on: 2026-01-01, 2026-01-01T12:00:00Z (a day is UTC).")
@click.option("--until", help="And before this one.")
@click.option("--map", "given", multiple=True, callback=pairs, help="Event column = column of the file: actor=user.")
@click.option("--set", "said", multiple=True, metavar="NAME=VALUE", help="A setting of the search: lengths=5m,1h.")
@click.option(
    "--engine",
    type=click.Choice(("local", "spark")),
    default="local",
    help="Where pairs are counted; local by default.",
)
@click.option("--master", help="Spark's master: local[4], spark://HOST:7077 (all local cores, or what runs already).")
@as_json
@click.pass_obj
def find(
    settings: Settings,
    source: str | None,
    log: bool,
    since: str | None,
    until: str | None,
    given: dict[str, str],
    said: tuple[str, ...],
    engine: str,
    master: str | None,
    json_: bool,
) -> None:
    """Look for communities in SOURCE: files as for score, an imported history by its name, or with --log the ledger."""
    from gatehouse.bootstrap import open_house, spark_engine
    from gatehouse.flows import campaign_events, campaigns

    _check(source, log, given, engine, master)
    start, end = moment(since, "--since"), moment(until, "--until")
    how = settings_of(said)
    house, at = open_house(settings), now()
    with steps(json_) as progress, tempfile.TemporaryDirectory(prefix="gatehouse-campaigns-") as scratch:
        name = source or "the ledger"
        progress.say(f"reading {name}")
        blocks = _blocks(house, source, given, at)
        place = Path(scratch) / "events.parquet"
        events = campaign_events.read(name, blocks, place, since=start, until=end, progress=progress.at)
        kept = campaigns.find(
            events,
            house.campaigns,
            spark_engine(master) if engine == "spark" else house.engine,
            how,
            engine_name=engine,
            since=start,
            until=end,
            at=at,
            by=who(),
            said=progress.say,
        )
    if json_:
        print_json(run_as_data(kept.run, kept.sightings))
        return
    show_found(kept)


@campaigns.command("list")
@click.option("--runs", is_flag=True, help="List the runs instead of the communities.")
@as_json
@click.pass_obj
def list_(settings: Settings, runs: bool, json_: bool) -> None:
    """List the communities that any run saw, or the runs."""
    from gatehouse.flows import known_communities

    kept = kept_in(settings)
    if runs:
        every = kept.runs()
        if json_:
            print_json(every)
        else:
            show_runs(every)
        return
    found = list(known_communities.known(kept).values())
    if json_:
        print_json([known_communities.as_data(each) for each in found])
        return
    show_communities(found, kept.runs())


@campaigns.command()
@click.argument("id_", metavar="ID")
@as_json
@click.pass_obj
def show(settings: Settings, id_: str, json_: bool) -> None:
    """Show one community: who, when, how unlikely, its evidence, its history and what people said of it."""
    from gatehouse.flows import known_communities

    found = known_communities.one(kept_in(settings), id_)
    if json_:
        print_json(known_communities.as_data(found))
        return
    show_one(found)


@campaigns.command()
@click.argument("run", required=False)
@click.option("--out", required=True, type=click.Path(path_type=Path), help="HTML page to write.")
@click.option("--pictures", type=click.Path(path_type=Path), help="Also write each picture as .svg and .png here.")
@as_json
@click.pass_obj
def report(settings: Settings, run: str | None, out: Path, pictures: Path | None, json_: bool) -> None:
    """Write a page of RUN (without it of the newest): each community with evidence, graph and timeline."""
    from gatehouse import __version__
    from gatehouse.evaluation import campaign_page
    from gatehouse.evaluation.report import RunInfo
    from gatehouse.flows import known_communities

    kept = kept_in(settings)
    with steps(json_) as progress:
        chosen = kept.read(known_communities.run_named(kept, run).id)
        known = known_communities.known(kept)
        progress.say(f"drawing {count(min(len(chosen.sightings), campaign_page.MOST_IN_FULL), 'graph')}")
        info = RunInfo(made=now(), version=__version__, seed=0, draws=0)
        out.write_text(campaign_page.page(chosen, known, info), encoding="utf-8")
        drawn = campaign_page.write_pictures(chosen, known, pictures) if pictures else []
    if json_:
        print_json({"run": chosen.run.id, "out": str(out), "pictures": [str(path) for path in drawn]})
        return
    click.echo(f"written: {out}, {communities(len(chosen.sightings))} of run {chosen.run.id}")
    if drawn:
        click.echo(f"written: {count(len(drawn), 'picture')} in {pictures}")


@campaigns.command()
@click.argument("id_", metavar="ID")
@click.option("--verdict", required=True, type=click.Choice(("coordinated", "benign")), help="What it is.")
@click.option("--why", required=True, help="What you saw, in a sentence.")
@as_json
@click.pass_obj
def decide(settings: Settings, id_: str, verdict: str, why: str, json_: bool) -> None:
    """Record what you say of a community; nothing is enforced by it."""
    from gatehouse.flows import known_communities

    said = known_communities.decide(kept_in(settings), id_, cast("Said", verdict), why, by=who(), at=now())
    if json_:
        print_json(said)
        return
    click.echo(f"recorded: {said.community} is {said.verdict}, says {said.by}: {said.why}")
    click.echo("nothing was done to any account")


@campaigns.command()
@click.argument("id_", metavar="ID")
@click.option("--pack", required=True, help="The pack whose near-duplicate bank the texts are for.")
@click.option("--label", required=True, help="What a match would say; a step of the pack's policy must read it.")
@click.option("--why", default="copied by accounts that act together", show_default=True, help="The reason.")
@as_json
@click.pass_obj
def propose(settings: Settings, id_: str, pack: str, label: str, why: str, json_: bool) -> None:
    """Put the texts that a community copied forward for a bank; they match nothing until somebody accepts them."""
    from gatehouse.bootstrap import open_house
    from gatehouse.flows import campaign_proposals, known_communities

    kept, name = kept_in(settings), pack_name(settings, pack)
    found = known_communities.one(kept, id_)
    shelf = open_house(settings).shelf
    done = campaign_proposals.propose(shelf, kept, found, name, label, at=now(), by=who(), why=why)
    if json_:
        print_json({"proposed": done.entries, "too_short": done.too_short, "known": done.known})
        return
    click.echo(f"proposed for near-duplicates of {name}: {count(len(done.entries), 'text')} of community {found.id}")
    if done.known:
        click.echo(f"known already: {count(done.known, 'text')}")
    if done.too_short:
        click.echo(f"too short to be known by: {count(done.too_short, 'text')}")
    if done.entries:
        click.echo("they match nothing until a person accepts them")
        names = " ".join(change.entry for change in done.entries[:3])
        click.echo(f'next: gatehouse bank list {name}; gatehouse bank accept {name} {names} --why "..."')


def _check(source: str | None, log: bool, given: dict[str, str], engine: str, master: str | None) -> None:
    if (source is None) != log:
        raise click.UsageError("name a SOURCE, or look at the ledger with --log")
    if log and given:
        raise UserError("--map says what columns of a file are", fix="leave it out with --log")
    if engine == "local" and master is not None:
        raise UserError("--master is for Spark", fix="add --engine spark")


def _blocks(house: "House", source: str | None, given: dict[str, str], at: int) -> "Iterator[Intake]":
    from gatehouse.flows import campaign_events

    if source is None:
        return campaign_events.from_log(house.ledger)
    return campaign_events.from_files(campaign_events.files_named(source, house.settings.datasets), given, at)


def kept_in(settings: Settings) -> "Campaigns":
    """The runs of a home."""
    from gatehouse.bootstrap import open_house

    return open_house(settings).campaigns
