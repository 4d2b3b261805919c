"""A community keeps its id while most of its members stay, and merges and splits are said."""

from collections.abc import Sequence
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.flows.communities import make_community, names

from gatehouse.flows.campaign_identity import Earlier, carry
from gatehouse.ports.campaigns import Sighting
from gatehouse.testing.makers import NOW

_groups = st.lists(st.frozensets(st.integers(0, 14), min_size=2, max_size=8), max_size=6)


def before(id: str, members: Sequence[str], merged_into: str | None = None) -> Earlier:
    return Earlier(id, frozenset(members), NOW - 1_000, NOW - 500, merged_into)


def ids(sightings: Sequence[Sighting]) -> list[str]:
    return [each.community.id for each in sightings]


def test_with_most_members_it_keeps_its_id_and_its_first_seen() -> None:
    (same,) = carry([before("old", names(0, 10))], [make_community("fresh", names(4, 12))], "run")
    assert same.community.id == "old"
    assert not same.new
    assert (same.community.first_seen, same.first) == (NOW - 1_000, NOW)
    assert same.community.last_seen == same.last
    assert (same.joined, same.left) == (("account:10", "account:11"), tuple(names(0, 4)))


def test_half_of_the_members_is_not_enough() -> None:
    (other,) = carry([before("old", names(0, 10))], [make_community("fresh", names(5, 15))], "run")
    assert (other.community.id, other.new, other.split_from) == ("fresh", True, None)
    assert other.community.first_seen == NOW


def test_a_small_rest_of_a_large_one_is_still_it() -> None:
    (rest,) = carry([before("old", names(0, 50))], [make_community("fresh", names(0, 6))], "run")
    assert rest.community.id == "old"
    assert len(rest.left) == 44


def test_where_one_becomes_two_the_larger_piece_keeps_the_id() -> None:
    small, large = make_community("b", names(0, 8)), make_community("a", names(8, 20))
    first, second = carry([before("old", names(0, 20))], [small, large], "run")
    assert (first.community.id, first.split_from, first.new) == ("b", "old", True)
    assert second.community.id == "old"


def test_where_two_become_one_it_keeps_the_id_of_the_larger_and_names_the_other() -> None:
    earlier = [before("small", names(0, 6)), before("large", names(6, 20))]
    (whole,) = carry(earlier, [make_community("fresh", names(0, 20))], "run")
    assert (whole.community.id, whole.merged) == ("large", ("small",))
    earlier = [before("small", names(0, 6), merged_into="large"), before("large", names(0, 20))]
    (again,) = carry(earlier, [make_community("fresh", names(0, 20))], "run")
    assert (again.community.id, again.merged) == ("large", ()), "what was said once is not said again"
    first, second = carry(earlier, [make_community("b", names(0, 6)), make_community("a", names(6, 20))], "run")
    assert ids([first, second]) == ["small", "large"], "parted again, both have their ids again"


def test_an_id_that_another_one_bears_by_now_is_not_given_twice() -> None:
    earlier = [before("same", names(0, 10))]
    moved, fresh = carry(earlier, [make_community("x", names(0, 10)), make_community("same", names(20, 30))], "run")
    assert moved.community.id == "same"
    assert fresh.community.id != "same"
    assert len(fresh.community.id) == len("same")


@given(_groups, _groups, st.randoms())
@settings(max_examples=80, deadline=None)
def test_ids_are_given_once_whatever_the_order(
    earlier: list[frozenset[int]], found: list[frozenset[int]], random: Random
) -> None:
    known = [before(f"k{i}", [f"account:{n}" for n in group]) for i, group in enumerate(earlier)]
    new = [make_community(f"f{i}", sorted(f"account:{n}" for n in group)) for i, group in enumerate(found)]
    sightings = carry(known, new, "run")
    given_ids = ids(sightings)
    assert len(set(given_ids)) == len(new)
    assert [each.community.members for each in sightings] == [each.members for each in new]
    by_id = {each.id: each for each in known}
    for each in sightings:
        members = set(each.community.members)
        if not each.new:
            old = by_id[each.community.id].members
            assert 2 * len(members & old) > min(len(members), len(old))
            assert (members - set(each.joined)) | set(each.left) == old
        else:
            assert each.community.id not in by_id
    merged = [id_ for each in sightings for id_ in each.merged]
    assert len(set(merged)) == len(merged)
    assert not set(merged) & set(given_ids)
    shuffled = known[:], new[:]
    for part in shuffled:
        random.shuffle(part)
    again = {each.community.members: each for each in carry(*shuffled, "run")} if len(set(found)) == len(found) else {}
    assert all(again[each.community.members] == each for each in sightings if again)


@given(st.lists(st.frozensets(st.integers(0, 30), min_size=2, max_size=8), max_size=6, unique=True))
@settings(max_examples=40, deadline=None)
def test_the_same_communities_again_keep_their_ids(groups: list[frozenset[int]]) -> None:
    new = [make_community(f"f{i}", sorted(f"account:{n}" for n in group)) for i, group in enumerate(groups)]
    first = carry([], new, "one")
    known = [before(each.community.id, each.community.members) for each in first]
    again = carry(known, new, "two")
    assert ids(again) == ids(first)
    assert not any(each.new or each.joined or each.left for each in again)
