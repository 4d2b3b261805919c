"""What `gatehouse evaluate` shows of a pack: the release with its data set, its tables, its report and card."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from gatehouse.entry.cli.learn import EXAMPLES_ONLY
from gatehouse.entry.cli.show import console, count, now, print_json, steps, table
from gatehouse.errors import UserError
from gatehouse.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gatehouse.bootstrap import House
    from gatehouse.evaluation.pack_report import PackReport
    from gatehouse.evaluation.robustness import AttackReport
    from gatehouse.evaluation.slices import SliceFigures
    from gatehouse.evaluation.suite import SuiteReport
    from gatehouse.flows.packs import Pack
    from gatehouse.flows.subject import Subject
    from gatehouse.records.dataset import Release


def evaluate_pack(
    settings: Settings,
    pack: str,
    version: str | None,
    on: str | None,
    draws: int,
    seed: int,
    out: Path | None,
    card: Path | None,
    json_: bool,
) -> None:
    """Judge the test part by a release of a pack, and show and write what came out."""
    from gatehouse.bootstrap import open_house
    from gatehouse.flows import assess, packs

    house = open_house(settings)
    read = packs.load(pack, settings.pack_roots)
    with steps(json_) as progress:
        progress.say(f"{read.name}: judging the test part")
        report = assess.assess(subject_of(house, read, version, on), draws, seed)
    if out or card:
        write_report([report], out, card, seed, draws)
    if json_:
        print_json(report)
        return
    if report.from_examples:
        click.echo(EXAMPLES_ONLY)
    show_report(report)
    for said in report.golden:
        click.echo(said)
    show_written(out, card)


def subject_of(house: "House", pack: "Pack", version: str | None, on: str | None = None) -> "Subject":
    """A stored release with the data set that it was learnt from, or another one, ready to be assessed.

    On another population its points are provisional, wherever they were confirmed.
    """
    from gatehouse.flows import learn
    from gatehouse.flows.releases import open_judge
    from gatehouse.flows.subject import Subject

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
    if on is not None:
        return _elsewhere(house, pack, release, on)
    dataset, examples = learn.learnt_from(pack, release, house.shelf)
    return Subject(pack, dataset, examples, release, open_judge(house.shelf, [release]))


def _elsewhere(house: "House", pack: "Pack", release: "Release", on: str) -> "Subject":
    from msgspec.structs import replace

    from gatehouse.flows import learn
    from gatehouse.flows.releases import open_judge
    from gatehouse.flows.subject import Subject
    from gatehouse.policies.points import for_population

    judge = open_judge(house.shelf, [release])
    dataset = learn.dataset_elsewhere(
        on, pack, judge, house.shelf, house.settings.datasets, house.settings.data_roots, house.engine
    )
    if dataset is None:
        raise UserError(f"the files of '{on}' are not there", fix=f"gatehouse data fetch {on}")
    if pack.recipe.labels[0] not in dataset.info.labels:
        raise UserError(
            f"data set '{on}' says nothing of '{pack.recipe.labels[0]}', the main label of '{pack.name}'",
            fix=f"it has {', '.join(dataset.info.labels)}; or import a file with that label",
        )
    points = for_population(release.points, dataset.info.population)
    return Subject(pack, dataset, False, replace(release, points=points), judge)


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
    show_elsewhere(report)
    for label, told in report.features.items():
        words = ", ".join(f"{one.name} {one.weight:.2f}" for one in told)
        click.echo(f"what moves the score for '{label}' most (mean log-odds, whichever way): {words or 'nothing'}")
    if report.closer is not None:
        show_slices(report.closer.slices, most=5)
    if report.closer is not None and report.closer.attacks is not None:
        show_attacks(report.closer.attacks)
    if report.closer is not None and report.closer.suite is not None:
        click.echo("functional checks of the pack's own suite")
        show_suite(report.closer.suite)


def show_elsewhere(report: "PackReport") -> None:
    """What precision the points would have where another share is positive."""
    from gatehouse.evaluation.report import PREVALENCES, restated
    from gatehouse.policies.explain import percent

    rows = [(at.step, *(one or "–" for one in precisions)) for at, precisions in restated(report)]
    if rows:
        columns = ("precision if positive are", *(percent(one) for one in PREVALENCES))
        console().print(table(columns, rows))


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


def show_slices(slices: "Sequence[SliceFigures]", most: int = 10) -> None:
    """The worst slices on the console."""
    ranked = [one for one in slices if not one.small]
    rows = [
        (
            f"{one.name}: {one.value}",
            f"{one.n:,}",
            f"{one.positives:,}",
            one.false_positive_rate or "–",
            one.false_positive_gap or "–",
            one.recall or "–",
            one.missed_gap or "–",
        )
        for one in ranked[:most]
    ]
    columns = ("slice, the worst first", "n", "positives", "false positives", "more than elsewhere", "recall", "less")
    console().print(table(columns, rows, right=("n", "positives")))
    if len(slices) > len(ranked):
        click.echo(f"{count(len(slices) - len(ranked), 'slice')} with too few rows, not ranked; --out shows all")


def show_suite(report: "SuiteReport") -> None:
    """Functional checks on the console."""
    rows = [
        (
            one.functionality,
            f"{one.n:,}" if one.templates is None else f"{one.n:,} of {count(one.templates, 'template')}",
            f"{one.violating:,}",
            f"{one.passed:,}",
            one.rate or "–",
            "; ".join(filter(None, (one.small, f"{one.silent:,} without a plain answer" if one.silent else ""))),
        )
        for one in report.functionalities
    ]
    columns = ("functionality, the worst first", "cases", "to flag", "passed", "pass rate [95 %]", "remark")
    console().print(table(columns, rows, right=("cases", "to flag", "passed")))
    click.echo(report.in_words)


def show_attacks(report: "AttackReport", most: int = 5) -> None:
    """The families of disguises that hide most on the console."""
    ranked = [one for one in report.families if not one.small]
    rows = [
        (one.family, f"{one.found:,}", one.kept or "–", f"{one.quiet:,}", one.added or "–") for one in ranked[:most]
    ]
    columns = ("disguise, the worst first", "flagged before", "still flagged [95 %]", "benign", "flagged anew [95 %]")
    console().print(table(columns, rows, right=("flagged before", "benign")))
    click.echo(report.in_words)


def show_written(*files: Path | None) -> None:
    """Name the files that were written."""
    for file in files:
        if file:
            click.echo(f"written: {file}")
