"""`gatehouse reach`: what a release would do about stored traffic, before it does."""

import re
from typing import TYPE_CHECKING, Any, Literal

import click

from gatehouse.entry.cli.replay import moment
from gatehouse.entry.cli.show import as_json, console, count, now, print_json, steps, table
from gatehouse.errors import Fault, RefusedError, UserError
from gatehouse.settings import Settings

if TYPE_CHECKING:
    from gatehouse.bootstrap import House
    from gatehouse.entry.cli.show import Steps
    from gatehouse.flows.judge import Judge
    from gatehouse.flows.reach import Reached
    from gatehouse.records.dataset import Release

UNKNOWN = "–"

_UNITS = {"m": 60, "h": 3_600, "d": 86_400}


class Share(click.ParamType[float]):
    """A share as people write it: 5% or 0.05."""

    name = "share"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The share as a number."""
        if isinstance(value, float):
            return value
        try:
            return float(value[:-1]) / 100 if value.endswith("%") else float(value)
        except ValueError:
            self.fail(f"'{value}' is no share: write 5% or 0.05", param, ctx)


@click.command()
@click.argument("pack")
@click.argument("version", required=False)
@click.option("--since", help="Seen from then on: 7d, 12h, or a day or time such as 2026-01-31 (UTC).")
@click.option("--share", type=Share(), default=1.0, help="For this share of actors, as a canary's: 5%.")
@as_json
@click.pass_obj
def reach(settings: Settings, pack: str, version: str | None, since: str | None, share: float, json_: bool) -> None:
    """What a release of PACK (the newest, or VERSION) would do about the latest stored events; nothing is done."""
    from gatehouse.bootstrap import open_house
    from gatehouse.entry.cli.learn import pack_name
    from gatehouse.flows.life import chosen

    house = open_house(settings)
    release, _ = chosen(house.shelf, pack_name(settings, pack), version)
    with steps(json_) as progress:
        progress.say(f"judging stored events by {release.pack} {release.version}")
        found = estimate(house, release, share, beginning(since), progress)
    if json_:
        print_json({"release": release.version, "pack": release.pack, **as_data(found)})
        return
    click.echo(f"{release.pack} {release.version}:")
    show(found)
    if found.n:
        click.echo(f"next: gatehouse promote {release.pack} {release.version} --to canary")


def beginning(since: str | None) -> int:
    """A time in microseconds UTC: so long ago, or a day or time."""
    if since is None:
        return 0
    if ago := re.fullmatch(r"(\d+)([mhd])", since):
        return now() - int(ago[1]) * _UNITS[ago[2]] * 1_000_000
    return moment(since, "--since") or 0


def estimate(
    house: "House", release: "Release", share: float, since: int = 0, progress: "Steps | None" = None
) -> "Reached":
    """The reach of a release on the ledger's latest events."""
    from gatehouse.flows.reach import reach as measure
    from gatehouse.flows.releases import open_judge

    judge = open_judge(house.shelf, [release])
    return measure(
        house.ledger,
        judge,
        judge.policies[0].policy,
        _live_judge(house),
        since=since,
        share=share,
        progress=progress.at if progress else lambda *_: None,
    )


def _live_judge(house: "House") -> "Judge | None":
    from gatehouse.flows.releases import open_judge

    live = [one for one, last in house.shelf.registry.releases() if last.state == "live"]
    try:
        return open_judge(house.shelf, live) if live else None
    except UserError:
        # Another pack's release that cannot be opened any more must not stand in this one's way.
        return None


def check(
    house: "House",
    release: "Release",
    to: Literal["canary", "live"],
    share: float,
    at_most: float | None,
    accepted: str | None,
    progress: "Steps | None" = None,
) -> "Reached":
    """The reach of a release that is to decide; raises RefusedError where it is more than it may be."""
    from gatehouse.flows.reach import over

    found = estimate(house, release, share, 0, progress)
    if (why := over(found, at_most)) and not accepted:
        fix = (
            f"look at gatehouse reach {release.pack} {release.version}; change the policy, take a smaller --share, "
            "or say --accept-reach 'why this is meant'"
        )
        where = f"{release.pack} {release.version} to {to}, on {found.n:,} stored events"
        raise RefusedError([Fault(one, where, fix) for one in why])
    return found


def accepted_why(why: str, accepted: str | None) -> str:
    """The reason for the record, with the word by which a reach was accepted."""
    if accepted is not None and not accepted.strip():
        raise UserError("an accepted reach needs a reason", where="--accept-reach", fix="say why it is meant")
    return why if accepted is None else f"{why}; reach accepted: {accepted}"


def show(found: "Reached") -> None:
    """A reach for a person."""
    from gatehouse.flows.reach import WANTED

    if not found.n:
        click.echo(f"nothing is known of its reach: no decided event is stored; {WANTED:,} would tell something")
        return
    of = "" if found.share == 1 else f", deciding for {100 * found.share:.3g} % of actors"
    click.echo(f"on {count(found.n, 'stored event')} of {count(found.actors, 'actor')} within {_span(found.days)}{of}")
    kinds = [*found.kinds, *(kind for kind in found.before if kind not in found.kinds)]
    rows = [(kind, *_cells(found, kind), *_before(found, kind)) for kind in kinds]
    columns = (
        "enforce",
        "events",
        "actors",
        "a day [95 %]",
        "share of traffic [95 %]",
        "most actors a day",
        "done before",
        "a day before",
    )
    if rows:
        right = [name for name in columns if name not in ("enforce", "share of traffic [95 %]")]
        console().print(table(columns, rows, right=right))
    else:
        click.echo("it would enforce nothing, and nothing was")
    if found.n < WANTED:
        click.echo(f"note: {found.n:,} events are few; {WANTED:,} would tell more")
    for remark in found.remarks:
        click.echo(f"note: {remark}")
    for bound in found.bounds:
        click.echo(f"over its bounds: {bound}")


def _span(days: float) -> str:
    hours = 24 * days
    return f"{days:.3g} days" if days >= 2 else f"{hours:.3g} hours" if hours >= 2 else f"{60 * hours:.3g} minutes"


def _cells(found: "Reached", kind: str) -> tuple[str, ...]:
    rate = found.kinds.get(kind)
    if rate is None:
        return ("0", "0", "0", UNKNOWN, "0")
    share = f"{rate.share:.2%} [{rate.low:.2%}, {rate.high:.2%}]"
    daily = _daily(found, rate.events)
    if daily != UNKNOWN:
        daily += f" [{_daily(found, rate.low * found.n)}, {_daily(found, rate.high * found.n)}]"
    # A day may bring actors whom less than a day did not.
    most = f"{rate.busiest:,}" if found.days >= 1 else f"{rate.busiest:,} or more"
    return (f"{rate.events:,}", f"{rate.actors:,}", daily, share, most)


def _before(found: "Reached", kind: str) -> tuple[str, ...]:
    rate = found.before.get(kind)
    return ("0", "0") if rate is None else (f"{rate.events:,}", _daily(found, rate.events))


def _daily(found: "Reached", events: float) -> str:
    # Of traffic that came within minutes nobody knows what a day of it is.
    return f"{events / found.days:,.0f}" if found.days >= 1 / 24 else UNKNOWN


def as_data(found: "Reached") -> dict[str, Any]:
    """A reach for programs."""
    return {
        "n": found.n,
        "actors": found.actors,
        "days": found.days,
        "share": found.share,
        "kinds": {kind: vars(rate) for kind, rate in found.kinds.items()},
        "before": {kind: vars(rate) for kind, rate in found.before.items()},
        "bounds": list(found.bounds),
        "remarks": list(found.remarks),
    }
