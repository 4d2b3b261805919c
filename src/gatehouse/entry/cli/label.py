"""`gatehouse label`: labels at the terminal or from a spreadsheet, and a plan of which texts to label next."""

import csv
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gatehouse.entry.cli.learn import who
from gatehouse.entry.cli.score import pairs
from gatehouse.entry.cli.show import as_json, console, count, now, print_json, steps, table
from gatehouse.errors import Faults, UserError, suggestion
from gatehouse.settings import Settings

if TYPE_CHECKING:
    from gatehouse.flows.label_plan import Plan
    from gatehouse.flows.labelling import Alike, Question
    from gatehouse.flows.labels_file import LabelsFile, Texts
    from gatehouse.flows.packs import Pack


@dataclass(frozen=True)
class Work:
    """What is labelled by whom: a pack's labels on the texts of a file, into a labels file; `named` as by the user."""

    pack: "Pack"
    named: str
    texts: "Texts"
    labels: tuple[str, ...]
    file: "LabelsFile"
    rater: str


@click.command()
@click.argument("pack")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--rater", help="Who answers; without it the account's name.")
@click.option("--label", "wanted", multiple=True, help="Ask only for this label of the pack. Repeat for several.")
@click.option("--labels", "into", type=click.Path(path_type=Path), help="The labels file, beside FILE by default.")
@click.option("--map", "given", multiple=True, callback=pairs, help="Columns of FILE: text=body id=message_id.")
@click.option("--again", type=click.IntRange(min=0), default=0, help="Ask for so many texts a second time, untold.")
@click.option("--from", "sheet", type=click.Path(path_type=Path), help="Take labels made in a spreadsheet (CSV).")
@click.option("--export", type=click.Path(path_type=Path), help="Write texts and labels for gatehouse data import.")
@click.option(
    "--answers", type=click.Path(path_type=Path), help="Write one label with chances for prevalence estimate."
)
@click.option("--plan", "planned", is_flag=True, help="Choose which texts of FILE to label next, and write --out.")
@click.option("--n", type=click.IntRange(min=1), default=300, show_default=True, help="With --plan: about how many.")
@click.option("--out", type=click.Path(path_type=Path), help="With --plan: the CSV to write.")
@click.option(
    "--explore",
    type=click.FloatRange(0, 1, min_open=True),
    default=0.2,
    show_default=True,
    help="With --plan: share drawn whatever they say.",
)
@click.option("--known", type=click.Path(path_type=Path), multiple=True, help="With --plan: labels files to leave out.")
@click.option("--seed", default=7, show_default=True, help="The same seed chooses the same texts.")
@as_json
@click.pass_obj
def label(
    settings: Settings,
    pack: str,
    file: Path,
    rater: str | None,
    wanted: tuple[str, ...],
    into: Path | None,
    given: dict[str, str],
    again: int,
    sheet: Path | None,
    export: Path | None,
    answers: Path | None,
    planned: bool,
    n: int,
    out: Path | None,
    explore: float,
    known: tuple[Path, ...],
    seed: int,
    json_: bool,
) -> None:
    """Label the texts of FILE under the policy of PACK; going on another time begins where you stopped."""
    from gatehouse.flows import packs
    from gatehouse.flows.labels_file import LabelsFile, read_texts

    modes = {"--from": sheet, "--export": export, "--answers": answers, "--plan": planned or None}
    _check_modes([name for name, on in modes.items() if on is not None], out, known)
    read = packs.load(pack, settings.pack_roots)
    labels = labels_of(read, wanted)
    texts = read_texts(file, given)
    if planned:
        assert out is not None
        made = _planned(settings, read, texts, n, explore, seed, known, json_)
        _write_plan(made, texts, pack, out, json_)
        return
    place = into or file.with_name(f"{file.name.partition('.')[0]}.{read.name}.labels.csv")
    kept = LabelsFile.open(place, texts, read.recipe.labels)
    work = Work(read, pack, texts, labels, kept, rater or who())
    if sheet is not None:
        _take(work, sheet, json_)
    elif export is not None:
        _export(work, export, json_)
    elif answers is not None:
        _answers(work, answers, rater, json_)
    else:
        _ask(work, again, seed, json_)


def _check_modes(modes: Sequence[str], out: Path | None, known: Sequence[Path]) -> None:
    faults, planned = Faults(), "--plan" in modes
    if len(modes) > 1:
        faults.add(f"{' and '.join(modes)} are different things", modes[1], "choose one of them")
    if planned and out is None:
        faults.add("nothing says where the plan goes", "--plan", "add --out to-label.csv")
    if not planned and (out is not None or known):
        name = "--out" if out is not None else "--known"
        faults.add(f"{name} belongs to a plan", name, "add --plan" + ("; labels go to --labels" if out else ""))
    faults.raise_found()


def labels_of(pack: "Pack", wanted: Sequence[str]) -> tuple[str, ...]:
    """The labels that are asked for: those that the pack learns, or the ones named; raises UserError for others."""
    faults = Faults()
    for name in wanted:
        if name not in pack.recipe.labels:
            faults.add(f"'{pack.name}' has no label '{name}'", "--label", suggestion(name, pack.recipe.labels))
    faults.raise_found()
    return tuple(wanted) or pack.recipe.labels


def _ask(work: Work, again: int, seed: int, json_: bool) -> None:
    from gatehouse.entry.cli.label_terminal import Terminal, opening, sit
    from gatehouse.flows.labelling import questions

    queue = questions(list(work.texts.text), work.labels, work.rater, again, seed)
    done = _answered(work, queue)
    if json_:
        print_json(_state(work, queue))
        return
    _remarks(work)
    if done < len(queue):
        if not sys.stdin.isatty():
            raise UserError(
                f"{len(queue) - done:,} questions are open, and there is no terminal to ask at",
                where=str(work.texts.path),
                fix="run it at a terminal, or label in a spreadsheet and add --from labelled.csv",
            )
        click.echo(opening(work.pack.policy, work.labels, len(queue), done))
        terminal = Terminal(click.getchar, click.echo, now, time.monotonic)
        sitting = sit(queue, work.texts, work.file, work.pack.policy, work.rater, terminal)
        skipped = f"; {count(sitting.skipped, 'question')} skipped, asked again next time" if sitting.skipped else ""
        click.echo(f"\n{count(sitting.answered, 'answer')} written to {work.file.path}{skipped}")
    _show_state(work, queue)


def _answered(work: Work, queue: "Sequence[Question]") -> int:
    return sum((one.id, one.label, work.rater, one.look) in work.file.answers for one in queue)


def _state(work: Work, queue: "Sequence[Question]") -> dict[str, Any]:
    from gatehouse.flows.labelling import agreement, in_other_words

    alike = agreement(work.file, work.rater, work.labels)
    return {
        "labels_file": str(work.file.path),
        "rater": work.rater,
        "questions": len(queue),
        "answered": _answered(work, queue),
        "raters": work.file.raters,
        "other_policy_versions": in_other_words(work.file, work.pack.policy),
        "set_aside": work.texts.set_aside,
        "agreement": [_alike_as_data(one) for one in alike],
    }


def _alike_as_data(alike: "Alike") -> dict[str, Any]:
    kappa = alike.kappa
    known = None if isinstance(kappa, str) else kappa.value._asdict()
    why = kappa if isinstance(kappa, str) else None
    return {**alike._asdict(), "share": alike.share._asdict(), "kappa": known, "no_kappa": why}


def _remarks(work: Work) -> None:
    from gatehouse.flows.labelling import in_other_words

    for said in work.texts.set_aside:
        click.echo(f"set aside: {said}")
    if work.file.mended:
        click.echo("the last answer was cut off while it was written; it is asked again")
    for version, times in in_other_words(work.file, work.pack.policy).items():
        click.echo(f"note: {count(times, 'answer')} were given under policy {version}, which is another text")


def _show_state(work: Work, queue: "Sequence[Question]") -> None:
    from gatehouse.flows.labelling import agreement

    done = _answered(work, queue)
    click.echo(f"{work.rater}: {done:,} of {count(len(queue), 'question')} answered in {work.file.path}")
    if alike := agreement(work.file, work.rater, work.labels):
        rows = [(one.label, one.who, f"{one.alike:,} of {one.n:,}", _share(one), _kappa(one)) for one in alike]
        columns = ("label", "with", "alike", "share [95 %]", "Cohen's kappa [95 %]")
        console().print(table(columns, rows, right=("alike",)))
    if done == len(queue):
        click.echo(f"next: gatehouse label {work.named} {work.texts.path} --export labelled.csv")


def _share(alike: "Alike") -> str:
    return f"{100 * alike.share.estimate:.0f} % [{100 * alike.share.low:.0f}, {100 * alike.share.high:.0f}]"


def _kappa(alike: "Alike") -> str:
    if isinstance(alike.kappa, str):
        return f"– {alike.kappa}"
    value = alike.kappa.value
    return f"{value.estimate:.2f} [{value.low:.2f}, {value.high:.2f}]"


def _take(work: Work, sheet: Path, json_: bool) -> None:
    from gatehouse.flows.labelling import take

    new, remarks = take(sheet, work.texts, work.file, work.labels, work.pack.policy, work.rater)
    work.file.add(new)
    if json_:
        print_json({"taken": len(new), "labels_file": str(work.file.path), "remarks": remarks})
        return
    for said in remarks:
        click.echo(said)
    raters = ", ".join(dict.fromkeys(answer.rater for answer in new)) or "nobody"
    click.echo(f"taken: {count(len(new), 'new answer')} of {raters}, into {work.file.path}")


def _export(work: Work, out: Path, json_: bool) -> None:
    from gatehouse.flows.labelling import exported

    rows = list(exported(work.texts, work.file, work.labels))
    if len(rows) == 1:
        raise UserError(
            "nobody said yes or no to anything yet", where=str(work.file.path), fix="label some texts first"
        )
    _write(work, out, rows)
    if json_:
        print_json({"rows": len(rows) - 1, "out": str(out), "raters": work.file.raters})
        return
    click.echo(f"written: {out}, {count(len(rows) - 1, 'row')}, one a text and rater; 'unsure' is left empty")
    asked = " ".join(f"--label {name}" for name in work.labels)
    click.echo(f"next: gatehouse data import {out} {asked} --name my-labels --licence … --population …")


def _answers(work: Work, out: Path, rater: str | None, json_: bool) -> None:
    from gatehouse.flows.labelling import with_chances

    if len(work.labels) > 1:
        raise UserError(
            "a prevalence is of one label", where="--answers", fix=f"add --label, one of {', '.join(work.labels)}"
        )
    rows = list(with_chances(work.texts, work.file, work.labels[0], rater))
    _write(work, out, rows)
    left = sum(not row[2] for row in rows[1:])
    if json_:
        print_json({"rows": len(rows) - 1, "unanswered": left, "out": str(out)})
        return
    click.echo(f"written: {out}, {count(len(rows) - 1, 'row')}, {left:,} of them not answered yet")
    click.echo(f"next: gatehouse prevalence estimate {out} --sensitivity … --specificity …")


def _write(work: Work, out: Path, rows: Sequence[Sequence[str]]) -> None:
    if out.suffix.lower() != ".csv":
        raise UserError("labels are written as CSV", where=str(out), fix="end its name in .csv")
    if out.resolve() in (work.texts.path.resolve(), work.file.path.resolve()):
        raise UserError("it would replace a file that is read", where=str(out), fix="choose another name")
    with out.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)


def _planned(
    settings: Settings,
    pack: "Pack",
    texts: "Texts",
    n: int,
    explore: float,
    seed: int,
    known: Sequence[Path],
    json_: bool,
) -> "Plan":
    from gatehouse.bootstrap import open_house
    from gatehouse.flows import label_plan

    labelled = {id_ for path in known for id_ in ids_of(path)}
    with steps(json_) as progress:
        progress.say(f"choosing from {count(len(texts), 'text')}")
        interest = label_plan.interested(pack, open_house(settings).shelf)
        return label_plan.plan(texts, interest, n, seed=seed, explore=explore, known=labelled)


def _write_plan(made: "Plan", texts: "Texts", pack: str, out: Path, json_: bool) -> None:
    from gatehouse.flows import label_plan

    label_plan.write(made, out)
    if json_:
        print_json({**{name: value for name, value in vars(made).items() if name != "rows"}, "drawn": len(made.rows)})
        return
    for said in texts.set_aside:
        click.echo(f"set aside: {said}")
    show_plan(made, pack, out)


def ids_of(path: Path) -> set[str]:
    """The ids of a file, whatever else it holds."""
    from gatehouse.datasets import tables

    return {id_ for block in tables.read(path, {"id": "id"}) for id_ in block.columns["id"].to_pylist() if id_}


def show_plan(made: "Plan", pack: str, out: Path) -> None:
    """A plan for a person."""
    click.echo(f"chosen by {made.by}")
    drawn, used = len(made.rows), len({row.cluster for row in made.rows})
    click.echo(f"{drawn:,} of {count(made.n, 'text')} ({made.expected:.0f} expected; each falls on its own)")
    click.echo(
        f"near-duplicates are one: {made.units:,} differ; {used} of {count(made.clusters, 'cluster')} are seen; "
        f"{made.explored:,} are exploration"
    )
    click.echo(f"written: {out}, with the chance of each and why; label all of it, or its chances are wrong")
    click.echo(f"next: gatehouse label {pack} {out}")
