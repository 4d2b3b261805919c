"""`gatehouse keys`: who may ask the API what."""

import re
from typing import TYPE_CHECKING, cast

import click

from gatehouse.entry.cli.learn import who
from gatehouse.entry.cli.show import as_json, console, count, day, now, print_json, table
from gatehouse.errors import UserError
from gatehouse.settings import Settings

if TYPE_CHECKING:
    from gatehouse.flows.access import Made
    from gatehouse.ports.access import Keys
    from gatehouse.records.access import KeyAnswer, Scope

SCOPES = ("ingest", "read", "review", "admin")
"""Those of `records.access`, which takes its time to load."""

_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


@click.group()
def keys() -> None:
    """Keys of the API: make, list, rotate, revoke."""


@keys.command()
@click.argument("name")
@click.option("--scope", "scopes", multiple=True, metavar="SCOPE", help=f"{', '.join(SCOPES)}; repeat it for more.")
@click.option("--rate", type=int, help="Events a second it may send.  [default: the house's own]")
@click.option("--expires", help="Good for so long: 90d, 12h, 30m.  [default: no end]")
@as_json
@click.pass_obj
def make(
    settings: Settings, name: str, scopes: tuple[str, ...], rate: int | None, expires: str | None, json_: bool
) -> None:
    """Make a key and print it, this one time; only its hash is kept."""
    from gatehouse.flows import access

    lasts = None if expires is None else duration(expires, "--expires")
    kept = _opened(settings)
    made = access.make_key(kept, name, cast("tuple[Scope, ...]", scopes), now=now(), by=who(), rate=rate, lasts=lasts)
    _tell(made, json_)


@keys.command("list")
@as_json
@click.pass_obj
def list_(settings: Settings, json_: bool) -> None:
    """List all keys that were ever made, without the keys themselves."""
    from gatehouse.flows.access import shown
    from gatehouse.flows.rate import RATE

    moment = now()
    found = [shown(key, moment) for key in _opened(settings).all()]
    if json_:
        print_json({"keys": found, "rate": RATE})
        return
    rows = [
        (one.id, one.name, " ".join(one.scopes), _state(one), f"{one.rate or RATE:,}", f"{day(one.made)} by {one.by}")
        for one in found
    ]
    console().print(table(("id", "name", "scopes", "state", "a second", "made"), rows, right=("a second",)))
    if not found:
        click.echo("next: gatehouse keys make NAME --scope ingest")


@keys.command()
@click.argument("key_id", metavar="ID")
@click.option("--overlap", default="24h", show_default=True, help="How long the old one is good still: 24h, 30m, 0s.")
@as_json
@click.pass_obj
def rotate(settings: Settings, key_id: str, overlap: str, json_: bool) -> None:
    """Make a key in the place of another, with its name, scopes and rate, and print it, this one time."""
    from gatehouse.flows import access

    kept = duration(overlap, "--overlap")
    _tell(access.rotate_key(_opened(settings), key_id, now=now(), by=who(), overlap=kept), json_)


@keys.command()
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
@as_json
@click.pass_obj
def revoke(settings: Settings, ids: tuple[str, ...], json_: bool) -> None:
    """End keys for good; a server that runs knows it within five seconds."""
    from gatehouse.flows import access

    opened = _opened(settings)
    known = {key.id for key in opened.all()}
    # All or none: who mistypes one of several ids sees it before any has ended.
    for id_ in ids:
        if id_ not in known:
            raise access.UnknownKeyError(id_)
    for id_ in ids:
        access.revoke_key(opened, id_, now=now(), by=who())
    if json_:
        print_json({"revoked": list(ids)})
        return
    click.echo(f"{count(len(ids), 'key')} revoked; servers refuse them within 5 s")


def duration(said: str, name: str) -> int:
    """Microseconds of `90d`, `24h`, `30m` or `10s`."""
    found = re.fullmatch(r"(\d{1,9})([smhd])", said)
    if found is None:
        raise UserError(f"'{said[:40]}' is no length of time", where=name, fix="write 90d, 24h, 30m or 10s")
    return int(found[1]) * _UNITS[found[2]] * 1_000_000


def _opened(settings: Settings) -> "Keys":
    from gatehouse.bootstrap import open_doors

    return open_doors(settings).keys


def _tell(made: "Made", json_: bool) -> None:
    from gatehouse.flows.access import shown

    told = shown(made.key, now())
    if json_:
        print_json({"key": made.secret, "made": told})
        return
    click.echo(made.secret)
    end = "" if told.expires is None else f", until {day(told.expires)}"
    click.echo(f"  the key of {told.name} for {', '.join(told.scopes)}{end}; it is shown this one time", err=True)
    click.echo(f"  keep it where secrets are kept; gatehouse keys revoke {told.id} ends it", err=True)


def _state(one: "KeyAnswer") -> str:
    if one.revoked is not None:
        return f"revoked {day(one.revoked)} by {one.revoked_by}"
    return one.state if one.expires is None else f"{one.state} {day(one.expires)}"
