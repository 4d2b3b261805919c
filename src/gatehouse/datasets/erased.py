"""What was erased of a frozen data set or an imported history: a note beside it, read whenever it is opened."""

from pathlib import Path

import msgspec

from gatehouse.errors import OutsideError

NOTE = "erased.json"


class ErasedRows(msgspec.Struct, frozen=True, kw_only=True):
    """How many rows and claims were erased since it was frozen, the last time when, and the version of what is left.

    The data set keeps the version as which it was frozen, so that what was learnt from it still says so.
    """

    rows: int
    claims: int
    at: int
    content: str

    def said(self, noun: str = "row") -> str:
        """It as a sentence."""
        what = f"1 {noun} was" if self.rows == 1 else f"{self.rows:,} {noun}s were"
        return f"{what} erased since it was frozen; figures from before counted them"


def read(folder: Path) -> ErasedRows | None:
    """The note in a folder; None where nothing was erased. Raises OutsideError where it cannot be read."""
    path = folder / NOTE
    try:
        return msgspec.json.decode(path.read_bytes(), type=ErasedRows) if path.exists() else None
    except (msgspec.MsgspecError, OSError) as error:
        what = f"the note of what was erased cannot be read ({error})"
        raise OutsideError(what, where=str(path), fix="bring it back from a copy, or build the set again") from None
