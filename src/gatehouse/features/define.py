"""Declarations of features: which columns a pack's rules may name, and what computes them."""

import functools
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
import yaml

from gatehouse.errors import Fault, UserError, suggestion
from gatehouse.features import text as text_columns
from gatehouse.text.language import identify
from gatehouse.text.normalise import normalise

ALWAYS = pa.schema([pa.field("language", pa.string()), pa.field("normalised", pa.string())])
"""Columns that every feature batch holds besides the declared ones."""

_KEYS = ("columns", "owner")


@dataclass(frozen=True)
class FeatureSet:
    """Declared columns, in order; `owner` is who answers for them."""

    columns: tuple[str, ...]
    owner: str | None = None

    @functools.cached_property
    def version(self) -> str:
        """Twelve hex digits of the hash of the declared columns and of the code that computes them."""
        said = "\n".join([str(text_columns.FEATURES_VERSION), *self.columns])
        return hashlib.sha256(said.encode()).hexdigest()[:12]

    @functools.cached_property
    def schema(self) -> pa.Schema:
        """The declared columns with their types and meanings."""
        return pa.schema([text_columns.COLUMNS[name].field for name in self.columns])

    @functools.cached_property
    def _batch_schema(self) -> pa.Schema:
        return pa.schema([*self.schema, *ALWAYS])

    def compute(self, events: pa.RecordBatch) -> pa.RecordBatch:
        """One row per event: the declared columns, then `language` and `normalised`."""
        texts = events.column("text")
        plain = normalise(texts)
        columns = text_columns.compute(texts, plain, self.columns)
        return pa.RecordBatch.from_arrays([*columns, _language(events), plain], schema=self._batch_schema)


def _language(events: pa.RecordBatch) -> pa.Array:
    """What the event says its language is, else what its text is found to be in."""
    claimed, texts = events.column("language"), events.column("text")
    if not claimed.null_count:
        return claimed
    if claimed.null_count == len(claimed):
        return identify(texts)[0]
    # A row that makes its own claim need not be read.
    unread = pc.if_else(pc.is_null(claimed), texts, pa.scalar(None, pa.string()))
    return pc.coalesce(claimed, identify(unread)[0])


def union(sets: Iterable[FeatureSet]) -> FeatureSet:
    """All columns of all sets, each once, in the order in which they are first declared."""
    return FeatureSet(tuple(dict.fromkeys(name for declared in sets for name in declared.columns)))


def load(text: str, where: str) -> FeatureSet:
    """Read a features file: `columns`, a list of names, and optionally `owner`.

    Raises UserError with every fault, each with its line and column.
    """
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{where}:{mark.line + 1}:{mark.column + 1}" if mark else where
        problem = getattr(error, "problem", None) or "it cannot be read"
        raise UserError(f"not YAML: {problem}", where=place, fix="mend the file's syntax") from error
    faults: list[Fault] = []
    fields = _fields(root, where, faults)
    names = _columns(fields.get("columns"), root, where, faults)
    owner = fields.get("owner")
    if owner is not None and not isinstance(owner, yaml.ScalarNode):
        faults.append(Fault("'owner' is a name", _place(where, owner), "write owner: trust-and-safety"))
    if faults:
        raise UserError(faults)
    return FeatureSet(names, str(owner.value) if owner is not None else None)


def _place(where: str, node: yaml.Node | None) -> str:
    return f"{where}:{node.start_mark.line + 1}:{node.start_mark.column + 1}" if node else f"{where}:1:1"


def _fields(root: yaml.Node | None, where: str, faults: list[Fault]) -> dict[str, yaml.Node]:
    if not isinstance(root, yaml.MappingNode):
        faults.append(Fault("a features file is a mapping", _place(where, root), "begin with columns: [char_count]"))
        return {}
    fields: dict[str, yaml.Node] = {}
    for key, value in root.value:
        if key.value not in _KEYS:
            faults.append(Fault(f"unknown key '{key.value}'", _place(where, key), suggestion(str(key.value), _KEYS)))
        elif key.value in fields:
            faults.append(Fault(f"'{key.value}' stands here twice", _place(where, key), "keep one of them"))
        else:
            fields[key.value] = value
    if "columns" not in fields:
        faults.append(Fault("'columns' is missing", _place(where, root), "add columns: [char_count], or columns: []"))
    return fields


def _columns(node: yaml.Node | None, root: yaml.Node | None, where: str, faults: list[Fault]) -> tuple[str, ...]:
    if node is None:
        return ()
    if not isinstance(node, yaml.SequenceNode):
        faults.append(Fault("'columns' is a list", _place(where, node), "write columns: [char_count, url_count]"))
        return ()
    names: list[str] = []
    for item in node.value:
        name = item.value if isinstance(item, yaml.ScalarNode) else None
        if name is None:
            faults.append(Fault("a column is a name", _place(where, item), "write one name, without lists or keys"))
        elif name in names:
            faults.append(Fault(f"column '{name}' is declared twice", _place(where, item), "keep one of them"))
        elif name in text_columns.COLUMNS:
            names.append(name)
        elif name in ALWAYS.names:
            fix = "take it out: it is always there"
            faults.append(Fault(f"column '{name}' need not be declared", _place(where, item), fix))
        else:
            fix = suggestion(name, text_columns.COLUMNS)
            faults.append(Fault(f"unknown column '{name}'", _place(where, item), fix))
    return tuple(names)
