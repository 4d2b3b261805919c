"""The demo's simulated week, as a command shows it."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gatehouse.entry.cli.learn import who
from gatehouse.entry.cli.show import Steps, count, now

if TYPE_CHECKING:
    from gatehouse.bootstrap import House
    from gatehouse.flows.demo import Shown
    from gatehouse.flows.demo_platform import Week
    from gatehouse.ports.campaigns import Kept

PACK = "abusive-accounts"
SHOWN = 2
CARRIED = 3


@dataclass(frozen=True, eq=False)
class WeekShown:
    """What the demo found in the simulated week; `found` and `mistaken` count communities against the truth."""

    week: "Week"
    actors: "Shown"
    kept: "Kept"
    found: int
    mistaken: int


def show_week(
    house: "House", out: Path, learn: "Callable[[str], Shown]", draws: int, seed: int, progress: Steps
) -> WeekShown:
    """Simulate a week, train the actor detector on it, find who acted together, and write the pages."""
    from gatehouse import __version__
    from gatehouse.evaluation import campaign_page, safety_page
    from gatehouse.evaluation.report import RunInfo
    from gatehouse.flows import demo_platform, known_communities

    settings = house.settings
    week = demo_platform.simulate_week(out / "platform", settings.datasets, settings.data_roots, seed, progress.say)
    actors = learn(PACK)
    with tempfile.TemporaryDirectory(prefix="gatehouse-demo-") as scratch:
        place = Path(scratch) / "events.parquet"
        kept = demo_platform.find_campaigns(
            week, house.campaigns, house.engine, place, at=now(), by=who(), said=progress.say
        )
    run = RunInfo(made=now(), version=__version__, seed=seed, draws=draws)
    known = known_communities.known(house.campaigns)
    (out / "campaigns.html").write_text(campaign_page.page(kept, known, run), encoding="utf-8")
    campaign_page.write_pictures(kept, known, out / "pictures")
    report = demo_platform.measure_safety(week, progress.say)
    source = f"the simulation {week.folder}"
    (out / "safety.html").write_text(safety_page.page(report, source, run), encoding="utf-8")
    return WeekShown(week, actors, kept, *demo_platform.found_again(week, kept))


def as_data(shown: WeekShown) -> dict[str, Any]:
    """The week as the demo's JSON gives it."""
    communities = [each.community for each in shown.kept.sightings]
    together = {"harmful": len(shown.week.harmful), "found": shown.found, "mistaken": shown.mistaken}
    return {"about": shown.week.about, "communities": communities, "groups": together}


def tell(shown: WeekShown) -> None:
    """The week in words: what there was, who scores highest and why, who acted together."""
    about = shown.week.about
    week = f"{count(about.events, 'event')} of {count(about.accounts, 'account')} in {count(about.days, 'day')}"
    click.echo(f"\nA simulated week: {week}. It shows the way; no detector's quality can be read from it.")
    for actor in shown.actors.report.actors[:SHOWN]:
        truth = {True: "truly abusive", False: "truly not", None: "nobody knows"}[actor.holds]
        click.echo(f"  {actor.actor} scores {actor.score:.2f} ({truth}): {actor.outcome}, {actor.enforce}")
        for reason in actor.carried[:CARRIED]:
            click.echo(f"      {reason.words}")
    communities = [len(each.community.members) for each in shown.kept.sightings]
    groups = f"{count(len(communities), 'group')} of accounts, the largest of {max(communities, default=0)},"
    click.echo(
        f"  {groups} acted together more than chance has it: {shown.found} of the {len(shown.week.harmful)} groups "
        f"that planned it, {shown.mistaken} that did not"
    )
