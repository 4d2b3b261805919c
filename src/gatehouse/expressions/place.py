"""Where an expression stands in its file, and how a fault in it is shown."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gatehouse.errors import Fault

_WIDTH = 100
"""Longer lines are shown only around the caret."""


@dataclass(frozen=True)
class Problem:
    """One fault of an expression, for the characters [start, end) of its text."""

    start: int
    end: int
    what: str
    fix: str = ""


@dataclass(frozen=True)
class Place:
    """The file an expression stands in, and the line and column there (from 1) of each of its characters."""

    where: str
    locate: Callable[[int], tuple[int, int]]

    @classmethod
    def of(cls, text: str, where: str, line: int = 1) -> "Place":
        """The place of a text whose first character stands in column 1 of this line."""

        def locate(offset: int) -> tuple[int, int]:
            before = text[:offset]
            return line + before.count("\n"), offset - (before.rfind("\n") + 1) + 1

        return cls(where, locate)

    def faults(self, text: str, problems: Sequence[Problem]) -> list[Fault]:
        """The problems in reading order, each with its line and column and the text with a caret under it."""
        shown = []
        for problem in sorted(problems, key=lambda problem: (problem.start, problem.end)):
            line, column = self.locate(min(problem.start, max(len(text) - 1, 0)))
            if problem.start >= len(text) > 0:  # what is missing at the end stands just behind the last character
                column += 1
            what = f"{problem.what}\n{_caret(text, problem.start, problem.end)}"
            shown.append(Fault(what, f"{self.where}:{line}:{column}", problem.fix))
        return shown


def _caret(text: str, start: int, end: int) -> str:
    first = text.rfind("\n", 0, start) + 1
    last = text.find("\n", start)
    line = text[first : last if last >= 0 else len(text)].replace("\t", " ")
    at = start - first
    length = max(1, min(end, first + len(line)) - start)
    if len(line) > _WIDTH:
        left = max(0, at - _WIDTH // 2)
        cut = line[left : left + _WIDTH]
        line = ("…" if left else "") + cut + ("…" if left + _WIDTH < len(line) else "")
        at = at - left + (1 if left else 0)
        length = min(length, max(1, len(line) - at))
    return f"    {line}\n    {' ' * at}{'^' * length}"
