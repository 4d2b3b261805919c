"""`gatehouse prevalence`: how much of a population violates."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gatehouse.entry.cli.score import pairs
from gatehouse.entry.cli.show import as_json, console, count, print_json, steps, table
from gatehouse.errors import UserError

if TYPE_CHECKING:
    from gatehouse.evaluation.prevalence import Estimate, Plans
    from gatehouse.stats.plans import Plan
    from gatehouse.stats.prevalence import Share
    from gatehouse.stats.reviewers import Reviewers

_FLOOR = 0.5

_reviewers = (
    click.option("--sensitivity", default="1", help="Of one look: .9, or 180/200 when measured."),
    click.option("--specificity", default="1", help="Of one look: .995, or 1990/2000 when measured."),
)
_looks = click.option(
    "--looks",
    type=click.Choice(["1", "3", "5"]),
    default="3",
    show_default=True,
    help="How many see an item to which the first says yes; most of them decide.",
)
_by = click.option(
    "--by", type=click.Choice(["items", "views"]), default="items", show_default=True, help="A share of what."
)
_floor = click.option(
    "--floor",
    type=click.FloatRange(0, 1, min_open=True),
    default=_FLOOR,
    show_default=True,
    help="Share of the labels spread evenly, whatever the scores say.",
)
_map = click.option(
    "--map", "given", multiple=True, callback=pairs, help="Column that is read = column of the file: score=risk."
)
_label = click.option("--label", help="Which label's scores, in a file that gatehouse score wrote.")


@click.group()
def prevalence() -> None:
    """How much of a population violates: plan the labels, draw what to label, estimate from the labels."""


@prevalence.command()
@click.option("--expected", type=float, required=True, help="The share you expect: .001 for .1 %.")
@click.option("--width", type=float, required=True, help="How wide the 95 % interval may be: .0005.")
@click.option("--scores", type=click.Path(path_type=Path), help="The population's scores (CSV, JSONL, Parquet).")
@_map
@_label
@_by
@_floor
@_looks
@_reviewers[0]
@_reviewers[1]
@as_json
def plan(
    expected: float,
    width: float,
    scores: Path | None,
    given: dict[str, str],
    label: str | None,
    by: str,
    floor: float,
    looks: str,
    sensitivity: str,
    specificity: str,
    json_: bool,
) -> None:
    """Labels needed for an interval of a wanted width, drawn simply and by score."""
    from gatehouse.evaluation import prevalence as study
    from gatehouse.evaluation.prevalence_files import read_frame

    reviewers = reviewers_of(sensitivity, specificity, int(looks))
    with steps(json_) as progress:
        if scores:
            progress.say(f"reading {scores}")
        frame = read_frame(scores, given, label) if scores else None
        plans = study.plan(expected, width, reviewers, frame, by, floor)
    if json_:
        print_json({"expected": expected, "wanted_width": width, **plans_as_data(plans, scores is not None)})
        return
    show_plans(plans, expected, width, scores, reviewers)


@prevalence.command()
@click.argument("scores", type=click.Path(path_type=Path))
@click.option("--n", type=click.IntRange(min=1), required=True, help="About how many items to draw.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="CSV to write, for labelling.")
@click.option("--seed", default=7, show_default=True, help="The same seed draws the same items.")
@_map
@_label
@_by
@_floor
@_looks
@as_json
def draw(
    scores: Path,
    n: int,
    out: Path,
    seed: int,
    given: dict[str, str],
    label: str | None,
    by: str,
    floor: float,
    looks: str,
    json_: bool,
) -> None:
    """Draw items to label from SCORES (columns id, score, perhaps views), high scores more often, chances logged."""
    from gatehouse.evaluation import prevalence as study
    from gatehouse.evaluation.prevalence_files import read_frame

    with steps(json_) as progress:
        progress.say(f"reading {scores}")
        frame = read_frame(scores, given, label)
        progress.say(f"drawing from {count(len(frame), 'item')}")
        done = study.draw(frame, out, n, seed=seed, by=by, floor=floor, looks=int(looks))
    if json_:
        print_json({**vars(done), "out": str(done.out), "note": str(done.note)})
        return
    click.echo(f"drawn: {done.drawn:,} of {count(done.items, 'item')} ({n:,} expected; each falls on its own)")
    if done.left_out:
        click.echo(f"left out: {count(done.left_out, 'item')} without a view")
    click.echo(f"written: {done.out}, and how it was drawn in {done.note}; keep them together")
    click.echo("label every row: yes, no or unsure")
    if done.looks > 1:
        others = done.looks - 1
        click.echo(
            f"for every yes ask {others} others who do not know of it, and write what they say into looks: yes no"
        )
    click.echo(f"next: gatehouse prevalence estimate {done.out} --sensitivity … --specificity …")


@prevalence.command()
@click.argument("labelled", type=click.Path(path_type=Path))
@_reviewers[0]
@_reviewers[1]
@click.option("--judge", type=click.Path(path_type=Path), help="A cheap judge's labels of all items: id, judge.")
@click.option("--map", "given", multiple=True, callback=pairs, help="Columns of the judge's file: judge=verdict.")
@as_json
def estimate(
    labelled: Path, sensitivity: str, specificity: str, judge: Path | None, given: dict[str, str], json_: bool
) -> None:
    """Prevalence by items and by views from LABELLED, the file of a draw with its labels."""
    from gatehouse.evaluation import prevalence as study

    if given and not judge:
        raise UserError("--map names columns of the judge's file", where="--map", fix="add --judge FILE")
    with steps(json_) as progress:
        progress.say(f"reading {labelled}")
        found = study.estimate(labelled, reviewers_of(sensitivity, specificity, 1), judge, given)
    if json_:
        print_json(estimate_as_data(found))
        return
    show_estimate(found)


def reviewers_of(sensitivity: str, specificity: str, looks: int) -> "Reviewers":
    """Reviewers from what a person wrote; both rates are read before anything is refused."""
    from gatehouse.errors import Faults
    from gatehouse.evaluation.prevalence import rate
    from gatehouse.stats.reviewers import PERFECT, Reviewers

    faults, rates = Faults(), list(PERFECT[:2])
    for place, (text, name) in enumerate(((sensitivity, "--sensitivity"), (specificity, "--specificity"))):
        with faults.gather():
            rates[place] = rate(text, name)
    faults.raise_found()
    return Reviewers(rates[0], rates[1], looks)


def plans_as_data(plans: "Plans", with_scores: bool) -> dict[str, Any]:
    """A plan for programs; null where no number of labels is enough."""
    data: dict[str, Any] = {"simple": plans.simple and plans.simple._asdict(), "narrowest": plans.narrowest}
    if with_scores:
        data["by_score"] = plans.by_score and plans.by_score._asdict()
    return data


def show_plans(plans: "Plans", expected: float, width: float, scores: Path | None, reviewers: "Reviewers") -> None:
    """A plan for a person."""
    from gatehouse.policies.explain import percent

    click.echo(f"expected {percent(expected)}, 95 % interval {percent(width)} wide; {in_words(reviewers)}")
    rows = [plan_row("simple", plans.simple)]
    if scores:
        rows.append(plan_row("by score", plans.by_score))
    console().print(table(("draw", "items", "labels", "width"), rows, right=("items", "labels", "width")))
    if plans.simple and plans.by_score:
        click.echo(
            f"by score it takes {plans.simple.looks / plans.by_score.looks:.2g} times fewer labels, if the scores "
            "order items as well as they claim; the estimate's own interval will tell"
        )
    if not plans.simple:
        click.echo(
            f"no number of labels drawn simply gives this width: {percent(plans.narrowest)} remain because the "
            "reviewers' own rates are not known better\n    → measure them on more items, or let more look"
            if plans.narrowest > width
            else "a simple draw would have to label nearly all of the population"
        )
    if scores and plans.by_score:
        click.echo(f"next: gatehouse prevalence draw {scores} --n {plans.by_score.items} --out to-label.csv")


def plan_row(name: str, plan: "Plan | None") -> tuple[str, ...]:
    """A line of the plan's table."""
    from gatehouse.policies.explain import percent

    return (name, "–", "–", "–") if plan is None else (name, f"{plan.items:,}", f"{plan.looks:,}", percent(plan.width))


def in_words(reviewers: "Reviewers") -> str:
    """What is taken of the reviewers, and what they do together."""
    from gatehouse.stats.reviewers import PERFECT, effective

    sensitivity, specificity, looks = reviewers
    if reviewers[:2] == PERFECT[:2]:
        return "reviewers taken as never wrong"
    catches, spares = effective(sensitivity.value, specificity.value, looks)
    said = f"one look has sensitivity {sensitivity.value:.4g}, specificity {specificity.value:.4g}"
    return said if looks == 1 else f"{said}; with most of {looks} for every yes {catches:.4g} and {spares:.6g}"


def estimate_as_data(found: "Estimate") -> dict[str, Any]:
    """An estimate for programs."""
    data: dict[str, Any] = {
        "looks": found.looks,
        "reviewers": {name: getattr(found.reviewers, name)._asdict() for name in ("sensitivity", "specificity")},
        "unsure": found.unsure and vars(found.unsure),
        "recalled": found.recalled,
        "has_note": found.has_note,
    }
    for name, share in (("items", found.items), ("views", found.views)):
        data[name] = share and share_as_data(share)
    for name, powered in (("powered_items", found.powered_items), ("powered_views", found.powered_views)):
        data[name] = powered and {"power": powered.power, "judged": powered.judged, **share_as_data(powered.share)}
    return data


def share_as_data(share: "Share") -> dict[str, Any]:
    """A share with its intervals by name."""
    return {**share._asdict(), "corrected": share.corrected._asdict(), "called": share.called._asdict()}


def show_estimate(found: "Estimate") -> None:
    """An estimate for a person."""
    from gatehouse.evaluation.prevalence import FEW_POSITIVES
    from gatehouse.policies.explain import percent

    rows = [estimate_row("items", found.items)]
    if found.views:
        rows.append(estimate_row("views", found.views))
    for name, powered in (
        ("items, with the judge", found.powered_items),
        ("views, with the judge", found.powered_views),
    ):
        if powered:
            rows.append(estimate_row(name, powered.share))
    columns = ("share of", "violating [95 %]", "as called [95 %]", "labels", "called violating", "effective n")
    console().print(table(columns, rows, right=("labels", "called violating", "effective n")))
    click.echo(in_words(found.reviewers))
    if found.items.positives < FEW_POSITIVES:
        click.echo(f"NOTE: only {count(found.items.positives, 'item')} called violating; the interval is rough")
    if found.recalled:
        click.echo(f"a first yes that the others did not confirm: {found.recalled:,}")
    if found.powered_items:
        click.echo(
            f"the judge calls {percent(found.powered_items.judged)} of all items violating; trusted by "
            f"{found.powered_items.power:.2f} (0 not at all, 1 wholly), as the labels allow"
        )
    if found.unsure:
        click.echo(
            f"left out: {count(found.unsure.n, 'row')} unsure; items would be {percent(found.unsure.if_none)} if none "
            f"of them violated, {percent(found.unsure.if_all)} if all did"
        )
    if not found.has_note:
        click.echo("NOTE: no note of the draw lies beside the file, so nobody can tell whether rows were lost")


def estimate_row(name: str, share: "Share") -> tuple[str, ...]:
    """A line of the estimate's table."""
    from gatehouse.policies.explain import percent

    def said(interval: Any) -> str:
        return f"{percent(interval.estimate)} [{percent(interval.low)}, {percent(interval.high)}]"

    return (
        name,
        said(share.corrected),
        said(share.called),
        f"{share.n:,}",
        f"{share.positives:,}",
        f"{share.effective_n:,.0f}",
    )
