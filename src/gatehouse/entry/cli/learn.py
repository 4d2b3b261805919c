"""`gatehouse train`, `promote`, `rollback` and `releases`."""

import getpass
from typing import TYPE_CHECKING

import click

from gatehouse.entry.cli.show import as_json, console, day, now, print_json, steps, table
from gatehouse.settings import Settings

if TYPE_CHECKING:
    from gatehouse.records.dataset import Release

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
@click.option("--why", default="promoted by hand", show_default=True, help="The reason, for the record.")
@as_json
@click.pass_obj
def promote(settings: Settings, pack: str, version: str | None, why: str, json_: bool) -> None:
    """Make a release of PACK live: the newest, or VERSION."""
    from gatehouse.bootstrap import open_house
    from gatehouse.flows import releases

    name = pack_name(settings, pack)
    transition = releases.promote(open_house(settings).shelf, name, version, at=now(), by=who(), why=why)
    if json_:
        print_json(transition)
        return
    click.echo(f"live: {name} {transition.version}")
    click.echo("next: gatehouse score my.csv --out my.parquet")


@click.command()
@click.argument("pack")
@click.option("--why", default="rolled back by hand", show_default=True, help="The reason, for the record.")
@as_json
@click.pass_obj
def rollback(settings: Settings, pack: str, why: str, json_: bool) -> None:
    """Make the release of PACK live again that was live before the present one."""
    from gatehouse.bootstrap import open_house
    from gatehouse.flows import releases

    name = pack_name(settings, pack)
    transition = releases.rollback(open_house(settings).shelf, name, at=now(), by=who(), why=why)
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
