"""`gatehouse deadletter`: messages that could not be decided on, why, and what became of them."""

from typing import TYPE_CHECKING, cast

import click

from gatehouse.entry.cli.learn import who
from gatehouse.entry.cli.show import as_json, console, count, day, now, print_json, table
from gatehouse.errors import UserError
from gatehouse.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gatehouse.flows.dead_letters import Retried
    from gatehouse.ports.dead_letters import DeadLetter, DeadLetters, LetterState

STATES = ("waiting", "retried", "dropped", "all")
SHOWN_BYTES = 2_000
AT_ONCE = 500


@click.group()
def deadletter() -> None:
    """Messages that could not be decided on: list, show, retry, drop."""


@deadletter.command("list")
@click.option("--state", type=click.Choice(STATES), default="waiting", show_default=True)
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True)
@click.option("--after", default="", help="Go on after this id.")
@as_json
@click.pass_obj
def list_(settings: Settings, state: str, limit: int, after: str, json_: bool) -> None:
    """List letters with their reasons; what they say is shown by `show` alone."""
    letters = _opened(settings)
    found = letters.list(state=_state(state), limit=limit, after=after)
    waiting = letters.waiting()
    if json_:
        print_json({"waiting": waiting, "letters": [_without_content(letter) for letter in found]})
        return
    rows = [(one.id, day(one.at), one.source, one.tries, one.state, one.reason) for one in found]
    console().print(table(("id", "came", "from", "tries", "state", "reason"), rows, right=("tries",), whole=("id",)))
    click.echo(f"{count(waiting, 'letter')} waiting")
    if len(found) == limit:
        click.echo(f"more: gatehouse deadletter list --state {state} --after {found[-1].id}")
    if waiting:
        click.echo("next: gatehouse deadletter show ID, then retry ID or drop ID")


@deadletter.command()
@click.argument("id_", metavar="ID")
@as_json
@click.pass_obj
def show(settings: Settings, id_: str, json_: bool) -> None:
    """Show one letter with what it says, cut and with all that does not print escaped."""
    letter = _letter(_opened(settings), id_)
    if json_:
        print_json({**_without_content(letter), "bytes": len(letter.value), "says": escaped(letter.value)})
        return
    click.echo(f"LETTER {letter.id} from {letter.source}, {day(letter.at)}: {letter.state}, tried {letter.tries}×")
    if letter.settled is not None:
        click.echo(f"  {letter.state} {day(letter.settled)} by {letter.settled_by}")
    for line in letter.reason.splitlines():
        click.echo(f"  why   {line}")
    click.echo(f"  says  ({len(letter.value):,} bytes) {escaped(letter.value)}")


@deadletter.command()
@click.argument("ids", nargs=-1, metavar="[ID]...")
@click.option("--all", "all_", is_flag=True, help="Every letter that waits.")
@click.option("--pack", "packs", multiple=True, help="Only this pack (repeat it for more); without it all live ones.")
@as_json
@click.pass_obj
def retry(settings: Settings, ids: tuple[str, ...], all_: bool, packs: tuple[str, ...], json_: bool) -> None:
    """Decide again on letters by the releases that are live now; what fails again stays, with a try more."""
    from gatehouse.bootstrap import open_house
    from gatehouse.entry import live
    from gatehouse.flows import dead_letters

    if bool(ids) == all_:
        raise UserError("which letters?", fix="name their ids, or say --all")
    house = open_house(settings)
    letters = house.letters
    chosen = [_letter(letters, id_) for id_ in ids]
    gate, _ = live.open_gate(house, packs)
    done: list[Retried] = []
    for part in [chosen] if ids else _waiting(letters):
        done += dead_letters.retry(letters, gate, part, now, who())
    _tell_retried(done, letters.waiting(), json_)


def _tell_retried(done: "list[Retried]", waiting: int, json_: bool) -> None:
    if json_:
        told = [
            {"id": one.letter.id, "decision": one.decision, "reason": None if one.error is None else str(one.error)}
            for one in done
        ]
        print_json({"letters": told, "waiting": waiting})
        return
    for one in done:
        if one.decision is not None:
            click.echo(f"{one.letter.id}  decided: event {one.decision.event_id!r}, {one.decision.enforce}")
        else:
            click.echo(f"{one.letter.id}  waits still: {one.error}")
    decided = sum(one.decision is not None for one in done)
    click.echo(f"{decided:,} of {count(len(done), 'letter')} decided, {waiting:,} waiting")


@deadletter.command()
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
@as_json
@click.pass_obj
def drop(settings: Settings, ids: tuple[str, ...], json_: bool) -> None:
    """Say that letters need no decision; they stay readable, with who dropped them and when."""
    letters = _opened(settings)
    for letter in [_letter(letters, id_) for id_ in ids]:
        letters.settle(letter.id, "dropped", now(), who())
    if json_:
        print_json({"dropped": list(ids), "waiting": letters.waiting()})
        return
    click.echo(f"{count(len(ids), 'letter')} dropped, {letters.waiting():,} waiting")


def escaped(value: bytes) -> str:
    """What a message says, cut, in one line that no terminal takes for a command."""
    text = value[:SHOWN_BYTES].decode(errors="backslashreplace")
    plain = "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)
    return f"{plain} … ({len(value) - SHOWN_BYTES:,} bytes more)" if len(value) > SHOWN_BYTES else plain


def _opened(settings: Settings) -> "DeadLetters":
    from gatehouse.bootstrap import open_house

    return open_house(settings).letters


def _state(state: str) -> "LetterState | None":
    return None if state == "all" else cast("LetterState", state)


def _letter(letters: "DeadLetters", id_: str) -> "DeadLetter":
    found = letters.find(id_)
    if found is None:
        raise UserError(f"no dead letter '{id_[:40]}'", fix="gatehouse deadletter list shows those that wait")
    return found


def _waiting(letters: "DeadLetters") -> "Iterator[list[DeadLetter]]":
    """All that wait, some at a time."""
    after = ""
    while found := letters.list(limit=AT_ONCE, after=after):
        yield list(found)
        after = found[-1].id


def _without_content(letter: "DeadLetter") -> dict[str, object]:
    return {name: getattr(letter, name) for name in letter.__struct_fields__ if name != "value"}
