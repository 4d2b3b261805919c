"""Training rows as of their time: labels, the events that they judge, and what was known of each at that moment.

Nothing that came later may stand in a row: who learns from it would learn what live judging cannot know. Each way in
which that could happen is refused by name.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gatehouse.datasets.content_scores import ContentScores, named, refuse_seen, score_columns, some
from gatehouse.datasets.event_source import ENTITY_LABELS
from gatehouse.errors import Fault, RefusedError, UserError, suggestion
from gatehouse.features.define import FeatureSet
from gatehouse.features.sql import query
from gatehouse.ports.sql_engine import SqlEngine
from gatehouse.records.case import LABEL_SCHEMA
from gatehouse.records.event import EVENT_SCHEMA

Events = Callable[[], Iterable[pa.RecordBatch]]
"""Gives the batches of a history in EVENT_SCHEMA, from its beginning each time it is called, always the same."""

Question = tuple[str, int | None]
"""Whose last event is asked for (an event's id or an entity), and until when: microseconds UTC, None for all time."""

_SHOWN = 10


@dataclass(frozen=True, eq=False)
class Judged:
    """The events that labels speak of, each once, in the order of the history.

    `rows` are their numbers in it, int64 [n]; `claims` are the labels in LABEL_SCHEMA, of these events; `notes` say
    which labels were left out.
    """

    events: pa.Table
    rows: npt.NDArray[np.int64]
    claims: pa.Table
    notes: tuple[str, ...] = ()


def judged(labels: pa.Table, events: Events, leave_out: bool = False) -> Judged:
    """The events that labels judge: one named by its id, an entity by the last event that it did until the label.

    `labels` are in LABEL_SCHEMA or in ENTITY_LABELS; one without a time (`at`) comes after all events. Where an id has
    several revisions, the last until then is meant. Raises UserError for labels whose subject has no event and
    RefusedError for those that were given before its first event was seen, all at once; with `leave_out` they are left
    out and counted in `notes`.
    """
    of_entities = "subject" in labels.schema.names
    schema = ENTITY_LABELS if of_entities else LABEL_SCHEMA
    missing = [name for name in schema.names if name not in labels.schema.names]
    if missing or not labels.num_rows:
        what = f"the labels have no column {', '.join(missing)}" if missing else "there is no label"
        raise UserError(what, fix=f"give labels with {', '.join(schema.names)}")
    subjects = named(labels["subject"]) if of_entities else labels["event_id"].combine_chunks()
    asked: list[Question] = list(zip(subjects.to_pylist(), labels["at"].to_pylist(), strict=True))
    found, first = _last_until(asked, events, "actor" if of_entities else "id")
    notes = _unanswered(asked, found, first, leave_out)
    kept = [i for i, question in enumerate(asked) if question in found]
    if not kept:
        raise UserError("no label is left", where="; ".join(notes), fix="give the events that the labels judge")
    rows, place = np.unique(np.array([found[asked[i]] for i in kept], np.int64), return_inverse=True)
    chosen = _taken(events, rows)
    repeated = [id_ for id_, count in Counter(chosen["id"].to_pylist()).items() if count > 1]
    if repeated:
        raise UserError(
            "labels judge two revisions of one event", where=some(repeated, "event"), fix="keep one of each"
        )
    claims = _claims(labels.take(pa.array(kept, pa.int64())), chosen["id"].take(pa.array(place)))
    return Judged(chosen, rows, claims, notes)


def feature_rows(
    judged: Judged, events: Events, features: FeatureSet, engine: SqlEngine, scores: Sequence[ContentScores] = ()
) -> pa.Table:
    """Feature rows of judged events as of their time: `id`, `as_of` and the declared columns, in the order of `judged`.

    `scores` are those that windows count. Raises RefusedError where a score is by a model that was fitted on the event
    or its actor, and UserError where one is missing.
    """
    refuse_seen(events() if features.scores else (), features, scores)
    rows = features.compute(_one_batch(judged.events))
    if features.windows:
        answers = engine.query(query(features.plan), _coded(events, features, scores), features.plan.coded)
        among = [batch.filter(_is_among(batch.column("row"), judged.rows)) for batch in answers]
        windows = pa.Table.from_batches(among).select(features.plan.schema.names).cast(features.plan.schema)
        rows = features.with_windows(rows, _one_batch(windows))
    columns = {"id": judged.events["id"], "as_of": judged.events["seen"]}
    columns |= {name: rows.column(name) for name in features.schema.names}
    return pa.table(columns, schema=pa.schema([("id", pa.string()), ("as_of", pa.int64()), *features.schema]))


def aligned(judged: Judged, rows: pa.Table, features: FeatureSet) -> pa.Table:
    """The declared columns of feature rows for judged events, in their order.

    Raises UserError where rows or columns are missing or of another type, and RefusedError, naming rows, where one is
    as of a later time than its event, or where a column goes by the name of a label.
    """
    labels = judged.claims["label"].unique().to_pylist()
    leaks = [
        Fault(f"the column '{name}' goes by the name of a label", fix="a feature must not be what is to be learnt")
        for name in features.schema.names
        if name in labels
    ]
    _require_columns(rows, features)
    place = pc.index_in(judged.events["id"].combine_chunks(), rows["id"].combine_chunks())
    _require_rows(judged, rows, place)
    chosen = rows.take(place)
    later = pc.fill_null(pc.greater(chosen["as_of"], judged.events["seen"]), True)
    for row in chosen.filter(later).select(["id", "as_of"]).to_pylist()[:_SHOWN]:
        seen = judged.events["seen"][judged.events["id"].index(row["id"]).as_py()].as_py()
        known = "of no known time" if row["as_of"] is None else f"as of {when(row['as_of'])}"
        fix = "give the row as it was when the event was judged"
        leaks.append(
            Fault(f"the feature row is {known}, its event was seen at {when(seen)}", f"event {row['id']}", fix)
        )
    if leaks:
        count = pc.sum(later).as_py() or 0
        more = [Fault(f"{count - _SHOWN:,} more feature rows are of a later time")] if count > _SHOWN else []
        raise RefusedError([*leaks, *more])
    return chosen.select(features.schema.names).cast(features.schema)


def when(at: int) -> str:
    """A time in microseconds as ISO 8601."""
    return f"{np.datetime64(at, 'us')}Z"


def _last_until(
    asked: Sequence[Question], events: Events, column: str
) -> tuple[dict[Question, int], dict[str, tuple[int, str]]]:
    """The row of each subject's last event until a time, by (seen, id), and each subject's first event."""
    until: dict[str, dict[Question, float]] = defaultdict(dict)
    for subject, at in asked:
        until[subject][subject, at] = math.inf if at is None else at
    wanted = pa.array(list(until), pa.string())
    best: dict[Question, tuple[int, str, int]] = {}
    first: dict[str, tuple[int, str]] = {}
    before = 0
    for batch in events():
        subjects = named(batch.column(column)) if column == "actor" else batch.column(column)
        places = np.flatnonzero(pc.is_in(subjects, wanted).to_numpy(zero_copy_only=False))
        mine = (
            values.take(pa.array(places)).to_pylist() for values in (subjects, batch.column("seen"), batch.column("id"))
        )
        for place, subject, seen, id_ in zip(places.tolist(), *mine, strict=True):
            first[subject] = min(first.get(subject, (seen, id_)), (seen, id_))
            for question, limit in until[subject].items():
                if seen <= limit:
                    here = (seen, id_, before + place)
                    best[question] = max(best.get(question, here), here)
        before += len(batch)
    return {question: row for question, (_, _, row) in best.items()}, first


def _unanswered(
    asked: Sequence[Question],
    found: Mapping[Question, int],
    first: Mapping[str, tuple[int, str]],
    leave_out: bool,
) -> tuple[str, ...]:
    """Raises for labels whose subject did nothing until then, or says how many they are."""
    without = list(dict.fromkeys(question for question in asked if question not in found))
    unknown = [subject for subject, _ in without if subject not in first]
    early = [(subject, at) for subject, at in without if subject in first and at is not None]
    advice = "or leave such labels out: leave_out=True"
    if early and not leave_out:
        faults = [
            Fault(
                f"the label was given at {when(at)}, before event {first[subject][1]} was seen at "
                f"{when(first[subject][0])}, the first that is known of it: all of it came later than the judgement",
                subject,
                f"give the events until then, {advice}",
            )
            for subject, at in early[:_SHOWN]
        ]
        more = len(early) - _SHOWN
        raise RefusedError([*faults, *([Fault(f"{more:,} more labels were given too early")] if more > 0 else [])])
    if unknown and not leave_out:
        raise UserError(
            "there is no event of what labels judge", where=some(unknown, "subject"), fix=f"give its events, {advice}"
        )
    left = ((unknown, "of which there is no event"), (early, "judged before their first event was seen"))
    return tuple(f"labels were left out of {len(who):,} subjects {why}" for who, why in left if who)


def _taken(events: Events, rows: npt.NDArray[np.int64]) -> pa.Table:
    """These rows of a history, in its order."""
    taken, before = [], 0
    for batch in events():
        wanted = rows[(rows >= before) & (rows < before + len(batch))] - before
        if len(wanted):
            taken.append(batch.take(pa.array(wanted)))
        before += len(batch)
    return pa.Table.from_batches(taken, EVENT_SCHEMA)


def _claims(labels: pa.Table, ids: pa.ChunkedArray) -> pa.Table:
    """Labels in LABEL_SCHEMA, of the events with these ids."""
    known = {name: labels[name] for name in labels.schema.names} | {"event_id": ids}
    known.setdefault("votes", pa.array(np.ones(len(labels), np.int32)))
    columns = [
        known[field.name] if field.name in known else pa.nulls(len(labels), field.type) for field in LABEL_SCHEMA
    ]
    return pa.table(columns, names=LABEL_SCHEMA.names).cast(LABEL_SCHEMA)


def _coded(events: Events, features: FeatureSet, scores: Sequence[ContentScores]) -> Iterator[pa.RecordBatch]:
    """A whole history as its windows need it, rows numbered from 0."""
    first = 0
    for batch in events():
        columns = features.compute(batch)
        for name, column in score_columns(batch, features, scores):
            columns = columns.append_column(name, column)
        yield features.plan.code(batch, columns, first)
        first += len(batch)


def _one_batch(table: pa.Table) -> pa.RecordBatch:
    batches = table.combine_chunks().to_batches()
    return batches[0] if batches else pa.RecordBatch.from_pylist([], schema=table.schema)


def _is_among(column: pa.Array, rows: npt.NDArray[np.int64]) -> pa.Array:
    return pa.array(np.isin(column.to_numpy(zero_copy_only=False), rows, assume_unique=True))


def _require_columns(rows: pa.Table, features: FeatureSet) -> None:
    faults = []
    for field in pa.schema([("id", pa.string()), ("as_of", pa.int64()), *features.schema]):
        if field.name not in rows.schema.names:
            fix = suggestion(field.name, rows.schema.names)
            faults.append(Fault(f"the feature rows have no column '{field.name}'", fix=fix))
        elif rows.schema.field(field.name).type != field.type:
            kind = rows.schema.field(field.name).type
            faults.append(Fault(f"the feature column '{field.name}' is {kind}", fix=f"give it as {field.type}"))
    if faults:
        raise UserError(faults)


def _require_rows(judged: Judged, rows: pa.Table, place: pa.Array) -> None:
    missing = judged.events["id"].filter(pc.is_null(place)).to_pylist()
    if missing:
        raise UserError(
            "no feature row is given of events that labels judge", where=some(missing, "event"), fix="give all of them"
        )
    repeated = [id_ for id_, count in Counter(rows["id"].to_pylist()).items() if count > 1]
    if repeated:
        raise UserError("events have two feature rows", where=some(repeated, "event"), fix="keep the one that was used")
