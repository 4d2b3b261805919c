"""Deeds: what was done to simulated acts and accounts, and the tables of it, of the looks and of the appeals."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gatehouse.records.enforcement import Kind
from gatehouse.simulation.acts import NONE
from gatehouse.simulation.appeals import Contested
from gatehouse.simulation.reviewers import Reviews
from gatehouse.simulation.world import NEVER

MACHINE = -1
STRIKES = -2
"""Who did it where no reviewer did, in the column `by` of deeds."""


@dataclass(frozen=True, eq=False)
class Deeds:
    """n deeds in the order in which they were done: the act (NONE where an account was suspended), whose it is, when,
    of which Kind, by whom (a reviewer's number, MACHINE or STRIKES), and when it was undone (NEVER)."""

    serial: npt.NDArray[np.int64]
    actor: npt.NDArray[np.int32]
    at: npt.NDArray[np.int64]
    kind: npt.NDArray[np.uint8]
    by: npt.NDArray[np.int32]
    undone: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.serial)

    @classmethod
    def of(
        cls, serial: npt.ArrayLike, actor: npt.ArrayLike, at: npt.ArrayLike, kind: Kind, by: npt.ArrayLike
    ) -> "Deeds":
        """Deeds of one kind, none of them undone; one value stands for all."""
        said = {"serial": serial, "at": at, "kind": kind, "by": by, "undone": NEVER, "actor": actor}
        columns: dict[str, npt.NDArray[Any]] = {
            name: np.broadcast_to(np.asarray(value, _TYPES[name]), np.shape(actor)).copy()
            for name, value in said.items()
        }
        return cls(**columns)

    def and_then(self, more: "Deeds") -> "Deeds":
        """These and others after them."""
        return Deeds(*(np.concatenate([getattr(self, one.name), getattr(more, one.name)]) for one in fields(Deeds)))

    def take(self, rows: npt.NDArray[np.int64] | npt.NDArray[np.bool_]) -> "Deeds":
        """Some of the deeds: by their places, or by a mask."""
        return Deeds(*(getattr(self, one.name)[rows] for one in fields(Deeds)))


_TYPES: dict[str, type] = {
    **dict.fromkeys(("serial", "at", "undone"), np.int64),
    **dict.fromkeys(("actor", "by"), np.int32),
    "kind": np.uint8,
}


def no_deeds() -> Deeds:
    """Nothing was done."""
    return Deeds.of([], np.empty(0), [], Kind.NONE, [])


def tables(deeds: Deeds, looks: Sequence[Reviews], appeals: Contested, until: int) -> dict[str, pa.Table]:
    """Tables `enforced`, `reviews` and `appeals` of what happened before a time; `event` is a serial number.

    `event` is null where an account was suspended. Nothing in them says whether a deed was right: see the truth.
    """
    return {"enforced": _enforced(deeds), "reviews": _reviews(looks), "appeals": _appeals(deeds, appeals, until)}


def _enforced(deeds: Deeds) -> pa.Table:
    return pa.table(
        {
            **_subject(deeds),
            "at": deeds.at,
            "kind": _KINDS.take(pa.array(deeds.kind)),
            "by": _who(deeds.by),
            "undone_at": pa.array(deeds.undone, mask=deeds.undone == NEVER),
        }
    )


def _reviews(looks: Sequence[Reviews]) -> pa.Table:
    columns = {
        one.name: np.concatenate([np.empty(0, np.int64), *(getattr(look, one.name) for look in looks)])
        for one in fields(Reviews)
    }
    order = np.lexsort((columns["serial"], columns["at"]))
    columns = {name: column[order] for name, column in columns.items()}
    return pa.table(
        {
            "event": columns["serial"],
            "rater": _who(columns["rater"]),
            "value": columns["value"].astype(np.int8),
            "opened_at": columns["opened"],
            "at": columns["at"],
            "minutes": columns["minutes"].astype(np.float64),
        }
    )


def _appeals(deeds: Deeds, appeals: Contested, until: int) -> pa.Table:
    appeals = appeals.take(np.lexsort((appeals.deed, appeals.at)))
    appeals = appeals.take(appeals.at < until)
    pending = appeals.decided >= until
    about = deeds.take(appeals.deed)
    return pa.table(
        {
            **_subject(about),
            "kind": _KINDS.take(pa.array(about.kind)),
            "at": appeals.at,
            "decided_at": pa.array(appeals.decided, mask=pending),
            "upheld": pa.array(appeals.upheld, mask=pending),
            "rater": _who(appeals.rater),
            "minutes": pa.array(np.where(pending, 0.0, appeals.minutes)),
        }
    )


def _subject(deeds: Deeds) -> Mapping[str, Any]:
    return {"event": pa.array(deeds.serial, mask=deeds.serial == NONE), "actor": deeds.actor}


_KINDS = pa.array([kind.word for kind in Kind], pa.string())


def _who(by: npt.NDArray[Any]) -> pa.Array:
    """Who did something: `machine`, `strikes`, or `reviewer:3`."""
    numbers, place = np.unique(by, return_inverse=True)
    told = {MACHINE: "machine", STRIKES: "strikes"}
    return pa.array([told.get(int(one), f"reviewer:{int(one)}") for one in numbers], pa.string()).take(pa.array(place))
