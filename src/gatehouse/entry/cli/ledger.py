"""`gatehouse ledger`: is everything on record as it was written?"""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from gatehouse.entry.cli.show import as_json, console, count, day, now, print_json, steps, table
from gatehouse.errors import UserError
from gatehouse.settings import Settings

if TYPE_CHECKING:
    from gatehouse.flows.ledger_check import Report
    from gatehouse.ports.ledger import Ledger

MOST_SHOWN = 20
"""Places that are listed one by one; JSON has all of them."""

_KEY = click.option(
    "--key-file",
    type=click.Path(path_type=Path),
    envvar="GATEHOUSE_SIGNING_KEY_FILE",
    help="File with the key by which exported heads are signed (GATEHOUSE_SIGNING_KEY_FILE).",
)


@click.group()
def ledger() -> None:
    """Check that nothing on record was changed, taken away or moved."""


@ledger.command()
@click.option("--writer", help="Only what this writer recorded.")
@click.option("--since", type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]), help="Only from this time (UTC) on.")
@click.option("--heads", "heads_", type=click.Path(path_type=Path), help="Heads exported earlier, to be found again.")
@_KEY
@as_json
@click.pass_obj
def verify(
    settings: Settings,
    writer: str | None,
    since: datetime | None,
    heads_: Path | None,
    key_file: Path | None,
    json_: bool,
) -> None:
    """Walk the hash chain of each writer and compare it with what stands there now; exit code 1 where it is broken."""
    from gatehouse.flows import ledger_check

    known = None
    if heads_ is not None:
        known = ledger_check.read_heads(_content(heads_), where=str(heads_))
        ledger_check.trust(known, _key(key_file), where=str(heads_))
    moment = None if since is None else round(since.replace(tzinfo=UTC).timestamp()) * 1_000_000
    opened = _open(settings)
    with steps(json_) as progress:
        progress.say("walking the hash chains")
        report = ledger_check.check(opened, writer=writer, since=moment, known=known, progress=progress.at)
    if json_:
        print_json({"whole": report.whole, "empty": report.empty, "report": report, "heads": known})
    else:
        _show(report, writer, moment)
        if report.empty and moment is None and known is None:
            click.echo(
                "next: where there should be some, gatehouse ledger verify --heads FILE looks for those of before"
            )
        if known is not None and not any(one.what == "rewritten" for one in report.breaks):
            signed = "signed" if known.signature and key_file else "signature not checked"
            click.echo(f"nothing before {day(known.at)} was rewritten ({heads_}, {signed})")
    if not report.whole:
        raise click.exceptions.Exit(1)


@ledger.command()
@click.option("--export", type=click.Path(path_type=Path), help="Write the heads to this file.")
@_KEY
@as_json
@click.pass_obj
def head(settings: Settings, export: Path | None, key_file: Path | None, json_: bool) -> None:
    """Show the end of each writer's hash chain, or export it to where who can write the ledger cannot."""
    from gatehouse.flows import ledger_check

    found = ledger_check.heads(_open(settings), now())
    if (key := _key(key_file)) is not None:
        found = found.signed(key)
    if export is not None:
        export.parent.mkdir(parents=True, exist_ok=True)
        export.write_bytes(msgspec.json.format(msgspec.json.encode(found)) + b"\n")
    if json_:
        print_json(found)
        return
    rows = [(one.writer, f"{one.seq:,}", one.decision_id, one.hash) for one in found.heads]
    console().print(table(("writer", "decisions", "last", "hash"), rows, right=("decisions",)))
    if export is not None:
        click.echo(f"written to {export}, {'signed' if found.signature else 'not signed'}")
        click.echo(f"next: keep it elsewhere; gatehouse ledger verify --heads {export} asks whether it still holds")


def _show(report: "Report", writer: str | None, since: int | None) -> None:
    rows = [
        (one.head.writer, f"{one.checked:,}", f"{one.head.seq:,}", f"{one.head.hash[:16]}…") for one in report.writers
    ]
    if rows:
        console().print(table(("writer", "checked", "of", "head"), rows, right=("checked", "of")))
    erased, stripped = (sum(getattr(one, what) for one in report.writers) for what in ("erased", "stripped"))
    if report.erasures:
        click.echo(
            f"{count(erased, 'decision')} erased and {stripped:,} stripped of content, as "
            f"{count(report.erasures, 'record')} of erasures say"
        )
    for one in report.breaks[:MOST_SHOWN]:
        click.echo(str(one))
    if (more := len(report.breaks) - MOST_SHOWN) > 0:
        click.echo(f"and {more:,} more")
    if report.empty:
        by = "" if writer is None else f" by {writer}"
        later = "" if since is None else f" from {day(since)} on"
        click.echo(f"no decision{by} is on record{later}, so there was none to verify")
    elif report.whole:
        left = " or as an erasure on record left it" if report.erasures else ""
        click.echo(f"whole: everything is as it was written{left}")
    else:
        click.echo(f"broken in {count(len(report.breaks), 'place')}: compare with a copy; --json lists all of them")


def _open(settings: Settings) -> "Ledger":
    from gatehouse.bootstrap import open_house

    # An empty one that is made here would be found whole, and nobody would see that the place was misspelt.
    if not settings.ledger_there:
        raise UserError("no ledger here, so there is nothing to check", where=str(settings.home), fix="gatehouse init")
    return open_house(settings).ledger


def _key(path: Path | None) -> bytes | None:
    return None if path is None else _content(path).strip()


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UserError(
            f"cannot be read: {error.strerror}", where=str(path), fix="name a file that is there"
        ) from error
