"""Frozen data sets: made from items, kept in a folder, known by the hash of their content."""

import hashlib
import os
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from gatehouse.datasets import card, erased, sources
from gatehouse.datasets.as_of import Judged, aligned
from gatehouse.datasets.as_of_parts import Split, parts_of
from gatehouse.datasets.clean import once_per_text
from gatehouse.datasets.items import Claim, Item
from gatehouse.datasets.truth import targets
from gatehouse.errors import Fault, OutsideError, UserError
from gatehouse.features.define import FeatureSet
from gatehouse.records.case import LABEL_SCHEMA
from gatehouse.records.dataset import PARTS, ROW_SCHEMA, Dataset, DatasetInfo, Part

__all__ = ["assemble", "build", "freeze", "from_events", "infos", "load", "save", "targets", "version_of"]

_ROWS, _LABELS, _FEATURES = "rows.parquet", "labels.parquet", "features.parquet"
_INFO, _CARD = "dataset.json", "CARD.md"


def build(name: str, source_root: Path) -> Dataset:
    """The public data set of this name from its files, which lie in `source_root` or in a folder `name` there.

    Raises UserError when the name is unknown or the files are not there.
    """
    source = sources.find(name)
    folder = sources.locate(source, (source_root,))
    if folder is None:
        files = ", ".join(file.name for file in source.files)
        raise UserError(
            f"the files of '{name}' are not there ({files})",
            where=str(source_root),
            fix=f"fetch them: gatehouse data fetch {name}",
        )
    return assemble(
        source.read(folder),
        name=source.name,
        title=source.title,
        licence=source.licence,
        population=source.population,
        labels=source.labels,
        language=source.language,
        notes=(*source.limits, *sources.provenance(source, folder)),
    )


def assemble(
    items: Iterable[Item],
    *,
    name: str,
    title: str,
    licence: str,
    population: str,
    labels: Sequence[str],
    language: str | None = None,
    notes: Sequence[str] = (),
) -> Dataset:
    """A data set of cleaned items, one per text; `language` is that of items which name none."""
    cleaned = once_per_text(items)
    _refuse_repeated_ids(cleaned.items)
    rows = pa.Table.from_pydict(
        {
            "id": [item.id for item in cleaned.items],
            "text": [item.text for item in cleaned.items],
            "language": [item.language or language for item in cleaned.items],
            "author": [item.author for item in cleaned.items],
            "occurred": [item.occurred for item in cleaned.items],
            "part": cleaned.parts,
        },
        schema=ROW_SCHEMA,
    )
    claims = [(item.id, *claim) for item in cleaned.items for claim in item.claims]
    return _frozen(
        rows,
        _label_table(claims, name),
        name=name,
        title=title,
        licence=licence,
        population=population,
        labels=labels,
        notes=(*notes, *cleaned.notes),
    )


def freeze(
    *,
    name: str,
    title: str,
    licence: str,
    population: str,
    ids: Sequence[str],
    texts: Sequence[str],
    parts: Sequence[Part],
    labels: Mapping[str, Sequence[int | None]],
    source: str,
    language: str | None = None,
    notes: Sequence[str] = (),
) -> Dataset:
    """A data set of rows whose parts are chosen already; a label of None is unknown."""
    n = len(ids)
    rows = pa.Table.from_pydict(
        {
            "id": list(ids),
            "text": list(texts),
            "language": [language] * n,
            "author": [None] * n,
            "occurred": [None] * n,
            "part": list(parts),
        },
        schema=ROW_SCHEMA,
    )
    claims = [
        (id_, *Claim(label, value))
        for i, id_ in enumerate(ids)
        for label, values in labels.items()
        if (value := values[i]) is not None
    ]
    return _frozen(
        rows,
        _label_table(claims, source),
        name=name,
        title=title,
        licence=licence,
        population=population,
        labels=tuple(labels),
        notes=notes,
    )


def from_events(
    judged: Judged,
    rows: pa.Table,
    features: FeatureSet,
    *,
    name: str,
    title: str,
    licence: str,
    population: str,
    split: Split = "time",
    detectors: Mapping[str, str] | None = None,
    notes: Sequence[str] = (),
) -> Dataset:
    """A data set of judged events with their feature rows as of their time; no event is dropped or merged.

    `rows` are what `as_of.feature_rows` gave, or rows that were kept when the events were judged: `id`, `as_of` and
    the declared columns. `detectors` are the versions of those whose scores windows count. Raises RefusedError, naming
    rows, where something in them came later than its event.
    """
    values = aligned(judged, rows, features)
    parts, how = parts_of(judged.events, split)
    events = judged.events
    table = pa.table(
        [events["id"], events["text"], events["language"], events["actor"], events["occurred"], pa.array(parts)],
        schema=ROW_SCHEMA,
    )
    return _frozen(
        table,
        judged.claims,
        name=name,
        title=title,
        licence=licence,
        population=population,
        labels=tuple(judged.claims["label"].unique().to_pylist()),
        notes=(
            *notes,
            "each row is an event with its features as of its time, so texts may repeat",
            how,
            *judged.notes,
        ),
        features=(features.version_with(detectors or {}), values),
    )


def save(dataset: Dataset, folder: Path) -> None:
    """Write the data set as a folder, whole or not at all; a folder that holds the same version stays as it is."""
    if folder.exists():
        if (folder / _INFO).is_file() and load(folder).info.version == dataset.info.version:
            return
        raise UserError("the folder holds something else", where=str(folder), fix="remove it or choose another name")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as scratch:
        made = Path(scratch) / "made"
        made.mkdir()
        pq.write_table(dataset.rows, made / _ROWS, compression="zstd")
        pq.write_table(dataset.labels, made / _LABELS, compression="zstd")
        if dataset.features is not None:
            pq.write_table(dataset.features, made / _FEATURES, compression="zstd")
        (made / _INFO).write_bytes(msgspec.json.format(msgspec.json.encode(dataset.info), indent=2) + b"\n")
        (made / _CARD).write_text(card.write(dataset), encoding="utf-8")
        os.replace(made, folder)


def load(folder: Path) -> Dataset:
    """A data set that `save` wrote; raises OutsideError when it is not whole or not what was saved.

    One of which rows were erased keeps its version, counts what is left, and says so in its notes.
    """
    fix = "build or import it again"
    try:
        info = msgspec.json.decode((folder / _INFO).read_bytes(), type=DatasetInfo)
        rows = pq.read_table(folder / _ROWS, schema=ROW_SCHEMA)
        labels = pq.read_table(folder / _LABELS, schema=LABEL_SCHEMA)
        features = pq.read_table(folder / _FEATURES) if info.features is not None else None
    except FileNotFoundError as error:
        raise OutsideError(
            "this is not a whole data set", where=str(error.filename or folder), fix=f"name another folder, or {fix}"
        ) from None
    except (msgspec.MsgspecError, pa.ArrowException, OSError) as error:
        raise OutsideError(f"the data set cannot be read ({error})", where=str(folder), fix=fix) from None
    found, gone = version_of(rows, labels, features), erased.read(folder)
    if found != (gone.content if gone else info.version):
        raise OutsideError(
            f"the data set was changed after it was frozen: version {info.version}, content {found}",
            where=str(folder),
            fix=fix,
        )
    if gone:
        info = msgspec.structs.replace(info, notes="\n".join(filter(None, (info.notes, gone.said()))))
        return _counted(Dataset(info, rows, labels, features))
    return Dataset(info, rows, labels, features)


def infos(folder: Path) -> list[tuple[DatasetInfo, Path]]:
    """What is said of each data set in the folders of this one, by name; contents are not looked at."""
    found = []
    for path in sorted(folder.glob(f"*/{_INFO}")):
        try:
            found.append((msgspec.json.decode(path.read_bytes(), type=DatasetInfo), path.parent))
        except msgspec.MsgspecError as error:
            raise OutsideError(f"this is no data set ({error})", where=str(path), fix="remove it") from None
    return found


def version_of(rows: pa.Table, labels: pa.Table, features: pa.Table | None = None) -> str:
    """Twelve hex digits of a SHA-256 over every value in order; how Parquet or Arrow lay them out does not count."""
    digest = hashlib.sha256()
    for table in (rows, labels) if features is None else (rows, labels, features):
        digest.update(f"{table.num_rows};".encode())
        for name in table.schema.names:
            digest.update(f"{name};".encode())
            _update(digest, table[name])
    return digest.hexdigest()[:12]


def _update(digest: "hashlib._Hash", column: pa.ChunkedArray) -> None:
    """Feed a column's values: first which are there, then strings as lengths and bytes, numbers as int64 or float64."""
    digest.update(column.is_valid().combine_chunks().cast(pa.uint8()).to_numpy())
    if pa.types.is_string(column.type):
        values = pc.fill_null(column, "").cast(pa.large_string()).combine_chunks()
        digest.update(pc.binary_length(values).to_numpy(zero_copy_only=False))
        if len(values):
            _, places, content = values.buffers()
            ends = np.frombuffer(places, np.int64)[values.offset : values.offset + len(values) + 1]
            digest.update(memoryview(content or b"")[ends[0] : ends[-1]])
        return
    wide = pa.float64() if pa.types.is_floating(column.type) else pa.int64()
    digest.update(pc.fill_null(column.cast(wide), 0).combine_chunks().to_numpy())


def _frozen(
    rows: pa.Table,
    claims: pa.Table,
    *,
    name: str,
    title: str,
    licence: str,
    population: str,
    labels: Sequence[str],
    notes: Sequence[str],
    features: tuple[str, pa.Table] | None = None,
) -> Dataset:
    """The frozen data set; `features` are the version of the declared columns and their values."""
    declared, values = features or (None, None)
    info = DatasetInfo(
        name=name,
        version=version_of(rows, claims, values),
        title=title,
        licence=licence,
        population=population,
        labels=tuple(labels),
        rows=rows.num_rows,
        parts={},
        positives={},
        notes="\n".join(notes),
        features=declared,
    )
    return _counted(Dataset(info, rows, claims, values))


def _counted(dataset: Dataset) -> Dataset:
    """The data set with what it says of its rows, parts and positives counted."""
    sizes = Counter(dataset.rows["part"].to_pylist())
    parts = {part: sizes[part] for part in PARTS}
    positives = {}
    for part in PARTS:
        _, y = targets(dataset, part, dataset.info.labels)
        counts = (int(count) for count in (y == 1.0).sum(axis=0))
        positives[part] = dict(zip(dataset.info.labels, counts, strict=True))
    info = msgspec.structs.replace(dataset.info, rows=dataset.rows.num_rows, parts=parts, positives=positives)
    return Dataset(info, dataset.rows, dataset.labels, dataset.features)


def _label_table(claims: Sequence[tuple[str, str, int, int, str | None]], source: str) -> pa.Table:
    ids, labels, values, votes, raters = zip(*claims, strict=True) if claims else ((),) * 5
    n = len(claims)
    return pa.Table.from_pydict(
        {
            "event_id": ids,
            "label": labels,
            "value": values,
            "source": [source] * n,
            "rater": raters,
            "votes": votes,
            "at": [None] * n,
            "policy_version": [None] * n,
            "chance": [None] * n,
        },
        schema=LABEL_SCHEMA,
    )


def _refuse_repeated_ids(items: Sequence[Item]) -> None:
    repeated = [id_ for id_, count in Counter(item.id for item in items).items() if count > 1]
    if repeated:
        raise UserError(
            Fault(f"the id '{id_}' stands for more than one text", fix="give each row an id of its own")
            for id_ in repeated[:10]
        )
