"""`gatehouse serve`: the API."""

from typing import TYPE_CHECKING

import click

from gatehouse.entry.cli.show import as_json, print_json
from gatehouse.settings import Settings

if TYPE_CHECKING:
    from gatehouse.flows.access import Access


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on; 0.0.0.0 for all.")
@click.option("--port", type=click.IntRange(0, 65535), default=8080, show_default=True, help="0 finds a free one.")
@click.option("--pack", "packs", multiple=True, help="Only this pack (repeat it for more); without it all live ones.")
@click.option("--no-perform", is_flag=True, help="Leave enforcements to `gatehouse perform`.")
@as_json
@click.pass_obj
def serve(settings: Settings, host: str, port: int, packs: tuple[str, ...], no_perform: bool, json_: bool) -> None:
    """Decide on events that come by HTTP, answer when the decision is on record, and carry out enforcements.

    The first start makes a key that may do everything, and prints it this one time. SIGTERM and Ctrl-C finish what was
    taken. Deciding has a process of its own; where that ends by itself, the server stops.
    """
    from gatehouse.bootstrap import open_enforcing, open_house
    from gatehouse.entry.api import server
    from gatehouse.entry.api.judging import JudgeProcess
    from gatehouse.entry.observing import open_access
    from gatehouse.entry.saying import saying

    said = saying("api")
    with JudgeProcess(settings, packs) as decides:
        house = open_house(settings)
        access = open_access(settings, said)
        _show_first_key(access, json_)
        how = server.Serving(host, port, not no_perform)
        server.serve(house, open_enforcing(settings), access, decides, how, said)


def _show_first_key(access: "Access", json_: bool) -> None:
    from gatehouse.entry.cli.learn import who
    from gatehouse.entry.cli.show import now
    from gatehouse.flows.access import first_key

    made = first_key(access.keys, now(), who())
    if made is None:
        return
    if json_:
        print_json({"key": made.secret, "name": made.key.name, "scopes": made.key.scopes})
    else:
        click.echo(f"key {made.secret}")
        click.echo("  may do everything, and is shown this one time; gatehouse keys make NAME makes others")
