"""How a process that goes on for long says what it does."""

import logging
from collections.abc import Callable

import click

from gatehouse.adapters import logs


def saying(name: str, *, quiet: bool = False) -> Callable[[str], None]:
    """Begin to log on standard error, and say sentences there: as they are on a terminal, else by this logger.

    Of what others log, and of all where it is `quiet`, only warnings are told.
    """
    terminal = logs.configure(level="WARNING")
    logging.getLogger("gatehouse").setLevel(logging.NOTSET if quiet else logging.INFO)
    if terminal and not quiet:
        return lambda what: click.echo(f"· {what}", err=True)
    return logs.sayer(name)
