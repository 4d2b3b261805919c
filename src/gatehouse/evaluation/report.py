"""The report that people read: one HTML file that needs nothing else, and a model card in Markdown."""

import datetime
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING

import jinja2
import markupsafe
import msgspec

from gatehouse.evaluation.estimate import FEWEST, Estimate, share, written
from gatehouse.evaluation.evaluate import LabelReport, PointFigures
from gatehouse.evaluation.pack_report import PackReport, WorkedExample
from gatehouse.policies.explain import percent, score_in_words
from gatehouse.records.dataset import PARTS, DatasetInfo
from gatehouse.records.enforcement import Kind
from gatehouse.records.policy import Point
from gatehouse.records.signal import Contribution

if TYPE_CHECKING:
    from gatehouse.evaluation.charts import Figure

STRONG = 0.3
"""Pieces that move a score by so many log-odds are masked in a sensitive pack, whichever way they move it."""

PREVALENCES = (0.1, 0.01, 0.001)
"""Labelled rows are mostly no sample of traffic, so precision is told for these shares of positives too."""

MOST_EXAMPLES = 4
"""A report is mailed around, so it shows a few examples and no more."""

_OUTCOMES = ("violating", "undecided", "clear")


class RunInfo(msgspec.Struct, frozen=True, kw_only=True):
    """One run that made a report: when (microseconds UTC), by which version, from which seed, and what to try next.

    `commands` are pairs of a command and what it does.
    """

    made: int
    version: str
    seed: int
    draws: int
    commands: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Span:
    """A stretch of an example's text; `weight` is None where no piece carried the score."""

    text: str
    weight: float | None
    strength: int = 0


def mask(piece: str) -> str:
    """A piece of text as its first character and asterisks, at its length and with its spaces.

    Signs are covered too, because an obfuscated word hides between them.
    """
    return piece[:1] + re.sub(r"\S", "*", piece[1:])


def shown(piece: str, weight: float, sensitive: bool) -> str:
    """A piece as a report may show it: masked where a sensitive pack weighs it strongly."""
    return mask(piece) if sensitive and abs(weight) >= STRONG else piece


def spans(example: WorkedExample, sensitive: bool) -> list[Span]:
    """An example's text cut at the pieces that carried the score; where two overlap, the heavier one counts."""
    owner: list[Contribution | None] = [None] * len(example.text)
    for piece in sorted(example.contributions, key=lambda piece: abs(piece.weight)):
        for at in range(piece.start, min(piece.end, len(owner))):
            owner[at] = piece
    heaviest = max((abs(piece.weight) for piece in example.contributions), default=0.0)
    found = []
    for carrier, characters in groupby(zip(owner, example.text, strict=True), key=itemgetter(0)):
        text = "".join(character for _, character in characters)
        if carrier is None or not heaviest:
            found.append(Span(text, None))
        else:
            strength = 1 + min(2, int(3 * abs(carrier.weight) / heaviest))
            found.append(Span(shown(text, carrier.weight, sensitive), carrier.weight, strength))
    return found


def render(packs: Sequence[PackReport], run: RunInfo) -> str:
    """The whole report as one HTML page without scripts and without anything from outside."""
    page = templates().get_template("report.html")
    return page.render(packs=packs, run=run, figures=[_figures(pack) for pack in packs])


def card(pack: PackReport) -> str:
    """A model card in Markdown: what the pack's detectors are for and not for, how good they are, and their limits."""
    return templates().get_template("card.md").render(pack=pack).strip() + "\n"


@dataclass(frozen=True)
class PackFigures:
    """The charts of one pack: those of each charted label by its name, and that of its decisions."""

    labels: "dict[str, list[Figure]]"
    decisions: "Figure | None"


def _figures(pack: PackReport) -> PackFigures:
    from gatehouse.evaluation import charts

    drawn = {}
    for label in pack.labels:
        own = []
        if label.withheld is None:
            own = [charts.pr_curve(label), charts.reliability(label), charts.histogram(label)]
        if own and (words := pack.telling.get(label.name)):
            told = [(mask(word) if pack.sensitive else word, weight) for word, weight in words]
            own.append(charts.telling_words(label.name, told))
        if own:
            drawn[label.name] = own
    return PackFigures(drawn, charts.reasons(pack.decisions, rows_are=pack.rows_are) if pack.decisions else None)


@cache
def templates() -> jinja2.Environment:
    """The pages' templates, with what they need to write figures and words alike."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("gatehouse.evaluation"),
        autoescape=lambda name: name is not None and name.endswith(".html"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        breakable=_breakable,
        cell=_cell,
        day=_day,
        kept=_kept,
        line=_line,
        minus=_minus,
        percent=percent,
        sentence=_sentence,
        signed=_signed,
        score=score_in_words,
        written=written,
    )
    environment.globals.update(
        deed=_deed,
        fewest=FEWEST,
        figures_at=_figures_at,
        heaviest=_heaviest,
        most_examples=MOST_EXAMPLES,
        outcomes=_outcomes,
        paragraphs=_paragraphs,
        parts=_parts,
        prevalences=PREVALENCES,
        resolved=_resolved,
        restated=restated,
        scored=_scored,
        share=share,
        spans=spans,
        versions=_versions,
    )
    return environment


@dataclass(frozen=True)
class OutcomeSaid:
    """One outcome's rows in a few words and as a sentence that compares them with their labels."""

    short: str
    sentence: str


def _outcomes(pack: PackReport) -> list[OutcomeSaid]:
    groups = pack.decisions
    n = sum(group.count for group in groups)
    found = []
    for outcome in _OUTCOMES:
        own = [group for group in groups if group.outcome == outcome]
        count, labelled = sum(group.count for group in own), sum(group.labelled for group in own)
        positives = sum(group.positives for group in own)
        if not own:
            continue
        part = share(count, n)
        rate = share(positives, labelled)
        compared = (
            f" Of the {labelled:,} with a label, {positives:,} are positives: {rate}." if rate else " None has a label."
        )
        found.append(
            OutcomeSaid(
                short=f"{outcome} {count:,} ({percent(count / n)})",
                sentence=f"{outcome.capitalize()}: {count:,} of {n:,} {pack.rows_are}, {part}.{compared}",
            )
        )
    return found


def _resolved(pack: PackReport) -> str:
    points = [said.point for said in pack.points]
    if not points:
        return "no step has a target"
    found = [point for point in points if point.threshold is not None]
    confirmed = sum(point.status == "confirmed" for point in found)
    if not found:
        return f"0 of {len(points)} found"
    return f"{len(found)} of {len(points)} found, {f'{confirmed} confirmed' if confirmed else 'all provisional'}"


def _figures_at(pack: PackReport, point: Point) -> PointFigures | None:
    """What the point does on the test part, or None where it has no threshold or was not measured."""
    label = _label(pack, point)
    return next((at for at in label.points if at.step == point.step), None) if label else None


def restated(pack: PackReport) -> list[tuple[PointFigures, list[Estimate | None]]]:
    """The points that have figures, and what their precision would be at each of PREVALENCES."""
    points = [at for said in pack.points if (at := _figures_at(pack, said.point)) is not None]
    return [(at, [at.restated(one) for one in PREVALENCES]) for at in points if at.restated(0.5) is not None]


def _scored(pack: PackReport, point: Point) -> int:
    label = _label(pack, point)
    return label.scored if label else 0


def _label(pack: PackReport, point: Point) -> LabelReport | None:
    return next((label for label in pack.labels if label.name == point.label), None)


def _heaviest(example: WorkedExample, sensitive: bool, most: int = 5) -> str:
    """The heaviest pieces with their weights, masked where they must be: `prize +1.20, call +0.61`."""
    pieces = sorted(example.contributions, key=lambda piece: -abs(piece.weight))[:most]
    return ", ".join(f"{shown(piece.piece, piece.weight, sensitive)} {_signed(piece.weight)}" for piece in pieces)


def _parts(dataset: DatasetInfo) -> str:
    return ", ".join(f"{part} {dataset.parts.get(part, 0):,}" for part in PARTS)


def _versions(pack: PackReport) -> list[tuple[str, str]]:
    release = pack.release
    return [
        (f"Release of {pack.pack}", release.version),
        (f"Policy {pack.policy.name}", release.policy_version),
        *((f"Detector {name}", version) for name, version in sorted(release.detectors.items())),
        ("Feature columns", release.features),
        (f"Data set {pack.dataset.name}", pack.dataset.version),
    ]


def _paragraphs(text: str) -> list[tuple[str, list[str]]]:
    """A text as people write it in YAML: each paragraph with the list below it, whose items begin with a dash."""
    found = []
    for paragraph in re.split(r"\n\s*\n", text.strip()):
        prose, *items = re.split(r"^\s*- ", paragraph, flags=re.MULTILINE)
        found.append((" ".join(prose.split()), [" ".join(item.split()) for item in items]))
    return found


def _day(at: int) -> str:
    return datetime.datetime.fromtimestamp(at / 1e6, datetime.UTC).strftime("%d %B %Y, %H:%M UTC").lstrip("0")


def _signed(weight: float) -> str:
    return f"{weight:+.2f}".replace("-", "−")


def _minus(words: str) -> str:
    """Words whose weight has a minus sign instead of a hyphen."""
    return re.sub(r"-(?=[.\d]+$)", "−", words)


def _kept(text: str) -> str:
    """Text whose figures do not break over two lines."""
    return re.sub(
        r"[.\d]+ \[[^\]]*\]|[.\d]+ %|n = ", lambda found: found.group().replace(" ", "\N{NO-BREAK SPACE}"), text
    )


def _sentence(text: str) -> str:
    """Capital first and a full stop last; the rest stays as it is."""
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")


def _deed(enforce: str, review: bool) -> str:
    """What was done, in words: `age gate, a person looks`."""
    done = [] if enforce == Kind.NONE.word else [enforce.replace("_", " ")]
    return ", ".join([*done, "a person looks"] if review else done) or "nothing"


def _breakable(name: str) -> markupsafe.Markup:
    """A name that may break at its underscores where a column is narrow."""
    return markupsafe.Markup("_<wbr>").join(name.split("_"))


def _line(text: str) -> str:
    """Text for Markdown that cannot open an element."""
    return text.replace("&", "&amp;").replace("<", "&lt;")


def _cell(text: str) -> str:
    """Text for one cell of a Markdown table or the head of a list item."""
    return " ".join(_line(text).split()).replace("|", "\\|")
