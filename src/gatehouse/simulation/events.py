"""Acts as events: numbers become names, and what a platform says of an account at that time becomes attributes."""

import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gatehouse.records.event import EVENT_SCHEMA
from gatehouse.simulation.acts import NONE, Act
from gatehouse.simulation.cast import DAY
from gatehouse.simulation.platform import Simulated

_ROWS = 131_072
_SAID = (Act.POST, Act.COMMENT, Act.REPOST)


class Names:
    """The names of a simulation's accounts and events, and the order of its events by time."""

    def __init__(self, simulated: Simulated) -> None:
        self.order: npt.NDArray[np.int64] = np.argsort(simulated.acts.at, kind="stable")
        self._accounts = _padded("account:u", len(simulated.world), 6)

    def accounts(self, numbers: npt.NDArray[Any]) -> pa.Array:
        """Accounts as entities; null for NONE."""
        return self._accounts.take(pa.array(numbers, pa.int64(), mask=numbers == NONE))

    def events(self, serials: npt.NDArray[Any]) -> pa.Array:
        """Ids of events by their serial numbers; null for NONE."""
        digits = pc.utf8_lpad(pa.array(serials, pa.int64(), mask=serials == NONE).cast(pa.string()), 8, "0")
        return pc.binary_join_element_wise("e", digits, "")


def batches(simulated: Simulated, names: Names) -> Iterator[pa.RecordBatch]:
    """All acts as events in EVENT_SCHEMA, in order of their times."""
    says, roots, pool = _Standing(simulated), _roots(simulated.acts.parent), simulated.texts.pool()
    tongues, zeros = pa.array(simulated.texts.languages, pa.string()), pa.scalar(0, pa.int64())
    kinds = pa.array([act.name.lower() for act in Act], pa.string())
    for start in range(0, len(names.order), _ROWS):
        rows = names.order[start : start + _ROWS]
        acts, n = simulated.acts.take(rows), len(rows)
        at = pa.array(acts.at)
        in_thread = np.isin(acts.kind, (Act.POST, Act.COMMENT, Act.MESSAGE))
        spoken = np.minimum(simulated.world["language"][acts.actor], len(tongues) - 1)
        columns = {
            "id": names.events(rows),
            "kind": kinds.take(pa.array(acts.kind)),
            "text": pool.take(_numbers(acts.text)),
            "language": tongues.take(pa.array(spoken, pa.int64(), mask=acts.text == NONE)),
            "occurred": at,
            "seen": at,
            "imported": pa.repeat(pa.scalar(True), n),
            "actor": names.accounts(acts.actor),
            "target": pc.coalesce(names.accounts(acts.target), _joined("item:i", acts.item)),
            "parent": names.events(acts.parent),
            "thread": names.events(np.where(in_thread, roots[rows], NONE)),
            "revision": pa.repeat(zeros, n),
            "address": _joined("ip", _own(acts.address, simulated.world["address"], acts.actor)),
            "device": _joined("d", _own(acts.device, simulated.world["device"], acts.actor)),
            "amount": _numbers(acts.amount),
            "attributes": says.attributes(acts.actor, acts.at, np.where(acts.target == NONE, NONE, acts.item)),
        }
        given = [columns[field.name] if field.name in columns else pa.nulls(n, field.type) for field in EVENT_SCHEMA]
        yield pa.RecordBatch.from_arrays(given, schema=EVENT_SCHEMA)


def _roots(parent: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Where the thread of each act begins: itself where it answers nothing."""
    root = np.where(parent == NONE, np.arange(len(parent)), parent)
    while not np.array_equal(further := root[root], root):
        root = further
    return root


def _own(said: npt.NDArray[np.int32], own: npt.NDArray[np.int32], who: npt.NDArray[np.int32]) -> npt.NDArray[np.int64]:
    """Numbers of addresses or devices; an account that has none is given one that nobody else has."""
    of_account = np.where(own[who] == NONE, (1 << 32) + who.astype(np.int64), own[who])
    return np.where(said == NONE, of_account, said)


class _Standing:
    """What the platform says of its accounts as time goes by."""

    def __init__(self, simulated: Simulated) -> None:
        acts, world = simulated.acts, simulated.world
        self._start, n = simulated.start, len(world)
        follows = (acts.kind == Act.FOLLOW) & (acts.target >= 0)
        pairs = np.flatnonzero(follows)
        pairs = pairs[np.argsort(acts.at[pairs], kind="stable")]
        # To follow somebody again changes nothing.
        _, first = np.unique(acts.actor[pairs].astype(np.int64) << 32 | acts.target[pairs], return_index=True)
        new = pairs[first]
        self._followed = self._keys(acts.target[new], acts.at[new])
        self._following = self._keys(acts.actor[new], acts.at[new])
        said = np.isin(acts.kind, _SAID)
        self._statuses = self._keys(acts.actor[said], acts.at[said])
        self._before = {
            "followers": np.maximum(0, world["followers"] - np.bincount(acts.target[new], minlength=n)),
            "following": np.maximum(0, world["following"] - np.bincount(acts.actor[new], minlength=n)),
            "statuses": _earlier_statuses(simulated),
        }
        plain = pa.array(np.where(world["pictured"], "false", "true"))
        created = pa.array(world["created"]).cast(pa.string())
        self._begins = pc.binary_join_element_wise(
            '{"created_at":', created, ',"default_profile_image":', plain, ',"followers_count":', ""
        )

    def attributes(
        self, who: npt.NDArray[np.int32], at: npt.NDArray[np.int64], item: npt.NDArray[np.int32]
    ) -> pa.Array:
        """JSON objects of what was so just before these times; `item` is told where it is not NONE."""
        counts = {
            name: pa.array(self._before[name][who] + self._so_far(keys, who, at)).cast(pa.string())
            for name, keys in (
                ("followers", self._followed),
                ("following", self._following),
                ("statuses", self._statuses),
            )
        }
        items = pc.binary_join_element_wise(',"item":"i', _numbers(item).cast(pa.string()), '"', "")
        return pc.binary_join_element_wise(
            self._begins.take(pa.array(who)),
            counts["followers"],
            ',"friends_count":',
            counts["following"],
            pc.fill_null(items, ""),
            ',"statuses_count":',
            counts["statuses"],
            "}",
            "",
        )

    def _keys(self, who: npt.NDArray[np.int32], at: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Account and milliseconds since the start as one number, in order."""
        return np.sort(self._key(who, at))

    def _key(self, who: npt.NDArray[np.int32], at: npt.NDArray[np.int64] | int) -> npt.NDArray[np.int64]:
        return who.astype(np.int64) << 36 | (at - self._start) // 1_000

    def _so_far(
        self, keys: npt.NDArray[np.int64], who: npt.NDArray[np.int32], at: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.int64]:
        before = np.searchsorted(keys, self._key(who, at))
        return before - np.searchsorted(keys, self._key(who, self._start))


def _earlier_statuses(simulated: Simulated) -> npt.NDArray[np.int64]:
    """How much accounts had posted before the first day: by their age, and their activity where they have one."""
    rng = np.random.default_rng([simulated.seed, zlib.crc32(b"statuses")])
    world = simulated.world
    usual = rng.lognormal(-0.5, 1.0, len(world))
    days = np.maximum(0, simulated.start - world["created"]) / DAY
    a_day = 0.3 * np.where(world["activity"] > 0, world["activity"], usual)
    earlier: npt.NDArray[np.int64] = rng.poisson(a_day * days)
    return earlier


def _padded(letter: str, n: int, width: int) -> pa.Array:
    digits = pc.utf8_lpad(pa.array(np.arange(n)).cast(pa.string()), width, "0")
    return pc.binary_join_element_wise(letter, digits, "")


def _joined(letter: str, numbers: npt.NDArray[Any]) -> pa.Array:
    return pc.binary_join_element_wise(letter, _numbers(numbers).cast(pa.string()), "")


def _numbers(numbers: npt.NDArray[Any]) -> pa.Array:
    return pa.array(numbers, pa.int64(), mask=numbers == NONE)
