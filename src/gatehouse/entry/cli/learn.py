"""`gatehouse train`, `evaluate`, `promote`, `rollback` and `releases`."""

import getpass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gatehouse.entry.cli.show import as_json, console, day, now, print_json, steps, table
from gatehouse.errors import UserError
from gatehouse.settings import Settings

if TYPE_CHECKING:
    from gatehouse.bootstrap import House
    from gatehouse.evaluation.evaluate import PackReport
    from gatehouse.flows.assess import Subject
    from gatehouse.flows.packs import Pack
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
        dataset, examples = learn.dataset_for(read, house.shelf, settings.datasets, settings.data_roots)
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
@click.option("--release", "version", help="A release; without it the newest.")
@click.option("--draws", default=1_000, show_default=True, help="Bootstrap draws for the intervals.")
@click.option("--seed", default=7, show_default=True)
@click.option("--out", type=click.Path(path_type=Path), help="Write the HTML report to this file.")
@click.option("--card", type=click.Path(path_type=Path), help="Write the model card to this file.")
@as_json
@click.pass_obj
def evaluate(
    settings: Settings,
    pack: str,
    version: str | None,
    draws: int,
    seed: int,
    out: Path | None,
    card: Path | None,
    json_: bool,
) -> None:
    """Figures of a release of PACK on the fixed test part, with 95 % intervals."""
    from gatehouse.bootstrap import open_house
    from gatehouse.flows import assess, packs

    house = open_house(settings)
    read = packs.load(pack, settings.pack_roots)
    with steps(json_) as progress:
        progress.say(f"{read.name}: judging the test part")
        report = assess.assess(subject_of(house, read, version), draws, seed)
    if out or card:
        write_report([report], out, card, seed, draws)
    if json_:
        print_json(report)
        return
    if report.from_examples:
        click.echo(EXAMPLES_ONLY)
    show_report(report)
    for file in (out, card):
        if file:
            click.echo(f"written: {file}")


def subject_of(house: "House", pack: "Pack", version: str | None) -> "Subject":
    """A stored release with the data set that it was learnt from, ready to be assessed."""
    from gatehouse.flows import learn
    from gatehouse.flows.assess import Subject
    from gatehouse.flows.releases import open_judge

    known = house.shelf.registry.releases(pack.name)
    if not known:
        raise UserError(f"no release of '{pack.name}' yet", fix=f"gatehouse train {pack.name}")
    release = house.shelf.registry.release(pack.name, version) if version else known[0][0]
    if release.policy_version != pack.policy.version:
        raise UserError(
            f"release {release.version} was made under policy version {release.policy_version}, "
            f"policy.yaml now says version {pack.policy.version}; a threshold does not outlive its policy",
            fix=f"gatehouse train {pack.name} finds the points of the new version",
        )
    dataset, examples = learn.learnt_from(pack, release, house.shelf)
    return Subject(pack, dataset, examples, release, open_judge(house.shelf, [release]))


def show_report(report: "PackReport") -> None:
    """A report's tables on the console."""
    from gatehouse.policies.explain import percent

    click.echo(f"{report.pack} release {report.release.version} on the test part of {report.dataset.title}")
    click.echo(f"population: {report.dataset.population}")
    rows = [
        (
            label.name,
            f"{label.n:,}",
            f"{label.positives:,}",
            percent(label.base_rate),
            label.pr_auc or "–",
            label.roc_auc or "–",
            label.ece or "–",
        )
        for label in report.labels
    ]
    columns = ("label", "n", "positives", "base rate", "PR-AUC [95 %]", "ROC-AUC [95 %]", "ECE [95 %]")
    console().print(table(columns, rows, right=("n", "positives", "base rate")))
    if any(label.withheld for label in report.labels):
        click.echo("– : counts only; a figure needs at least 50 positives")
    for said in report.points:
        click.echo(f"  {said.point.step}: {said.sentence}")


def write_report(reports: "list[PackReport]", out: Path | None, card: Path | None, seed: int, draws: int) -> None:
    """Write the HTML report and the model card."""
    from gatehouse import __version__
    from gatehouse.evaluation import report

    if out:
        run = report.RunInfo(made=now(), version=__version__, seed=seed, draws=draws, commands=NEXT)
        out.write_text(report.render(reports, run), encoding="utf-8")
    if card:
        card.write_text("\n".join(report.card(made) for made in reports), encoding="utf-8")


NEXT: tuple[tuple[str, str], ...] = (
    ("gatehouse data check my.csv --map text=COLUMN", "every fault of a file of your own, with row numbers"),
    ("gatehouse score my.csv --out my.parquet", "judge a file of your own (columns id and text)"),
    ("gatehouse trace ID", "why one text was judged as it was"),
    ("gatehouse evaluate spam", "figures with intervals and operating points"),
)
"""What to try next, with what it does."""


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
