"""What a policy says of ladders, quotas and breakers."""

import msgspec
import pytest
from tests.policies.test_load import POLICY

from gatehouse.errors import UserError
from gatehouse.policies.load import load
from gatehouse.records.policy import Breaker, Policy, Quota
from gatehouse.records.standing import Ladder, Rung

BOUNDS = """\
ladder:
  expires: 90 days
  rungs:
    - {strikes: 2, enforce: warn}
    - {strikes: 3, enforce: suspend, for: 12 hours}
    - {strikes: 5, enforce: terminate}
quota: {hour: 100, day: 1_000}
breaker: {share: 0.2, minutes: 5, least: 500, exempt: [known_advert]}
"""
STRIKING = POLICY.replace("enforce: limit", "enforce: strike")


def faults(bounds: str, policy: str = STRIKING) -> str:
    with pytest.raises(UserError) as error:
        load(policy + bounds, "policy.yaml")
    return str(error.value)


def test_bounds_are_read_as_they_are_written() -> None:
    policy = load(STRIKING + BOUNDS, "policy.yaml")
    assert policy.ladder == Ladder(
        rungs=(
            Rung(strikes=2, enforce="warn"),
            Rung(strikes=3, enforce="suspend", seconds=12 * 3600),
            Rung(strikes=5, enforce="terminate"),
        ),
        expires=90 * 86400,
    )
    assert policy.quota == Quota(hour=100, day=1000)
    assert policy.breaker == Breaker(share=0.2, minutes=5, least=500, exempt=("known_advert",))
    assert msgspec.json.decode(msgspec.json.encode(policy), type=Policy) == policy
    assert load(STRIKING + "breaker: {share: 0.2}\n", "p").breaker == Breaker(share=0.2)


def test_a_policy_without_bounds_keeps_its_version_and_its_text() -> None:
    policy = load(POLICY, "policy.yaml")
    assert policy.version == "d9a4a4310807"
    assert (policy.ladder, policy.quota, policy.breaker) == (msgspec.UNSET,) * 3
    assert not {"ladder", "quota", "breaker"} & msgspec.json.decode(msgspec.json.encode(policy)).keys()
    assert load(STRIKING + BOUNDS, "policy.yaml").version != load(STRIKING, "policy.yaml").version


def test_every_fault_of_the_bounds_is_told_at_once() -> None:
    bounds = """\
ladder:
  expires: soon
  rungs:
    - {strikes: 3, enforce: warn, for: 3 days}
    - {strikes: 3, enforce: suspnd}
    - {strikes: 1.5, enforce: limit, for: 7}
quota: {hour: 100, day: 10, week: 3}
breaker: {share: 20, minutes: none, exempt: [known_adverts], decisions: 9}
"""
    assert faults(bounds, POLICY) == (
        "policy.yaml:26:3: a ladder, but no step gives strikes\n"
        "    → add 'enforce: strike' to a step, or remove 'ladder'\n"
        "policy.yaml:26:12: expires must be a length of time, not 'soon'\n"
        "    → write 'expires: 7 days' (or minutes, hours)\n"
        "policy.yaml:28:40: 'warn' does not end by itself\n"
        "    → remove 'for'; limit and suspend end\n"
        "policy.yaml:29:17: the rung of 3 strikes does not stand over the one before it\n"
        "    → write rungs with the fewest strikes first, each number once\n"
        "policy.yaml:29:29: unknown enforcement of a rung 'suspnd'\n"
        "    → did you mean 'suspend'?\n"
        "policy.yaml:30:17: strikes must be a whole number from 1 on, not '1.5'\n"
        "    → write 'strikes: 3'\n"
        "policy.yaml:30:43: for must be a length of time, not '7'\n"
        "    → write 'for: 7 days' (or minutes, hours)\n"
        "policy.yaml:31:15: more in an hour than in a day\n"
        "    → an hour's number is at most the day's\n"
        "policy.yaml:31:29: unknown key 'week' in 'quota'\n"
        "    → known: day, hour\n"
        "policy.yaml:32:18: share is 20, which is not between 0 and 1\n"
        "    → write it as a share: 0.2\n"
        "policy.yaml:32:31: minutes must be a whole number from 1 on, not 'none'\n"
        "    → write 'minutes: 3'\n"
        "policy.yaml:32:46: unknown step 'known_adverts'\n"
        "    → did you mean 'known_advert'?\n"
        "policy.yaml:32:62: unknown key 'decisions' in 'breaker'\n"
        "    → known: exempt, least, minutes, share"
    )


@pytest.mark.parametrize(
    ("bounds", "said"),
    [
        ("quota: {}\n", "'quota' says nothing\n    → write 'hour: 500' or 'day: 2000'"),
        ("quota: 3\n", "'quota' must be a mapping of keys to values, not a number"),
        ("breaker: {}\n", "'breaker' has no 'share'"),
        ("ladder: {rungs: []}\n", "rungs is an empty list"),
        (
            "ladder: {expires: 0 days}\n",
            "expires must be a length of time, not '0 days'\n    → write 'expires: 7 days'",
        ),
    ],
)
def test_what_says_nothing_is_a_fault(bounds: str, said: str) -> None:
    assert said in faults(bounds)
