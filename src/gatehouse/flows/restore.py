"""Restore: a live history after a start, from its snapshot and the events that the ledger took in since."""

from pathlib import Path

from gatehouse.errors import GatehouseError
from gatehouse.features import snapshot
from gatehouse.features.live import LiveHistory
from gatehouse.flows.judge import Judge
from gatehouse.flows.live import each_id_once
from gatehouse.ports.ledger import Ledger
from gatehouse.records.event import to_batch

BLOCK = 10_000
"""Events that are read from the log and replayed at a time."""


def restore(ledger: Ledger, judge: Judge, path: Path) -> tuple[LiveHistory, tuple[str, ...]]:
    """The history of all events of the ledger, and sentences on how it came to be.

    It starts from the snapshot at `path` and replays what came after it. Where the snapshot is missing, damaged, of
    another version, or of a ledger that held more, it says so and replays the whole log.
    """
    history, _, said = restore_with_position(ledger, judge, path)
    return history, said


def restore_with_position(ledger: Ledger, judge: Judge, path: Path) -> tuple[LiveHistory, int, tuple[str, ...]]:
    """`restore`, with the number of the last event that the history knows; others may have recorded more by then."""
    history, position, said = _start(ledger, judge, path)
    replayed = 0
    while block := ledger.log(after=position, most=BLOCK):
        for part in each_id_once(event for _, event in block):
            history.replay(judge.prepare(to_batch(part)).coded)
        position = block[-1][0]
        replayed += len(block)
    said = [*said, f"{replayed:,} {'event' if replayed == 1 else 'events'} replayed from the ledger"]
    return history, position, tuple(said)


def keep(ledger: Ledger, judge: Judge, history: LiveHistory, path: Path) -> None:
    """Save a snapshot, from which the next start restores; between two batches of the ledger's one writer.

    Raises OutsideError where it cannot be written; the one that was there is then still there.
    """
    snapshot.save(path, history, ledger.last(), judge.features_version)


def _start(ledger: Ledger, judge: Judge, path: Path) -> tuple[LiveHistory, int, list[str]]:
    plan = judge.features.plan
    try:
        history, position = snapshot.load(path, plan, judge.features_version)
    except GatehouseError as error:
        whys = "; ".join(f"{fault.where}: {fault.what}" for fault in error.faults)
    else:
        if position <= (last := ledger.last()):
            return history, position, []
        whys = f"{path}: the snapshot knows {position:,} events, and the ledger holds {last:,}"
    return LiveHistory(plan), 0, [f"{whys}; the whole log is replayed instead"]
