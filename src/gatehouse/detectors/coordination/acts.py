"""Events as acts: who did something to which thing, when; names become numbers once."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gatehouse.detectors.coordination.settings import MEANS, Settings
from gatehouse.detectors.coordination.texts import Sketches
from gatehouse.text.hashing import hash64

Numbers = npt.NDArray[np.int64]

_NONE = -1


@dataclass(frozen=True, eq=False)
class Acts:
    """Acts as columns, an event giving up to one for each means, in the order of thing, actor and time.

    `actor` and `thing` are numbers; `means` (int8) is a place in MEANS; `at` microseconds UTC; `event` the place of the
    event. `actors`, `things`, `ids` and `kinds` name the numbers; a text is named by the first event that holds it.
    `nobody` and `nothing` count events without an actor, and events with one that share nothing.
    """

    actor: Numbers
    thing: Numbers
    means: npt.NDArray[np.int8]
    at: Numbers
    event: Numbers
    actors: pa.Array
    things: pa.Array
    ids: pa.Array
    kinds: pa.DictionaryArray
    nobody: int
    nothing: int

    def __len__(self) -> int:
        return len(self.at)

    @cached_property
    def means_of(self) -> Numbers:
        """By what means each thing ties, a place in MEANS."""
        found = np.zeros(len(self.things), np.int64)
        found[self.thing] = self.means
        return found


def read(events: Callable[[], Iterable[pa.RecordBatch]], settings: Settings) -> Acts:
    """The acts of events in EVENT_SCHEMA, whose order does not matter."""
    columns: dict[str, list[pa.Array]] = {name: [] for name in ("actor", "target", "parent", "address", "kind")}
    times, ids, nobody = [np.empty(0, np.int64)], [], 0
    sketches = Sketches(settings.similar, settings.shortest)
    for batch in events():
        known = batch.filter(pc.is_valid(batch.column("actor")))
        nobody += len(batch) - len(known)
        for name, parts in columns.items():
            parts.append(known.column(name).cast(pa.string()).dictionary_encode())
        times.append(known.column("seen").to_numpy(zero_copy_only=False))
        ids.append(known.column("id").cast(pa.large_string()))
        sketches.add(known.column("text"))
    coded = {name: _one(parts) for name, parts in columns.items()}
    names = pa.concat_arrays(ids) if ids else pa.array([], pa.large_string())
    at = np.concatenate(times)
    shared = {
        "target": _targets(coded, names, settings),
        "text": _texts(sketches.numbers(), at, names),
        "address": (_codes(coded["address"]), coded["address"].dictionary),
    }
    return _joined({means: shared[means] for means in settings.means}, coded, names, at, nobody)


def _joined(
    shared: dict[str, tuple[Numbers, pa.Array]],
    coded: dict[str, pa.DictionaryArray],
    ids: pa.Array,
    at: Numbers,
    nobody: int,
) -> Acts:
    actor = _codes(coded["actor"])
    rows, things, means, called, first = [], [], [], [], 0
    for name, (thing, said) in shared.items():
        there = np.flatnonzero(thing != _NONE)
        rows.append(there)
        things.append(thing[there] + first)
        means.append(np.full(len(there), MEANS.index(name), np.int8))
        called.append(said.cast(pa.large_string()))
        first += len(said)
    event, thing, kind = np.concatenate(rows), np.concatenate(things), np.concatenate(means)
    order = np.lexsort((at[event], actor[event], thing))
    shares = np.zeros(len(at), np.bool_)
    shares[event] = True
    return Acts(
        actor=actor[event][order],
        thing=thing[order],
        means=kind[order],
        at=at[event][order],
        event=event[order],
        actors=coded["actor"].dictionary,
        things=pa.concat_arrays(called),
        ids=ids,
        kinds=coded["kind"],
        nobody=nobody,
        nothing=int((~shares).sum()),
    )


def _one(parts: list[pa.Array]) -> pa.DictionaryArray:
    """The parts of a column under one dictionary."""
    empty = pa.array([], pa.string()).dictionary_encode()
    whole = pa.chunked_array([*parts, empty]).unify_dictionaries()
    indices = pa.concat_arrays([part.indices for part in whole.chunks])
    return pa.DictionaryArray.from_arrays(indices, whole.chunks[0].dictionary)


def _codes(column: pa.DictionaryArray) -> Numbers:
    filled: Numbers = pc.fill_null(column.indices, _NONE).to_numpy(zero_copy_only=False).astype(np.int64)
    return filled


def _targets(coded: dict[str, pa.DictionaryArray], ids: pa.Array, settings: Settings) -> tuple[Numbers, pa.Array]:
    """What each event acts on: its target, else whoever did its parent, else the parent itself; never oneself."""
    target, parent, actor = (_codes(coded[name]) for name in ("target", "parent", "actor"))
    parents = coded["parent"].dictionary
    author = _authors(parents, ids, actor)
    called = pa.concat_arrays(
        [coded["target"].dictionary, coded["actor"].dictionary, pc.binary_join_element_wise("event", parents, ":")]
    ).dictionary_encode()
    number, n_targets, n_actors = _codes(called), len(coded["target"].dictionary), len(coded["actor"].dictionary)
    place = target.copy()
    answers = np.flatnonzero((target == _NONE) & (parent != _NONE))
    by = author[parent[answers]]
    place[answers] = n_targets + np.where(by == _NONE, n_actors + parent[answers], by)
    own = number[n_targets : n_targets + n_actors]
    found = np.where(place == _NONE, _NONE, number[place]) if len(number) else place
    found[found == own[actor]] = _NONE
    if settings.kinds is not None:
        counts = pc.is_in(coded["kind"].dictionary, pa.array(settings.kinds, pa.string())).to_numpy(
            zero_copy_only=False
        )
        found[~counts[_codes(coded["kind"])]] = _NONE
    return found, called.dictionary


def _authors(parents: pa.Array, ids: pa.Array, actor: Numbers) -> Numbers:
    """Who did each of these events, as numbers of actors, -1 where the events do not hold it."""
    if not len(parents) or not len(ids):
        return np.full(len(parents), _NONE, np.int64)
    hashes, asked = hash64(ids), hash64(parents)
    order = np.argsort(hashes)
    places = order[np.minimum(np.searchsorted(hashes[order], asked), len(order) - 1)]
    return np.where(hashes[places] == asked, actor[places], _NONE)


def _texts(numbers: Numbers, at: Numbers, ids: pa.Array) -> tuple[Numbers, pa.Array]:
    """Groups of texts numbered anew, each named by its first event."""
    told = np.flatnonzero(numbers != _NONE)
    told = told[np.argsort(at[told], kind="stable")]
    _, first, which = np.unique(numbers[told], return_index=True, return_inverse=True)
    found = np.full(len(numbers), _NONE, np.int64)
    found[told] = which
    return found, ids.take(pa.array(told[first], pa.int64()))
