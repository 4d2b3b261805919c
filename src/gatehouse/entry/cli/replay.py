"""`gatehouse replay`: what another policy would have decided, acting on nothing."""

import csv
import datetime
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gatehouse.entry.cli.score import pairs
from gatehouse.entry.cli.show import as_json, console, count, day, print_json, steps, table
from gatehouse.errors import UserError
from gatehouse.settings import Settings

if TYPE_CHECKING:
    from gatehouse.bootstrap import House
    from gatehouse.flows.replay_policy import Candidate, Compared, Group, Replay
    from gatehouse.records.dataset import Release
    from gatehouse.records.policy import Policy

COLUMNS = (
    *("event_id", "actor", "was_outcome", "was_enforce", "was_step", "was_clause"),
    *("outcome", "enforce", "step", "clause", "reason"),
)
"""Columns of the table of flips; texts stay out of it."""

MOST_ROWS = 12


@click.command()
@click.argument("policy_file", type=click.Path(path_type=Path))
@click.option("--since", help="Decided from this day or time on: 2026-01-01, 2026-01-01T12:00:00Z (a day is UTC).")
@click.option("--until", help="And before this one.")
@click.option("--decisions", type=click.Path(path_type=Path), help="Somebody's past decisions: text, decision, id ...")
@click.option(
    "--map", "given", multiple=True, callback=pairs, help="Columns of --decisions: text=body decision=action."
)
@click.option("--map-decision", "meanings", multiple=True, help="What a word of --decisions means: gone=remove.")
@click.option(
    "--points",
    type=click.Choice(["found", "from-release"]),
    default="found",
    show_default=True,
    help="Find every threshold anew, or keep the live release's where a step wants the same.",
)
@click.option("--out", type=click.Path(path_type=Path), help="CSV to write: one row an event that would flip.")
@as_json
@click.pass_obj
def replay(
    settings: Settings,
    policy_file: Path,
    since: str | None,
    until: str | None,
    decisions: Path | None,
    given: dict[str, str],
    meanings: tuple[str, ...],
    points: str,
    out: Path | None,
    json_: bool,
) -> None:
    """Decide again under POLICY_FILE what is on record, or --decisions, and say what would flip; nothing is done."""
    from gatehouse.bootstrap import open_house
    from gatehouse.flows import past_decisions, replay_policy

    start, end = moment(since, "--since"), moment(until, "--until")
    _check_options(start, end, decisions, given, meanings, out, policy_file)
    house = open_house(settings)
    words = past_decisions.meanings(_words(meanings))
    with steps(json_) as progress, flips_to(out) as write:
        policy = read_policy(policy_file)
        progress.say(f"binding '{policy.name}' {policy.version} to the live detectors")
        tried = candidate(house, policy_file, policy, points == "from-release")
        if decisions is not None:
            progress.say(f"judging {decisions}")
            done = past_decisions.over_decisions(
                tried, decisions, given, words, start, end, write, lambda n: progress.at(n)
            )
        else:
            assert start is not None
            progress.say("deciding again")
            done = replay_policy.over_ledger(tried, house.ledger, start, end, write, progress.at)
    if json_:
        print_json(as_data(tried, done, out))
        return
    source = f"rows of {decisions}" if decisions else "events" + (f" decided since {day(start)}" if start else "")
    show(tried, done, source, decisions is not None)
    if out:
        click.echo(f"written: {out}, one row an event that would flip")


def moment(said: str | None, name: str) -> int | None:
    """Microseconds UTC of a day or an ISO 8601 time; without a zone it is UTC."""
    if said is None:
        return None
    try:
        time = datetime.datetime.fromisoformat(said)
    except ValueError:
        raise UserError(
            f"'{said}' is neither a day nor a time", where=name, fix="write 2026-01-31 or 2026-01-31T12:00:00Z"
        ) from None
    time = time.replace(tzinfo=datetime.UTC) if time.tzinfo is None else time
    return (time - datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)) // datetime.timedelta(microseconds=1)


def _check_options(
    since: int | None,
    until: int | None,
    decisions: Path | None,
    given: Mapping[str, str],
    meanings: Sequence[str],
    out: Path | None,
    policy_file: Path,
) -> None:
    from gatehouse.errors import Faults

    faults = Faults()
    if decisions is None and since is None:
        faults.add(
            "nothing says from when on to decide again", "--since", "add --since 2026-01-01, or --decisions FILE"
        )
    if decisions is None and (given or meanings):
        name = "--map" if given else "--map-decision"
        faults.add(f"{name} speaks of a file of decisions", name, "add --decisions FILE")
    if since is not None and until is not None and until <= since:
        faults.add("it ends before it begins", "--until", "choose a later time than --since")
    if out is not None and out.resolve() in {path.resolve() for path in (policy_file, decisions) if path}:
        faults.add("the table would replace a file that is read", f"--out {out}", "choose another --out")
    faults.raise_found()


def _words(said: Sequence[str]) -> dict[str, str]:
    wrong = [pair for pair in said if "=" not in pair]
    if wrong:
        raise UserError(f"'{wrong[0]}' says no meaning", where="--map-decision", fix=f"write {wrong[0]}=remove")
    return {word: meaning for word, _, meaning in (pair.rpartition("=") for pair in said)}


def read_policy(path: Path) -> "Policy":
    """The policy that a file says; raises UserError with every fault."""
    from gatehouse.policies import load

    if not path.is_file():
        raise UserError("there is no such policy file", where=str(path), fix="name a policy.yaml")
    try:
        return load.load(path.read_text(encoding="utf-8"), str(path))
    except UnicodeDecodeError as error:
        raise UserError(f"byte {error.start + 1} is not UTF-8", where=str(path), fix="save it as UTF-8") from None


def candidate(house: "House", path: Path, policy: "Policy", keep_points: bool) -> "Candidate":
    """The policy bound to the live release of the pack of its name: the folder that it lies in, or a known one."""
    from gatehouse.flows import packs, releases, replay_policy

    beside = path.resolve().parent
    own = beside.name == policy.name and (beside / "recipe.yaml").is_file()
    pack = packs.load(f"{beside}/" if own else policy.name, house.settings.pack_roots)
    release: Release = releases.live(house.shelf, [pack.name])[0]
    return replay_policy.candidate(policy, str(path), pack, release, house.shelf, keep_points)


@contextmanager
def flips_to(out: Path | None) -> "Iterator[Callable[[Sequence[Compared]], None]]":
    """What writes flips to a CSV, which is there whole or not at all."""
    if out is None:
        yield lambda _: None
        return
    out.parent.mkdir(parents=True, exist_ok=True)
    part = out.with_name(f"{out.name}.part")
    try:
        with part.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(COLUMNS)
            yield lambda flips: writer.writerows(
                (one.event_id, one.actor, *one.before, *one.now, one.reason) for one in flips
            )
        part.replace(out)
    finally:
        part.unlink(missing_ok=True)


def as_data(tried: "Candidate", done: "Replay", out: Path | None) -> dict[str, Any]:
    """A replay for programs."""
    from gatehouse.flows.replay_policy import sentences

    return {
        "policy": {"name": tried.live.name, "version": tried.bound.policy.version, "live": tried.live.version},
        "release": tried.release.version,
        "points": sentences(tried),
        "kept_points": sorted(tried.kept),
        "n": done.n,
        "actors": done.actors,
        "without_actor": done.without_actor,
        "signals": {"stored": done.stored, "anew": done.anew},
        "left_out": done.left_out,
        "flips": done.flips,
        "changes": [{"was": was, "now": now, **vars(group)} for (was, now), group in _largest(done.changes)],
        "steps": [{"step": step, **vars(group)} for step, group in _largest(done.steps)],
        "clauses": [{"clause": clause, **vars(group)} for clause, group in _largest(done.clauses)],
        "stale": [{"id": example.id, "clause": example.clause, "reason": why} for example, why in tried.stale],
        "golden": len(tried.pack.examples),
        "out": str(out) if out else None,
    }


def show(tried: "Candidate", done: "Replay", source: str, past: bool) -> None:
    """A replay for a person."""
    from gatehouse.flows.replay_policy import sentences

    policy = tried.bound.policy
    same = " (the same)" if policy.version == tried.live.version else ""
    click.echo(
        f"{policy.name}: policy {policy.version} against {tried.live.version}{same} of release {tried.release.version}"
    )
    for step, said in sentences(tried).items():
        click.echo(f"  {step}: {said}")
    how = (
        "judged by the live detectors" if past else f"{done.stored:,} on stored signals, {done.anew:,} on signals anew"
    )
    click.echo(f"decided again: {done.n:,} {source}, {how}; nothing was acted on")
    for why, left in sorted(done.left_out.items()):
        more = " ..." if left.n > len(left.first) else ""
        click.echo(f"not decided again: {left.n:,} {why} ({', '.join(left.first)}{more})")
    if past and tried.judge.features.windows:
        click.echo("note: nothing is known of what the actors did before, so rules that ask for it do not match by it")
    if done.n:
        _show_flips(done)
    _show_stale(tried)


def _show_flips(done: "Replay") -> None:
    flips = done.flips
    share = f" ({100 * flips.events / done.n:.3g} % of {done.n:,})" if flips.events else f" of {done.n:,}"
    reached = (
        f"; it reaches {flips.actors:,} of {count(done.actors, 'known actor')}" if flips.events and done.actors else ""
    )
    click.echo(f"would flip: {count(flips.events, 'event')}{share}{reached}")
    if done.without_actor:
        click.echo(f"{count(done.without_actor, 'event')} of {done.n:,} name no actor and are in no count of actors")
    if not flips.events:
        return
    click.echo(f"{flips.stricter:,} to something stricter, {flips.milder:,} to something milder")
    changes = [(was, now, *_cells(group)) for (was, now), group in _largest(done.changes)]
    console().print(_table(("was", "would be"), changes))
    console().print(_table(("by step",), [(step, *_cells(group)) for step, group in _largest(done.steps)]))
    console().print(_table(("by clause",), [(clause, *_cells(group)) for clause, group in _largest(done.clauses)]))


def _table(names: Sequence[str], rows: Sequence[tuple[str, ...]]) -> Any:
    columns = (*names, "events", "actors", "stricter", "milder", "first ids")
    shown = [*rows[:MOST_ROWS]]
    if len(rows) > MOST_ROWS:
        shown.append((f"and {len(rows) - MOST_ROWS} more",) + ("",) * (len(columns) - 1))
    return table(columns, shown, right=columns[len(names) : -1])


def _cells(group: "Group") -> tuple[str, ...]:
    numbers = (group.events, group.actors, group.stricter, group.milder)
    return (*(f"{number:,}" for number in numbers), ", ".join(group.first))


def _largest(groups: "Mapping[Any, Group]") -> "list[tuple[Any, Group]]":
    return sorted(groups.items(), key=lambda item: (-item[1].events, item[0]))


def _show_stale(tried: "Candidate") -> None:
    examples, touched = len(tried.pack.examples), tried.stale
    click.echo(f"golden items that the change touches: {len(touched)} of {examples}")
    for example, why in touched:
        click.echo(f"  {example.id}: {why}")
    if touched:
        click.echo(f"next: read them against the new text, and mend {tried.pack.folder / 'examples.jsonl'}")
