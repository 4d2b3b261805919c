"""`gatehouse bank`: known texts, near-duplicates and hashes of media, and who put them there."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gatehouse.entry.cli.learn import pack_name, who
from gatehouse.entry.cli.show import as_json, console, count, day, now, print_json, table
from gatehouse.errors import UserError
from gatehouse.settings import Settings

if TYPE_CHECKING:
    from gatehouse.flows.banks import Changed, Said
    from gatehouse.records.bank import BankKind

HASHES = ("pdq", "md5", "sha256")
SHOWN = 10
"""Names of entries that an answer lists."""

Command = Callable[..., None]

_file = click.Path(exists=True, dir_okay=False, path_type=Path)
_why = click.option("--why", required=True, help="The reason, for the record.")
_pack = click.argument("pack")


@click.group()
def bank() -> None:
    """Known texts, near-duplicates and hashes of media: find, add, propose, accept, retire."""


def _entry_options(command: Command) -> Command:
    """What says an entry, or a file of them."""
    options = [
        click.option("--text", help="A text of which copies match, once normalised."),
        click.option("--near", help="A text of which altered copies match."),
        *(click.option(f"--{kind}", metavar="HEX", help=f"A medium by its {kind.upper()} hash.") for kind in HASHES),
        click.option("--file", type=_file, help="JSON lines of entries, as they stand in a pack's bank file."),
        click.option("--bank", "kind", type=click.Choice(("bank", "near", "media")), help="Which bank --file is for."),
        click.option("--label", help="What a match says; a step of the policy must read it."),
        click.option(
            "--id", "id_", help="A name for the entry, shown where it matches. Default: made of what it says."
        ),
        click.option(
            "--similarity", type=float, help="From which similarity a text matches, .5 to 1 (--near). Default .8."
        ),
        click.option("--distance", type=int, help="Up to which distance a PDQ hash matches, 0 to 64. Default 31."),
        click.option("--share", type=float, help="For which share of traffic it is on, 0 to 1. Default 1."),
    ]
    for option in reversed(options):
        command = option(command)
    return command


def _entries(given: dict[str, Any]) -> tuple["BankKind", list["Said | None"], str]:
    """The bank and the entries that options say, and the file that they come from."""
    from gatehouse.flows import banks
    from gatehouse.flows.bank_files import BANK_FILES

    kinds: dict[str, BankKind] = {"text": "bank", "near": "near", **dict.fromkeys(HASHES, "media"), "file": "bank"}
    said = [name for name in kinds if given[name] is not None]
    if len(said) != 1:
        raise UserError(
            "one entry is said by one option", fix=f"give one of {', '.join(f'--{name}' for name in kinds)}"
        )
    more = {name: given[name] for name in ("similarity", "distance", "share", "label") if given[name] is not None}
    name = said[0]
    if name != "file":
        if "label" not in more:
            raise UserError("the entry has no label", fix="add --label: what a match says")
        own = {"id": given["id_"]} if given["id_"] else {}
        return kinds[name], [{**own, "text" if name in ("text", "near") else name: given[name], **more}], ""
    if more or given["id_"]:
        raise UserError("entries of a file say their own label and numbers", fix="leave those options out")
    file: Path = given["file"]
    kind = given["kind"] or next((kind for kind, usual in BANK_FILES.items() if file.name == usual), None)
    if kind is None:
        raise UserError(
            "it is not said which bank these are for", where=str(file), fix="add --bank bank, near or media"
        )
    return kind, banks.entries_in(file), str(file)


@bank.command()
@_pack
@_entry_options
@_why
@as_json
@click.pass_obj
def add(settings: Settings, /, pack: str, why: str, json_: bool, **given: Any) -> None:
    """Put entries into a bank of PACK; they match from now on."""
    from gatehouse.flows import banks

    _say(_put(banks.add, settings, pack, why, given), "added", json_)


@bank.command()
@_pack
@_entry_options
@_why
@as_json
@click.pass_obj
def propose(settings: Settings, /, pack: str, why: str, json_: bool, **given: Any) -> None:
    """Put entries forward for a bank of PACK; they match nothing until somebody accepts them."""
    from gatehouse.flows import banks

    _say(_put(banks.propose, settings, pack, why, given), "proposed", json_)


def _put(put: "Callable[..., Changed]", settings: Settings, pack: str, why: str, given: dict[str, Any]) -> "Changed":
    from gatehouse.bootstrap import open_house

    kind, entries, where = _entries(given)
    shelf, name = open_house(settings).shelf, pack_name(settings, pack)
    said = {"source": where, "where": where} if where else {}
    return put(shelf, name, entries, bank=kind, at=now(), by=who(), why=why, **said)


@bank.command()
@_pack
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
@click.option("--share", type=float, help="For which share of traffic from now on, 0 to 1. Default: as it was.")
@_why
@as_json
@click.pass_obj
def accept(settings: Settings, pack: str, ids: tuple[str, ...], share: float | None, why: str, json_: bool) -> None:
    """Let proposed or retired entries of PACK match from now on, or active ones for another share of traffic."""
    from gatehouse.bootstrap import open_house
    from gatehouse.flows import banks

    shelf = open_house(settings).shelf
    changed = banks.accept(shelf, pack_name(settings, pack), ids, at=now(), by=who(), why=why, share=share)
    _say(changed, "accepted", json_)


@bank.command()
@_pack
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
@_why
@as_json
@click.pass_obj
def retire(settings: Settings, pack: str, ids: tuple[str, ...], why: str, json_: bool) -> None:
    """Let entries of PACK match no more."""
    from gatehouse.bootstrap import open_house
    from gatehouse.flows import banks

    shelf = open_house(settings).shelf
    changed = banks.retire(shelf, pack_name(settings, pack), ids, at=now(), by=who(), why=why)
    _say(changed, "retired", json_)


def _say(changed: "Changed", done: str, json_: bool) -> None:
    if json_:
        print_json({"entries": changed.entries, "live": changed.live})
        return
    names = [one.entry for one in changed.entries]
    more = f" and {len(names) - SHOWN:,} more" if len(names) > SHOWN else ""
    click.echo(f"{done}: {', '.join(names[:SHOWN])}{more}" if names else "nothing to do: it is so already")
    if changed.live:
        click.echo(f"live: {changed.live.pack} {changed.live.version}")


@bank.command("list")
@_pack
@click.option("--state", type=click.Choice(("proposed", "active", "retired")), help="Only those of this state.")
@as_json
@click.pass_obj
def list_(settings: Settings, pack: str, state: str | None, json_: bool) -> None:
    """The entries of PACK's banks, with their state and who put them there."""
    from gatehouse.bootstrap import open_house
    from gatehouse.flows import banks

    known = banks.listed(open_house(settings).shelf, pack_name(settings, pack))
    wanted = [entry for entry in known if state in (None, entry.state)]
    if json_:
        print_json(wanted)
        return
    if not wanted:
        click.echo("no entries")
        return
    columns = ("bank", "entry", "label", "state", "since", "by", "why")
    rows = [
        (
            entry.bank,
            entry.id,
            entry.said["label"],
            entry.state if entry.live == (entry.state == "active") else f"{entry.state}, not so in the live release",
            day(entry.at) if entry.at is not None else "",
            entry.by or entry.source,
            entry.why or "",
        )
        for entry in wanted
    ]
    console().print(table(columns, rows))


@bank.command()
@_pack
@click.option("--text", help="A text.")
@click.option("--pdq", metavar="HEX", help="The PDQ hash of a medium.")
@click.option("--md5", metavar="HEX", help="Its MD5 hash.")
@click.option("--sha256", metavar="HEX", help="Its SHA-256 hash.")
@as_json
@click.pass_obj
def match(settings: Settings, /, pack: str, text: str | None, json_: bool, **hashes: str | None) -> None:
    """Which live entries of PACK's banks match a text or a hash, whatever their share of traffic."""
    from gatehouse.bootstrap import open_house
    from gatehouse.flows import banks
    from gatehouse.records.event import media_of

    media = media_of(f"{kind}:{digits}" for kind, digits in hashes.items() if digits is not None)
    if text is None and not media:
        raise UserError("nothing is given to look for", fix="give --text, --pdq, --md5 or --sha256")
    hits = banks.find(open_house(settings).shelf, pack_name(settings, pack), text=text, media=media)
    if json_:
        print_json(hits)
        return
    for hit in hits:
        click.echo(f"{hit.bank} {hit.entry}: {hit.how}")
    if not hits:
        click.echo("no entry matches")


@bank.command()
@_pack
@as_json
@click.pass_obj
def stats(settings: Settings, pack: str, json_: bool) -> None:
    """How many entries PACK's banks hold by state, and what each matched in recorded decisions."""
    from gatehouse.bootstrap import open_house
    from gatehouse.flows import banks

    house, name = open_house(settings), pack_name(settings, pack)
    found = banks.stats(house.shelf, house.ledger, name)
    if json_:
        print_json(found)
        return
    console().print(
        table(
            ("bank", "proposed", "active", "retired"),
            [
                (kind, *(states.get(state, 0) for state in ("proposed", "active", "retired")))
                for kind, states in found.entries.items()
            ],
            right=("proposed", "active", "retired"),
        )
    )
    if not found.matches:
        click.echo(f"no match in {count(found.events, 'recorded event')}")
        return
    rows = [
        (one.bank, one.entry, f"{one.events:,}", f"{one.share:.3%}", day(one.first), day(one.last))
        for one in found.matches
    ]
    columns = ("bank", "entry", "matches", "of events", "first", "last")
    console().print(table(columns, rows, right=("matches", "of events")))


@bank.command("import")
@_pack
@click.argument("file", type=_file)
@click.option(
    "--format", "format_", required=True, type=click.Choice(("hash", "csv", "te", "lines")), help="How it is written."
)
@click.option("--type", "kind", type=click.Choice(HASHES), help="The kind of hash of plain lines.")
@click.option("--label", required=True, help="What a match says; a step of the policy must read it.")
@click.option("--distance", type=int, help="Up to which distance PDQ hashes match, 0 to 64. Default 31.")
@click.option("--share", type=float, help="For which share of traffic they are on, 0 to 1. Default 1.")
@click.option("--skip-known", is_flag=True, help="Leave out hashes that are known, in whatever state.")
@_why
@as_json
@click.pass_obj
def import_(
    settings: Settings,
    pack: str,
    file: Path,
    format_: str,
    kind: str | None,
    label: str,
    distance: int | None,
    share: float | None,
    skip_known: bool,
    why: str,
    json_: bool,
) -> None:
    """Add a list of hashes to PACK's bank of media, all of it or none."""
    from gatehouse.bootstrap import open_house
    from gatehouse.flows import bank_formats, banks

    more = {name: value for name, value in (("distance", distance), ("share", share)) if value is not None}
    found = bank_formats.read(file, format_, label, kind, **more)
    changed = banks.add(
        open_house(settings).shelf,
        pack_name(settings, pack),
        found.entries,
        bank="media",
        at=now(),
        by=who(),
        why=why,
        source=file.name,
        where=str(file),
        skip_known=skip_known,
    )
    if json_:
        print_json({"entries": changed.entries, "live": changed.live, "left_out": found.left_out})
        return
    for line, reason in found.left_out:
        click.echo(f"left out: line {line}, {reason}")
    _say(changed, f"added {len(changed.entries):,}", json_)


@bank.command()
@_pack
@click.option(
    "--format", "format_", required=True, type=click.Choice(("hash", "csv", "lines")), help="How to write it."
)
@click.option("--type", "kind", type=click.Choice(HASHES), help="Only this kind of hash.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="The file; without it, standard output.")
@as_json
@click.pass_obj
def export(settings: Settings, pack: str, format_: str, kind: str | None, out: Path | None, json_: bool) -> None:
    """Write the active hashes of PACK's bank of media in a format that others read."""
    from gatehouse.bootstrap import open_house
    from gatehouse.flows import bank_formats, banks

    name = pack_name(settings, pack)
    text = bank_formats.write(banks.listed(open_house(settings).shelf, name), format_, name, kind)
    if out:
        out.write_text(text, encoding="utf-8", newline="")
    if json_:
        print_json({"out": str(out) if out else None, "text": None if out else text})
    elif out:
        click.echo(f"wrote {out}")
    else:
        click.echo(text, nl=False)
