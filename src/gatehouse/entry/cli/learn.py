"""`gatehouse train`, `promote`, `rollback` and `releases`."""

import getpass
from typing import TYPE_CHECKING, Literal

import click
import msgspec

from gatehouse.entry.cli.reach import Share
from gatehouse.entry.cli.show import as_json, console, day, now, print_json, steps, table
from gatehouse.errors import UserError
from gatehouse.settings import Settings

if TYPE_CHECKING:
    from gatehouse.records.dataset import Release, Transition

EXAMPLES_ONLY = (
    "NOTE: the public data was not found, so this stands on the pack's own examples: it shows the way, not quality."
)


def who() -> str:
    """Name of the account that runs the command, for the record."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "unknown account"


@click.command()
@click.argument("pack")
@as_json
@click.pass_obj
def train(settings: Settings, pack: str, json_: bool) -> None:
    """Learn PACK's detector (a name or a folder), find its operating points, keep it as a draft release."""
    from gatehouse.bootstrap import open_house
    from gatehouse.flows import learn, packs
    from gatehouse.policies.explain import point_in_words

    house = open_house(settings)
    read = packs.load(pack, settings.pack_roots)
    with steps(json_) as progress:
        progress.say(f"{read.name}: reading data set '{read.recipe.dataset}'")
        dataset, examples = learn.dataset_for(read, house.shelf, settings.datasets, settings.data_roots, house.engine)
        learned = learn.train(
            read,
            dataset,
            examples,
            house.shelf,
            at=now(),
            by=who(),
            said=lambda what: progress.say(f"{read.name}: {what}"),
        )
    if json_:
        print_json({"release": learned.release, "dataset": dataset.info, "from_examples": examples})
        return
    if examples:
        click.echo(EXAMPLES_ONLY)
    click.echo(f"{read.name} release {learned.release.version} (draft), learnt from {dataset.info.title}")
    click.echo(f"rows: {learn.parts_in_words(dataset)}")
    for point in learned.release.points:
        click.echo(f"  {point.step}: {point_in_words(point)}")
    click.echo(f"next: gatehouse evaluate {pack}; gatehouse promote {pack}")


@click.command()
@click.argument("pack")
@click.argument("version", required=False)
@click.option("--to", type=click.Choice(("shadow", "canary", "live")), default="live", show_default=True)
@click.option("--share", type=Share(), help="Actors that a canary decides for: 5%.  [default: 5%]")
@click.option("--differ-at-most", type=Share(), help="Of these, before it is halted: 2%.  [default: 1%]")
@click.option("--why", default="promoted by hand", show_default=True, help="The reason, for the record.")
@click.option("--reach-at-most", type=Share(), help="Refuse where it may enforce on more of stored traffic: 2%.")
@click.option("--accept-reach", metavar="WHY", help="Go on though it reaches too far, and say why.")
@as_json
@click.pass_obj
def promote(
    settings: Settings,
    pack: str,
    version: str | None,
    to: Literal["shadow", "canary", "live"],
    share: float | None,
    differ_at_most: float | None,
    why: str,
    reach_at_most: float | None,
    accept_reach: str | None,
    json_: bool,
) -> None:
    """Put a release of PACK (the newest, or VERSION) into shadow, make it the canary, or make it live.

    Before it decides anything it is tried on stored events; where it reaches too far it is refused.
    """
    from gatehouse.bootstrap import open_house
    from gatehouse.entry.cli import gate, reach
    from gatehouse.flows import life

    if to != "canary" and (share, differ_at_most) != (None, None):
        name = "--share" if share is not None else "--differ-at-most"
        raise UserError(f"{name} is for a canary", where=name, fix="add --to canary, or leave it out")
    house, name = open_house(settings), pack_name(settings, pack)
    release, _ = life.chosen(house.shelf, name, version)
    why = reach.accepted_why(why, accept_reach)
    lacking = gate.unsent(house, release)
    found = None
    if to != "shadow":
        part = 1.0 if to == "live" else life.CANARY_SHARE if share is None else share
        with steps(json_) as progress:
            found = reach.check(house, release, to, part, reach_at_most, accept_reach, progress)
    if not json_:
        for what in lacking:
            click.echo(f"note: {what}")
    if to == "live":
        step = life.go_live(house.shelf, name, version, at=now(), by=who(), why=why)
    else:
        step = life.try_out(house.shelf, name, version, to, share, differ_at_most, at=now(), by=who(), why=why)
    if json_:
        print_json({**msgspec.structs.asdict(step), "reach": found and reach.as_data(found), "unsent": lacking})
        return
    if found:
        reach.show(found)
    _promoted(step)


def _promoted(step: "Transition") -> None:
    what = f"{step.pack} {step.version}"
    if step.state == "shadow":
        click.echo(f"in shadow: {what}; it acts on nothing")
        click.echo(f"next: gatehouse versions compare {step.pack}")
    elif step.state == "canary":
        click.echo(f"canary: {what}, for {100 * (step.share or 0):.3g} % of actors")
        click.echo(f"next: gatehouse versions list {step.pack}; gatehouse promote {step.pack} {step.version}")
    else:
        click.echo(f"live: {what}")
        click.echo("next: gatehouse score my.csv --out my.parquet")


@click.command()
@click.argument("pack")
@click.option("--why", default="rolled back by hand", show_default=True, help="The reason, for the record.")
@as_json
@click.pass_obj
def rollback(settings: Settings, pack: str, why: str, json_: bool) -> None:
    """Make the release of PACK live again that was live before the present one."""
    from gatehouse.bootstrap import open_house
    from gatehouse.flows import life

    name = pack_name(settings, pack)
    transition = life.go_back(open_house(settings).shelf, name, at=now(), by=who(), why=why)
    if json_:
        print_json(transition)
        return
    click.echo(f"live again: {name} {transition.version}")


@click.command(name="releases")
@click.argument("pack", required=False)
@as_json
@click.pass_obj
def releases(settings: Settings, pack: str | None, json_: bool) -> None:
    """The releases of all packs, or of PACK, newest first, with the state of each."""
    from gatehouse.bootstrap import open_house

    known = open_house(settings).shelf.registry.releases(pack_name(settings, pack) if pack else None)
    if json_:
        print_json([{"release": release, "last": last} for release, last in known])
        return
    if not known:
        click.echo("no release yet; next: gatehouse train spam")
        return
    console().print(table(("pack", "release", "state", "since", "by", "why"), [_line(*pair) for pair in known]))


def _line(release: "Release", last: object) -> tuple[str, ...]:
    from gatehouse.records.dataset import Transition

    assert isinstance(last, Transition)
    return (release.pack, release.version, last.state, day(last.at), last.by, last.why)


def pack_name(settings: Settings, pack: str) -> str:
    """The name of a pack given by name or folder; a pack that is only in the registry is known by its name."""
    from gatehouse.flows import packs

    return packs.locate(pack, settings.pack_roots).name
