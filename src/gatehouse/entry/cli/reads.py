"""`gatehouse reads`: who looked at content by the API."""

import click

from gatehouse.entry.cli.replay import moment
from gatehouse.entry.cli.show import as_json, console, day, print_json, table
from gatehouse.settings import Settings


@click.command()
@click.option("--event", "which", help="Only looks at what has this id.")
@click.option("--by", help="Only looks by keys of this name.")
@click.option("--since", help="Only from this day or time on: 2026-01-01, 2026-01-01T12:00:00Z (a day is UTC).")
@click.option("--limit", type=click.IntRange(1, 100_000), default=100, show_default=True)
@as_json
@click.pass_obj
def reads(settings: Settings, which: str | None, by: str | None, since: str | None, limit: int, json_: bool) -> None:
    """List who looked at content by the API, newest first; what people read on this machine itself is not known."""
    from gatehouse.bootstrap import open_doors

    found = open_doors(settings).reads.find(which=which, by=by, since=moment(since, "--since") or 0, limit=limit)
    if json_:
        print_json({"reads": found})
        return
    rows = [(day(one.at), one.by, one.key_id, one.what, one.which) for one in found]
    console().print(table(("when", "by", "key", "what", "which"), rows))
    if len(found) == limit:
        click.echo(f"the newest {limit:,}; --limit shows more")
