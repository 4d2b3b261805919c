"""`gatehouse evaluate`: figures of a release, or of anyone's logged answers."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from gatehouse.entry.cli.evaluate_pack import evaluate_pack, show_slices, show_suite, show_written, subject_of
from gatehouse.entry.cli.score import pairs
from gatehouse.entry.cli.show import as_json, console, count, now, print_json, steps, table
from gatehouse.settings import Settings

if TYPE_CHECKING:
    from gatehouse.evaluation.answers import AnswerReport
    from gatehouse.evaluation.suite import SuiteReport
    from gatehouse.stats.operating import Costs

_COSTS = ("wrong_removal", "missed_view", "review")


def costs_of(_context: click.Context, _parameter: click.Parameter, given: tuple[str, ...]) -> "Costs | None":
    """`--cost wrong_removal=5` and so on as a cost matrix; what is not named costs nothing."""
    if not given:
        return None
    from gatehouse.stats.operating import Costs

    said = {}
    for pair in given:
        name, equals, value = pair.partition("=")
        if name not in _COSTS or not equals:
            raise click.BadParameter(f"{pair}: write one of {', '.join(f'{cost}=NUMBER' for cost in _COSTS)}")
        try:
            said[name] = float(value)
        except ValueError:
            raise click.BadParameter(f"{pair}: '{value}' is no number") from None
    try:
        return Costs(**{**dict.fromkeys(_COSTS, 0.0), **said})
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


@click.command()
@click.argument("pack", required=False)
@click.option("--release", "version", help="A release; without it the newest.")
@click.option("--on", help="Another data set, whose test part is judged; without it the one it was learnt from.")
@click.option("--scores", type=click.Path(path_type=Path), help="Anyone's logged scores or verdicts, with labels.")
@click.option("--suite", type=click.Path(path_type=Path), help="Functional checks: text, expected, functionality.")
@click.option("--labels", type=click.Path(path_type=Path), help="With --scores: the labels, in a file of id and label.")
@click.option("--map", "given", multiple=True, callback=pairs, help="Columns of --scores or --suite: score=COLUMN ...")
@click.option("--threshold", type=click.FloatRange(0, 1), help="With --scores or --suite: flagged from here on.")
@click.option("--scale", type=click.FloatRange(0, min_open=True), default=1.0, help="With --scores: the highest score.")
@click.option(
    "--prevalence", "prevalences", type=click.FloatRange(0, 1), multiple=True, help="Restate precision there."
)
@click.option(
    "--cost", "costs", multiple=True, callback=costs_of, help="wrong_removal=, missed_view= or review=NUMBER."
)
@click.option("--slice", "slices", multiple=True, help="With --scores: figures for each value of this column.")
@click.option("--leave-out", is_flag=True, help="Leave out rows without a label, unknown columns of a suite.")
@click.option("--draws", default=1_000, show_default=True, help="Bootstrap draws for the intervals.")
@click.option("--seed", default=7, show_default=True)
@click.option("--out", type=click.Path(path_type=Path), help="Write the HTML report to this file.")
@click.option("--card", type=click.Path(path_type=Path), help="Write the model card to this file.")
@as_json
@click.pass_obj
def evaluate(
    settings: Settings,
    pack: str | None,
    version: str | None,
    on: str | None,
    scores: Path | None,
    suite: Path | None,
    labels: Path | None,
    given: dict[str, str],
    threshold: float | None,
    scale: float,
    prevalences: tuple[float, ...],
    costs: "Costs | None",
    slices: tuple[str, ...],
    leave_out: bool,
    draws: int,
    seed: int,
    out: Path | None,
    card: Path | None,
    json_: bool,
) -> None:
    """Figures with 95 % intervals: of a release of PACK on the fixed test part, or of anyone's logged --scores."""
    if (pack is None) == (scores is None):
        raise click.UsageError("name a PACK, or a file of logged answers with --scores FILE")
    if scores is None and any((labels, given, threshold is not None, prevalences, costs, slices, leave_out)):
        raise click.UsageError("--labels, --map, --threshold and what says how to read a file go with --scores")
    if suite is not None and labels is not None:
        raise click.UsageError("the suite says what is expected: leave --labels out")
    if suite is not None and any((on, prevalences, costs, slices)):
        raise click.UsageError("a suite has its own functionalities: leave --on, --prevalence, --cost and --slice out")
    if scores is not None and on is not None:
        raise click.UsageError("--on names a data set for a PACK: leave it out with --scores")
    if suite is not None:
        checked = _suites(settings, pack, version, scores, suite, given, threshold, scale, leave_out)
        _show_suites(checked, suite, out, card, seed, draws, json_)
        return
    if scores is None:
        assert pack is not None
        evaluate_pack(settings, pack, version, on, draws, seed, out, card, json_)
        return
    from gatehouse.evaluation import answers, logged

    with steps(json_) as progress:
        progress.say(f"reading {scores}")
        found, left_out = logged.read(scores, given, labels=labels, slices=slices, scale=scale, leave_out=leave_out)
        reports = []
        for one in found:
            progress.say(f"{one.detector}: {draws:,} bootstrap draws")
            reports.append(
                answers.report(one, threshold=threshold, prevalences=prevalences, costs=costs, draws=draws, seed=seed)
            )
    _write_answers(reports, scores, left_out, out, card, seed, draws)
    if json_:
        print_json({"reports": reports, "left_out": left_out})
        return
    for said in left_out:
        click.echo(said)
    for report in reports:
        _show_answers(report)
    show_written(out, card)


def _write_answers(
    reports: "list[AnswerReport]",
    source: Path,
    left_out: list[str],
    out: Path | None,
    card: Path | None,
    seed: int,
    draws: int,
) -> None:
    from gatehouse import __version__
    from gatehouse.evaluation import answers
    from gatehouse.evaluation.report import RunInfo

    run = RunInfo(made=now(), version=__version__, seed=seed, draws=draws)
    if out:
        out.write_text(answers.page(reports, source.name, left_out, run), encoding="utf-8")
    if card:
        card.write_text(answers.card(reports, source.name, left_out, run), encoding="utf-8")


def _show_answers(report: "AnswerReport") -> None:
    from gatehouse.policies.explain import percent

    said = ", ".join(f"{word} {n:,}" for word, n in report.answers.items())
    click.echo(f"{report.detector}: {count(report.rows, 'row')}, base rate {percent(report.base_rate)}; {said}")
    rows = [
        (line.name, f"{line.n:,}", line.estimate or "not computed", line.remark if line.estimate else line.why)
        for line in report.lines
    ]
    console().print(table(("figure", "n", "value [95 %]", "remark"), rows, right=("n",)))
    if report.slices:
        show_slices(report.slices)


def _suites(
    settings: Settings,
    pack: str | None,
    version: str | None,
    scores: Path | None,
    suite: Path,
    given: dict[str, str],
    threshold: float | None,
    scale: float,
    leave_out: bool,
) -> "list[SuiteReport]":
    """A suite answered by a release of a pack, or by the logged answers of each detector."""
    from gatehouse.evaluation import suite as suites

    own = given if scores is None else {name: column for name, column in given.items() if name in suites.COLUMNS}
    cases = suites.read(suite, own, leave_out=leave_out)
    if scores is not None:
        rest = {name: column for name, column in given.items() if name not in own}
        said = suites.logged_answers(cases, scores, rest, threshold=threshold, scale=scale, leave_out=leave_out)
        return [suites.report(cases, answer, detector) for detector, answer in said]
    from gatehouse.bootstrap import open_house
    from gatehouse.flows import packs, robustness

    assert pack is not None
    house = open_house(settings)
    subject = subject_of(house, packs.load(pack, settings.pack_roots), version)
    label, found = robustness.review_threshold(subject)
    return [robustness.checks(subject, cases, label, found if threshold is None else threshold)]


def _show_suites(
    reports: "list[SuiteReport]", suite: Path, out: Path | None, card: Path | None, seed: int, draws: int, json_: bool
) -> None:
    from gatehouse import __version__
    from gatehouse.evaluation import suite_page
    from gatehouse.evaluation.report import RunInfo

    run = RunInfo(made=now(), version=__version__, seed=seed, draws=draws)
    if out:
        out.write_text(suite_page.page(reports, suite.name, run), encoding="utf-8")
    if card:
        card.write_text(suite_page.card(reports, suite.name, run), encoding="utf-8")
    if json_:
        print_json({"suite": suite.name, "reports": reports})
        return
    for report in reports:
        click.echo(f"{report.detector}: suite {suite.name}")
        show_suite(report)
    show_written(out, card)
