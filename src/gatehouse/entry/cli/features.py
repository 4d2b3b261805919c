"""`gatehouse features`: what is declared, what it means, how it is computed and who reads it."""

import textwrap
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import click

from gatehouse.entry.cli.show import as_json, console, count, print_json, table
from gatehouse.settings import Settings

if TYPE_CHECKING:
    from gatehouse.flows.explain_features import Carried, Explained, Use
    from gatehouse.flows.packs import Pack

WIDTH = 100

one_pack = click.option("--pack", "pack", help="Only this pack; without it all that can be found.")


@click.group()
def features() -> None:
    """List and explain the features that packs declare."""


@features.command("list")
@one_pack
@as_json
@click.pass_obj
def list_(settings: Settings, pack: str | None, json_: bool) -> None:
    """List every declared feature: kind, key, window, type, owner, pack, and what reads it."""
    from gatehouse.flows.explain_features import features as gathered

    found = gathered(_packs(settings, pack))
    if json_:
        print_json({"features": found})
        return
    columns = ("feature", "kind", "key", "window", "type", "owner", "pack", "used by")
    made = table(columns, [_row(one) for one in found])
    # A name that is cut cannot be given to `explain`.
    made.columns[0].no_wrap = True
    console().print(made)
    click.echo("gatehouse features explain NAME tells what one means, how it is computed and who reads it")


@features.command()
@click.argument("name")
@one_pack
@as_json
@click.pass_obj
def explain(settings: Settings, name: str, pack: str | None, json_: bool) -> None:
    """Explain the feature NAME: meaning, rule, owner, memory, SQL, and the rules and steps that read it."""
    from gatehouse.flows.explain_features import explain as explained

    found = explained(name, _packs(settings, pack))
    if json_:
        print_json({"features": found})
        return
    click.echo("\n\n".join("\n".join(in_words(one)) for one in found))


def _packs(settings: Settings, pack: str | None) -> "list[Pack]":
    """The pack that is named, or all; those that cannot be read are told of, and the rest goes on."""
    from gatehouse.flows import packs
    from gatehouse.flows.explain_features import load_all

    if pack is not None:
        return [packs.load(pack, settings.pack_roots)]
    loaded, faults = load_all(settings.pack_roots)
    for fault in faults:
        click.echo(f"left out: {fault}", err=True)
    return loaded


def _row(one: "Explained") -> tuple[str, ...]:
    key, window = (" and ".join(one.carried.key), one.carried.window) if one.carried else ("", "")
    return (
        one.name,
        one.kind,
        key,
        window,
        one.type,
        _each(use.owner or "nobody" for use in one.uses),
        _each(use.pack for use in one.uses),
        _readers(one.uses),
    )


def _readers(uses: "Sequence[Use]") -> str:
    numbers = {"detector": sum(len(use.detectors) for use in uses)}
    numbers |= {"rule": sum(len(use.rules) for use in uses), "window": sum(len(use.windows) for use in uses)}
    return ", ".join(count(number, noun) for noun, number in numbers.items() if number) or "nothing"


def _each(names: Iterator[str]) -> str:
    return ", ".join(dict.fromkeys(names))


def in_words(one: "Explained") -> Iterator[str]:
    """One feature as lines for a person."""
    yield f"{one.name}: {one.kind}, {one.type}"
    yield from _said("meaning", one.meaning)
    if one.carried:
        yield from _carried(one.carried)
    if not one.uses:
        yield "  declared  in no pack; add it to `columns` of a features.yaml to use it"
    for use in one.uses:
        yield from _use(use)
    if one.carried:
        yield "  SQL, the same for DuckDB and Spark, over the table `coded`, in which"
        yield from (f"    {name} is {what}" for name, what in one.carried.coded.items())
        yield ""
        yield from (f"    {line}" for line in one.carried.sql.splitlines())


def _carried(carried: "Carried") -> Iterator[str]:
    yield from _said("rule", carried.definition)
    yield from _said("unknown", carried.unknown)
    under = f", counted under {' and '.join(carried.under)}" if carried.under != carried.key else ""
    yield from _said("key", " and ".join(carried.key) + under)
    yield from _said("window", carried.window)
    if carried.scores:
        yield from _said("scores", f"of earlier events, by {', '.join(carried.scores)}")
    yield from _said("memory", f"{carried.bytes_per_entity:,} bytes for each entity that is held live")


def _said(what: str, words: str) -> list[str]:
    return textwrap.wrap(words, WIDTH, initial_indent=f"  {what:<10}", subsequent_indent=" " * 12)


def _use(use: "Use") -> Iterator[str]:
    yield f"  in pack {use.pack}"
    yield f"    declared  {use.declared}"
    yield f"    owner     {use.owner or 'nobody'}"
    for rule in use.rules:
        yield f"    rule      {rule.name} gives '{rule.label}' when"
        yield f"                {rule.when}"
    if use.detectors:
        yield f"    detector  {', '.join(use.detectors)}"
    if use.windows:
        yield f"    windows   {', '.join(use.windows)}"
    if use.steps:
        yield f"    steps     {', '.join(use.steps)}"
    if not use.rules and not use.windows and not use.detectors:
        yield "    read by   nothing"
