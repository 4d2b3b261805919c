"""`gatehouse demo`: the main job on the shipped packs, and where to look."""

import shutil
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gatehouse.entry.cli import demo_platform
from gatehouse.entry.cli.evaluate_pack import NEXT, write_report
from gatehouse.entry.cli.learn import EXAMPLES_ONLY, who
from gatehouse.entry.cli.score import as_data, recorder, show
from gatehouse.entry.cli.show import Steps, as_json, console, now, print_json, steps, table
from gatehouse.settings import Settings

if TYPE_CHECKING:
    import pyarrow as pa

    from gatehouse.bootstrap import House
    from gatehouse.evaluation.evaluate import LabelReport
    from gatehouse.evaluation.pack_report import PackReport
    from gatehouse.flows.demo import Shown
    from gatehouse.flows.scored import Scored

PACKS = ("spam", "sexism", "toxicity")
"""One of each kind: one label, a taxonomy, labels that overlap. All of the shipped ones would only take longer."""

RECORDED = 300

PAGES = (
    ("report.html", "how good each pack is, the actors with the highest scores, and why"),
    ("campaigns.html", "who acted together: evidence, graph and timeline"),
    ("safety.html", "what people met before something was done, and who was wronged"),
)


@click.command()
@click.option("--out", type=click.Path(path_type=Path), default=Path("demo-output"), show_default=True)
@click.option("--draws", default=200, show_default=True, help="Bootstrap draws for the intervals.")
@click.option("--seed", default=7, show_default=True)
@as_json
@click.pass_obj
def demo(settings: Settings, out: Path, draws: int, seed: int, json_: bool) -> None:
    """Train shipped packs, decide on their test texts, simulate a week, find its bad actors and campaigns; report."""
    from gatehouse.bootstrap import open_house

    began = time.monotonic()
    house = open_house(settings)
    out.mkdir(parents=True, exist_ok=True)
    with steps(json_) as progress:
        shown = [learn_one(house, name, draws, seed, progress) for name in PACKS]
        scored, first = decide_all(house, shown, out, progress)
        learn = partial(learn_one, house, draws=draws, seed=seed, progress=progress)
        week = demo_platform.show_week(house, out, learn, draws, seed, progress)
        progress.say("writing the report")
        reports = [*(one.report for one in shown), week.actors.report]
        write_report(reports, out / "report.html", out / "cards.md", seed, draws)
    if json_:
        found = {"report": str(out / "report.html"), "packs": reports, "scored": as_data(scored)}
        print_json({**found, "week": demo_platform.as_data(week)})
        return
    if any(report.from_examples for report in reports):
        click.echo(EXAMPLES_ONLY)
    console().print(table(COLUMNS, [row for report in reports for row in lines(report)], right=("n", "positives")))
    click.echo("PR-AUC with its 95 % bootstrap interval, on texts that no detector has seen; – : under 50 positives.")
    show(scored, ", ".join(f"{one.report.pack} {one.report.release.version}" for one in shown))
    demo_platform.tell(week)
    where_to_look(out, first, time.monotonic() - began)


def learn_one(house: "House", name: str, draws: int, seed: int, progress: Steps) -> "Shown":
    """Train, promote and assess one shipped pack."""
    from gatehouse.flows import demo as flow
    from gatehouse.flows import packs

    settings = house.settings
    return flow.learn_and_assess(
        packs.load(name, settings.pack_roots),
        house.shelf,
        settings.datasets,
        settings.data_roots,
        house.engine,
        at=now(),
        by=who(),
        draws=draws,
        seed=seed,
        said=progress.say,
    )


def decide_all(house: "House", shown: "list[Shown]", out: Path, progress: Steps) -> "tuple[Scored, str]":
    """Judge all test texts into a file, and the first of them on record; gives back the id of one worth a look."""
    from gatehouse.flows import demo as flow
    from gatehouse.flows import releases
    from gatehouse.flows.score import score

    texts = flow.test_texts(shown)
    judge = releases.open_judge(house.shelf, releases.live(house.shelf, PACKS))
    progress.say(f"judging {len(texts):,} test texts with all packs")
    write_texts(out / "test-texts.jsonl", texts)
    at = now()
    scored = score(
        out / "test-texts.jsonl",
        out / "scores.parquet",
        judge,
        house.lake,
        house.engine,
        given={},
        at=at,
        progress=progress.at,
    )
    house.ledger.add_run(scored.run)
    progress.say(f"recording {RECORDED} decisions in the ledger")
    write_texts(out / "recorded.jsonl", texts.slice(0, RECORDED))
    each = recorder(house, judge, at)
    score(out / "recorded.jsonl", out / "recorded.parquet", judge, house.lake, house.engine, given={}, at=at, each=each)
    recorded = house.ledger.decisions()
    return scored, next((one.event_id for one in recorded if one.outcome == "violating"), recorded[0].event_id)


COLUMNS = ("pack", "label", "n", "positives", "PR-AUC [95 %]", "what a score may lead to")


def lines(report: "PackReport") -> list[tuple[str, ...]]:
    """One row for the main label and each label with a step that acts, the rest counted in a last one."""
    acting = {step.label for step in report.policy.steps if step.target and step.enforce}
    shown = [label for label in report.labels if label.name in acting or label is report.labels[0]]
    rows = [_line(report, label) for label in shown]
    if rest := len(report.labels) - len(shown):
        rows.append((report.pack, f"{rest} more labels", "", "", "", "a person looks; figures in the report"))
    return rows


def _line(report: "PackReport", label: "LabelReport") -> tuple[str, ...]:
    figure = str(label.pr_auc) if label.pr_auc else "–"
    return (report.pack, label.name, f"{label.n:,}", f"{label.positives:,}", figure, _severest(report, label.name))


def _severest(report: "PackReport", label: str) -> str:
    """The severest step that acts on a label's score, and where the data stand with its promise."""
    from gatehouse.policies.explain import percent

    points = {said.point.step: said.point for said in report.points}
    steps = [step for step in report.policy.steps if step.target and step.enforce and step.label == label]
    if not steps:
        return "a person looks"
    step = max(steps, key=lambda step: step.enforce)
    point = points[step.name]
    promise = f"{step.enforce.word} at {point.aim.replace('_', ' ')} {percent(point.value)}"
    if point.threshold is None:
        more = f"about {point.missing_labels:,} labels missing" if point.missing_labels else "out of reach"
        return f"{promise}: {more}"
    return f"{promise}: from {point.threshold:.3f} on ({point.flagged} flagged, {point.errors} wrong), {point.status}"


def write_texts(path: Path, texts: "pa.Table") -> None:
    """Texts as JSON lines, a file as a user would have one."""
    import json

    with path.open("w", encoding="utf-8") as file:
        for row in texts.to_pylist():
            file.write(json.dumps(row, ensure_ascii=False) + "\n")


def where_to_look(out: Path, first: str, seconds: float) -> None:
    """The last words of the demo: the report, and what to try next."""
    click.echo(f"\ndone in {seconds:.0f} s. Open in a browser:")
    for page, said in PAGES:
        click.echo(f"  {out / page}  {said}")
    click.echo("Next:")
    commands: Sequence[tuple[str, str]] = (
        ("gatehouse trace " + first, "one recorded text's whole way, and why"),
        *NEXT,
    )
    width = max(len(command) for command, _ in commands)
    if not shutil.which("gatehouse"):
        commands = (("source .venv/bin/activate", "the command for this terminal"), *commands)
    for command, said in commands:
        click.echo(f"  {command:<{width}}  {said}")
    click.echo("The shipped packs are worked examples, not for enforcement as they are.")
