"""Scores in the form of the Perspective API: its attributes are labels of our detectors, as a file says."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import yaml

from gatehouse.detectors.run import Panel
from gatehouse.errors import Fault, UserError, suggestion
from gatehouse.flows.judge import Judge
from gatehouse.records.event import EVENT_SCHEMA, Event, values_of
from gatehouse.records.signal import Signals, State
from gatehouse.text.rows import Rows

FILE = "perspective.yaml"
"""The file in the home folder that maps attributes; without it DEFAULT holds."""

DEFAULT = """\
# Attributes of the Perspective API, and the labels of detectors that stand in for each: the first whose detector covers
# the text's language answers. The labels mean what their packs' cards say, which is near to what Perspective meant and
# not the same: compare thresholds on your own texts before you switch (gatehouse perspective compare).
TOXICITY: [toxicity.linear/toxic, toxicity-pt.linear/toxic]
SEVERE_TOXICITY: [toxicity.linear/severe_toxic]
IDENTITY_ATTACK: [toxicity.linear/identity_hate]
INSULT: [toxicity.linear/insult, toxicity-pt.linear/insult]
PROFANITY: [toxicity.linear/obscene, toxicity-pt.linear/obscene]
THREAT: [toxicity.linear/threat]
SPAM: [spam.linear/spam]
"""


class Source(NamedTuple):
    """A label of a detector that stands in for an attribute."""

    detector: str
    label: str


Attributes = Mapping[str, Sequence[Source]]


def load(text: str, where: str) -> dict[str, tuple[Source, ...]]:
    """The attributes that a file maps; raises UserError with every fault."""
    try:
        said = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{where}:{mark.line + 1}:{mark.column + 1}" if mark else where
        raise UserError("not valid YAML", where=place, fix="write NAME: [pack.detector/label]") from None
    if not isinstance(said, dict) or not said:
        raise UserError("maps no attribute", where=where, fix="write NAME: [pack.detector/label]")
    faults: list[Fault] = []
    found = {}
    for name, labels in said.items():
        labels = [labels] if isinstance(labels, str) else labels
        if not isinstance(labels, list) or not labels or not all(isinstance(one, str) for one in labels):
            faults.append(Fault(f"{name} names no label", where, f"write {name}: [pack.detector/label]"))
            continue
        pairs = [one.partition("/") for one in labels]
        wrong = [whole for whole, pair in zip(labels, pairs, strict=True) if not all(pair)]
        faults += [
            Fault(f"'{one}' of {name} is no label of a detector", where, "write pack.detector/label") for one in wrong
        ]
        found[str(name)] = tuple(Source(detector, label) for detector, _, label in pairs)
    if faults:
        raise UserError(faults)
    return found


@dataclass(frozen=True, eq=False)
class Scores:
    """Scores of n texts for the attributes asked: float64 [n] each, NaN where `why` says why there is none.

    `why` holds a text [n] by attribute: "" for a score, else `language` (no detector covers it) or `failed`.
    `languages` are those that the texts were taken to be in.
    """

    values: Mapping[str, npt.NDArray[np.float64]]
    why: Mapping[str, npt.NDArray[np.str_]]
    languages: tuple[str | None, ...]


class Analyser:
    """Scores texts by the detectors of a judge; nothing is kept of a text and nothing decided on it."""

    def __init__(self, judge: Judge, attributes: Attributes) -> None:
        self._judge = judge
        there = {detector.name: detector for detector in judge.detectors}
        self._sources = {
            name: tuple(source for source in sources if source.detector in there)
            for name, sources in attributes.items()
            if any(source.detector in there for source in sources)
        }
        self._detectors = there
        asked = {source.detector for sources in self._sources.values() for source in sources}
        self._panels = {name: Panel([there[name]]) for name in asked}
        self.absent = tuple(sorted(set(attributes) - set(self._sources)))
        faults = [
            Fault(
                f"'{source.detector}' knows no label '{source.label}', which {name} names", FILE, _known(source, there)
            )
            for name, sources in self._sources.items()
            for source in sources
            if source.label not in there[source.detector].labels
        ]
        if faults:
            raise UserError(faults)

    @property
    def offered(self) -> dict[str, tuple[str, ...]]:
        """The attributes that can be scored now, each with the languages covered, none for any."""
        return {name: self._covered(sources) for name, sources in self._sources.items()}

    def versions(self, name: str) -> dict[str, str]:
        """The detectors behind an attribute and their versions."""
        return {source.detector: self._detectors[source.detector].version for source in self._sources[name]}

    def __call__(self, texts: Sequence[str], names: Iterable[str], language: str | None = None) -> Scores:
        """Scores of texts, in `language` where it is given; raises KeyError for an attribute that is not offered."""
        asked = {name: self._sources[name] for name in names}
        wanted = dict.fromkeys(source.detector for sources in asked.values() for source in sources)
        given = [Event(id=str(place), text=text, language=language, seen=place + 1) for place, text in enumerate(texts)]
        events = Rows(EVENT_SCHEMA, len(given), values=values_of(given))
        features = self._features(events)
        said = {name: self._panels[name](events, features)[0] for name in wanted}
        found = {name: _first(sources, said, len(texts)) for name, sources in asked.items()}
        return Scores(
            {name: values for name, (values, _) in found.items()},
            {name: why for name, (_, why) in found.items()},
            tuple(features.one("language")),
        )

    def _features(self, events: Rows) -> Rows:
        declared = self._judge.features
        return declared.rows_with_windows(declared.compute_rows(events), declared.plan.nothing_known(len(events)))

    def _covered(self, sources: Sequence[Source]) -> tuple[str, ...]:
        languages = [self._detectors[source.detector].languages for source in sources]
        return () if not all(languages) else tuple(sorted(frozenset().union(*languages)))


class Latest:
    """The analyser of the judge that decides now, made anew when another does."""

    def __init__(self, attributes: Attributes) -> None:
        self._attributes = attributes
        self._made: tuple[Judge, Analyser] | None = None

    def of(self, judge: Judge) -> Analyser:
        """The analyser of this judge."""
        made = self._made
        if made is None or made[0] is not judge:
            made = self._made = (judge, Analyser(judge, self._attributes))
        return made[1]


def _known(source: Source, there: Mapping[str, object]) -> str:
    labels: tuple[str, ...] = getattr(there[source.detector], "labels", ())
    return suggestion(source.label, labels)


def _first(
    sources: Sequence[Source], said: Mapping[str, Signals], n: int
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.str_]]:
    """For each text the score of the first source that has one, else why none has."""
    values, why = np.full(n, np.nan), np.full(n, "language", "U8")
    for source in sources:
        block = said[source.detector]
        column = block.labels.index(source.label)
        state = block.state[:, column]
        open_ = np.isnan(values)
        scored = open_ & (state == State.SCORED)
        values[scored] = block.score[scored, column]
        why[open_ & (state == State.FAILED)] = "failed"
    why[~np.isnan(values)] = ""
    return values, why
