"""`gatehouse versions` and `stop`: what is live and what is tried, how they compare, and the end of a trial."""

from typing import TYPE_CHECKING, Any

import click

from gatehouse.entry.cli.learn import pack_name, who
from gatehouse.entry.cli.reach import beginning
from gatehouse.entry.cli.show import as_json, console, count, day, now, print_json, table
from gatehouse.errors import UserError
from gatehouse.settings import Settings

if TYPE_CHECKING:
    from gatehouse.flows.compare_versions import Share, Versions
    from gatehouse.ports.tried import Made
    from gatehouse.records.dataset import Release, Transition

MOST_CHANGES = 12


@click.group(invoke_without_command=True)
@click.pass_context
def versions(context: click.Context) -> None:
    """Releases through their life: draft, shadow, canary, live, retired."""
    if context.invoked_subcommand is None:
        context.invoke(list_)


@versions.command(name="list")
@click.argument("pack", required=False)
@as_json
@click.pass_obj
def list_(settings: Settings, pack: str | None = None, json_: bool = False) -> None:
    """The releases of all packs, or of PACK, newest first: state, share, since when, by whom, and what each decided."""
    from gatehouse.bootstrap import open_house, open_tried

    known = open_house(settings).shelf.registry.releases(pack_name(settings, pack) if pack else None)
    tried = open_tried(settings)
    made = {name: tried.made(name) for name in sorted({release.pack for release, _ in known})}
    if json_:
        print_json(
            [
                {"release": release, "last": last, "made": [vars(one) for one in _by(made[release.pack], release)]}
                for release, last in known
            ]
        )
        return
    if not known:
        click.echo("no release yet; next: gatehouse train spam")
        return
    rows = [_line(release, last, _by(made[release.pack], release)) for release, last in known]
    columns = ("pack", "release", "state", "share", "since", "by", "live", "in shadow", "why")
    console().print(table(columns, rows, right=("share", "live", "in shadow")))


def _by(made: "list[Made] | Any", release: "Release") -> "list[Made]":
    return [one for one in made if one.version == release.version]


def _line(release: "Release", last: "Transition", made: "list[Made]") -> tuple[str, ...]:
    decided = {one.mode: f"{one.decisions:,}" for one in made}
    share = "" if last.share is None else f"{100 * last.share:.3g} %"
    counts = (decided.get("live", "0"), decided.get("shadow", "0"))
    return (release.pack, release.version, last.state, share, day(last.at), last.by, *counts, last.why)


@versions.command(name="life")
@click.argument("pack")
@as_json
@click.pass_obj
def life_(settings: Settings, pack: str, json_: bool) -> None:
    """Every step of the releases of PACK, the latest last: when, from which state to which, by whom and why."""
    from gatehouse.bootstrap import open_house

    was: dict[str, str] = {}
    steps = []
    for step in open_house(settings).shelf.registry.life(pack_name(settings, pack)):
        steps.append((was.get(step.version), step))
        was[step.version] = step.state
    if json_:
        print_json([{"was": before, "step": step} for before, step in steps])
        return
    if not steps:
        click.echo(f"no release yet; next: gatehouse train {pack}")
        return
    rows = [(day(one.at), one.version, before or "", _state(one), one.by, one.why) for before, one in steps]
    console().print(table(("when", "release", "from", "to", "by", "why"), rows))


def _state(step: "Transition") -> str:
    return step.state if step.share is None else f"{step.state}, {100 * step.share:.3g} %"


@versions.command()
@click.argument("pack")
@click.argument("version", required=False)
@click.option("--since", help="Decided from then on: 7d, 12h, or a day or time such as 2026-01-31 (UTC).")
@as_json
@click.pass_obj
def compare(settings: Settings, pack: str, version: str | None, since: str | None, json_: bool) -> None:
    """The release of PACK in shadow (or VERSION, which was) against what was decided live on the same events."""
    from gatehouse.bootstrap import open_house, open_tried
    from gatehouse.flows import compare_versions
    from gatehouse.flows.life import tried

    name = pack_name(settings, pack)
    registry = open_house(settings).shelf.registry
    if version is None:
        shadows = [one.release.version for one in tried(registry, (name,)) if one.state == "shadow"]
        if not shadows:
            fix = f"gatehouse promote {name} --to shadow; or name a VERSION that was: gatehouse versions list {name}"
            raise UserError(f"no release of '{name}' is in shadow", fix=fix)
        version = shadows[0]
    registry.release(name, version)
    found = compare_versions.compare(name, open_tried(settings).beside(name, version, beginning(since)))
    if json_:
        print_json({"pack": name, "shadow": version, "compared": None if found is None else as_data(found)})
    elif found is None:
        click.echo(f"no event has a shadow decision of {version} and a live one yet")
        click.echo("next: gatehouse work decides on events, in shadow too")
    else:
        show(found, f"{name} {version} in shadow")


def as_data(found: "Versions") -> dict[str, Any]:
    """A comparison for programs."""
    groups = [{"was": was, "now": to, **vars(group)} for (was, to), group in found.changes.changes.items()]
    return {
        "n": found.n,
        "actors": found.actors,
        "agree": vars(found.agree),
        "newly_taken": vars(found.newly_taken),
        "no_longer_taken": vars(found.no_longer_taken),
        "changes": groups,
    }


def show(found: "Versions", who_: str) -> None:
    """A comparison for a person."""
    click.echo(f"{who_} against live: {count(found.n, 'event')} of {count(found.actors, 'actor')}")
    rows = [
        ("agree", *_cells(found.agree), ""),
        ("newly removed or worse", *_cells(found.newly_taken), ", ".join(found.newly_taken.first)),
        ("no longer removed", *_cells(found.no_longer_taken), ", ".join(found.no_longer_taken.first)),
    ]
    columns = ("", "events", "actors", "share [95 %]", "first ids")
    console().print(table(columns, rows, right=("events", "actors")))
    changes = sorted(found.changes.changes.items(), key=lambda item: (-item[1].events, item[0]))
    if changes:
        lines = [
            (was, to, f"{group.events:,}", f"{group.actors:,}", ", ".join(group.first))
            for (was, to), group in changes[:MOST_CHANGES]
        ]
        console().print(table(("live", "shadow", "events", "actors", "first ids"), lines, right=("events", "actors")))
    if found.actors < 2:
        click.echo("note: all of it is one actor, so nothing can be said of others")


def _cells(one: "Share") -> tuple[str, str, str]:
    share = one.share
    return f"{one.events:,}", f"{one.actors:,}", f"{share.estimate:.2%} [{share.low:.2%}, {share.high:.2%}]"


@click.command()
@click.argument("pack")
@click.argument("version", required=False)
@click.option("--why", default="stopped by hand", show_default=True, help="The reason, for the record.")
@as_json
@click.pass_obj
def stop(settings: Settings, pack: str, version: str | None, why: str, json_: bool) -> None:
    """Take the shadow and the canary of PACK, or VERSION alone, back to draft."""
    from gatehouse.bootstrap import open_house
    from gatehouse.flows import life

    name = pack_name(settings, pack)
    steps = life.stop(open_house(settings).shelf, name, version, at=now(), by=who(), why=why)
    if json_:
        print_json(steps)
        return
    for step in steps:
        click.echo(f"draft again: {name} {step.version}")
