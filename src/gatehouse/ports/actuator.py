"""What the house asks of whatever carries out an enforcement on the platform."""

from typing import Protocol

from gatehouse.errors import OutsideError
from gatehouse.records.enforcement import Enforcement


class NotDoneError(OutsideError):
    """It is not known to have happened; `after` is in how many seconds the platform wants to be asked again."""

    def __init__(self, what: str, *, where: str = "", fix: str = "", after: float | None = None) -> None:
        self.after = after
        super().__init__(what, where=where, fix=fix)


class Actuator(Protocol):
    """Carries out enforcements; the same idempotency key twice has one effect. Safe to call from several threads."""

    def act(self, enforcement: Enforcement, key: str) -> str:
        """Carry it out (or take back the one that it `undoes`) and give back a receipt.

        Raises OutsideError where it is not known to have happened: it is tried again under the same key. Raises
        RefusedError where the platform will never do it.
        """
        ...
