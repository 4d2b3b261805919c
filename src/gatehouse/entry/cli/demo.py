"""`gatehouse demo`: the main job on the shipped packs, and where to look."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gatehouse.entry.cli.learn import EXAMPLES_ONLY, NEXT, who, write_report
from gatehouse.entry.cli.score import as_data, recorder, show
from gatehouse.entry.cli.show import Steps, as_json, console, now, print_json, steps, table
from gatehouse.settings import Settings

if TYPE_CHECKING:
    import pyarrow as pa

    from gatehouse.bootstrap import House
    from gatehouse.evaluation.evaluate import LabelReport, PackReport
    from gatehouse.flows.demo import Shown
    from gatehouse.flows.score import Scored

PACKS = ("spam", "sexism", "toxicity")
RECORDED = 300
MOST_ROWS = 60


@click.command()
@click.option("--out", type=click.Path(path_type=Path), default=Path("demo-output"), show_default=True)
@click.option("--draws", default=200, show_default=True, help="Bootstrap draws for the intervals.")
@click.option("--seed", default=7, show_default=True)
@as_json
@click.pass_obj
def demo(settings: Settings, out: Path, draws: int, seed: int, json_: bool) -> None:
    """Train the shipped packs, evaluate them, decide on their test texts, and write one report."""
    from gatehouse.bootstrap import open_house

    began = time.monotonic()
    house = open_house(settings)
    out.mkdir(parents=True, exist_ok=True)
    with steps(json_) as progress:
        shown = learn_all(house, draws, seed, progress)
        scored, first = decide_all(house, shown, out, progress)
        progress.say("writing the report")
        reports = [one.report for one in shown]
        write_report(reports, out / "report.html", out / "cards.md", seed, draws)
    if json_:
        print_json({"report": str(out / "report.html"), "packs": reports, "scored": as_data(scored)})
        return
    if any(report.from_examples for report in reports):
        click.echo(EXAMPLES_ONLY)
    console().print(table(COLUMNS, [row for report in reports for row in lines(report)], right=("n", "positives")))
    click.echo("PR-AUC with its 95 % bootstrap interval, on texts that no detector has seen; – : under 50 positives.")
    show(scored, ", ".join(f"{one.report.pack} {one.report.release.version}" for one in shown))
    where_to_look(out, first, time.monotonic() - began)


def learn_all(house: "House", draws: int, seed: int, progress: Steps) -> "list[Shown]":
    """Train, promote and assess each shipped pack."""
    from gatehouse.flows import demo as flow
    from gatehouse.flows import packs

    settings = house.settings
    return [
        flow.learn_and_assess(
            packs.load(name, settings.pack_roots),
            house.shelf,
            settings.datasets,
            settings.data_roots,
            at=now(),
            by=who(),
            draws=draws,
            seed=seed,
            said=progress.say,
        )
        for name in PACKS
    ]


def decide_all(house: "House", shown: "list[Shown]", out: Path, progress: Steps) -> "tuple[Scored, str]":
    """Judge all test texts into a file, and the first of them on record; gives back the id of the first."""
    from gatehouse.flows import demo as flow
    from gatehouse.flows import releases
    from gatehouse.flows.score import score

    texts = flow.test_texts(shown)
    judge = releases.open_judge(house.shelf, releases.live(house.shelf, PACKS))
    progress.say(f"judging {len(texts):,} test texts with all packs")
    write_texts(out / "test-texts.jsonl", texts)
    at = now()
    scored = score(
        out / "test-texts.jsonl", out / "scores.parquet", judge, house.lake, given={}, at=at, progress=progress.at
    )
    house.ledger.add_run(scored.run)
    progress.say(f"recording {RECORDED} decisions in the ledger")
    write_texts(out / "recorded.jsonl", texts.slice(0, RECORDED))
    each = recorder(house, judge, at)
    score(out / "recorded.jsonl", out / "recorded.parquet", judge, house.lake, given={}, at=at, each=each)
    return scored, texts["id"][0].as_py()


COLUMNS = ("pack", "label", "n", "positives", "PR-AUC [95 %]", "removal at precision ≥ 95 %")


def lines(report: "PackReport") -> list[tuple[str, ...]]:
    """One row a label that has figures or a promise, the rest counted in a last one."""
    shown: list[LabelReport] = []
    rest: list[LabelReport] = []
    for label in report.labels:
        (rest if label.withheld and label.name != report.labels[0].name else shown).append(label)
    rows = [_line(report, label) for label in shown]
    if rest:
        rows.append((report.pack, f"{len(rest)} rarer labels", "", "", "–", "counts only, see the report"))
    return rows


def _line(report: "PackReport", label: "LabelReport") -> tuple[str, ...]:
    promised = [
        said.point
        for said in report.points
        if said.point.label == label.name and said.point.aim == "precision_at_least"
    ]
    said = "–"
    for point in promised:
        if point.threshold is None:
            more = f", needs about {point.missing_labels:,} more labels" if point.missing_labels else ""
            said = f"not possible at {point.value:.0%}{more}"
        else:
            said = f"from {point.threshold:.3f} on, provisional ({point.flagged} flagged, {point.errors} wrong)"
    figure = str(label.pr_auc) if label.pr_auc else "–"
    return (report.pack, label.name, f"{label.n:,}", f"{label.positives:,}", figure, said)


def write_texts(path: Path, texts: "pa.Table") -> None:
    """Texts as JSON lines, a file as a user would have one."""
    import json

    with path.open("w", encoding="utf-8") as file:
        for row in texts.to_pylist():
            file.write(json.dumps(row, ensure_ascii=False) + "\n")


def where_to_look(out: Path, first: str, seconds: float) -> None:
    """The last words of the demo: the report, and what to try next."""
    click.echo(f"\ndone in {seconds:.0f} s. Open {out / 'report.html'} in a browser. Next:")
    commands: Sequence[tuple[str, str]] = (
        ("gatehouse trace " + first, "one recorded text's whole way, and why"),
        *NEXT,
    )
    width = max(len(command) for command, _ in commands)
    for command, said in commands:
        click.echo(f"  {command:<{width}}  {said}")
    click.echo("The shipped packs are worked examples, not for enforcement as they are.")
