"""The queue of open cases: what was most likely reported rightly comes first, and nothing is ever left out. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Self

import msgspec

from gatehouse.errors import UserError
from gatehouse.policies.standing import PRIOR, doubt
from gatehouse.ports.cases import Spoken
from gatehouse.records.standing import Reporter

APPEALED = PRIOR[1] / sum(PRIOR)
"""The doubt of a case that an appeal opened: as of one report by somebody of whom nothing is known."""

UNREPORTED = 1.0
"""The doubt of a case for which nobody but a policy or a draw spoke: it comes after all reported ones."""


@dataclass(frozen=True, order=True)
class Place:
    """A case's place in the queue: the least doubt first, then whichever was opened first (microseconds UTC)."""

    doubt: float
    opened: int
    case_id: str

    def __str__(self) -> str:
        return msgspec.json.encode([self.doubt, self.opened, self.case_id]).hex()

    @classmethod
    def parse(cls, text: str) -> Self:
        """The place that a cursor says; raises UserError for what is none."""
        try:
            doubt, opened, case_id = msgspec.json.decode(bytes.fromhex(text), type=tuple[float, int, str])
        except (ValueError, msgspec.MsgspecError):
            doubt, opened, case_id = 0.0, 0, "\0"
        if "\0" in case_id or not 0 <= opened < 1 << 63:
            raise UserError("the cursor is none that an answer gave", where="after", fix="leave it out")
        return cls(doubt, opened, case_id)


def in_order(cases: Iterable[Spoken], known: Mapping[str, Reporter]) -> list[Place]:
    """The places of cases, first to last; `known` is how the reporters' earlier reports ended."""
    return sorted(Place(_doubt(one, known), one.opened, one.case_id) for one in cases)


def _doubt(case: Spoken, known: Mapping[str, Reporter]) -> float:
    return min(doubt(case.reporters, known), APPEALED if case.appeal else UNREPORTED)
