"""Recipes: what a pack's detector is trained on, and how."""

import hashlib
import math
from collections.abc import Mapping, Sequence
from typing import Literal

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


class ActorRecipe(msgspec.Struct, frozen=True, kw_only=True):
    """How the actor detector is made: boosted trees over feature columns.

    `columns` are those it reads, none meaning all that are numbers or truth values. `content` names detectors of other
    packs (`spam.linear`) whose scores its windows count: the pack takes a copy of each live one (`PACK.spam`).
    """

    columns: tuple[str, ...] = ()
    content: tuple[str, ...] = ()
    trees: int = 200
    leaves: int = 15
    rate: float = 0.05
    smallest_leaf: int = 20


Learner = Literal["linear", "actor"]
"""What kind of detector a pack learns."""


class Recipe(msgspec.Struct, frozen=True, kw_only=True):
    """What a pack learns: its labels from which data set, for which languages (ISO 639-1; none means any).

    It learns to judge actors where `actor` says how, else texts. The words of a `sensitive` pack are masked in reports.
    """

    pack: str
    dataset: str
    languages: tuple[str, ...]
    labels: tuple[str, ...]
    sensitive: bool
    linear: LinearRecipe
    actor: ActorRecipe | None = None

    @property
    def learner(self) -> Learner:
        """The kind of detector that is learnt."""
        return "linear" if self.actor is None else "actor"

    @property
    def detector(self) -> str:
        """The name of the detector that is learnt."""
        return f"{self.pack}.{self.learner}"

    @property
    def content(self) -> dict[str, str]:
        """The pack's names for detectors of other packs whose scores its windows count: `bots.spam`: `spam.linear`."""
        taken = self.actor.content if self.actor else ()
        return {f"{self.pack}.{other.partition('.')[0]}": other for other in taken}

    @property
    def version(self) -> str:
        """Twelve hex digits of the hash of what the recipe says."""
        said = msgspec.to_builtins(self)
        if self.actor is None:
            # A recipe that learns from texts keeps the version that it had before actors could be judged.
            del said["actor"]
        return hashlib.sha256(msgspec.json.encode(said)).hexdigest()[:12]


def load(text: str, where: str) -> Recipe:
    """The recipe that a YAML text says; raises UserError with every fault, its line and column, and a suggestion."""
    if not text.strip():
        raise UserError("the file is empty", where=f"{where}:1:1", fix="start with 'pack: NAME'")
    source = Source(text, where)
    required, optional = ("pack", "dataset", "labels"), ("languages", "sensitive", "linear", "actor")
    fields = source.fields(source.root, "the recipe", required, optional)
    labels = _words(source, fields.get("labels"), "labels")
    if "linear" in fields and "actor" in fields:
        source.fault(fields["actor"], "a pack learns one detector", "keep 'linear' (texts) or 'actor'")
    recipe = Recipe(
        pack=source.text(fields.get("pack"), "pack"),
        dataset=source.text(fields.get("dataset"), "dataset"),
        languages=_words(source, fields.get("languages"), "languages"),
        labels=labels,
        sensitive=source.flag(fields.get("sensitive"), "sensitive"),
        linear=_linear(source, fields.get("linear"), labels),
        actor=_actor(source, fields["actor"]) if "actor" in fields else None,
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


def _actor(source: Source, node: yaml.Node) -> ActorRecipe:
    usual = ActorRecipe()
    fields = source.fields(node, "'actor'", (), ActorRecipe.__struct_fields__)
    return ActorRecipe(
        columns=_words(source, fields.get("columns"), "columns"),
        content=_words(source, fields.get("content"), "content"),
        trees=_whole(source, fields.get("trees"), "trees", usual.trees, (1, 5_000)),
        leaves=_whole(source, fields.get("leaves"), "leaves", usual.leaves, (2, 1_024)),
        rate=_number(source, fields.get("rate"), "rate", usual.rate, above=0.0),
        smallest_leaf=_whole(source, fields.get("smallest_leaf"), "smallest_leaf", usual.smallest_leaf, (1, 1_000_000)),
    )


def _whole(source: Source, node: yaml.Node | None, what: str, usual: int, within: tuple[int, int]) -> int:
    """A whole number between two."""
    if node is None:
        return usual
    number = _number(source, node, what, usual)
    if not math.isfinite(number):
        return usual
    least, most = within
    if number != int(number) or not least <= number <= most:
        source.fault(node, f"{what} is {number:g}, no whole number from {least:,} to {most:,}", f"write {usual}")
        return usual
    return int(number)


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
