"""Templates with identity terms (Dixon et al. 2018): the same few sentences said of fifty groups, toxic or not."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from gatehouse.datasets.items import Claim, Item, Source, SourceFile
from gatehouse.datasets.published import meaning
from gatehouse.datasets.published_tables import rows
from gatehouse.errors import UserError

_TOXIC = {"BAD": True, "NOT_BAD": False, "toxic": True, "nontoxic": False}
_FILES = {
    "bias_madlibs_77k.csv.gz": ("madlibs", ("Text", "Label", "Template")),
    "en_sentence_templates.csv.gz": ("sentences", ("phrase", "toxicity", "template")),
}
_TEMPLATES = {
    "verb_adj": re.compile(r"\S+ (?P<identity>.+)"),
    "am_hate_adj": re.compile(r"i (?:am|hate) (?P<identity>.+)", re.IGNORECASE),
    "being_adj": re.compile(r"being (?P<identity>.+) is \S+", re.IGNORECASE),
    "name_adj": re.compile(r"\S+ is a \S+ (?P<identity>.+)"),
    "you_are_adj": re.compile(r"you are a \S+ (?P<identity>.+)", re.IGNORECASE),
    "you_occupation": re.compile(r"you are a \S+ (?:.+)", re.IGNORECASE),
}


class TemplateText(NamedTuple):
    """One filled template; `identity` is None in the template that fills in an occupation instead.

    `file` is `madlibs` or `sentences`: most texts stand in both.
    """

    id: str
    text: str
    toxic: bool
    template: str
    identity: str | None
    file: str


def read_templates(folder: Path) -> Iterator[TemplateText]:
    """Every row of both files with its template and identity term."""
    for name, (file, columns) in _FILES.items():
        path = folder / name
        for number, (line, (text, label, template)) in enumerate(rows(path, columns), 1):
            shape = meaning(template, _TEMPLATES, path, line)
            found = shape.fullmatch(text)
            if found is None:
                raise UserError(
                    f"the text does not fit the template '{template}'",
                    where=f"{path}:{line}",
                    fix="the file is not in its published format: fetch it again",
                )
            toxic = meaning(label, _TOXIC, path, line)
            identity = found.groupdict().get("identity")
            yield TemplateText(f"{file}-{number}", text, toxic, template, identity, file)


def _read(folder: Path) -> Iterator[Item]:
    for one in read_templates(folder):
        # Learning from any of these sentences would teach the very templates that are to test a detector.
        yield Item(one.id, one.text, (Claim("toxic", int(one.toxic)),), part="test")


SOURCE = Source(
    name="bias-templates",
    title="Unintended bias: templates with identity terms",
    licence="Apache-2.0",
    population="sentences in English made from 6 templates and 50 identity terms, no sample of anyone's writing",
    home="https://github.com/conversationai/unintended-ml-bias-analysis",
    language="en",
    labels=("toxic",),
    rows=153_128,
    files=(
        SourceFile(
            name="bias_madlibs_77k.csv.gz",
            sha256="76fa1f7dbcf8c1375967546005ea3086f20113bb6d80ba4a45ac7ca0b253bbe0",
            size=422_520,
            address=None,
        ),
        SourceFile(
            name="en_sentence_templates.csv.gz",
            sha256="2783bd8a692dcb836ddcfe9ee12309698e0395343dbc02ab6fb85521ce262ea0",
            size=295_043,
            address=None,
        ),
    ),
    limits=(
        "There are 6 templates, the same in both files, and one of them makes 94 % of the texts: figures speak of "
        "six sentences, however many texts there are, and intervals must be clustered by template",
        "All texts are `test`: they are made to measure differences between groups, and nothing may be learnt on them",
        "Half of the texts are toxic by construction; that is no base rate",
        "The known copies are the published CSV files, packed with gzip",
    ),
    read=_read,
)
