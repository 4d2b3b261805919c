"""Labels by people before there is a console: what is asked in which order, how far they agree, and spreadsheets."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from gatehouse.datasets import tables
from gatehouse.errors import Faults, UserError, suggestion
from gatehouse.evaluation.prevalence_files import ANSWERS, RowFaults
from gatehouse.flows.labels_file import Answer, Key, LabelsFile, Texts
from gatehouse.records.policy import Policy
from gatehouse.stats.agreement import Agreement, cohen_kappa
from gatehouse.stats.draws import uniforms
from gatehouse.stats.intervals import Interval, clopper_pearson

APART = 20
"""Texts between the first and the second look at one, where there are so many."""

_DRAWS = 500


class Question(NamedTuple):
    """One label of one text, asked for the first or the second time."""

    id: str
    label: str
    look: int


def questions(ids: Sequence[str], labels: Sequence[str], rater: str, again: int = 0, seed: int = 7) -> list[Question]:
    """Every label of every text in order, with `again` of the texts asked a second time, at least 20 texts later.

    Which ones depends on ids, rater and seed alone, so that going on another day asks the same.
    """
    draw = uniforms([f"{rater}:{id_}" for id_ in ids], seed)
    chosen = {ids[place] for place in np.argsort(draw, kind="stable")[:again]}
    later: dict[int, list[str]] = {}
    for place, id_ in enumerate(ids):
        if id_ in chosen:
            spread = int(draw[place] * 1e9) % APART
            later.setdefault(min(place + APART + spread, len(ids)), []).append(id_)
    order: list[tuple[str, int]] = []
    for place in range(len(ids) + 1):
        order += [(id_, 2) for id_ in later.get(place, ())]
        if place < len(ids):
            order.append((ids[place], 1))
    return [Question(id_, label, look) for id_, look in order for label in labels]


class Alike(NamedTuple):
    """How often two sets of answers say the same about one label, of those who both said yes or no.

    `kappa` is the agreement beyond chance, or a sentence on why there is none to compute.
    """

    label: str
    who: str
    alike: int
    share: Interval
    n: int
    kappa: Agreement | str


def agreement(file: LabelsFile, rater: str, labels: Sequence[str]) -> list[Alike]:
    """A rater's agreement with every other rater, and with what the rater said when shown a text again."""
    own = file.of(rater)
    others = {other: file.of(other) for other in file.raters if other != rater}
    others["yourself"] = file.of(rater, look=2)
    found = []
    for who, answers in others.items():
        for label in labels:
            pairs = [
                (own[key].value, said.value)
                for key, said in answers.items()
                if key[1] == label and key in own and "unsure" not in (own[key].value, said.value)
            ]
            if pairs:
                found.append(_alike(label, who, pairs))
    return found


def _alike(label: str, who: str, pairs: Sequence[tuple[str, str]]) -> Alike:
    n, alike = len(pairs), sum(one == other for one, other in pairs)
    low, high = clopper_pearson(alike, n)
    first, second = (np.array([pair[side] == "yes" for pair in pairs]) for side in (0, 1))
    kappa: Agreement | str
    try:
        kappa = cohen_kappa(first, second, np.random.default_rng(7), draws=_DRAWS)
    except ValueError as error:
        kappa = str(error)
    return Alike(label, who, alike, Interval(alike / n, float(low), float(high)), n, kappa)


def take(
    path: Path, texts: Texts, file: LabelsFile, labels: Sequence[str], policy: Policy, rater: str
) -> tuple[list[Answer], list[str]]:
    """The answers of a spreadsheet that are new, and sentences on what was not read.

    Either long (id, label, value) or wide (id and a column for each label), perhaps with rater and look; an empty cell
    says nothing. Raises UserError with every fault and its row: unknown ids and labels, what is no answer, and
    answers of one rater that contradict each other or those in the labels file.
    """
    names = tables.column_names(path)
    long = {"label", "value"} <= set(names)
    wide = [] if long else [name for name in names if name in labels]
    _require_columns(path, names, long, wide, labels)
    more = [name for name in ("rater", "look") if name in names]
    read = ["id", *(("label", "value") if long else wide), *more]
    faults = RowFaults(path)
    new: dict[Key, tuple[Answer, int]] = {}
    for block in tables.read(path, {name: name for name in read}):
        for bad in block.bad:
            faults.add(bad.reason, bad.row, "mend or remove the row")
        for row, said in zip(block.row_numbers.tolist(), block.columns.to_pylist(), strict=True):
            cells = [(said["label"], said["value"])] if long else [(label, said[label]) for label in wide]
            who = (said.get("rater") or "").strip() or rater
            for label, value in cells:
                answer = _taken(said["id"], label, value, who, row, texts, labels, faults)
                if answer is not None:
                    look = 2 if said.get("look") == "2" else 1
                    _no_contradiction(answer._replace(look=look), row, new, file, faults)
    if found := faults.faults():
        raise UserError(found)
    stamped = [
        answer._replace(policy=policy.name, policy_version=policy.version, chance=texts.chance.get(answer.id, ""))
        for answer, _ in new.values()
        if answer.key not in file.answers
    ]
    ignored = [name for name in names if name not in read]
    return stamped, [f"columns that were not read: {', '.join(ignored)}"] if ignored else []


def _require_columns(path: Path, names: Sequence[str], long: bool, wide: Sequence[str], labels: Sequence[str]) -> None:
    faults = Faults()
    if "id" not in names:
        faults.add("no column 'id'", str(path), f"call the column of ids 'id'; the file has {', '.join(names)}")
    if not long and not wide:
        fix = f"write columns id, label, value; or id and {', '.join(labels)}"
        faults.add("no column holds a label", str(path), f"{fix}; the file has {', '.join(names)}")
    if not long:
        for name in names:
            if name not in (*labels, "id", "text", "rater", "chance") and name.casefold() in map(str.casefold, labels):
                faults.add(f"unknown label '{name}'", str(path), suggestion(name, labels))
    faults.raise_found()


def _taken(
    id_: str | None,
    label: str | None,
    value: str | None,
    rater: str,
    row: int,
    texts: Texts,
    labels: Sequence[str],
    faults: RowFaults,
) -> Answer | None:
    """The answer of a cell; None where it is empty or at fault."""
    word = (value or "").strip().casefold()
    sound = True
    if id_ not in texts.text:
        sound = False
        faults.add(f"unknown id '{id_ or ''}'", row, f"ids are those of {texts.path}")
    if (label or "").strip() not in labels:
        sound = False
        faults.add(f"unknown label '{label or ''}'", row, suggestion(label or "", labels))
    if word and word not in ANSWERS:
        sound = False
        faults.add(f"'{value}' is no answer", row, "write yes, no or unsure; leave it empty where there is none yet")
    if not sound or not word:
        return None
    return Answer(id_ or "", (label or "").strip(), word, rater)


def _no_contradiction(
    answer: Answer,
    row: int,
    new: dict[Key, tuple[Answer, int]],
    file: LabelsFile,
    faults: RowFaults,
) -> None:
    earlier, place = new.setdefault(answer.key, (answer, row))
    if earlier.value != answer.value:
        what = (
            f"{answer.rater} says {answer.value} to '{answer.label}' of '{answer.id}' here and {earlier.value} in row"
        )
        faults.add(f"{what} {place}", row, "keep one of them")
    known = file.answers.get(answer.key)
    if known is not None and known.value != answer.value:
        what = (
            f"{answer.rater} says {answer.value} to '{answer.label}' of '{answer.id}', and {known.value} in {file.path}"
        )
        faults.add(what, row, "mend the row, or the labels file where that one is wrong")


def exported(texts: Texts, file: LabelsFile, labels: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Rows that `gatehouse data import` takes: id, text, a column for each label, rater; the header first.

    One row a text and rater with at least one yes or no; `unsure` is left empty, second looks are left out.
    """
    yield "id", "text", *labels, "rater"
    for rater in file.raters:
        own = file.of(rater)
        for id_, text in texts.text.items():
            cells = [own[id_, label].value if (id_, label) in own else "" for label in labels]
            if {"yes", "no"} & set(cells):
                yield id_, text, *("" if cell == "unsure" else cell for cell in cells), rater


def with_chances(texts: Texts, file: LabelsFile, label: str, rater: str | None) -> Iterator[tuple[str, ...]]:
    """One rater's answers as `gatehouse prevalence estimate` takes them: id, chance, label; the header first.

    Every text has a row, also where nothing was answered. Raises UserError where texts were not drawn with a chance,
    and where several answered and none is named.
    """
    faults = Faults()
    if lacking := len(texts) - len(texts.chance):
        what = f"{lacking:,} of {len(texts):,} texts have no chance, so nobody can tell what they stand for"
        faults.add(what, str(texts.path), "draw them: gatehouse label PACK TRAFFIC --plan --out FILE")
    if rater not in file.raters and (rater is not None or len(file.raters) != 1):
        known = ", ".join(file.raters) or "nobody yet"
        what = "a prevalence takes one rater's answers" if rater is None else f"'{rater}' answered nothing"
        faults.add(what, "--rater", f"those who answered: {known}")
    faults.raise_found()
    own = file.of(rater or file.raters[0])
    yield "id", "chance", "label"
    for id_, chance in texts.chance.items():
        yield id_, chance, own[id_, label].value if (id_, label) in own else ""


def in_other_words(file: LabelsFile, policy: Policy) -> dict[str, int]:
    """Answers that were given under other versions of the policy, by version."""
    found: dict[str, int] = {}
    for answer in file.answers.values():
        if answer.policy_version and answer.policy_version != policy.version:
            found[answer.policy_version] = found.get(answer.policy_version, 0) + 1
    return found
