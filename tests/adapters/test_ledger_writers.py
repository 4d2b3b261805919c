"""Several processes that write one ledger at once, the same events and others."""

import multiprocessing
from pathlib import Path

from gatehouse.adapters.sql.engine import Database
from gatehouse.adapters.sql.ledger import SqlLedger
from gatehouse.flows.ledger_check import check
from gatehouse.testing.makers import make_decision, make_event, make_judged

SPAWN = multiprocessing.get_context("spawn")
WRITERS = 3
SHARED, OWN, BATCH = 40, 40, 7


def write(place: Path | str, writer: int) -> dict[str, str]:
    """Commit the shared events, each writer in another order, among events of its own; gives what stands for each."""
    database = Database(place)
    # Two of them go by one name, so that they also share a hash chain.
    ledger = SqlLedger(database, writer=f"gate-{writer % 2}")
    shared = [make_event(f"shared-{i}") for i in range(SHARED)]
    own = [make_event(f"own-{writer}-{i}") for i in range(OWN)]
    mixed = [event for pair in zip(shared[:: -1 if writer else 1], own, strict=True) for event in pair]
    given: dict[str, str] = {}
    for start in range(0, len(mixed), BATCH):
        batch = mixed[start : start + BATCH]
        mine = [make_judged(one, decision=make_decision(one, id=f"{one.id} by {writer}")) for one in batch]
        given |= {one.event_id: one.id for one in ledger.commit(mine)}
    database.close()
    return given


def test_processes_at_once_leave_one_decision_and_one_number_for_each_event(either: Database, postgres: str) -> None:
    place: Path | str = postgres if either.path is None else either.path
    with SPAWN.Pool(WRITERS) as pool:
        answers = pool.starmap(write, [(place, writer) for writer in range(WRITERS)], chunksize=1)
    ledger = SqlLedger(either)
    standing = {one.event_id: one.id for one in ledger.decisions()}
    assert len(standing) == SHARED + WRITERS * OWN
    for given in answers:
        assert given == {event_id: standing[event_id] for event_id in given}
    assert [number for number, _ in ledger.log()] == list(range(1, len(standing) + 1))
    report = check(ledger)
    assert report.whole
    assert [one.head.writer for one in report.writers] == ["gate-0", "gate-1"]
    assert sum(one.checked for one in report.writers) == len(standing)
