import pytest
from tests.simulation.staging import live, make_platform

from gatehouse.simulation.casts import BAD, CROWDS, usual_casts


def test_each_bad_cast_and_each_crowd_is_there_under_its_name():
    names = [cast.name for cast in usual_casts(1_000)]
    assert sorted(names) == sorted([*BAD, *CROWDS, "evaders"])
    assert len(usual_casts(1_000, harm=0.0)) == len(CROWDS)
    assert {cast.name for cast in usual_casts(1_000, crowds=0.0)} == {*BAD, "evaders"}


def test_there_are_more_of_them_on_larger_platforms_and_where_more_harm_is_done():
    def count(name, *args, **more):
        return next(cast.count for cast in usual_casts(*args, **more) if cast.name == name)

    assert count("spammers", 1_000_000) == 10 * count("spammers", 100_000)
    assert count("spammers", 100_000, harm=0.02) == 2 * count("spammers", 100_000)
    assert count("spammers", 100_000, 14) == 2 * count("spammers", 100_000)
    assert count("giveaways", 100_000, crowds=2.0) == 2 * count("giveaways", 100_000)


def test_each_call_makes_casts_of_their_own():
    one, two = usual_casts(500), usual_casts(500)
    assert not {id(cast) for cast in one} & {id(cast) for cast in two}


def test_no_group_is_too_large_for_a_small_platform():
    platform = make_platform(300)
    for cast in usual_casts(300, 4):
        live(cast, 4, platform)
    for campaign in platform.world.campaigns:
        assert len(campaign.members) <= (6 if campaign.harmful else 31)


@pytest.mark.parametrize("wrong", [{"accounts": 0}, {"accounts": 9, "days": 0}, {"accounts": 9, "harm": 1.5}])
def test_what_makes_no_platform_is_refused(wrong):
    with pytest.raises(ValueError, match="no casts for"):
        usual_casts(**wrong)
