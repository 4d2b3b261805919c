"""The files of banks: one JSON object a line, each an entry with an id and a label, checked as they are read."""

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from gatehouse.errors import Fault, UserError, suggestion

Wrong = Iterator[tuple[str, str]]
"""What is wrong with one line, each with what to do."""


class Entry(Protocol):
    """What every bank knows of one of its entries."""

    @property
    def id(self) -> str:
        """Its name, which is the evidence of a match."""
        ...

    @property
    def label(self) -> str:
        """What a match says."""
        ...

    @property
    def same(self) -> object:
        """What it is known by: two entries of one label may not share it."""
        ...


Some = TypeVar("Some", bound=Entry)


@dataclass(frozen=True)
class Form(Generic[Some]):
    """How the entries of one kind of bank are written.

    `wrong` looks at what a line says beside its id and label, `make` makes the entry of a line with nothing wrong in
    it; `example` is such a line, and `one` what two entries that say the same are (`one text`).
    """

    keys: Collection[str]
    wrong: Callable[[Mapping[str, Any]], Wrong]
    make: Callable[[Mapping[str, Any]], Some]
    example: str
    one: str


def read(text: str, where: str, form: Form[Some]) -> list[Some]:
    """The entries of a bank's file, in its order; raises UserError with every fault and its line."""
    entries: dict[str, Some] = {}
    known: dict[tuple[object, str], str] = {}
    faults: list[Fault] = []
    for line, said in _lines(text, where, faults):
        wrong = list(_wrong(said, form))
        if not wrong:
            entry = form.make(said)
            if entry.id in entries:
                wrong.append((f"entry '{entry.id}' is there twice", "give each entry an id of its own"))
            elif same := known.get((entry.same, entry.label)):
                wrong.append((f"entry '{entry.id}' says the same as '{same}'", f"remove one: they are {form.one}"))
            else:
                entries[entry.id] = entry
                known[entry.same, entry.label] = entry.id
        faults += [Fault(what, f"{where}:{line}", fix) for what, fix in wrong]
    if faults:
        raise UserError(faults)
    return list(entries.values())


def _lines(text: str, where: str, faults: list[Fault]) -> Iterator[tuple[int, Any]]:
    """Number and value of each line that is JSON; notes the others."""
    for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), start=1):
        if not line.strip():
            continue
        try:
            yield number, json.loads(line)
        except json.JSONDecodeError as error:
            what = f"not valid JSON: {error.msg}"
            faults.append(Fault(what, f"{where}:{number}:{error.colno}", "write one JSON object a line"))
        except RecursionError:
            faults.append(Fault("nested too deeply to be read", f"{where}:{number}", "an entry has no lists"))


def _wrong(said: Any, form: Form[Some]) -> Wrong:
    if not isinstance(said, dict):
        yield "not a JSON object", f"write {form.example}"
        return
    for key in said:
        if key not in form.keys:
            yield f"unknown key '{key}'", suggestion(key, form.keys)
    for key in ("id", "label"):
        if not is_text(said.get(key)):
            yield f"'{key}' must be text with something in it", f'write "{key}": "..."'
    yield from form.wrong(said)


def is_text(value: Any) -> bool:
    """Whether a value is text with something in it that can be written as UTF-8."""
    if not isinstance(value, str) or not value.strip():
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in value


def not_within(said: Mapping[str, Any], key: str, least: float, most: float, *, whole: bool = False) -> Wrong:
    """The fault of a number that is none or outside its range; none where the line does not give it."""
    if key not in said:
        return
    value = said[key]
    numbers = (int,) if whole else (int, float)
    if type(value) not in numbers or not least <= value <= most:
        kind = "a whole number" if whole else "a number"
        yield f"'{key}' must be {kind} from {least:g} to {most:g}", f'leave it out or write "{key}": {most:g}'


def labels_of(entries: Collection[Entry], more: Collection[str]) -> tuple[str, ...]:
    """The labels that a bank speaks of: those of its entries, and those that it is asked for while it has none."""
    return tuple(sorted({*(entry.label for entry in entries), *more}))
