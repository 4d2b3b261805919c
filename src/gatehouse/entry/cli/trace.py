"""`gatehouse trace`: one event's whole way, and why."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gatehouse.entry.cli.show import as_json, day, print_json
from gatehouse.settings import Settings

if TYPE_CHECKING:
    from gatehouse.flows.trace import Trace
    from gatehouse.records.signal import Signal

LONGEST_TEXT = 400


@click.command()
@click.argument("event_id", metavar="ID")
@click.option("--in", "file", type=click.Path(path_type=Path), help="Look only into this file of scores.")
@click.option("--mask", is_flag=True, help="Show words as their first letter and asterisks.")
@as_json
@click.pass_obj
def trace(settings: Settings, event_id: str, file: Path | None, mask: bool, json_: bool) -> None:
    """Show what was seen, said, concluded and planned about the event ID, by which versions, and why."""
    from gatehouse.bootstrap import open_house
    from gatehouse.flows.trace import trace as find

    house = open_house(settings)
    found = find(event_id, house.ledger, house.lake, house.shelf, house.engine, file)
    if json_:
        print_json(as_data(found))
        return
    click.echo("\n".join(in_words(found, mask)))


def as_data(trace: "Trace") -> dict[str, object]:
    """A trace for programs."""
    judged = trace.judged
    return {
        "source": trace.source,
        "recorded": trace.recorded,
        "event": judged.event,
        "features": dict(judged.features),
        "signals": list(judged.signals),
        "decision": judged.decision,
        "points": {f"{policy}.{step}": said for (policy, step), said in trace.points.items()},
        "pieces": {f"{detector}/{label}": list(pieces) for (detector, label), pieces in trace.pieces.items()},
        "reasons": {f"{detector}/{label}": list(told) for (detector, label), told in trace.reasons.items()},
        "rules": dict(trace.rules),
        "enforcements": list(judged.enforcements),
        "cases": list(judged.cases),
        "replayed": trace.replayed and {"decision": trace.replayed.decision, "signals": trace.replayed.signals},
        "remarks": list(trace.remarks),
    }


def masked(text: str, mask: bool) -> str:
    """The text, or its words as their first letter and asterisks."""
    return re.sub(r"(?<=\w)\w", "*", text) if mask else text


def in_words(trace: "Trace", mask: bool) -> Iterator[str]:
    """A trace as lines for a person, in the order of the event's way."""
    judged = trace.judged
    event = judged.event
    yield f"EVENT {event.id} ({event.kind}), found in {trace.source}"
    text = "(no text)" if event.text is None else masked(event.text, mask)
    yield f"  text      {text if len(text) <= LONGEST_TEXT else text[:LONGEST_TEXT] + ' …'}"
    for name in ("actor", "target", "parent", "thread", "language"):
        if (value := getattr(event, name)) is not None:
            yield f"  {name:<9} {value}"
    if event.occurred is not None:
        yield f"  occurred  {day(event.occurred)}"
    yield "FEATURES"
    yield from _wrapped(f"{name} {_value(value)}" for name, value in judged.features.items())
    yield "SIGNALS"
    yield from _signals(trace, mask)
    yield "POLICIES"
    yield from _policies(trace)
    yield from _decision(trace)


def _value(value: object) -> str:
    if value is None:
        return "not known"
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _wrapped(items: Iterator[str], width: int = 96) -> Iterator[str]:
    line = " "
    for item in items:
        if len(line) + len(item) > width:
            yield line.rstrip(" ·")
            line = " "
        line += f" {item} ·"
    yield line.rstrip(" ·")


def _signals(trace: "Trace", mask: bool) -> Iterator[str]:
    """Signals by detector; of many scored labels the highest, and those whose words are shown."""
    by_detector: dict[tuple[str, str], list[Signal]] = {}
    for signal in trace.judged.signals:
        by_detector.setdefault((signal.detector, signal.detector_version), []).append(signal)
    for (detector, version), signals in by_detector.items():
        yield f"  {detector} {version}"
        signals = sorted(signals, key=lambda signal: -(signal.score or 0.0))
        for signal in signals[:6]:
            said = f"{signal.score:.3f}" if signal.score is not None else ""
            because = f" ({signal.evidence})" if signal.evidence else ""
            yield f"    {signal.label:<22} {signal.state:<9} {said}{because}".rstrip()
            for rule in (signal.evidence or "").split(", "):
                if rule in trace.rules:
                    yield f"      {rule}: {trace.rules[rule]}"
            if pieces := trace.pieces.get((detector, signal.label)):
                words = ", ".join(f"{masked(piece.piece, mask)} {piece.weight:+.2f}" for piece in pieces)
                yield f"      carried by (log-odds): {words}"
            if told := trace.reasons.get((detector, signal.label)):
                yield "      carried by (log-odds):"
                yield from (f"        {reason.words}" for reason in told)
        if len(signals) > 6:
            yield f"    and {len(signals) - 6} more labels with lower scores (--json shows all)"


def _policies(trace: "Trace") -> Iterator[str]:
    for said in trace.judged.decision.policies:
        yield f"  {said.policy} {said.policy_version}: {said.outcome}" + (", a person looks" if said.review else "")
        clause = f" (clause {said.clause})" if said.clause else ""
        yield f"    why: {said.reason}{clause}"
        if said.step and (point := trace.points.get((said.policy, said.step))):
            yield f"    threshold: {point}"


def _decision(trace: "Trace") -> Iterator[str]:
    judged = trace.judged
    decision = judged.decision
    kept = f"decided {day(decision.decided)}" if trace.recorded else "not recorded in the ledger"
    yield f"DECISION {decision.id}: {decision.outcome}, {decision.enforce} ({kept})"
    yield "  releases  " + ", ".join(f"{pack} {version}" for pack, version in sorted(decision.releases.items()))
    for deed in judged.enforcements:
        state = deed.state if trace.recorded else "would"
        yield f"  {state:<9} {deed.kind} for policy {deed.policy}"
    for case in judged.cases:
        if trace.recorded:
            yield f"  case      {case.id}{f' for policy {case.policy}' if case.policy else ''}, {case.state}"
        else:
            yield f"  would     ask a person for policy {case.policy}"
    for remark in trace.remarks:
        yield f"  {remark}"
    if (again := trace.replayed) is not None:
        if again.same:
            yield "  replayed  the same decision from its stored signals, and the same signals computed anew"
        for difference in (*again.decision, *again.signals):
            yield f"  REPLAY DIFFERS: {difference}"
