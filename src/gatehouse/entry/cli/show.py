"""How commands show things: tables, progress and JSON, the same everywhere."""

import json
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import click
import msgspec
from rich import box
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

as_json = click.option("--json", "json_", is_flag=True, help="Print JSON instead of tables.")
"""The option that every command has."""


def now() -> int:
    """The time in microseconds UTC."""
    return time.time_ns() // 1_000


def day(at: int) -> str:
    """A time in microseconds as `2026-11-22 13:05 UTC`."""
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(at / 1e6))


def count(number: int, noun: str) -> str:
    """A number with its noun: `1 event`, `2,000 events`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def console() -> Console:
    """The console for what a command answers."""
    return Console(highlight=False, soft_wrap=False)


def print_json(value: Any) -> None:
    """One JSON document on standard output."""
    click.echo(json.dumps(msgspec.to_builtins(value), indent=2, ensure_ascii=False))


def table(
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    right: Sequence[str] = (),
    whole: Sequence[str] = (),
    title: str = "",
) -> Table:
    """A table for the console; columns named in `right` are flush right, those in `whole` on one line, to be copied."""
    made = Table(box=box.SIMPLE_HEAD, title=title or None, title_justify="left", pad_edge=False)
    for name in columns:
        made.add_column(name, justify="right" if name in right else "left", overflow="fold", no_wrap=name in whole)
    for row in rows:
        made.add_row(*(str(cell) for cell in row))
    return made


class Steps:
    """Progress of long work: a bar on a terminal, a line a step elsewhere."""

    def __init__(self, progress: Progress | None) -> None:
        self._progress = progress
        self._task = progress.add_task("", total=None) if progress else None

    def say(self, what: str) -> None:
        """Name the step that begins now."""
        if self._progress and self._task is not None:
            self._progress.update(self._task, description=what)
        else:
            click.echo(f"· {what}", err=True)

    def at(self, done: float, total: float | None = None) -> None:
        """How far the work is."""
        if self._progress and self._task is not None:
            self._progress.update(self._task, completed=done, total=total)


@contextmanager
def steps(quiet: bool = False) -> Iterator[Steps]:
    """Show progress while the work inside goes on."""
    terminal = Console(stderr=True)
    if quiet or not terminal.is_terminal:
        yield Steps(None) if not quiet else _Silent(None)
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=terminal, transient=True) as progress:
        yield Steps(progress)


class _Silent(Steps):
    def say(self, what: str) -> None:
        """Nothing is said."""
