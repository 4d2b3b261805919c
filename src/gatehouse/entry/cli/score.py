"""`gatehouse score`: judge a file of events."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from gatehouse.entry.cli.show import as_json, console, count, now, print_json, steps, table
from gatehouse.errors import UserError
from gatehouse.settings import Settings

if TYPE_CHECKING:
    import pyarrow as pa

    from gatehouse.bootstrap import House
    from gatehouse.flows.intake import Reject
    from gatehouse.flows.judge import Judge
    from gatehouse.flows.score import Each
    from gatehouse.flows.scored import Scored
    from gatehouse.ports.ledger import Judged
    from gatehouse.records.dataset import Release
    from gatehouse.records.decision import Judgement

MOST_REASONS = 12
RECORDED_AT_ONCE = 500


def pairs(_context: click.Context, _parameter: click.Parameter, given: tuple[str, ...]) -> dict[str, str]:
    """`--map text=body` as a mapping from event column to the file's."""
    wrong = [pair for pair in given if "=" not in pair]
    if wrong:
        raise click.BadParameter(f"{wrong[0]}: write it as text=COLUMN")
    return dict(pair.split("=", 1) for pair in given)


@click.command()
@click.argument("source", metavar="IN", type=click.Path(path_type=Path))
@click.option(
    "--out", required=True, type=click.Path(path_type=Path), help="Parquet to write: a file, by Spark a folder."
)
@click.option(
    "--pack", "packs", multiple=True, help="Only this pack (repeat it for more); without it all that are live."
)
@click.option("--map", "given", multiple=True, callback=pairs, help="Event column = column of the file: text=body.")
@click.option("--record", is_flag=True, help="Also commit every decision to the ledger.")
@click.option(
    "--engine", type=click.Choice(("local", "spark")), default="local", help="Where to run; local unless given."
)
@click.option("--master", help="Spark's master: local[4], spark://HOST:7077 (all local cores, or what runs already).")
@as_json
@click.pass_obj
def score(
    settings: Settings,
    source: Path,
    out: Path,
    packs: tuple[str, ...],
    given: dict[str, str],
    record: bool,
    engine: str,
    master: str | None,
    json_: bool,
) -> None:
    """Judge every event of IN (CSV, JSONL or Parquet with at least id and text) with the live releases."""
    from gatehouse.bootstrap import open_house, score_on_spark
    from gatehouse.flows import releases
    from gatehouse.flows.score import score as run

    if engine == "spark" and record:
        raise UserError("Spark writes scores, not the ledger", fix="leave --record out, or use --engine local")
    if engine == "local" and master is not None:
        raise UserError("--master is for Spark", fix="add --engine spark")
    house = open_house(settings)
    chosen = live_releases(house, packs)
    at = now()
    with steps(json_) as progress:
        progress.say(f"judging {source}")
        if engine == "spark":
            scored = score_on_spark(
                house, source, out, chosen, master=master, given=given, at=at, progress=progress.say
            )
        else:
            judge = releases.open_judge(house.shelf, chosen)
            each = recorder(house, judge, at) if record else nothing
            scored = run(
                source, out, judge, house.lake, house.engine, given=given, at=at, each=each, progress=progress.at
            )
    house.ledger.add_run(scored.run)
    if json_:
        print_json(as_data(scored))
        return
    show(scored, releases.versions_in_words(scored.run.releases))


def live_releases(house: "House", packs: tuple[str, ...]) -> "list[Release]":
    """The live releases of the packs named, or of all packs that have one."""
    from gatehouse.flows import releases
    from gatehouse.flows.packs import locate

    if packs:
        return releases.live(house.shelf, [locate(pack, house.settings.pack_roots).name for pack in packs])
    known = {release.pack for release, last in house.shelf.registry.releases() if last.state == "live"}
    if not known:
        raise UserError(
            "no pack is live yet",
            fix="gatehouse demo makes the shipped packs live; or: gatehouse train spam && gatehouse promote spam",
        )
    return releases.live(house.shelf, sorted(known))


def nothing(*_: object) -> "list[Reject]":
    """Record nothing."""
    return []


def recorder(house: "House", judge: "Judge", at: int) -> "Each":
    """Commits judged batches to the ledger, a few hundred events a transaction.

    An event that the ledger refuses, for example one that it knows with other content, is told of as a reject.
    """
    from gatehouse.flows import live

    def commit(events: "pa.RecordBatch", features: "pa.RecordBatch", judgement: "Judgement") -> "list[Reject]":
        refused: list[Reject] = []
        for start in range(0, len(events), RECORDED_AT_ONCE):
            part = slice(start, start + RECORDED_AT_ONCE)
            size = min(RECORDED_AT_ONCE, len(events) - start)
            rows = live.as_judged(
                events.slice(start, size), features.slice(start, size), judgement.slice(part), judge.releases, at
            )
            judged = list(rows)
            try:
                house.ledger.commit(judged)
            except UserError:
                refused.extend(one_by_one(house, judged))
        return refused

    return commit


def one_by_one(house: "House", judged: "list[Judged]") -> "list[Reject]":
    """Commit events of a refused batch each on its own, and tell of those that are refused."""
    from gatehouse.flows.intake import Reject

    refused = []
    for one in judged:
        try:
            house.ledger.commit([one])
        except UserError as error:
            reason = f"judged but not recorded: {error.faults[0].what}"
            refused.append(Reject(None, one.event.id, reason, (one.event.text or "")[:200]))
    return refused


def as_data(scored: "Scored") -> dict[str, object]:
    """A run's summary for programs."""
    return {
        "run": scored.run,
        "outcomes": dict(scored.outcomes),
        "enforcements": dict(scored.enforcements),
        "reasons": [
            {"policy": policy, "decision": outcome, "reason": reason, "events": n}
            for (policy, outcome, reason), n in scored.reasons.most_common()
        ],
        "rejects": str(scored.rejects) if scored.rejects else None,
        "remarks": list(scored.remarks),
    }


def show(scored: "Scored", versions: str) -> None:
    """A run's summary for a person."""
    click.echo(f"{count(scored.rows, 'event')} judged by {versions}")
    said = scored.reasons.most_common()
    rows = [(policy, outcome, f"{n:,}", reason) for (policy, outcome, reason), n in said[:MOST_REASONS]]
    console().print(table(("policy", "decision", "events", "reason"), rows, right=("events",)))
    if len(said) > MOST_REASONS:
        click.echo(f"and {count(len(said) - MOST_REASONS, 'rarer reason')}, in the file")
    for remark in scored.remarks:
        click.echo(f"note: {remark}")
    click.echo(f"written: {scored.run.out}")
    if scored.rejects:
        click.echo(f"set aside: {count(scored.rejected, 'record')}, each with its reason, in {scored.rejects}")
    click.echo("next: gatehouse trace ID shows why one of them was judged so")
