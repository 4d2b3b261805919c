"""Recipes: what a pack's linear detector is trained on, and how."""

import hashlib
import math
from collections.abc import Mapping, Sequence

import msgspec
import yaml

from gatehouse.errors import UserError
from gatehouse.policies.source import Source

BUCKETS = (2**10, 2**20)
"""The smallest and the largest table that makes sense; at 2^20 it has left the processor's second cache."""


class Fitting(msgspec.Struct, frozen=True, kw_only=True):
    """How one label's weights are fitted.

    An n-gram counts with its inverse document frequency to the power `idf`, times its absolute log-ratio between the
    classes to the power `contrast` (0 leaves it out). `c` is the inverse strength of the L2 penalty.
    """

    c: float = 8.0
    idf: float = 1.0
    contrast: float = 0.5


class LinearRecipe(msgspec.Struct, frozen=True, kw_only=True):
    """How the linear detector is made: the size of its hash table, and how labels are fitted.

    `labels` names those that are fitted in another way than `usual`.
    """

    buckets: int = 2**16
    normalise: bool = True
    usual: Fitting = Fitting()
    labels: dict[str, Fitting] = {}

    def fitting(self, label: str) -> Fitting:
        """How this label is fitted."""
        return self.labels.get(label, self.usual)


class Recipe(msgspec.Struct, frozen=True, kw_only=True):
    """What a pack learns: its labels from which data set, for which languages (ISO 639-1; none means any).

    The words of a `sensitive` pack are masked in reports.
    """

    pack: str
    dataset: str
    languages: tuple[str, ...]
    labels: tuple[str, ...]
    sensitive: bool
    linear: LinearRecipe

    @property
    def version(self) -> str:
        """Twelve hex digits of the hash of what the recipe says."""
        return hashlib.sha256(msgspec.json.encode(self)).hexdigest()[:12]


def load(text: str, where: str) -> Recipe:
    """The recipe that a YAML text says; raises UserError with every fault, its line and column, and a suggestion."""
    if not text.strip():
        raise UserError("the file is empty", where=f"{where}:1:1", fix="start with 'pack: NAME'")
    source = Source(text, where)
    required, optional = ("pack", "dataset", "labels"), ("languages", "sensitive", "linear")
    fields = source.fields(source.root, "the recipe", required, optional)
    labels = _words(source, fields.get("labels"), "labels")
    recipe = Recipe(
        pack=source.text(fields.get("pack"), "pack"),
        dataset=source.text(fields.get("dataset"), "dataset"),
        languages=_words(source, fields.get("languages"), "languages"),
        labels=labels,
        sensitive=source.flag(fields.get("sensitive"), "sensitive"),
        linear=_linear(source, fields.get("linear"), labels),
    )
    source.finish()
    return recipe


def _words(source: Source, node: yaml.Node | None, what: str) -> tuple[str, ...]:
    """A list of different words."""
    found: list[str] = []
    for item in source.items(node, what):
        word = source.text(item, f"an item of {what}")
        if word in found and word:
            source.fault(item, f"'{word}' is there twice in {what}", "keep one of them")
        found.append(word)
    return tuple(found)


def _linear(source: Source, node: yaml.Node | None, labels: Sequence[str]) -> LinearRecipe:
    usual = LinearRecipe()
    if node is None:
        return usual
    fields = source.fields(node, "'linear'", (), ("buckets", "normalise", *Fitting.__struct_fields__, "labels"))
    fitting = _fitting(source, fields, usual.usual)
    others = (
        source.fields(fields["labels"], "'linear.labels'", (), tuple(dict.fromkeys(labels)))
        if "labels" in fields
        else {}
    )
    return LinearRecipe(
        buckets=_buckets(source, fields.get("buckets"), usual.buckets),
        normalise=source.flag(fields["normalise"], "normalise") if "normalise" in fields else usual.normalise,
        usual=fitting,
        labels={
            label: _fitting(source, source.fields(other, f"'{label}'", (), Fitting.__struct_fields__), fitting)
            for label, other in others.items()
        },
    )


def _fitting(source: Source, fields: Mapping[str, yaml.Node], usual: Fitting) -> Fitting:
    return Fitting(
        c=_number(source, fields.get("c"), "c", usual.c, above=0.0),
        idf=_number(source, fields.get("idf"), "idf", usual.idf),
        contrast=_number(source, fields.get("contrast"), "contrast", usual.contrast),
    )


def _buckets(source: Source, node: yaml.Node | None, usual: int) -> int:
    if node is None:
        return usual
    number = _number(source, node, "buckets", usual)
    if not math.isfinite(number):
        return usual
    least, most = BUCKETS
    power: int = 2 ** round(math.log2(min(max(number, least), most)))
    if number != power:
        source.fault(node, f"buckets is {number:g}, no power of two from {least} to {most}", f"write {power}")
    return power


def _number(source: Source, node: yaml.Node | None, what: str, usual: float, above: float | None = None) -> float:
    """A number that is not negative, or greater than `above`."""
    if node is None:
        return usual
    written = node.value if isinstance(node, yaml.ScalarNode) else "a list or mapping"
    number = _plain(node)
    if not math.isfinite(number):
        source.fault(node, f"{what} must be a number, not '{written}'", f"write '{what}: {usual:g}'")
    elif number < 0 or number == above:
        source.fault(node, f"{what} is {number:g}, which is too small", f"for example '{what}: {usual:g}'")
    return number


def _plain(node: yaml.Node) -> float:
    """The number that a node says, NaN where it says none."""
    if not isinstance(node, yaml.ScalarNode) or node.tag.rpartition(":")[2] not in ("int", "float"):
        return math.nan
    try:
        return float(node.value.replace("_", ""))
    except ValueError:
        return math.nan
