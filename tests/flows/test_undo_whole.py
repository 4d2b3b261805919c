"""Whatever happened before, an undo of a policy version leaves nothing of it: on no record and not at the platform."""

import tempfile
from contextlib import suppress
from pathlib import Path
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.flows.performing import SmallHouse

from gatehouse.errors import OutsideError, RefusedError, UserError
from gatehouse.flows.held import approve, refuse
from gatehouse.flows.undo import Chosen, undo
from gatehouse.records.enforcement import Enforcement
from gatehouse.records.policy import Breaker, Quota
from gatehouse.records.standing import Ladder, Rung

RUNGS = (
    Rung(strikes=1, enforce="warn"),
    Rung(strikes=2, enforce="limit", seconds=3_600),
    Rung(strikes=3, enforce="suspend", seconds=86_400),
    Rung(strikes=5, enforce="suspend", seconds=864_000),
)
KINDS = ("strike", "remove", "suspend", "label", "escalate", "strike")


class Platform:
    """Holds what is in force there; in trouble it may do what it is told and never say so."""

    def __init__(self, chance: Random) -> None:
        self.in_force: dict[str, Enforcement] = {}
        self.trouble = True
        self._chance = chance

    def act(self, enforcement: Enforcement, key: str) -> str:
        luck = self._chance.random() if self.trouble else 1.0
        if luck < 0.15:
            raise OutsideError("gone")
        if luck < 0.2:
            raise RefusedError("never")
        if enforcement.undoes is None:
            self.in_force[key] = enforcement
        else:
            self.in_force.pop(enforcement.undoes, None)
        if luck < 0.3:
            raise TimeoutError
        if luck < 0.33:
            raise KeyboardInterrupt
        return "done"


def live(house: SmallHouse, platform: Platform, chance: Random, step: int) -> None:
    """Something that happens in the life of a house."""
    luck, now = chance.random(), house.clock()
    if luck < 0.3:
        for n in range(chance.randint(1, 4)):
            said = {"enforce": chance.choice(KINDS), "policy_version": chance.choice(("p1", "p1", "p0"))}
            house.decide(f"e{step}-{n}", **said)
    elif luck < 0.7:
        performer = house.performer(f"p{chance.randint(1, 3)}", most=chance.randint(1, 8), tries=4)
        performer._actuator = platform
        with suppress(KeyboardInterrupt):
            performer.round()
    elif luck < 0.85:
        house.clock.advance(chance.choice((1, 60, 3_600, 86_400)))
    elif luck < 0.93:
        for held in house.outbox.find(states=["held"])[:2]:
            with suppress(RefusedError):
                say = approve if chance.random() < 0.7 else refuse
                say(house.outbox, held.id, by=chance.choice("abc"), why="looked", now=now)
    else:
        with suppress(UserError):
            undo(house.outbox, Chosen(decision_id=f"d-e{step - 2}-0-0"), by="sam", why="a mistake", now=now)


@given(st.integers(0, 2**32))
@settings(deadline=None, max_examples=8)
def test_nothing_of_a_policy_version_is_left_after_its_undo(seed: int) -> None:
    chance = Random(seed)
    platform = Platform(chance)
    with tempfile.TemporaryDirectory() as folder:
        house = SmallHouse(Path(folder) / "ledger.db")
        house.with_policy(quota=Quota(hour=chance.choice((2, 5, 50))), ladder=Ladder(rungs=RUNGS))
        if chance.random() < 0.4:
            house.with_policy(breaker=Breaker(share=0.1, least=5))
        house.decide("first", policy_version="p1")
        for step in range(40):
            live(house, platform, chance, step)
        undo(house.outbox, Chosen(policy_version="p1"), by="sam", why="it was wrong", now=house.clock())
        platform.trouble = False
        performer = house.performer("last", tries=50)
        performer._actuator = platform
        for _ in range(30):
            performer.round()
            house.clock.advance(61)
        left = [one for one in house.outbox.find(policy_version="p1") if one.undoes is None and one.state != "undone"]
        assert not left
        assert not [key for key, one in platform.in_force.items() if one.policy_version == "p1"]
        strikes = house.standing.strikes("account:a1")
        assert not [one for one in strikes if one.policy_version == "p1" and one.removed is None]
        house.database.close()
