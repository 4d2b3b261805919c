"""What a check of a user's file found, for people and for programs."""

import textwrap
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

_SHOWN = 10


@dataclass(frozen=True, eq=False)
class Finding:
    """One kind of fault with all the rows that have it, by the numbers under which they stand in the file.

    `places` are those rows' places among the records that could be read. `removable` says that the file is sound
    once these rows are left out; other errors concern the file as a whole.
    """

    kind: str
    severity: Literal["error", "warning"]
    what: str
    fix: str
    rows: npt.NDArray[np.int64]
    places: npt.NDArray[np.int64]
    removable: bool = False

    @property
    def count(self) -> int:
        """How many rows have it."""
        return len(self.rows)


@dataclass(frozen=True, eq=False)
class Report:
    """Everything that was found, worst first; `labels` are counts of yes, no and unknown."""

    path: str
    records: int
    columns: dict[str, str]
    label_columns: dict[str, str]
    guessed: frozenset[str]
    labels: dict[str, tuple[int, int, int]]
    findings: tuple[Finding, ...]

    @property
    def errors(self) -> tuple[Finding, ...]:
        """What must be mended before the file can become a data set."""
        return tuple(finding for finding in self.findings if finding.severity == "error")

    def text(self, width: int = 100) -> str:
        """The report as a person reads it."""
        warnings = len(self.findings) - len(self.errors)
        found = f"{_counted(len(self.errors), 'error')}, {_counted(warnings, 'warning')}"
        blocks = [f"{self.path}: {_counted(self.records, 'record')}, {found}", *self._head(width)]
        for finding in self.findings:
            blocks += ["", *_lines(finding, width)]
        if any(finding.removable for finding in self.errors):
            blocks += ["", "To import the file without the records at fault: gatehouse data import --leave-out"]
        if not self.findings:
            blocks += ["", "Nothing is wrong with it."]
        return "\n".join(blocks)

    def data(self) -> dict[str, Any]:
        """The report for programs; `rows` are the first ten of `count`."""
        return {
            "file": self.path,
            "records": self.records,
            "columns": self.columns,
            "label_columns": self.label_columns,
            "guessed": sorted(self.guessed),
            "labels": {
                name: {"yes": yes, "no": no, "unknown": unknown} for name, (yes, no, unknown) in self.labels.items()
            },
            "findings": [
                {
                    "kind": finding.kind,
                    "severity": finding.severity,
                    "what": finding.what,
                    "rows": finding.rows[:_SHOWN].tolist(),
                    "count": finding.count,
                    "fix": finding.fix,
                }
                for finding in self.findings
            ],
        }

    def _head(self, width: int) -> list[str]:
        taken = [f"{wanted} = {column}" for wanted, column in self.columns.items()]
        lines = textwrap.wrap("columns  " + ", ".join(taken), width - 2, subsequent_indent=" " * 9)
        for name, (yes, no, unknown) in self.labels.items():
            of = f"label    {self.label_columns[name]}: {yes:,} yes, {no:,} no"
            lines.append(of + (f", {unknown:,} unknown" if unknown else ""))
        if self.guessed:
            guessed = f"guessed  {', '.join(sorted(self.guessed))}: say otherwise with --map and --label"
            lines += textwrap.wrap(guessed, width - 2, subsequent_indent=" " * 9)
        return [f"  {line}" for line in lines]


def _lines(finding: Finding, width: int) -> list[str]:
    mark = finding.severity.upper().ljust(9)
    lines = textwrap.wrap(mark + finding.what, width, subsequent_indent=" " * 9)
    if finding.count:
        shown = ", ".join(map(str, finding.rows[:_SHOWN]))
        more = f" and {finding.count - _SHOWN:,} more" if finding.count > _SHOWN else ""
        lines.append(f"         {'rows' if finding.count > 1 else 'row'} {shown}{more}")
    return lines + textwrap.wrap(finding.fix, width, initial_indent=" " * 9 + "→ ", subsequent_indent=" " * 11)


def _counted(n: int, word: str) -> str:
    return f"{n:,} {word}{'' if n == 1 else 's'}"
