"""`gatehouse gate`: may a candidate follow the champion?"""

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gatehouse.entry.cli.show import as_json, console, print_json, steps, table
from gatehouse.errors import UserError
from gatehouse.settings import Settings

if TYPE_CHECKING:
    from gatehouse.bootstrap import House
    from gatehouse.evaluation.gate import GateReport
    from gatehouse.records.dataset import Release

CHAMPION = "champion"


_LEVEL = click.FloatRange(0, 1)


@click.command()
@click.argument("candidate")
@click.option("--against", default=CHAMPION, show_default=True, help="The live release, a version, or a FILE.")
@click.option("--threshold", type=_LEVEL, help="For files: the candidate flags what scores as much or more.")
@click.option("--against-threshold", type=_LEVEL, help="For files: the same for the champion.")
@click.option("--slice", "columns", multiple=True, help="For files: test each value of this column too.")
@as_json
@click.pass_obj
def gate(
    settings: Settings,
    candidate: str,
    against: str,
    threshold: float | None,
    against_threshold: float | None,
    columns: tuple[str, ...],
    json_: bool,
) -> None:
    """Compare CANDIDATE (a release, or a pack for its newest) with the champion; exit code 1 unless it may follow.

    Two FILES of logged answers (id, label, score or verdict) are compared in the same way, on the ids they share.
    """
    from gatehouse.bootstrap import open_house

    if Path(candidate).is_file():
        _of_files(Path(candidate), Path(against), (against_threshold, threshold), columns, json_)
        return
    if threshold is not None or against_threshold is not None or columns:
        raise click.UsageError("--threshold, --against-threshold and --slice go with files of logged answers")
    from gatehouse.flows import gate as gates
    from gatehouse.flows import packs

    house = open_house(settings)
    new, old = rivals(house, candidate, against)
    pack = packs.load(new.pack, settings.pack_roots)
    with steps(json_) as progress:
        progress.say(f"{new.pack}: judging the test part by {old.version} and by {new.version}")
        report = gates.compare(pack, new, old, house.shelf, time.perf_counter)
    lacking = unsent(house, new) if report.accepted else []
    if json_:
        found = {"pack": new.pack, "candidate": new.version, "champion": old.version, "report": report}
        print_json({**found, "unsent": lacking})
    else:
        show(report, f"{new.pack} {new.version} against {old.version}")
        for what in lacking:
            click.echo(f"note: {what}")
        if report.accepted:
            click.echo(f"next: gatehouse promote {new.pack} {new.version}")
        elif report.verdict == "cannot tell":
            click.echo("next: label more rows; or let the policy say gate: {accept_cannot_tell: true}")
    if not report.accepted:
        raise click.exceptions.Exit(1)


def _of_files(
    candidate: Path,
    champion: Path,
    thresholds: tuple[float | None, float | None],
    columns: tuple[str, ...],
    json_: bool,
) -> None:
    from gatehouse.evaluation import gate as gates
    from gatehouse.evaluation import logged, slices
    from gatehouse.records.policy import GateRules

    (old, *more_old), _ = logged.read(champion, {})
    (new, *more_new), _ = logged.read(candidate, {}, slices=columns)
    if more_old or more_new:
        raise UserError("a file holds several detectors", fix="compare files of one detector each")
    comparison, kept = gates.of_answers(old, new, thresholds)
    cut = [
        slices.Slice(one.name, one.value, one.mask[kept])
        for name, values in new.slices.items()
        for one in slices.of_column(name, values)
    ]
    report = gates.gate(comparison, (), cut, GateRules())
    if json_:
        print_json({"candidate": str(candidate), "champion": str(champion), "report": report})
    else:
        show(report, f"{candidate} against {champion}")
    if not report.accepted:
        raise click.exceptions.Exit(1)


def rivals(house: "House", candidate: str, against: str) -> "tuple[Release, Release]":
    """The two releases; raises UserError, naming the known ones, where there is none to compare."""
    known = [release for release, _ in house.shelf.registry.releases()]
    chosen = [one for one in known if candidate in (one.version, one.pack)]
    if not chosen:
        names = ", ".join(sorted({one.pack for one in known})) or "none yet"
        raise UserError(
            f"'{candidate}' is neither a release nor a pack with one",
            fix=f"packs with releases: {names}; gatehouse releases lists them, gatehouse train PACK makes one",
        )
    new = chosen[0]
    if against == CHAMPION:
        old = house.shelf.registry.live(new.pack)
        if old is None:
            raise UserError(
                f"nothing is live for '{new.pack}', so there is no champion",
                fix=f"gatehouse promote {new.pack} VERSION, or name another release: --against VERSION",
            )
    else:
        old = house.shelf.registry.release(new.pack, against)
    if old.version == new.version:
        raise UserError(
            f"release {new.version} is the champion itself",
            fix=f"gatehouse train {new.pack} makes a candidate; or name two releases: gatehouse gate A --against B",
        )
    return new, old


def unsent(house: "House", release: "Release") -> list[str]:
    """Sentences on the attributes that a release reads and that no recent event on record brings."""
    from gatehouse.flows import life
    from gatehouse.flows.releases import open_judge

    return life.unsent(open_judge(house.shelf, [release]), house.ledger)


def show(report: "GateReport", who: str) -> None:
    """What the gate said, test by test."""
    click.echo(f"{who}: {report.verdict}")
    for reason in report.reasons:
        click.echo(f"  {reason}")
    rows = [
        (
            one.what,
            f"{one.n:,}",
            f"{_points(one.loss)} [{_points(one.low)}, {_points(one.high)}]",
            _points(one.visible),
            one.verdict,
        )
        for one in report.tests
    ]
    columns = ("test", "n", "loss in points [95 %]", "smallest visible", "")
    console().print(table(columns, rows, right=("n", "smallest visible")))
    for one in report.measured:
        click.echo(f"  {one.reason}: {one.verdict}")


def _points(share: float) -> str:
    return f"{100 * share:+.1f}"
