"""Processes killed and frozen at random moments: nothing is lost, decided twice or done twice."""

import random
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.faults.counted import ACTORS, wrong_counts

from gatehouse.testing.faults_fleet import ROLES, Place, strike, trial
from gatehouse.testing.faults_forks import Forks
from gatehouse.testing.faults_receiver import Receiver

pytestmark = [pytest.mark.faults, pytest.mark.xdist_group("faults")]

KILLS = 40
KILLS_ON_A_SERVER = 8
NewDatabase = Callable[[str], str]


def test_what_was_sent_answered_decided_planned_and_received_agree_after_kills_at_random(
    forks: Forks, place: Place, receiver: Receiver
) -> None:
    with trial(forks, place, receiver, seed=7) as run:
        blows = strike(run.fleet, KILLS, random.Random(7), longest=0.15, between=run.take_back)
        wrong, telling = wrong_counts(run)
        found = run.end()
    assert run.fleet.died == []
    assert blows.at_work > KILLS // 2, f"most kills met no work: {blows}"
    assert set(blows.kills) == {"api", "judge", "worker", "performer"}
    assert found.agrees, f"{blows}\n{found}"
    assert receiver.forged == 0
    # Those who were started again know of every actor what those before them had recorded, and nothing twice.
    assert wrong == []
    assert telling > 5 * len(ACTORS)
    # Nothing agrees with nothing as well.
    assert min(found.compared.values()) > KILLS // 4, str(found)


def test_the_same_holds_where_the_ledger_is_on_a_server_and_clocks_differ(
    forks: Forks, tmp_path: Path, brokers: str, receiver: Receiver, new_postgres: NewDatabase
) -> None:
    place = Place(tmp_path / "home", brokers, new_postgres("under_fire"))
    forks.run(f"{ROLES}:prepare", home=str(place.home), server=place.server)
    instead = {"api": "tests.faults.quick_roles:api_an_hour_ago"}
    with trial(forks, place, receiver, seed=8, instead=instead) as run:
        blows = strike(run.fleet, KILLS_ON_A_SERVER, random.Random(8), between=run.take_back)
        wrong, _ = wrong_counts(run)
        found = run.end()
    assert run.fleet.died == []
    assert found.agrees, f"{blows}\n{found}"
    assert wrong == []
    assert min(found.compared.values()) > 0, str(found)
