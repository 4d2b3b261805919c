"""Errors named by who must act, each with what is wrong, where, and the next step."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong: what it is, where it stands, and what to do next."""

    what: str
    where: str = ""
    fix: str = ""

    def __str__(self) -> str:
        text = f"{self.where}: {self.what}" if self.where else self.what
        return f"{text}\n    → {self.fix}" if self.fix else text


class GatehouseError(Exception):
    """Base of all errors that a person reads; holds every fault found, not only the first."""

    exit_code = 3

    def __init__(self, what: str | Iterable[Fault], *, where: str = "", fix: str = "") -> None:
        self.faults: tuple[Fault, ...] = (Fault(what, where, fix),) if isinstance(what, str) else tuple(what)
        super().__init__("\n".join(str(fault) for fault in self.faults))


class RefusedError(GatehouseError):
    """A gate or a rule of safety said no (exit code 1)."""

    exit_code = 1


class UserError(GatehouseError):
    """The user must mend something: a file, an option, a name (exit code 2)."""

    exit_code = 2


class OutsideError(GatehouseError):
    """Something outside failed: a disk, a network, a database (exit code 3)."""

    exit_code = 3


class Faults:
    """Gathers what is wrong in several parts, so that a person sees all of it at once."""

    def __init__(self) -> None:
        self.found: list[Fault] = []

    def add(self, what: str, where: str = "", fix: str = "") -> None:
        """Note one fault."""
        self.found.append(Fault(what, where, fix))

    @contextmanager
    def gather(self) -> Iterator[None]:
        """Note the faults of a UserError raised inside, and go on."""
        try:
            yield
        except UserError as error:
            self.found.extend(error.faults)

    def raise_found(self) -> None:
        """Raise one UserError with all that was noted, if anything was."""
        if self.found:
            raise UserError(self.found)
