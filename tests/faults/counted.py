"""Whether running processes know what is on record: their windows beside those read off the ledger word by word."""

from collections.abc import Sequence

from tests.features import brute_force

from gatehouse.adapters.files.models import FolderModelFiles
from gatehouse.adapters.sql.ledger import SqlLedger
from gatehouse.adapters.sql.registry import SqlRegistry
from gatehouse.features.plan import in_log_order
from gatehouse.features.windows import Age
from gatehouse.flows import releases
from gatehouse.flows.judge import Judge
from gatehouse.flows.releases import Shelf, open_judge
from gatehouse.records.event import Event, to_batch
from gatehouse.testing.faults_fleet import Place, Trial
from gatehouse.testing.faults_roles import PACK, settings_of

ACTORS = tuple(f"account:{number}" for number in range(0, 50, 3))
"""Of those who send in a traffic."""

Windows = dict[str, int | float | None]


def wrong_counts(run: Trial, ways: Sequence[str] = ("api", "bus")) -> tuple[list[str], int]:
    """One event of each actor by each way, when nothing else comes: what was known of them, where it is not what is on
    record; and how many windows were compared that count anything.
    """
    run.rest()
    for way in ways:
        if way == "api":
            assert all(run.ask(f"api-{actor}", actor=actor)[0].is_success for actor in ACTORS)
        else:
            run.tell([{"id": f"bus-{actor}", "text": "good morning", "actor": actor} for actor in ACTORS])
            run.rest()
    return _compared(run.place, {f"{way}-{actor}" for way in ways for actor in ACTORS})


def _compared(place: Place, ids: set[str]) -> tuple[list[str], int]:
    database = place.database()
    shelf = Shelf(SqlRegistry(database), FolderModelFiles(settings_of(place.home).models))
    judge = open_judge(shelf, releases.live(shelf, [PACK]))
    ledger = SqlLedger(database)
    log = [event for _, event in ledger.log(most=1_000_000)]
    known = {one.event.id: one.features for one in ledger.judged([event for event in log if event.id in ids])}
    database.close()
    wrong, telling = [], 0
    for id_, due in _by_brute_force(judge, log, ids).items():
        for name, value in due.items():
            telling += bool(value)
            if not _agree(judge, name, known[id_][name], value):
                wrong.append(f"{id_}: {name} is {known[id_][name]}, on record are {value}")
    return wrong, telling


def _by_brute_force(judge: Judge, log: Sequence[Event], ids: set[str]) -> dict[str, Windows]:
    plan = judge.features.plan
    rows = in_log_order(judge.prepare(to_batch(log)).coded, 0, 1).to_pylist()
    found = {}
    for place, event in enumerate(log):
        if event.id in ids:
            before = [row for row, one in zip(rows[:place], log, strict=False) if one.actor == event.actor]
            found[event.id] = brute_force.windows(plan, [*before, rows[place]])[-1]
    return found


def _agree(judge: Judge, name: str, known: object, due: int | float | None) -> bool:
    """Equal; whole seconds may differ by one, for two processes are not at work at the same microsecond."""
    said = next(one for one in judge.features.plan.declarations if one.name == name)
    if isinstance(said, Age) and isinstance(known, int) and isinstance(due, int):
        return abs(known - due) <= 1
    return known == due
