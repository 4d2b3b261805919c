"""Errors named by who must act, each with what is wrong, where, and the next step."""

import difflib
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


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that a misspelt one most likely means, whatever its capitals, or None."""
    folded = {other.casefold(): other for other in known}
    close = difflib.get_close_matches(word.casefold(), folded, n=1, cutoff=0.55)
    return folded[close[0]] if close else None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """The beginning of a next step, with a space behind it; empty where nothing known is near."""
    near = nearest(word, known)
    return f"did you mean '{near}'? " if near else ""


def suggestion(word: str, known: Iterable[str]) -> str:
    """The next step for a misspelt word: the nearest known one, else all of them."""
    names = sorted(known)
    return did_you_mean(word, names).rstrip() or f"known: {', '.join(names)}"


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
