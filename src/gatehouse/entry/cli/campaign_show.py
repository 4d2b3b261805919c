"""How communities and runs are shown at the terminal."""

from collections.abc import Sequence
from typing import Any

import click
from rich.table import Table

from gatehouse.entry.cli.show import console, count, day, table
from gatehouse.evaluation.campaign_words import chance, evidence_in_words, span, together
from gatehouse.flows.known_communities import in_words
from gatehouse.ports.campaigns import CampaignRun, Kept, Known, Sighting

MOST_SHOWN = 20
MOST_MEMBERS = 40
MOST_EVIDENCE = 8


def communities(n: int) -> str:
    """`1 community`, `2,000 communities`."""
    return "1 community" if n == 1 else f"{n:,} communities"


def show_found(kept: Kept) -> None:
    """What a run found, or that nothing stood out, with what was looked at."""
    run = kept.run
    many = f"{count(run.events, 'event')} of {count(run.actors, 'account')}"
    click.echo(f"looked at {many}, {day(run.first)} to {day(run.last)}")
    for reason, n in run.left_out.items():
        click.echo(f"    left out: {n:,}: {reason}")
    if not kept.sightings:
        click.echo("nothing stood out: no group of accounts acted together more often than chance has it")
        click.echo(f"kept as run {run.id}")
        click.echo("next: docs/campaigns.md says what a search can miss, and which settings look further")
        return
    ranked = sorted(kept.sightings, key=lambda each: (each.community.p, -len(each.community.members)))
    rows = [
        (
            each.community.id,
            f"{len(each.community.members):,}",
            together(each.community),
            day(each.first)[:10],
            chance(each.community.p),
            "; ".join(in_words(each)),
        )
        for each in ranked[:MOST_SHOWN]
    ]
    _print_whole(table(("community", "accounts", "together", "from", "p", ""), rows, right=("accounts", "p")))
    if len(ranked) > MOST_SHOWN:
        click.echo(f"and {len(ranked) - MOST_SHOWN:,} more: gatehouse campaigns list")
    click.echo(f"{communities(len(ranked))}, {count(run.ties, 'tie')}; kept as run {run.id}")
    click.echo("this is no verdict: crowds that are moved by one thing act together too")
    click.echo(f"next: gatehouse campaigns show {ranked[0].community.id}; gatehouse campaigns report --out page.html")


def show_runs(runs: Sequence[CampaignRun]) -> None:
    """The runs, newest first."""
    if not runs:
        click.echo("no run yet; next: gatehouse campaigns find SOURCE")
        return
    rows = [
        (run.id, day(run.at), run.by, run.source, f"{run.events:,}", f"{run.actors:,}", f"{run.communities:,}")
        for run in reversed(runs)
    ]
    columns = ("run", "made", "by", "source", "events", "accounts", "communities")
    console().print(table(columns, rows, right=columns[-3:]))


def show_communities(found: Sequence[Known], runs: Sequence[CampaignRun]) -> None:
    """All communities, those of the latest runs first, each with what was said of it."""
    if not found:
        said = "nothing has stood out yet" if runs else "no run yet"
        click.echo(f"{said}; next: gatehouse campaigns find SOURCE")
        return
    ranked = sorted(found, key=lambda each: (-each.run.at, each.latest.community.p, each.id))
    rows = [
        (
            each.id,
            f"{len(each.latest.community.members):,}",
            day(each.latest.community.first_seen)[:10],
            day(each.latest.community.last_seen)[:10],
            chance(each.latest.community.p),
            f"part of {each.merged_into} now" if each.merged_into else day(each.run.at)[:10],
            f"{each.verdict.verdict} ({each.verdict.by})" if each.verdict else "",
        )
        for each in ranked
    ]
    columns = ("community", "accounts", "first seen", "last seen", "p", "found last", "verdict")
    _print_whole(table(columns, rows, right=("accounts", "p")))


def show_one(each: Known) -> None:
    """One community with all that is known of it."""
    sighting, community = each.latest, each.latest.community
    click.echo(f"COMMUNITY {each.id}: {count(len(community.members), 'account')}, p = {chance(community.p)}")
    click.echo(f"  together  {together(community)}; {count(community.ties, 'tie')}")
    click.echo(f"  when      {day(sighting.first)}, for {span(sighting.last - sighting.first)}")
    if (community.first_seen, community.last_seen) != (sighting.first, sighting.last):
        click.echo(f"  known     {day(community.first_seen)} to {day(community.last_seen)}")
    if each.merged_into:
        click.echo(f"  NOTE      it is part of {each.merged_into} now")
    click.echo("EVIDENCE")
    for shown in community.evidence[:MOST_EVIDENCE]:
        click.echo(f"  {evidence_in_words(shown)}")
        if shown.event_ids:
            click.echo(f"      gatehouse trace {shown.event_ids[0]}")
    if len(community.evidence) > MOST_EVIDENCE:
        click.echo(f"  and {len(community.evidence) - MOST_EVIDENCE} more with --json")
    click.echo("ACCOUNTS")
    click.echo(f"  {', '.join(community.members[:MOST_MEMBERS])}")
    if len(community.members) > MOST_MEMBERS:
        click.echo(f"  and {len(community.members) - MOST_MEMBERS:,} more with --json")
    click.echo("RUNS")
    for run, then in each.seen:
        click.echo(f"  {run.id}  {count(len(then.community.members), 'account')}: {'; '.join(in_words(then))}")
    click.echo("VERDICTS")
    for said in each.verdicts:
        click.echo(f"  {day(said.at)}  {said.verdict}, says {said.by}: {said.why}")
    if not each.verdicts:
        click.echo("  nobody has said yet what it is")
        click.echo(f'next: gatehouse campaigns decide {each.id} --verdict coordinated|benign --why "what you saw"')


def run_as_data(run: CampaignRun, sightings: Sequence[Sighting]) -> dict[str, Any]:
    """A run with its communities, for programs."""
    return {"run": run, "communities": sightings}


def _print_whole(made: Table) -> None:
    """Print a table in which names, days and chances stay on one line, for people copy them."""
    for column in made.columns:
        column.no_wrap = column.header in ("community", "from", "first seen", "last seen", "p")
    console().print(made)
