"""`gatehouse perspective`: a way on for those who ask the Perspective API today."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from gatehouse.entry.cli.score import live_releases, pairs
from gatehouse.entry.cli.show import as_json, console, count, print_json, table
from gatehouse.errors import UserError
from gatehouse.settings import Settings

if TYPE_CHECKING:
    from gatehouse.evaluation.thresholds import Counterpart
    from gatehouse.flows.perspective import Analyser
    from gatehouse.flows.perspective_log import SideBySide
    from gatehouse.stats.intervals import Interval

USUAL = (0.5, 0.7, 0.8, 0.9)
SEED = 20_261_231


@click.group()
def perspective() -> None:
    """Answer in the form of the Perspective API, which ends on 31 December 2026, and compare thresholds with it."""


def analyser_of(settings: Settings, packs: tuple[str, ...] = ()) -> "Analyser":
    """What scores texts by the live releases, with the attributes of the home folder's file, else the default ones."""
    from gatehouse.bootstrap import open_house
    from gatehouse.flows import perspective as flow
    from gatehouse.flows.releases import open_judge

    house = open_house(settings)
    return flow.Analyser(open_judge(house.shelf, live_releases(house, packs)), flow.load(*mapping(settings)))


def mapping(settings: Settings) -> tuple[str, str]:
    """The text that maps attributes, and where it stands."""
    from gatehouse.flows.perspective import DEFAULT, FILE

    path = settings.home / FILE
    return (path.read_text(), str(path)) if path.exists() else (DEFAULT, "the attributes that come with Gatehouse")


@perspective.command()
@click.option("--write", is_flag=True, help="Write the mapping to the home folder, to be changed there.")
@as_json
@click.pass_obj
def attributes(settings: Settings, write: bool, json_: bool) -> None:
    """List the attributes that can be asked for, and the detectors that stand in for them."""
    from gatehouse.flows.perspective import FILE

    text, where = mapping(settings)
    path = settings.home / FILE
    if write:
        if path.exists():
            raise UserError(f"{path} is there already", fix="change it there")
        settings.home.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        where = str(path)
    analyser = analyser_of(settings)
    offered = analyser.offered
    if json_:
        said = {
            name: {"languages": list(codes), "detectors": analyser.versions(name)} for name, codes in offered.items()
        }
        print_json({"from": where, "attributes": said, "absent": list(analyser.absent)})
        return
    rows = [
        (name, ", ".join(codes) or "any", ", ".join(f"{one} {v}" for one, v in analyser.versions(name).items()))
        for name, codes in offered.items()
    ]
    console().print(table(("attribute", "languages", "detectors"), rows))
    click.echo(f"mapped by {where}")
    if analyser.absent:
        click.echo(f"without a live detector: {', '.join(analyser.absent)}")
    click.echo("next: gatehouse perspective compare LOG --attribute TOXICITY, on texts and scores of your own")


@perspective.command()
@click.argument("log", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--attribute", required=True, help="The attribute whose scores the file holds: TOXICITY.")
@click.option("--map", "given", multiple=True, callback=pairs, help="text, score, label, language, author = COLUMN.")
@click.option("--threshold", "thresholds", multiple=True, type=float, help="One that you use (0.5, 0.7, 0.8, 0.9).")
@as_json
@click.pass_obj
def compare(
    settings: Settings, log: Path, attribute: str, given: dict[str, str], thresholds: tuple[float, ...], json_: bool
) -> None:
    """Find the thresholds of ours that stand in for yours, on your own texts with the scores that Perspective gave.

    LOG (CSV, JSONL, Parquet) has text and score; label (yes or no, what people said) lets both be measured, language
    saves guessing it, and author keeps one person's texts together in the intervals. Nothing of it is kept.
    """
    import numpy as np

    from gatehouse.evaluation import thresholds as evaluation
    from gatehouse.flows.perspective_log import check_thresholds, side_by_side

    check_thresholds(thresholds)
    analyser = analyser_of(settings)
    found = side_by_side(log, given, analyser, attribute)
    rng = np.random.default_rng(SEED)
    correlation = evaluation.rank_correlation(found.beside, rng)
    rows = evaluation.counterparts(found.beside, thresholds or USUAL, rng)
    if json_:
        print_json(
            {
                "attribute": attribute,
                "detectors": analyser.versions(attribute),
                "rows": found.rows,
                "unscored": dict(found.unscored),
                "rank_correlation": correlation,
                "thresholds": rows,
            }
        )
        return
    _show(found, attribute, analyser.versions(attribute), correlation, rows)


def _show(
    found: "SideBySide",
    attribute: str,
    versions: dict[str, str],
    correlation: "Interval | None",
    rows: "list[Counterpart]",
) -> None:
    from gatehouse.evaluation.thresholds import LEAST_POSITIVES, in_digits

    n, scores = len(found.beside), found.beside.ours
    click.echo(f"{attribute}: {count(n, 'text')} with both scores, ours of {_listed(versions)}")
    _left_out(found)
    if correlation:
        click.echo(f"rank correlation of the two scores: {_said(correlation)}")
    console().print(
        table(
            ("yours", "flags", "ours that flags as many", "both", "only yours", "only ours", "agreement (kappa)"),
            [
                (
                    f"{row.given:g}",
                    f"{row.flagged:,} ({_said(row.share)})",
                    _said(row.threshold, in_digits(row.threshold.estimate, scores)) if row.threshold else "none",
                    f"{row.both:,}",
                    f"{row.only_theirs:,}",
                    f"{row.only_ours:,}",
                    _said(row.kappa) if row.kappa else "–",
                )
                for row in rows
            ],
            right=("both", "only yours", "only ours"),
        )
    )
    labelled, positives = rows[0].labelled, rows[0].positives
    measured = [(f"{row.given:g}", one) for row in rows for one in row.measures]
    if measured:
        click.echo(f"against what people said of {labelled:,} of them ({positives:,} violating):")
        console().print(
            table(
                ("yours", "measure", "yours has", "ours has", "ours less yours, same texts"),
                [
                    (
                        given,
                        one.measure,
                        *(_said(x) if x else "–" for x in (one.theirs, one.ours, one.ours_less_theirs)),
                    )
                    for given, one in measured
                ],
            )
        )
    elif labelled and min(positives, labelled - positives) < LEAST_POSITIVES:
        click.echo(f"{positives:,} of {labelled:,} labelled texts are violating: too few to measure")
    click.echo("a threshold that flags as many does not flag the same: read some of each kind before you switch")


def _left_out(found: "SideBySide") -> None:
    why = {
        "theirs": "without a score of yours",
        "language": "in a language that no detector covers",
        "failed": "whose detector failed",
    }
    for reason, lost in found.unscored.items():
        click.echo(f"left out: {count(lost, 'text')} {why[reason]}")


def _said(figure: "Interval", estimate: str = "") -> str:
    return f"{estimate or f'{figure.estimate:.3f}'} [{figure.low:.3f}, {figure.high:.3f}]"


def _listed(versions: dict[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in versions.items())
