"""Scores of a detector that become features of later events, and which model gave each of them."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gatehouse.errors import Fault, RefusedError, UserError
from gatehouse.features.define import FeatureSet, ScoreColumn
from gatehouse.text.hashing import hash64

_SHOWN = 10


@dataclass(frozen=True, eq=False)
class Fitted:
    """The rows that one model was fitted on: their ids, and who wrote them."""

    ids: pa.Array
    authors: pa.Array

    def saw(self, ids: pa.Array, authors: pa.Array) -> npt.NDArray[np.bool_]:
        """Which events, or whose authors, the model was fitted on, bool [n]."""
        known = pc.or_(pc.is_in(ids, self.ids), pc.is_in(named(authors), named(self.authors).drop_null()))
        found: npt.NDArray[np.bool_] = known.to_numpy(zero_copy_only=False)
        return found


@dataclass(frozen=True, eq=False)
class ContentScores:
    """What a detector says of events: `values` has `id`, `model` (a place in `fitted`), and a column for each label.

    Labels are calibrated probabilities, null where the detector did not score. An event that another model of the same
    detector is asked about is added to `values` with that model's place.
    """

    detector: str
    values: pa.Table
    fitted: tuple[Fitted, ...]
    _ids: pa.Array = field(init=False)

    def __post_init__(self) -> None:
        told = pc.is_in(self.values["model"].cast(pa.int64()), pa.array(range(len(self.fitted)), pa.int64()))
        if not pc.all(told).as_py():
            what = f"scores of {self.detector} do not say which model they are by"
            raise UserError(what, fix="give each a place in `fitted`")
        object.__setattr__(self, "_ids", self.values["id"].combine_chunks())

    def places(self, events: pa.RecordBatch) -> pa.Array:
        """Where each event stands in `values`; null where it does not."""
        return pc.index_in(events.column("id"), self._ids)

    def seen(self, events: pa.RecordBatch) -> npt.NDArray[np.bool_]:
        """Which events have a score by a model that was fitted on them or on their actor, bool [n]."""
        model = pc.fill_null(self.values["model"].combine_chunks().take(self.places(events)), -1).to_numpy()
        found = np.zeros(len(events), np.bool_)
        for place, fitted in enumerate(self.fitted):
            mine = np.flatnonzero(model == place)
            ids, actors = (events.column(name).take(pa.array(mine)) for name in ("id", "actor"))
            found[mine] = fitted.saw(ids, actors)
        return found


def named(entities: pa.Array | pa.ChunkedArray) -> pa.Array:
    """References written `kind:id`; one without a kind is an account."""
    plain = entities.combine_chunks() if isinstance(entities, pa.ChunkedArray) else entities
    return pc.if_else(pc.match_substring(plain, ":"), plain, pc.binary_join_element_wise("account", plain, ":"))


def text_keys(normalised: pa.Array) -> pa.Array:
    """The same string for equal normalised texts; null where there is no text."""
    blank = pc.fill_null(pc.equal(pc.utf8_trim_whitespace(normalised), ""), True)
    return pc.if_else(blank, None, pa.array(hash64(normalised)).cast(pa.string()))


def score_columns(
    events: pa.RecordBatch, features: FeatureSet, scores: Sequence[ContentScores]
) -> Iterator[tuple[str, pa.Array]]:
    """The declared scores of a batch, as windows count them: whole thousandths (int64), null where not scored."""
    for declared in features.scores:
        given = _of(declared, scores)
        said = given.values[declared.label].combine_chunks().take(given.places(events))
        thousandths = pc.floor(pc.add(pc.multiply(said.cast(pa.float64()), 1_000.0), 0.5))
        yield declared.name, thousandths.cast(pa.int64())


def refuse_seen(batches: Iterable[pa.RecordBatch], features: FeatureSet, scores: Sequence[ContentScores]) -> None:
    """Go through a history before its scores are counted.

    Raises RefusedError, naming events, where a score is by a model that was fitted on the event or its actor: it would
    be surer than any live score. Raises UserError where an event with a text has no score of a declared detector.
    """
    used = list({id(one): one for one in (_of(declared, scores) for declared in features.scores)}.values())
    leaks: dict[str, list[str]] = {one.detector: [] for one in used}
    missing: dict[str, list[str]] = {one.detector: [] for one in used}
    for batch in batches:
        for one in used:
            leaks[one.detector] += batch.column("id").filter(pa.array(one.seen(batch))).to_pylist()
            unknown = pc.and_(pc.is_null(one.places(batch)), pc.is_valid(batch.column("text")))
            missing[one.detector] += batch.column("id").filter(unknown).to_pylist()
    if any(leaks.values()):
        raise RefusedError(
            Fault(
                f"{detector} was fitted on the very events whose scores are to be features, or on their authors",
                some(ids, "event"),
                "take out-of-fold scores: gatehouse.training.out_of_fold.scores",
            )
            for detector, ids in leaks.items()
            if ids
        )
    if any(missing.values()):
        raise UserError(
            Fault(f"{detector} said nothing of events that have a text", some(ids, "event"), "score these events too")
            for detector, ids in missing.items()
            if ids
        )


def some(names: Sequence[str], noun: str) -> str:
    """The first ten of some things: `events e1, e2 and 3 more`."""
    more = f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else ""
    return f"{noun}{'s' if len(names) > 1 else ''} {', '.join(names[:_SHOWN])}{more}"


def _of(declared: ScoreColumn, scores: Sequence[ContentScores]) -> ContentScores:
    for given in scores:
        if given.detector == declared.detector and declared.label in given.values.schema.names:
            return given
    there = ", ".join(f"{one.detector} ({', '.join(one.values.schema.names[2:])})" for one in scores) or "none"
    raise UserError(
        f"no scores of {declared.detector} for the label '{declared.label}' are given for '{declared.name}'",
        fix=f"hand them in; given are: {there}",
    )
