"""`gatehouse work`: the stream worker."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from gatehouse.entry.cli.show import as_json, console, count, print_json, table
from gatehouse.errors import UserError
from gatehouse.settings import Settings

if TYPE_CHECKING:
    from gatehouse.flows.observe import Tally

_file = click.Path(exists=True, dir_okay=False, path_type=Path, allow_dash=False)


@click.command()
@click.option("--bus", "url", help="memory, or kafka://HOST:PORT/TOPIC.  [default: GATEHOUSE_BUS, else memory]")
@click.option("--from", "source", type=_file, help="Send the events of this JSONL file to the bus first.")
@click.option("--once", is_flag=True, help="Stop when nothing waits any more.")
@click.option("--batch", type=click.IntRange(1, 10_000), default=500, show_default=True, help="Most events a batch.")
@click.option("--group", default="gatehouse", show_default=True, help="Workers of one group share the events out.")
@click.option("--pack", "packs", multiple=True, help="Only this pack (repeat it for more); without it all live ones.")
@click.option("--bus-options", type=_file, help="File of the Kafka client's settings, name=value, such as the login.")
@click.option("--metrics", "listen", metavar="HOST:PORT", help="Serve metrics and readiness there.")
@as_json
@click.pass_obj
def work(
    settings: Settings,
    url: str | None,
    source: Path | None,
    once: bool,
    batch: int,
    group: str,
    packs: tuple[str, ...],
    bus_options: Path | None,
    listen: str | None,
    json_: bool,
) -> None:
    """Decide on the events that come by the bus, as JSON with one event a message, and record every decision.

    SIGTERM and Ctrl-C finish the batch at hand. What is cut off comes again, and is not decided twice.
    """
    from gatehouse.bootstrap import Bus, open_house
    from gatehouse.entry import worker
    from gatehouse.entry.metrics_server import address_of
    from gatehouse.entry.saying import saying

    metrics = address_of(listen) if listen else None
    bus = Bus(url or settings.bus, bus_options)
    if bus.in_process and source is None:
        fix = "add --from FILE.jsonl, or name a bus that others send to: --bus kafka://HOST:PORT/TOPIC"
        raise UserError("nothing can come by a bus within this process", fix=fix)
    said = saying("worker", quiet=json_)
    house = open_house(settings)
    how = worker.Working(group, batch, source, once, metrics)
    tally = worker.work(house, packs, bus, how, said)
    if json_:
        print_json(as_data(tally))
    else:
        show(tally)


def as_data(tally: "Tally") -> dict[str, object]:
    """What a worker did, for programs."""
    seconds = sum(tally.seconds.values()) - tally.seconds["poll"]
    return {
        "counts": dict(sorted(tally.counts.items())),
        "seconds": {**tally.seconds, "working": seconds},
        "microseconds": tally.microseconds(),
        "events_a_second": tally.counts["messages"] / seconds if seconds else None,
    }


STAGES = {
    "poll": "waiting for messages",
    "read": "reading events from JSON",
    "catch up": "counting what others recorded",
    "judge": "features, detectors, policies",
    "canary": "canaries, on their side",
    "ledger": "looking up and recording",
    "letters": "keeping dead letters",
    "offsets": "telling the bus",
    "snapshot": "keeping the history",
}


def show(tally: "Tally") -> None:
    """What a worker did, for a person."""
    done = tally.counts
    seconds = sum(tally.seconds.values()) - tally.seconds["poll"]
    rate = f", {done['messages'] / seconds:,.0f} a second while working" if seconds else ""
    click.echo(f"{count(done['messages'], 'message')}{rate}: {done['decided']:,} decided, {done['known']:,} known")
    rows = [
        (words, f"{tally.seconds[stage]:,.2f}", f"{tally.microseconds().get(stage, 0.0):,.1f}")
        for stage, words in STAGES.items()
        if stage in tally.seconds
    ]
    console().print(table(("stage", "seconds", "µs an event"), rows, right=("seconds", "µs an event")))
    if set_aside := done["letters"]:
        click.echo(f"set aside: {count(set_aside, 'message')}; gatehouse deadletter list says why")
    click.echo("next: gatehouse trace ID shows why one of them was decided so")
